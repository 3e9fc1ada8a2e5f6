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
    /// Where configurations, logs and the zone file are.
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

/// Addresses in the zone, at most.
const RECORDS: usize = Which::ALL.len();

impl Facts {
    /// How the demo is spoken to.
    pub(super) fn second_terminal(&self) -> String {
        let program = &self.program;
        match &self.no_commands {
            None => {
                format!("second terminal: {program} demo kill web2, {program} demo revive web2")
            }
            Some(why) => format!("no commands from a second terminal: {why}"),
        }
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
        vec![
            format!("{}  {}", bold("rais demo"), faint(&clock)),
            "Three HTTP servers, a monitor beside each, a binder that keeps the dead out of DNS."
                .to_owned(),
            String::new(),
        ]
    }

    fn servers(&self) -> Vec<String> {
        let mut table = Table::new(&[
            ("server", Side::Left),
            ("address", Side::Left),
            ("process", Side::Left),
            ("load", Side::Right),
            ("heard ago", Side::Right),
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
            None => "not written yet".to_owned(),
        };
        let mut lines = vec![format!("{}  {serial}", bold(&format!("zone {ZONE}")))];
        let records = zone.map(|zone| zone.records.as_slice()).unwrap_or_default();
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
        let key = bold;
        let keys = match self.story.stage() {
            Stage::Starting => format!("starting …   {} quit", key("q")),
            Stage::Running => format!(
                "{} {} {} kill or revive a server   {} quit",
                key("1"),
                key("2"),
                key("3"),
                key("q")
            ),
        };
        let second = self.facts.second_terminal();
        let program = &self.facts.program;
        let binder = format!("{program} status --socket {}", self.facts.socket.display());
        let curl = format!("curl http://{}/", self.facts.addresses[Which::Web1]);
        vec![
            keys,
            faint(&second),
            faint(&format!("look closer: {curl}")),
            faint(&format!("  {binder}")),
        ]
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

    /// Whether it is in the zone file, and whether that is as it should be.
    fn answers(&self, which: Which) -> (String, Tone) {
        let runs = self.processes[which].is_some();
        match (self.story.is_in(which), runs) {
            (true, true) => ("in".to_owned(), Tone::Good),
            (true, false) => ("still in".to_owned(), Tone::Doubtful),
            (false, true) => ("not yet".to_owned(), Tone::Doubtful),
            (false, false) => ("out".to_owned(), Tone::Bad),
        }
    }
}

/// As in the list of events, and without a terminal.
pub(super) fn told(line: &Line) -> String {
    format!("{:>6.1} s  {}", line.at.as_secs_f64(), line.text)
}

fn state(member: Option<&MemberStatus>) -> (String, Tone) {
    let Some(member) = member else { return ("not heard yet".to_owned(), Tone::Faint) };
    let state = member.state.as_deref().unwrap_or("unknown");
    let tone = match state {
        "up" => Tone::Good,
        "down" => Tone::Bad,
        _ => Tone::Doubtful,
    };
    let standing = match member.verdict.as_str() {
        "last-resort" => ", but nobody else is left",
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
        Tone::Good => "32",
        Tone::Doubtful => "33",
        Tone::Bad => "31",
        Tone::Faint => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
