//! The live view as lines of text with ANSI colours. Pure: a picture of one moment.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use rais_runtime::status::{BinderStatus, MemberStatus};

use super::recipe::{SERVICE, ZONE};
use super::story::{Line, Stage, Story};
use super::which::{Each, Which};
use crate::output::{Side, Table, Tone};

/// What does not change while the demo runs.
#[derive(Debug)]
pub(super) struct Facts {
    /// How this binary was called, for commands to be copied.
    pub(super) program: String,
    /// Where each server listens.
    pub(super) addresses: Each<SocketAddr>,
    /// Where DNS queries are answered.
    pub(super) dns: SocketAddr,
    /// Where configurations and logs are.
    pub(super) folder: PathBuf,
    /// Where the binder answers.
    pub(super) socket: PathBuf,
    /// Why `rais demo kill` cannot reach this demo, where it cannot.
    pub(super) no_commands: Option<String>,
}

/// What the binder said, and when.
#[derive(Debug)]
pub(super) struct Heard {
    /// From the demo's start.
    pub(super) at: Duration,
    /// All of it.
    pub(super) status: BinderStatus,
}

/// One moment.
#[derive(Debug)]
pub(super) struct Picture<'a> {
    /// What does not change.
    pub(super) facts: &'a Facts,
    /// What happened.
    pub(super) story: &'a Story,
    /// The binder; none before it has answered.
    pub(super) heard: Option<&'a Heard>,
    /// The process of each server that runs.
    pub(super) processes: Each<Option<u32>>,
    /// When this is, from the demo's start.
    pub(super) now: Duration,
    /// When it ends by itself, if it does.
    pub(super) end: Option<Duration>,
}

/// What there is to see, in a line of a usual terminal.
pub(super) const WHAT: &str =
    "Three web servers, a monitor beside each; a binder takes dead ones out of DNS.";

/// Addresses in the zone, at most.
const RECORDS: usize = Which::ALL.len();

impl Facts {
    /// How the demo is spoken to.
    pub(super) fn second_terminal(&self) -> String {
        match &self.no_commands {
            None => format!("in a second terminal: {} demo kill web2 (or revive)", self.program),
            Some(why) => format!("no commands from a second terminal: {why}"),
        }
    }

    /// How to see more of it.
    pub(super) fn closer(&self) -> [String; 3] {
        let (server, port) = (self.dns.ip(), self.dns.port());
        [
            format!("  dig @{server} -p {port} {ZONE}"),
            format!("  curl http://{}/", self.addresses[Which::Web1]),
            format!("  {} status --socket {}", self.program, self.socket.display()),
        ]
    }
}

impl Picture<'_> {
    /// As many lines as `rows` at most: where there is no room, the oldest events are left out.
    pub(super) fn lines(&self, rows: usize) -> Vec<String> {
        let mut lines = self.head();
        lines.extend(self.servers());
        lines.extend(self.zone());
        let tail = self.tail();
        let room = rows.saturating_sub(lines.len() + tail.len());
        lines.extend(self.events(room));
        lines.extend(tail);
        lines.truncate(rows);
        lines
    }

    fn head(&self) -> Vec<String> {
        let clock = match self.end {
            Some(end) => format!("ends in {} s", end.saturating_sub(self.now).as_secs_f64().ceil()),
            None => format!("{} s", self.now.as_secs()),
        };
        vec![format!("{}  {}", bold("rais demo"), faint(&clock)), WHAT.to_owned(), String::new()]
    }

    fn servers(&self) -> Vec<String> {
        let mut table = Table::new(&[
            ("server", Side::Left),
            ("address", Side::Left),
            ("pid", Side::Left),
            ("load", Side::Right),
            ("heard", Side::Right),
            ("answers", Side::Left),
            ("state", Side::Left),
        ]);
        for which in Which::ALL {
            let member = self.member(which);
            let process = match self.processes[which] {
                Some(process) => (process.to_string(), Tone::Plain),
                None => ("killed".to_owned(), Tone::Bad),
            };
            let load = member.and_then(|member| member.load);
            table.row([
                (which.name().to_owned(), Tone::Plain),
                (self.facts.addresses[which].to_string(), Tone::Plain),
                process,
                (load.map_or_else(dash, |load| format!("{load:.0}%")), Tone::Plain),
                (self.heard_ago(member).unwrap_or_else(dash), Tone::Plain),
                self.answers(which),
                state(member),
            ]);
        }
        let mut lines: Vec<String> = table.to_string().lines().map(str::to_owned).collect();
        let [one, two, three] = Which::ALL.map(Which::in_paper);
        let paper = format!("Fig. 2 of the paper has them at {one}, {two} and {three}.");
        lines.push(faint(&paper));
        lines.push(String::new());
        lines
    }

    fn zone(&self) -> Vec<String> {
        let zone = self.story.zone();
        let serial = match zone {
            Some(zone) => format!("serial {}", zone.serial),
            None => "not answered yet".to_owned(),
        };
        let mut lines = vec![format!("{}  {serial}", bold(&format!("zone {ZONE}")))];
        let records: Vec<String> = zone.map(|zone| zone.records().collect()).unwrap_or_default();
        lines.extend(records.iter().take(RECORDS).map(|record| format!("  {record}")));
        let alarms = self.heard.map(|heard| heard.status.alarms.as_slice()).unwrap_or_default();
        let alarms = alarms.iter().map(|alarm| paint(&format!("  {}", alarm.text), Tone::Doubtful));
        // What comes and goes must not move what is below.
        let mut blank: Vec<String> =
            alarms.take(RECORDS + 1 - records.len().min(RECORDS)).collect();
        blank.resize(RECORDS + 1 - records.len().min(RECORDS), String::new());
        lines.extend(blank);
        lines
    }

    fn events(&self, room: usize) -> Vec<String> {
        let mut lines = Vec::with_capacity(room);
        if room < 2 {
            return lines;
        }
        lines.push(bold("what happened"));
        let events = self.story.lines();
        let shown = events.get(events.len().saturating_sub(room - 2)..).unwrap_or(events);
        lines.extend(shown.iter().map(|line| paint(&told(line), line.tone)));
        lines.resize(room, String::new());
        lines
    }

    fn tail(&self) -> Vec<String> {
        let keys = match self.story.stage() {
            Stage::Starting => format!("starting …   {} quit", bold("q")),
            Stage::Running => {
                let [one, two, three, quit] = ["1", "2", "3", "q"].map(bold);
                format!("{one} {two} {three} kill or revive a server   {quit} quit")
            }
        };
        let mut lines = vec![keys, faint(&self.facts.second_terminal())];
        lines.extend(self.facts.closer().map(|line| faint(&line)));
        lines
    }

    fn member(&self, which: Which) -> Option<&MemberStatus> {
        let services = &self.heard?.status.services;
        let service = services.iter().find(|service| service.service == SERVICE)?;
        let address = IpAddr::V4(which.address());
        service.members.iter().find(|member| member.address == address)
    }

    fn heard_ago(&self, member: Option<&MemberStatus>) -> Option<String> {
        let since = self.now.saturating_sub(self.heard?.at);
        let ago = Duration::from_millis(member?.heard_ms_ago?) + since;
        Some(format!("{:.1} s", ago.as_secs_f64()))
    }

    /// Whether it is in the answers, and whether that is as it should be.
    fn answers(&self, which: Which) -> (String, Tone) {
        let runs = self.processes[which].is_some();
        match (self.story.is_in(which), runs) {
            (true, true) => ("in".to_owned(), Tone::Good),
            (true, false) => ("still in".to_owned(), Tone::Doubtful),
            (false, true) if self.is_expected(which) => ("not yet".to_owned(), Tone::Doubtful),
            (false, _) => ("out".to_owned(), Tone::Bad),
        }
    }

    fn is_expected(&self, which: Which) -> bool {
        self.story.stage() == Stage::Starting || self.story.is_awaited(which)
    }
}

/// As in the list of events, and without a terminal.
pub(super) fn told(line: &Line) -> String {
    format!("{:>6.1} s  {}", line.at.as_secs_f64(), line.text)
}

fn state(member: Option<&MemberStatus>) -> (String, Tone) {
    let Some(member) = member else { return ("not heard yet".to_owned(), Tone::Faint) };
    let state = member.state.as_str();
    let tone = match state {
        "up" => Tone::Good,
        "down" => Tone::Bad,
        _ => Tone::Doubtful,
    };
    let standing = match member.verdict.as_str() {
        "last-resort" => ", nobody is left",
        "expired" => ", and silent since",
        "reviving" => ", once",
        _ => "",
    };
    match member.reason.as_str() {
        "" => (format!("{state}{standing}"), tone),
        reason if standing.is_empty() => (format!("{state}: {reason}"), tone),
        _ => (format!("{state}{standing}"), tone),
    }
}

fn dash() -> String {
    "–".to_owned()
}

fn bold(text: &str) -> String {
    format!("\u{1b}[1m{text}\u{1b}[0m")
}

fn faint(text: &str) -> String {
    paint(text, Tone::Faint)
}

fn paint(text: &str, tone: Tone) -> String {
    let code = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Good => "92",
        Tone::Doubtful => "93",
        Tone::Bad => "91",
        Tone::Faint => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use rais_runtime::status::{BinderCounters, HostStatus, SecurityStatus, ServiceStatus};

    use super::super::watch::Zone;
    use super::*;

    /// A member that its monitor was heard of 200 ms ago.
    fn member(which: Which, state: &str, verdict: &str) -> MemberStatus {
        MemberStatus {
            address: which.address().into(),
            in_set: verdict != "down",
            state: state.to_owned(),
            verdict: verdict.to_owned(),
            reason: if state == "up" { "" } else { "connection refused" }.to_owned(),
            load: Some(3.6),
            host: Some(which.name().to_owned()),
            claim: Some("own".to_owned()),
            heard_ms_ago: Some(200),
            expire_ms: Some(1650),
            watchers: Vec::new(),
            share: None,
        }
    }

    fn heard(members: Vec<MemberStatus>) -> Heard {
        let service = ServiceStatus {
            service: SERVICE.to_owned(),
            zone: ZONE.to_owned(),
            owners: vec!["@".to_owned()],
            react: "at-once".to_owned(),
            watch: "any".to_owned(),
            phase: "ready".to_owned(),
            set: Vec::new(),
            members,
        };
        let status = BinderStatus {
            version: "0".to_owned(),
            host: HostStatus { name: "binder".to_owned(), id: String::new() },
            uptime_ms: 0,
            security: SecurityStatus::Authenticated,
            alarms: Vec::new(),
            zones: Vec::new(),
            services: vec![service],
            hosts: Vec::new(),
            drains: Vec::new(),
            plugins: Vec::new(),
            counters: BinderCounters::default(),
            refused: Vec::new(),
        };
        Heard { at: Duration::from_millis(4900), status }
    }

    /// After five seconds, web2 killed and taken out.
    fn lines(rows: usize) -> Vec<String> {
        let facts = Facts {
            program: "target/release/rais".to_owned(),
            addresses: Each::new(|which| SocketAddr::from((which.address(), 8080))),
            dns: SocketAddr::from(([127, 0, 0, 1], 5300)),
            folder: PathBuf::from("/tmp/rais-demo-abcdef"),
            socket: PathBuf::from("/tmp/rais-demo-abcdef/binder.sock"),
            no_commands: None,
        };
        let mut story = Story::new();
        story.see_zone(Duration::from_secs(1), Zone::of(7, &Which::ALL));
        story.killed(Duration::from_secs(2), Which::Web2);
        story.see_zone(Duration::from_millis(2360), Zone::of(8, &[Which::Web1, Which::Web3]));
        let heard = heard(vec![
            member(Which::Web1, "up", "in"),
            member(Which::Web2, "down", "down"),
            member(Which::Web3, "up", "in"),
        ]);
        let picture = Picture {
            facts: &facts,
            story: &story,
            heard: Some(&heard),
            processes: Each::new(|which| (which != Which::Web2).then_some(4_194_303)),
            now: Duration::from_secs(5),
            end: Some(Duration::from_millis(12_300)),
        };
        let plain = |line: &String| anstream::adapter::strip_str(line).to_string();
        picture.lines(rows).iter().map(plain).collect()
    }

    #[test]
    fn everything_is_said_on_a_usual_terminal() {
        let wanted = "\
rais demo  ends in 8 s
Three web servers, a monitor beside each; a binder takes dead ones out of DNS.

server  address          pid      load  heard  answers  state
web1    127.0.0.11:8080  4194303    4%  0.3 s  in       up
web2    127.0.0.12:8080  killed     4%  0.3 s  out      down: connection refused
web3    127.0.0.13:8080  4194303    4%  0.3 s  in       up
Fig. 2 of the paper has them at 129.144.168.1, 129.144.168.2 and 129.144.168.3.

zone www.isg.sun.com  serial 8
  www.isg.sun.com. 10 IN A 127.0.0.11
  www.isg.sun.com. 10 IN A 127.0.0.13


what happened
   1.0 s  web1, web2 and web3 are in the answers
   2.0 s  web2 killed
   2.4 s  web2 is out of the answers 0.36 s after it was killed

1 2 3 kill or revive a server   q quit
in a second terminal: target/release/rais demo kill web2 (or revive)
  dig @127.0.0.1 -p 5300 www.isg.sun.com
  curl http://127.0.0.11:8080/
  target/release/rais status --socket /tmp/rais-demo-abcdef/binder.sock";
        let shown = lines(24);
        assert_eq!(shown, wanted.lines().collect::<Vec<_>>());
        for line in shown {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_left_out_from_the_oldest_on() {
        let shown = lines(22);
        assert_eq!(shown.len(), 22);
        assert!(!shown.iter().any(|line| line.contains("are in the answers")), "{shown:#?}");
        assert!(shown.iter().any(|line| line.contains("0.36 s")), "{shown:#?}");
        for rows in 0..22 {
            assert!(lines(rows).len() <= rows, "{rows}");
        }
    }

    #[test]
    fn a_state_says_why() {
        let said = |state_said, verdict| state(Some(&member(Which::Web1, state_said, verdict))).0;
        assert_eq!(said("up", "in"), "up");
        assert_eq!(said("down", "down"), "down: connection refused");
        assert_eq!(said("down", "last-resort"), "down, nobody is left");
        assert_eq!(said("up", "expired"), "up, and silent since");
        assert_eq!(state(None), ("not heard yet".to_owned(), Tone::Faint));
    }
}
