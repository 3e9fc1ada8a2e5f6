//! Many changes of a zone that is asked for all the time.

mod changing;
mod checking;
mod dnsperf;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use rais_tests::host::Host;

use super::{beats, product};
use changing::{Changed, Changer};
use checking::{Checked, Way};
use dnsperf::DnsPerf;

/// Changes a zone again and again while `dnsperf` asks for its names: how soon each change is answered,
/// what was lost, and what was wrong.
///
/// A running rais with the sink `dns` serves many names that stand still, and a zone of a hundred bound
/// ones. Each change is a beat that gives a bound name three other addresses; the next is sent a little after
/// a client was answered them. "visible" is the time from the beat's leaving to that answer: hearing,
/// deciding, storing the serial, publishing, and the client's own questions. `dnsperf` asks for all names;
/// beside it two checkers, by UDP and by TCP, know what may be answered: nothing older than what was seen
/// already, nothing that was not said yet, no mixture. Needs root, and dnsperf.
///
/// The goals: visible in 1 ms, 0 lost, 0 wrong.
#[derive(Args)]
pub(crate) struct Changes {
    /// Changes under dnsperf; before it, a tenth as many without
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    changes: u32,
    /// Names that stand still
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    names: u32,
    /// Where those are
    #[arg(long, default_value = "file")]
    names_in: Place,
    /// Where the binder stores its state, on the disk of the machine's temporary folder or in /dev/shm
    #[arg(long, default_value = "disk")]
    state: Store,
    /// Questions of dnsperf a second
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    /// A zone of their own, in a file
    File,
    /// The header of the zone that changes
    Header,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Store {
    Disk,
    Memory,
}

const CONFIG: &str = "/var/lib/bind/rais.toml";
const SERVER: &str = "127.0.0.1:53";
/// Of the bound names.
const ZONE: &str = "changing.example";
/// Of the others, where it is not the same.
const STILL: &str = "still.example";
const HEAD: &str = "$TTL 1h\n@ SOA ns1 hostmaster ( 1 3h 1h 1w 10 )\n  NS ns1\nns1 A 127.0.0.1\n";
/// Where the binder listens.
const BINDER: &str = "127.0.0.1:5369";
/// Bound names, each of a service: s0, s1 …
const BOUND: u8 = 100;
/// A beat, or an answer, that has not come after so long is lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// Names that stand still, `n0`, `n1` …
#[derive(Debug, Clone, Copy)]
struct Still {
    zone: &'static str,
    names: u32,
}

/// What may be answered for the bound names. In each round every one has addresses of its own.
struct Known {
    /// The last round of each that was said.
    said: Vec<AtomicU16>,
    /// The last one that was answered.
    seen: Vec<AtomicU16>,
    is_over: AtomicBool,
}

impl Changes {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        product::build()?;
        let host = Host::new("ns1");
        let names = names(self.names);
        let (header, zone) = match self.names_in {
            Place::Header => {
                // A folder without zones.
                host.write("/var/lib/zones/placeholder", "");
                (names, ZONE)
            }
            Place::File => {
                host.write(&format!("/var/lib/zones/{STILL}.zone"), &format!("{HEAD}{names}"));
                (String::new(), STILL)
            }
        };
        host.write("/var/lib/bind/header", &format!("{HEAD}{header}"));
        let memory = tempfile::tempdir_in("/dev/shm")?;
        host.write(CONFIG, &self.config(memory.path()));
        let still = Still { zone, names: self.names };
        let queries = dnsperf::queries(&host, still);
        let _binder = host.start("binder", CONFIG);
        let rounds = || (0..BOUND).map(|_| AtomicU16::new(0)).collect();
        let known = Known { said: rounds(), seen: rounds(), is_over: AtomicBool::new(false) };
        let mut changer = Changer::new(&host, &known)?;
        changer.until_served()?;

        println!(
            "{} names in a {:?}, {BOUND} bound ones that change one after the other, state in {:?}",
            self.names, self.names_in, self.state
        );
        println!("  {:<18}{:>9}{:>9}{:>9}{:>9}", "visible, ms", "median", "99 %", "most", "goal");
        play(&host, &mut changer, still, self.changes / 10)?.print("without dnsperf");
        let dnsperf = DnsPerf::start(&host, &queries, self.rate);
        let played = play(&host, &mut changer, still, self.changes)?;
        let told = dnsperf.end()?;
        played.print("under dnsperf");
        println!("{told}");
        Ok(())
    }

    fn config(&self, memory: &Path) -> String {
        let state = match self.state {
            Store::Disk => String::new(),
            Store::Memory => format!("[host]\nstate = {memory:?}\n"),
        };
        let mut text = format!(
            "{state}[cluster]\nname = \"{}\"\ninsecure = true\n\
             [transport.it]\ntype = \"udp\"\nmode = \"unicast\"\nlisten = \"{BINDER}\"\npeers = [\"{BINDER}\"]\n\
             [sink.own]\ntype = \"dns\"\nlisten = [\"{SERVER}\"]\nzones = \"/var/lib/zones\"\n\
             [zone.\"{ZONE}\"]\nheader = \"header\"\nsinks = [\"own\"]\n\
             [binder]\ngap = \"1ms\"\n",
            beats::CLUSTER
        );
        for bound in 0..BOUND {
            // Constant shares: a weight that is learnt would be a change of its own.
            let _ = write!(
                text,
                "[binder.service.s{bound}]\nzone = \"{ZONE}\"\nowner = \"s{bound}\"\nbalance = \"none\"\n"
            );
        }
        text
    }
}

/// Makes so many changes while checkers ask.
fn play(
    host: &Host,
    changer: &mut Changer<'_>,
    still: Still,
    count: u32,
) -> anyhow::Result<Played> {
    let known = changer.known;
    known.is_over.store(false, Ordering::Relaxed);
    std::thread::scope(|scope| {
        let checkers = Way::ALL.map(|way| {
            scope.spawn(move || host.net().enter(|| checking::check(way, known, still)))
        });
        let changed = changer.change(count);
        // Also where it failed: the checkers wait for it.
        known.is_over.store(true, Ordering::Relaxed);
        let checked = checkers.map(|checker| checker.join().ok().context("a checker")?);
        let [udp, tcp] = checked;
        Ok(Played { changed: changed?, checked: [udp?, tcp?] })
    })
}

struct Played {
    changed: Changed,
    checked: [Checked; 2],
}

impl Played {
    fn print(mut self, what: &str) {
        let times = &mut self.changed.times;
        times.sort_unstable();
        let at = |part: usize| times.get((times.len() * part / 100).min(times.len() - 1));
        let [median, p99, most] =
            [50, 99, 100].map(|part| at(part).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3));
        println!("  {what:<18}{median:>9.2}{p99:>9.2}{most:>9.1}{:>9}", "1");
        println!("    {} changes; beats said again: {}", times.len(), self.changed.said_again);
        for (way, checked) in Way::ALL.iter().zip(&self.checked) {
            println!(
                "    checked by {way:?}: {} answers, {} lost, {} wrong {}",
                checked.answers,
                checked.lost,
                checked.wrong.len(),
                checked.wrong.first().map_or("", |first| first)
            );
        }
    }
}

/// What a bound name has in a round: which one, each of its addresses tells.
fn addresses(bound: u8, round: u16) -> Vec<IpAddr> {
    let [high, low] = round.to_be_bytes();
    [10, 11, 12].map(|first| IpAddr::from([first, bound, high, low])).into()
}

/// Of a name that stands still.
fn address(name: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x1400_0000 + name)
}

fn names(count: u32) -> String {
    let mut text = String::new();
    for name in 0..count {
        // Into a String it cannot fail.
        let _ = writeln!(text, "n{name} A {}", address(name));
    }
    text
}
