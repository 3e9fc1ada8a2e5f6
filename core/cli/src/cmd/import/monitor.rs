//! Fig. 7, the Service Monitor's file: `service INTERVAL NAME PORT`, `sample INTERVAL`,
//! `exclude ADDRESS-OR-SUBNET`.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use rais_proto::name::ServiceName;

use super::statement::{Fault, Place, Statement, Statements};

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Monitor {
    pub(super) services: Vec<Service>,
    pub(super) sample: Option<Sample>,
    pub(super) exclude: Vec<Exclude>,
    /// Comments at its end.
    pub(super) rest: Vec<String>,
}

/// `service`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) place: Place,
    pub(super) comments: Vec<String>,
    pub(super) name: ServiceName,
    pub(super) interval: Duration,
    pub(super) port: NonZeroU16,
}

/// `sample`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) place: Place,
    pub(super) comments: Vec<String>,
    pub(super) interval: Duration,
}

/// `exclude`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exclude {
    pub(super) comments: Vec<String>,
    pub(super) range: IpNet,
}

const KNOWN: [&str; 3] = ["service", "sample", "exclude"];

impl Monitor {
    /// Reads it; what is wrong is added to `faults`.
    pub(super) fn read(file: &str, text: &str, faults: &mut Vec<Fault>) -> Monitor {
        let statements = Statements::read(file, text);
        let mut monitor = Monitor { rest: statements.rest, ..Monitor::default() };
        for statement in statements.list {
            if let Err(fault) = monitor.add(statement) {
                faults.push(fault);
            }
        }
        monitor
    }

    fn add(&mut self, statement: Statement<'_>) -> Result<(), Fault> {
        match statement.words[0] {
            "service" => {
                let service = Service::read(statement)?;
                if let Some(first) = self.services.iter().find(|one| one.name == service.name) {
                    let text = format!("service {} is there already: {}", first.name, first.place);
                    return Err(service.place.fault(text));
                }
                self.services.push(service);
            }
            "sample" => {
                let [word] = statement.arguments(["INTERVAL"])?;
                let interval = statement.interval(word)?;
                if let Some(first) = &self.sample {
                    let text = format!("`sample` is there already: {}", first.place);
                    return Err(statement.place.fault(text));
                }
                let Statement { place, comments, .. } = statement;
                self.sample = Some(Sample { place, comments, interval });
            }
            "exclude" => {
                let [word] = statement.arguments(["ADDRESS-OR-SUBNET"])?;
                let range = range(word).ok_or_else(|| {
                    let allowed = "an address or a subnet, as in 192.0.2.1 or 192.0.2.0/24";
                    statement.place.fault(format!("`{word}` is neither; allowed: {allowed}"))
                })?;
                self.exclude.push(Exclude { comments: statement.comments, range });
            }
            other => return Err(unknown(&statement, other, &KNOWN)),
        }
        Ok(())
    }
}

impl Service {
    fn read(statement: Statement<'_>) -> Result<Service, Fault> {
        let [interval, name, port] = statement.arguments(["INTERVAL", "NAME", "PORT"])?;
        let interval = statement.interval(interval)?;
        let name = service_name(&statement.place, name)?;
        let port = port.parse().map_err(|_| {
            statement.place.fault(format!("`{port}` is no TCP port; allowed: 1 to 65535"))
        })?;
        let Statement { place, comments, .. } = statement;
        Ok(Service { place, comments, name, interval, port })
    }
}

pub(super) fn service_name(place: &Place, word: &str) -> Result<ServiceName, Fault> {
    word.parse().map_err(|why| place.fault(format!("`{word}`: {why}")))
}

/// A statement that nobody knows.
pub(super) fn unknown(statement: &Statement<'_>, word: &str, known: &[&str]) -> Fault {
    let near = known.iter().find(|known| strsim::damerau_levenshtein(known, word) <= 2);
    let meant = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    let known = known.join(", ");
    statement.place.fault(format!("unknown statement `{word}`{meant} (allowed: {known})"))
}

/// An address, a subnet by its prefix's length, or one by its mask (`192.0.2.0/255.255.255.0`).
/// Bits behind the prefix are no part of a subnet.
fn range(word: &str) -> Option<IpNet> {
    if let Ok(address) = word.parse::<IpAddr>() {
        return Some(address.into());
    }
    if let Ok(net) = word.parse::<IpNet>() {
        return Some(net.trunc());
    }
    let (address, mask) = word.split_once('/')?;
    let net = Ipv4Net::with_netmask(address.parse::<Ipv4Addr>().ok()?, mask.parse().ok()?).ok()?;
    Some(net.trunc().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Monitor, Vec<String>) {
        let mut faults = Vec::new();
        let monitor = Monitor::read("monitor.conf", text, &mut faults);
        (monitor, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn figure_7() {
        let text = "service 60 http 80\nservice 120 news 119\nsample 120\nexclude 192.0.2.0/24\n";
        let (monitor, faults) = read(text);
        assert_eq!(faults, [""; 0]);
        let services: Vec<_> = monitor
            .services
            .iter()
            .map(|one| (one.name.as_str(), one.interval.as_secs(), one.port.get()))
            .collect();
        assert_eq!(services, [("http", 60, 80), ("news", 120, 119)]);
        assert_eq!(monitor.sample.unwrap().interval, Duration::from_secs(120));
        assert_eq!(monitor.exclude[0].range.to_string(), "192.0.2.0/24");
    }

    #[test]
    fn subnets_are_written_in_several_ways() {
        for (word, wanted) in [
            ("192.0.2.7", "192.0.2.7/32"),
            ("192.0.2.7/24", "192.0.2.0/24"),
            ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            assert_eq!(range(word).unwrap().to_string(), wanted);
        }
        for word in ["192.0.2", "192.0.2.0/33", "192.0.2.0/255.0.255.0", "eth0", ""] {
            assert_eq!(range(word), None, "{word}");
        }
    }

    #[test]
    fn every_fault_has_its_line() {
        let text = "servise 1 2 3\nservice 60 http\nservice 0 http 80\nservice 60 -x 80\n\
                    service 60 http 0\nservice 60 http 80\nservice 61 http 81\nsample 1\nsample 2\n\
                    exclude nothing\n";
        let (_, faults) = read(text);
        let wanted = [
            "monitor.conf:1: unknown statement `servise`; did you mean `service`?",
            "monitor.conf:2: `service` takes 3: INTERVAL NAME PORT; here are 2",
            "monitor.conf:3: the interval `0` is zero",
            "monitor.conf:4: `-x`: a service name",
            "monitor.conf:5: `0` is no TCP port",
            "monitor.conf:7: service http is there already: monitor.conf:6",
            "monitor.conf:9: `sample` is there already: monitor.conf:8",
            "monitor.conf:10: `nothing` is neither",
        ];
        assert_eq!(faults.len(), wanted.len(), "{faults:#?}");
        for (fault, wanted) in faults.iter().zip(wanted) {
            assert!(fault.starts_with(wanted), "{fault}");
        }
    }
}
