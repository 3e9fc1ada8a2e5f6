//! `[binder.service.NAME]`: by which rule a service's addresses stand in its zone.

use std::time::Duration;

use ipnet::IpNet;
use rais_proto::load::Load;
use rais_proto::name::ZoneName;
use rais_proto::table::Watch;
use rais_zone::OwnerName;

use super::dns::{self, Scheme, Ttl};
use super::duration;
use super::fault::Fault;
use super::section::Section;
use super::tree::Node;
use super::value::Value;
use super::zone::Zone;
use super::zones::Zones;

/// `[binder.service.NAME]`, every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct BinderService {
    /// Where its addresses go.
    pub zone: ZoneName,
    /// Under which names there, at least one, none twice.
    pub owners: Vec<OwnerName>,
    /// When it decides.
    pub react: React,
    /// The load timer; on-timer: the update interval.
    pub interval: Duration,
    /// Pruned (or alarmed) above it.
    pub max_load: Option<Load>,
    /// Overloaded addresses come back to reach it.
    pub min_servers: MinServers,
    /// How load is spread.
    pub balance: Balance,
    /// Return band of prune.
    pub return_load: Option<Load>,
    /// Constants of the weights.
    pub weights: Weights,
    /// Fewer live than that percentage: all known and not drained.
    pub panic: Option<Percent>,
    /// What is published where nobody is left.
    pub when_none: WhenNone,
    /// How long silent members are held after a mass silence.
    pub hold: Duration,
    /// The least loaded so many.
    pub max_servers: Option<u32>,
    /// How long a weight ramps up after a return.
    pub slow_start: Duration,
    /// The first tier with a candidate serves; none written: one tier of all.
    pub tiers: Vec<Vec<IpNet>>,
    /// Address ranges that the service may hold; none written: all.
    pub allow: Option<Vec<IpNet>>,
    /// What several watchers of one address must say.
    pub watch: Watch,
    /// How answers are put together, the zone's where not written.
    pub scheme: Scheme,
    /// Of its addresses, the zone's where not written.
    pub ttl: Ttl,
}

/// When a service's set is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum React {
    /// On every event.
    AtOnce,
    /// By the paper, at the end of every `interval`.
    OnTimer,
}

/// How many addresses load may not take away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinServers {
    /// So many; from 1.
    Count(u32),
    /// So many of the known and not drained, rounded up.
    Percent(Percent),
}

/// 1–100 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

/// How load is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// By weights in the answers.
    Weights,
    /// By taking the overloaded out.
    Prune,
    /// By turns in the set.
    DutyCycle,
    /// Not.
    None,
}

/// `weights = { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Of the loads.
    pub smoothing: Duration,
    /// Of the slow correction; by rule where not written.
    pub trim_time: Option<Duration>,
    /// The correction's bound: from 1/bound to bound.
    pub trim_bound: f64,
    /// The quick correction's power, below 1.
    pub quick: f64,
}

/// What is published where nobody is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenNone {
    /// The last set that was not empty.
    Hold,
    /// All known and not drained.
    All,
    /// Nothing.
    Empty,
}

/// What acts in `react = "on-timer"`.
const ON_TIMER: [&str; 12] = [
    "zone",
    "owner",
    "react",
    "interval",
    "max_load",
    "min_servers",
    "balance",
    "when_none",
    "allow",
    "watch",
    "scheme",
    "ttl",
];

impl BinderService {
    /// The load above which an address is pruned; none where load takes none away.
    pub fn prune_above(&self) -> Option<Load> {
        self.max_load.filter(|_| self.balance == Balance::Prune)
    }

    pub(super) fn read(value: &Value<'_>, zones: &Zones<'_>) -> Option<BinderService> {
        let section = Section::open("binder.service.*", value)?;
        let react = section
            .get("react", |value| {
                value.word(&[("at-once", React::AtOnce), ("on-timer", React::OnTimer)])
            })
            .unwrap_or(React::AtOnce);
        if react == React::OnTimer {
            refuse_idle(&section, value);
        }
        let balance = section.get("balance", |value| balance(value, react));
        let max_load = section.get("max_load", Value::load);
        let min_servers = section.get("min_servers", MinServers::read);
        let max_servers = section.get("max_servers", |value| value.whole(1, MOST_ADDRESSES));
        let usual_return = max_load.map(|max| Load::from_hundredths(max.as_hundredths() / 10 * 9));
        let service_scheme = section.get("scheme", Scheme::read);
        let service_ttl = section.get("ttl", Ttl::read);
        let panic = section.get("panic", Value::percent);
        let when_none = section.get("when_none", |value| {
            value.word(&[
                ("hold", WhenNone::Hold),
                ("all", WhenNone::All),
                ("empty", WhenNone::Empty),
            ])
        });
        let watch = section.get("watch", |value| {
            value.word(&[("any", Watch::Any), ("majority", Watch::Majority)])
        });
        let interval = section.get("interval", Value::duration);
        let return_load = section.get("return_load", Value::load);
        let weights = section.get("weights", Weights::read);
        let hold = section.get("hold", Value::duration);
        let slow_start = section.get("slow_start", Value::duration);
        let tiers = section.get("tiers", |value| value.some(|tier| tier.some(Value::net)));
        let allow = section.get("allow", |value| value.some(Value::net));
        let zone = section.need("zone", |value| zones.find(value))?;
        let owners = match section.value("owner") {
            Some(value) => dns::owners(&value, &zone.1),
            None => OwnerName::parse("@", &zone.1).ok().map(|apex| vec![apex]),
        };
        // A zone that is itself at fault has told so; its services are read no further.
        let found = zones.get(&zone.0)?;
        let said = service_scheme.or(found.scheme);
        let by_sink = match react {
            React::OnTimer => Balance::Prune,
            React::AtOnce => usual_balance(said, zones.carry_weights(found), max_load),
        };
        let balance = balance.unwrap_or(by_sink);
        let usual_scheme = match balance {
            Balance::Weights => Scheme::Weighted,
            _ => Scheme::RoundRobin,
        };
        let service = BinderService {
            zone: zone.0,
            owners: owners?,
            react,
            interval: interval.unwrap_or(Duration::from_secs(10)),
            max_load,
            min_servers: min_servers.unwrap_or(MinServers::Count(1)),
            balance,
            return_load: return_load.or(usual_return),
            weights: weights.unwrap_or(Weights::USUAL),
            panic,
            when_none: when_none.unwrap_or(WhenNone::Hold),
            hold: hold.unwrap_or(Duration::from_secs(300)),
            max_servers,
            slow_start: slow_start.unwrap_or(Duration::from_secs(60)),
            tiers: tiers.unwrap_or_default(),
            allow,
            watch: watch.unwrap_or(Watch::Any),
            scheme: said.unwrap_or(usual_scheme),
            ttl: service_ttl.unwrap_or(found.ttl),
        };
        service.judge(&section);
        service.judge_load(&section, found, zones);
        Some(service)
    }

    /// What two keys must be to one another.
    fn judge(&self, section: &Section<'_>) {
        if let (Some(value), Some(back), Some(max)) =
            (section.value("return_load"), self.return_load, self.max_load)
            && back >= max
        {
            let message = format!("`return_load` ({back}) is not below `max_load` ({max})");
            value.notes.add(value.fault(message));
        }
        if let (Some(value), Some(most), MinServers::Count(least)) =
            (section.value("max_servers"), self.max_servers, self.min_servers)
            && most < least
        {
            let message = format!("`max_servers` ({most}) is below `min_servers` ({least})");
            value.notes.add(value.fault(message));
        }
    }
}

/// Why nobody may ask for both (balance.md; the simulator holds that it is so).
const WORSE_TOGETHER: &str = "prune on top of weights spreads load worse than either alone";

/// Prune and the duty cycle swing where they are judged less often (balance.md).
const SOON_ENOUGH: Duration = Duration::from_secs(2);

impl BinderService {
    /// What is said of load and does nothing, or does less than was meant.
    fn judge_load(&self, section: &Section<'_>, zone: &Zone, zones: &Zones<'_>) {
        let doubt = |key: &str, message: String| {
            if let Some(value) = section.value(key) {
                value.notes.add(value.fault(message).as_doubt());
            }
        };
        if let (Some(value), Balance::Weights, Some(sink)) =
            (section.value("balance"), self.balance, zones.loses_weights(zone))
        {
            let message = format!("the sink `{sink}` of its zone carries no weights");
            let fault = value.fault(message).allowed("`prune`, `duty-cycle` or `none` with it");
            value.notes.add(fault);
        }
        if let (Some(value), Balance::Prune, Scheme::Weighted) =
            (section.value("scheme"), self.balance, self.scheme)
        {
            let fault =
                value.fault("`scheme = \"weighted\"` does not go with `balance = \"prune\"`");
            let allowed = "another scheme, or `balance = \"weights\"` where the sink carries them";
            value.notes.add(fault.allowed(allowed).note(WORSE_TOGETHER));
        }
        match (self.balance, self.max_load) {
            (Balance::Weights | Balance::DutyCycle | Balance::None, Some(max)) => doubt(
                "max_load",
                format!(
                    "takes nobody out here: `balance` is `{}`; from 85 % of {max} on there is a warning in status",
                    self.balance.as_str()
                ),
            ),
            (Balance::Prune, None) => {
                doubt("balance", "nobody is pruned without `max_load`".to_owned());
            }
            _ => {}
        }
        if self.max_load.is_none() || self.balance != Balance::Prune {
            doubt("return_load", "has no effect where nobody is pruned".to_owned());
        }
        if !matches!(self.balance, Balance::Weights | Balance::DutyCycle) {
            for key in ["weights", "slow_start"] {
                let balance = self.balance.as_str();
                doubt(key, format!("has no effect where `balance` is `{balance}`"));
            }
        }
        let swings = match self.balance {
            Balance::Prune => self.react == React::AtOnce && self.max_load.is_some(),
            Balance::DutyCycle => true,
            Balance::Weights | Balance::None => false,
        };
        if swings && self.interval > SOON_ENOUGH {
            let key = ["interval", "balance", "max_load"]
                .into_iter()
                .find(|key| section.value(key).is_some());
            let interval = duration::show(self.interval);
            doubt(
                key.unwrap_or_default(),
                format!(
                    "load is judged every {interval}, too seldom for `{}`: with `interval = \"2s\"`, and `[monitor] sample = \"2s\"`, it swings less",
                    self.balance.as_str()
                ),
            );
        }
    }
}

/// More addresses than any service has.
const MOST_ADDRESSES: u32 = 1_000_000;

/// A key that does nothing on-timer would be a promise not kept.
fn refuse_idle(section: &Section<'_>, whole: &Value<'_>) {
    let Some(table) = whole.table() else { return };
    let known = super::keys::of("binder.service.*");
    for (key, entry) in &table.entries {
        if ON_TIMER.contains(&key.as_str()) || !known.contains(&key.as_str()) {
            continue;
        }
        let path = super::path::join(&whole.path, key);
        let message = format!("`{key}` does not act with `react = \"on-timer\"`");
        let fault = Fault::error(entry.key.clone(), &path, message)
            .allowed(super::suggest::one_of(ON_TIMER));
        whole.notes.add(match section.value("react") {
            Some(react) => fault.see(&react.item.place, "said here"),
            None => fault,
        });
    }
}

fn balance(value: &Value<'_>, react: React) -> Option<Balance> {
    const ALL: [(&str, Balance); 4] = [
        ("prune", Balance::Prune),
        ("none", Balance::None),
        ("weights", Balance::Weights),
        ("duty-cycle", Balance::DutyCycle),
    ];
    let balance = value.word(&ALL)?;
    if react == React::OnTimer && !matches!(balance, Balance::Prune | Balance::None) {
        let message =
            format!("`balance = {:?}` does not go with `react = \"on-timer\"`", value.text()?);
        let fault = value.fault(message).allowed("`prune` or `none`").note(WORSE_TOGETHER);
        value.notes.add(fault);
        return None;
    }
    Some(balance)
}

/// At once, where the service does not say.
fn usual_balance(said: Option<Scheme>, weights: bool, max_load: Option<Load>) -> Balance {
    let weighted = said.is_none_or(|scheme| scheme == Scheme::Weighted);
    match max_load {
        _ if weighted && weights => Balance::Weights,
        Some(_) => Balance::Prune,
        None => Balance::None,
    }
}

impl Balance {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Balance::Weights => "weights",
            Balance::Prune => "prune",
            Balance::DutyCycle => "duty-cycle",
            Balance::None => "none",
        }
    }
}

impl MinServers {
    fn read(value: &Value<'_>) -> Option<MinServers> {
        match value.item.node {
            Node::Text(_) => value.percent().map(MinServers::Percent),
            _ => value.whole(1, MOST_ADDRESSES).map(MinServers::Count),
        }
    }
}

impl Weights {
    /// The constants that the model of balance settled on.
    pub const USUAL: Weights = Weights {
        smoothing: Duration::from_secs(10),
        trim_time: None,
        trim_bound: 4.0,
        quick: 0.5,
    };

    fn read(value: &Value<'_>) -> Option<Weights> {
        let section = Section::open("binder.service.*.weights", value)?;
        let usual = Weights::USUAL;
        Some(Weights {
            smoothing: section.get("smoothing", Value::duration).unwrap_or(usual.smoothing),
            trim_time: section.get("trim_time", Value::duration),
            trim_bound: section
                .get("trim_bound", |value| value.number(1.0..=100.0, "a number from 1 to 100"))
                .unwrap_or(usual.trim_bound),
            quick: section
                .get("quick", |value| {
                    value.number(0.0..1.0, "a number from 0 to below 1: from 1 on the loop swings")
                })
                .unwrap_or(usual.quick),
        })
    }
}

impl Percent {
    /// 1–100; none outside.
    pub fn new(percent: u8) -> Option<Percent> {
        (1..=100).contains(&percent).then_some(Percent(percent))
    }

    /// Percent.
    pub const fn get(self) -> u8 {
        self.0
    }
}
