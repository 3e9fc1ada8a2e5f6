//! How long a dead server may stand in the answers, by arithmetic on a configuration.

use std::time::Duration;

use rais_proto::name::ServiceName;
use rais_runtime::config::{BinderService, Config, MonitorService, Probe, React};
use serde::{Serialize, Serializer};

/// The longest from a death until the zone is without the address. None where what it depends on
/// is in another host's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct WorstCase {
    /// The service.
    pub(crate) service: String,
    /// Where its addresses go.
    pub(crate) zone: Option<String>,
    /// When its binder decides.
    pub(crate) react: Option<&'static str>,
    /// Its process is gone: connections are refused.
    #[serde(rename = "dead_process_ms", serialize_with = "millis")]
    pub(crate) dead_process: Option<Duration>,
    /// Its process hangs: connections are not answered.
    #[serde(rename = "hung_ms", serialize_with = "millis")]
    pub(crate) hung: Option<Duration>,
    /// Its host is gone, its monitor with it.
    #[serde(rename = "dead_host_ms", serialize_with = "millis")]
    pub(crate) dead_host: Option<Duration>,
    /// For so long resolvers may go on answering from what they have.
    #[serde(rename = "ttl_ms", serialize_with = "millis")]
    pub(crate) ttl: Option<Duration>,
}

/// When a monitor stops saying `up`, counted from the death.
struct Noticed {
    dead_process: Duration,
    hung: Duration,
    /// Longest silence that is not death.
    expire: Duration,
}

/// Of every service, by name.
pub(crate) fn worst_cases(config: &Config) -> Vec<WorstCase> {
    let (monitored, bound) = (&config.monitor.services, &config.binder.services);
    let names: std::collections::BTreeSet<&ServiceName> =
        monitored.keys().chain(bound.keys()).collect();
    let of = |name: &ServiceName| {
        let noticed = monitored.get(name).map(Noticed::by);
        case(name, noticed.as_ref(), bound.get(name), config.binder.gap)
    };
    names.into_iter().map(of).collect()
}

fn case(
    name: &ServiceName,
    noticed: Option<&Noticed>,
    bound: Option<&BinderService>,
    gap: Duration,
) -> WorstCase {
    let mut case = WorstCase {
        service: name.to_string(),
        zone: bound.map(|bound| bound.zone.to_string()),
        react: bound.map(|bound| match bound.react {
            React::AtOnce => "at-once",
            React::OnTimer => "on-timer",
        }),
        dead_process: noticed.map(|noticed| noticed.dead_process),
        hung: noticed.map(|noticed| noticed.hung),
        dead_host: noticed.map(|noticed| noticed.expire),
        ttl: bound.map(|bound| Duration::from_secs(bound.ttl.as_secs().into())),
    };
    match bound.map(|bound| (bound.react, bound.interval)) {
        None => {}
        // The publication before may have gone out just then.
        Some((React::AtOnce, _)) => {
            for time in [&mut case.dead_process, &mut case.hung, &mut case.dead_host] {
                *time = time.map(|time| time + gap);
            }
        }
        // Heard at the very start of a period, an address stays through it and the next one
        // (Fig. 6); silence that is no death plays no part.
        Some((React::OnTimer, interval)) => {
            for time in [&mut case.dead_process, &mut case.hung] {
                *time = time.map(|time| time + interval * 2);
            }
            case.dead_host = Some(interval * 2);
        }
    }
    case
}

impl Noticed {
    /// The death comes just after a probe; the next is an interval away, the confirming ones
    /// `fast_interval` apart, counted from when each was sent.
    fn by(service: &MonitorService) -> Noticed {
        let next = service.interval + service.interval * u32::from(service.jitter) / 100;
        let last_sent = next + service.fast_interval * u32::from(service.fall - 1);
        let hung = last_sent + given_up(&service.probe, service.timeout);
        Noticed { dead_process: last_sent, hung, expire: service.expire }
    }
}

/// From its start until a trial of what hangs has failed. Every probe of it runs into its timeout,
/// and the one decides that leaves too few for a success.
fn given_up(probe: &Probe, timeout: Duration) -> Duration {
    let (need, parts) = match probe {
        Probe::One(call) => return call.timeout.map_or(timeout, |own| own.min(timeout)),
        Probe::All(parts) => (parts.len(), parts),
        Probe::Any(parts) => (1, parts),
        Probe::Of(need, parts) => (*need, parts),
    };
    let mut ends: Vec<Duration> = parts.iter().map(|part| given_up(part, timeout)).collect();
    ends.sort_unstable();
    // Where all of them are needed the first fails it, where one is enough the last.
    ends.get(parts.len().saturating_sub(need)).copied().unwrap_or(timeout)
}

fn millis<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn cases(text: &str) -> Vec<WorstCase> {
        let text = format!("[host]\nname = \"h\"\n{text}");
        let loaded = rais_runtime::config::parse(Path::new("rais.toml"), &text);
        worst_cases(&loaded.unwrap_or_else(|faults| panic!("{faults}")).config)
    }

    const MONITOR: &str = "[monitor.service.s]\nprobe = { type = \"tcp\", port = 80 }\n";
    const BINDER: &str = "[zone.\"s.test\"]\nsinks = [\"n\"]\n[sink.n]\ntype = \"nsupdate\"\n\
                          [binder.service.s]\nzone = \"s.test\"\n";

    fn ms(millis: u64) -> Option<Duration> {
        Some(Duration::from_millis(millis))
    }

    #[test]
    fn the_defaults_react_within_a_second() {
        let case = &cases(&format!("{MONITOR}{BINDER}"))[0];
        // 0.5 s and a tenth of it, 0.1 s to confirm, 0.4 s of no answer; 0.1 s between publications.
        assert_eq!(case.dead_process, ms(650 + 100));
        assert_eq!(case.hung, ms(1050 + 100));
        // Three intervals and a tenth are 1.65 s.
        assert_eq!(case.dead_host, ms(1650 + 100));
        assert_eq!(case.ttl, ms(10_000));
    }

    #[test]
    fn of_several_probes_that_hang_the_one_decides_that_leaves_too_few() {
        let probe =
            |timeout: &str| format!("{{ type = \"tcp\", port = 80, timeout = \"{timeout}\" }}");
        let (a, b, c) = (probe("100ms"), probe("200ms"), probe("300ms"));
        let service = "{ type = \"tcp\", port = 80 }";
        for (rule, timeout) in [
            (c.clone(), 300),
            (service.to_owned(), 400),
            (format!("{{ all = [{c}, {a}, {service}] }}"), 100),
            (format!("{{ any = [{c}, {a}, {b}] }}"), 300),
            (format!("{{ any = [{a}, {service}] }}"), 400),
            (format!("{{ of = 1, in = [{c}, {a}, {b}] }}"), 300),
            (format!("{{ of = 2, in = [{c}, {a}, {b}] }}"), 200),
            (format!("{{ of = 3, in = [{c}, {a}, {b}] }}"), 100),
            (format!("{{ all = [{service}, {{ any = [{b}, {c}] }}] }}"), 300),
            (format!("{{ any = [{a}, {{ all = [{b}, {c}] }}] }}"), 200),
        ] {
            let case = &cases(&format!("[monitor.service.s]\nprobe = {rule}\n"))[0];
            assert_eq!(case.hung, ms(650 + timeout), "{rule}");
            assert_eq!(case.dead_process, ms(650), "{rule}");
        }
    }

    #[test]
    fn on_timer_it_is_two_periods_after_the_last_beat() {
        let monitor = format!("{MONITOR}interval = \"60s\"\n");
        let binder = format!("{BINDER}react = \"on-timer\"\ninterval = \"120s\"\n");
        let case = &cases(&format!("{monitor}{binder}"))[0];
        assert_eq!(case.dead_process, ms(66_000 + 100 + 240_000));
        assert_eq!(case.dead_host, ms(240_000));
    }

    #[test]
    fn what_another_host_knows_is_left_open() {
        let monitored = &cases(MONITOR)[0];
        assert_eq!((monitored.dead_process, monitored.ttl), (ms(650), None));
        let bound = &cases(BINDER)[0];
        assert_eq!((bound.dead_process, bound.dead_host), (None, None));
        assert_eq!(bound.ttl, ms(10_000));
    }
}
