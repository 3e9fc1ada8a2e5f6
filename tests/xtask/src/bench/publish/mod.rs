//! How soon what a binder decides is served.

mod large;
mod many;
mod one;
mod updates;

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use rais_tests::nameserver::Make;

use super::product;

/// Measures how soon a change is served: a binder with a sink `bind` beside each name server, as
/// Debian has them.
///
/// "one zone": a beat that takes an address out, or puts it back, is sent to the binder; a client
/// asks the name server again and again until it answers accordingly. What is measured is the whole
/// from the beat's leaving to that answer: hearing, deciding, storing the serial, the file, the
/// reload, and the sink's own confirmation runs beside it. Median and maximum.
///
/// "many zones": each zone's service changes, all in one burst of beats, until the name server
/// answers for the last of them.
///
/// "large zone": the sink alone puts a zone in place, without a name server: composed, written,
/// parsed back, synced, renamed. Median and maximum.
///
/// "large zone by updates": the sink `nsupdate` alone has a name server put as many names in place,
/// once, and changes one of them, again and again: until the server has confirmed it, and with how
/// many messages. Needs root, and everything on one machine.
///
/// The goals: BIND by rndc 20 ms, Knot 15 ms; 1,000 zones at BIND 5 s; 100,000 addresses 150 ms.
#[derive(Args)]
pub(crate) struct Publish {
    /// Changes of the one zone, for each name server
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Zones that change at once
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    zones: u16,
    /// Addresses of the large zone
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    addresses: u32,
}

impl Publish {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        product::build()?;
        println!("one zone, {} changes; ms", self.rounds);
        println!("  {:<26}{:>10}{:>10}{:>10}", "", "median", "maximum", "goal");
        one::play(self.rounds)?;
        println!("{} zones at once; s", self.zones);
        println!("  {:<26}{:>10}{:>10}{:>10}", "", "half", "all", "goal");
        many::play(self.zones)?;
        println!("one zone of {} addresses; ms", self.addresses);
        println!("  {:<26}{:>10}{:>10}{:>10}", "", "median", "maximum", "goal");
        large::play(self.addresses)?;
        println!("one zone of {} names by updates; ms", self.addresses);
        println!("  {:<26}{:>10}{:>10}{:>10}", "", "median", "maximum", "goal");
        updates::play(self.addresses)
    }
}

/// By which ways name servers are told.
fn ways() -> [(&'static str, Make, &'static str); 5] {
    [
        ("BIND, its control channel", Make::Bind, Make::Bind.reload()),
        ("Knot, its socket", Make::Knot, Make::Knot.reload()),
        ("Knot, by knotc", Make::Knot, "{ type = \"knotc\" }"),
        ("NSD, by nsd-control", Make::Nsd, Make::Nsd.reload()),
        ("PowerDNS, by pdns_control", Make::PowerDns, Make::PowerDns.reload()),
    ]
}

/// Half of these are longer, and the longest.
fn spread(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |index: usize| times.get(index).copied().unwrap_or_default();
    (at(times.len() / 2), at(times.len().saturating_sub(1)))
}

fn millis(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

fn row(what: &str, [middle, most]: [String; 2], goal: &str) {
    println!("  {what:<26}{middle:>10}{most:>10}{goal:>10}");
}

/// A name server that reloads may lose a question.
const PATIENCE: Duration = Duration::from_millis(20);

/// Where the binder listens.
const BINDER: &str = "127.0.0.1:5369";

/// A binder of `zones`, each with its header; the services are called s0, s1 …
fn config(zones: &[(&str, &str)], reload: &str) -> String {
    let mut text = format!(
        "[cluster]\nname = \"{}\"\ninsecure = true\n\
         [transport.it]\ntype = \"udp\"\nmode = \"unicast\"\nlisten = \"{BINDER}\"\npeers = [\"{BINDER}\"]\n\
         [sink.files]\ntype = \"bind\"\ndirectory = \"/var/lib/bind\"\nreload = {reload}\n\
         verify = \"127.0.0.1:53\"\n",
        super::beats::CLUSTER
    );
    for (number, (zone, header)) in zones.iter().enumerate() {
        // Into a String it cannot fail.
        let _ = write!(
            text,
            "[zone.\"{zone}\"]\nheader = \"{header}\"\nsinks = [\"files\"]\n\
             [binder.service.s{number}]\nzone = \"{zone}\"\n"
        );
    }
    text
}
