//! What a monitor is told to watch.

use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroUsize};
use std::time::Duration;

use super::SHORTEST;
use super::health::Limits;
use super::probes::Probes;
use crate::heartbeat::packing::Room;
use crate::heartbeat::{Capacity, Claim, Weight};
use crate::name::{Epoch, HostId, HostName, ServiceName};

/// Why a [`Probes`] cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MonitorConfigError {
    /// No probe at all.
    #[error("a service needs at least one probe")]
    NoProbe,
    /// More successes wanted than there are probes, or none.
    #[error("`of` is 1 to the number of probes, {probes} here; {wanted} is not")]
    OutOf {
        /// Successes wanted.
        wanted: usize,
        /// Probes there are.
        probes: usize,
    },
}

/// Everything a monitor needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorConfig {
    /// This host; a reload does not change it.
    pub host: HostId,
    /// What people call it; also the name under which own addresses are probed.
    pub host_name: HostName,
    /// This life; a reload does not change it.
    pub epoch: Epoch,
    /// Seeds jitter and stagger, so that equal inputs repeat exactly; a reload does not change it.
    pub seed: u64,
    /// What a datagram holds.
    pub room: Room,
    /// Loads are means over the last so long.
    pub sample: Duration,
    /// Probes in flight at once, over all services.
    pub concurrency: NonZeroUsize,
    /// The load sources that services refer to.
    pub loads: Vec<LoadSource>,
    /// The services, each name once (a later one of the same name is not looked at).
    pub services: Vec<ServiceConfig>,
}

/// The shell's handle of a configured load source.
///
/// Across a reload an equal key means an equal source, which keeps its readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoadKey(pub u32);

/// Something that measures a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadSource {
    /// What services call it.
    pub key: LoadKey,
    /// Between two samples; under a millisecond is taken as one.
    pub every: Duration,
    /// For whom one sample stands.
    pub scope: LoadScope,
}

/// For whom one sample of a load stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadScope {
    /// All services of the host.
    Host,
    /// What is probed as one: an address of a service.
    Target,
}

/// A service, and how to tell its health.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceConfig {
    /// Its name in beats.
    pub name: ServiceName,
    /// Between two probes of an address, and between two beats; under a millisecond is taken as
    /// one.
    pub interval: Duration,
    /// Of one probe, from its start.
    pub timeout: Duration,
    /// To the next probe of an address that is up, from the start of one that has failed, or not
    /// answered by then while no earlier one did; of one that is down, from its answer. Under a
    /// millisecond is taken as one.
    pub fast_interval: Duration,
    /// Successes in a row that make a down address up.
    pub rise: NonZeroU16,
    /// Failures in a row that make an up address down; also the probes in flight of an address.
    pub fall: NonZeroU16,
    /// What becomes of an address that comes and goes.
    pub on_flapping: OnFlapping,
    /// How far an interval may stray, in percent; above 100 is taken as 100.
    pub jitter_percent: u8,
    /// Silence longer than this is death ([`default_expire`](crate::heartbeat::default_expire)).
    pub expire: Duration,
    /// What this host can carry of it.
    pub capacity: Capacity,
    /// Where a watched target has none of its own.
    pub weight: Weight,
    /// How to tell whether it is up.
    pub probes: Probes,
    /// Its load; none: what its probes report, if anything.
    pub load: Option<ServiceLoad>,
    /// Whom the monitor speaks for.
    pub members: Members,
}

impl ServiceConfig {
    pub(super) fn interval(&self) -> Duration {
        self.interval.max(SHORTEST)
    }

    pub(super) fn fast_interval(&self) -> Duration {
        self.fast_interval.max(SHORTEST)
    }

    pub(super) fn limits(&self) -> Limits {
        Limits { rise: self.rise, fall: self.fall, on_flapping: self.on_flapping }
    }

    pub(super) fn claim(&self) -> Claim {
        match self.members {
            Members::Own { .. } => Claim::Own,
            Members::Watched(_) => Claim::Watched,
        }
    }

    /// Whether rounds come as they did.
    pub(super) fn beats_like(&self, other: &ServiceConfig) -> bool {
        self.interval == other.interval && self.jitter_percent == other.jitter_percent
    }

    /// Whether a trial of the other one says what a trial of this one would.
    pub(super) fn probes_like(&self, other: &ServiceConfig) -> bool {
        self.probes == other.probes && self.timeout == other.timeout
    }
}

/// What becomes of an address that comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFlapping {
    /// It is held down, longer each time; and failures add up.
    #[default]
    Hold,
    /// Nothing: rows of successes and failures decide alone.
    Ignore,
}

/// A service's load out of one or several sources, nested as deep as one likes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceLoad {
    /// Of one source.
    One(LoadKey),
    /// Of several; one that is unknown is left out, and where all are, so is the load.
    Several(CombineLoads, Vec<ServiceLoad>),
}

/// How several loads make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CombineLoads {
    /// The highest.
    Max,
    /// The mean.
    Mean,
}

/// Whom a monitor speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Members {
    /// This host's own addresses, announced together.
    Own {
        /// Which of them.
        addresses: AddressSet,
        /// One probe of this local address speaks for all (the paper's local connect); none: each
        /// address is probed on its own.
        probe_at: Option<IpAddr>,
    },
    /// Machines without a monitor, probed and announced one by one (an address that occurs again
    /// is not looked at).
    Watched(Vec<WatchedTarget>),
}

/// A set of own addresses that the shell keeps up to date by
/// [`Monitor::handle_addresses`](super::Monitor::handle_addresses).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressSet {
    /// By `advertise` of the whole monitor.
    Host,
    /// By `addresses` of this service alone.
    Service(ServiceName),
}

/// A machine without a monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedTarget {
    /// Where it is probed, and what is announced.
    pub address: IpAddr,
    /// What people call it; its address where nothing is given.
    pub name: Option<Box<str>>,
    /// Its own; none: the service's.
    pub weight: Option<Weight>,
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::probes::ProbeKey;
    use super::*;

    /// An own service at the defaults.
    pub(crate) fn service() -> ServiceConfig {
        let interval = Duration::from_millis(500);
        let twice = NonZeroU16::new(2).unwrap();
        ServiceConfig {
            name: "http".parse().unwrap(),
            interval,
            timeout: Duration::from_millis(400),
            fast_interval: Duration::from_millis(100),
            rise: twice,
            fall: twice,
            on_flapping: OnFlapping::Hold,
            jitter_percent: 10,
            expire: Duration::from_millis(1650),
            capacity: Capacity::ONE,
            weight: Weight::USUAL,
            probes: Probes::one(ProbeKey(1)),
            load: None,
            members: Members::Own { addresses: AddressSet::Host, probe_at: None },
        }
    }
}
