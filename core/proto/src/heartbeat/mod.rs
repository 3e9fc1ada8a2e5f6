//! The heartbeat (the paper's Fig. 4): what a host says of its services.
//!
//! One datagram of at most [`MAX_DATAGRAM`] octets.

pub mod breach;
pub mod cause;
pub mod codec;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod key;
pub mod packing;
pub mod refusal;
pub mod trust;
pub mod window;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::load::Load;
use crate::name::{Epoch, HostId, HostName, Sequence, ServiceName};
use crate::time::WallTime;

/// The longest datagram, in octets: fits every link that IPv6 runs on, tunnels included.
pub const MAX_DATAGRAM: usize = 1200;

/// What one host says of some of its services at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Heartbeat {
    /// Who says so.
    pub host: HostId,
    /// What people call it.
    pub host_name: HostName,
    /// Which life of its monitor.
    pub epoch: Epoch,
    /// Which beat of that life.
    pub sequence: Sequence,
    /// The sender's wall clock, judged at first contact and at a new epoch only.
    pub wall: WallTime,
    /// Each group of addresses that are alike; a service may occur several times, an address of a
    /// service once.
    pub reports: Vec<Report>,
}

/// A group of one service's addresses that are alike in everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The service.
    pub service: ServiceName,
    /// What holds of every address here.
    pub state: State,
    /// Why, for people.
    pub reason: Reason,
    /// The load index; none where it is unknown.
    pub load: Option<Load>,
    /// What the host can carry, in the service's own unit.
    pub capacity: Capacity,
    /// The operator's static weight.
    pub weight: Weight,
    /// How often the sender means to send this.
    pub interval: Duration,
    /// Silence longer than this is death; by the receiver's monotonic clock.
    pub expire: Duration,
    /// Whether the sender speaks for itself.
    pub claim: Claim,
    /// Whether an address that is not named is no longer claimed.
    pub coverage: Coverage,
    /// The addresses, none twice.
    pub addresses: Vec<IpAddr>,
}

/// What a monitor says of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// It answers.
    Up,
    /// It does not.
    Down,
    /// Still served, but to be left alone by new clients.
    Draining,
    /// Taken out on purpose.
    Maintenance,
    /// Goodbye: a stop that was meant.
    Leaving,
    /// Nobody knows (the probe itself is at fault): what it had stands, and ages.
    Unknown,
}

impl State {
    /// In one word, as in status and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Up => "up",
            State::Down => "down",
            State::Draining => "draining",
            State::Maintenance => "maintenance",
            State::Leaving => "leaving",
            State::Unknown => "unknown",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether a monitor speaks for its own host or for a machine that it watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// The sender's own address; a live own claim beats every watched one.
    Own,
    /// A machine without a monitor.
    Watched,
}

/// What a report says of addresses it does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coverage {
    /// The reports of this service and claim in this beat name every address the sender claims:
    /// an omitted one is given up.
    Whole,
    /// The sender claims others too; omission says nothing.
    Part,
}

/// Why a server is in its state: at most 64 octets of UTF-8 without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Reason(
    /// None where it is empty. One pointer: a claim is kept of everybody, and few of them say why.
    Option<Box<Box<str>>>,
);

impl Reason {
    /// Octets that fit.
    pub const MAX_LEN: usize = 64;

    /// `text`, cut at a character so that it fits; control characters become spaces.
    pub fn new(text: &str) -> Reason {
        let mut cut = text.len().min(Reason::MAX_LEN);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        // A control character of one octet becomes a space; the two-octet C1 ones shrink to it.
        let clean = text[..cut].chars().map(|c| if c.is_control() { ' ' } else { c });
        let clean: String = clean.collect();
        Reason((!clean.is_empty()).then(|| Box::new(clean.into_boxed_str())))
    }

    /// The text; empty where nothing was said.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().map_or("", |text| text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a host can carry: thousandths of any unit that a service's hosts share (CPUs by default).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capacity(u32);

impl Capacity {
    /// One unit.
    pub const ONE: Capacity = Capacity(1000);

    /// `units`, from 0.001 to 4,294,967; none outside.
    pub fn from_units(units: f64) -> Option<Capacity> {
        let thousandths = (units * 1000.0).round();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the range is checked
        (1.0..=f64::from(u32::MAX)).contains(&thousandths).then_some(Capacity(thousandths as u32))
    }

    /// Thousandths of a unit; none for zero.
    pub fn from_thousandths(thousandths: u32) -> Option<Capacity> {
        (thousandths > 0).then_some(Capacity(thousandths))
    }

    /// Thousandths of a unit.
    pub const fn as_thousandths(self) -> u32 {
        self.0
    }

    /// Units.
    pub fn as_units(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

/// An operator's static weight: percent of the usual share, 1–1000; 100 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u16);

impl Weight {
    /// The usual share.
    pub const USUAL: Weight = Weight(100);
    /// The greatest share.
    pub const MOST: Weight = Weight(1000);

    /// `percent`, 1–1000; none outside.
    pub fn from_percent(percent: u16) -> Option<Weight> {
        (1..=Self::MOST.0).contains(&percent).then_some(Weight(percent))
    }

    /// Percent of the usual share.
    pub const fn as_percent(self) -> u16 {
        self.0
    }
}

/// How long a silence is death where the configuration does not say (design: ageing):
/// max(3 × interval + 10 %, 1.5 s).
pub fn default_expire(interval: Duration) -> Duration {
    (interval * 33 / 10).max(Duration::from_millis(1500))
}
