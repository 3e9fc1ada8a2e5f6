//! Fig. 9, the DNS server's file: `ZONE FILE [SCHEME]`, a zone a line.

use std::path::Path;

use rais_zone::ZoneName;

use super::statement::{Fault, Place, Statement, Statements};

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dns {
    pub(super) zones: Vec<Zone>,
    /// Comments at its end.
    pub(super) rest: Vec<String>,
}

/// A zone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Zone {
    pub(super) place: Place,
    pub(super) comments: Vec<String>,
    pub(super) name: ZoneName,
    /// As written.
    pub(super) file: String,
    /// The balancing scheme, but for round robin, which all servers have.
    pub(super) scheme: Option<String>,
}

impl Dns {
    /// Reads it; what is wrong is added to `faults`.
    pub(super) fn read(file: &str, text: &str, faults: &mut Vec<Fault>) -> Dns {
        let statements = Statements::read(file, text);
        let mut dns = Dns { rest: statements.rest, ..Dns::default() };
        for statement in statements.list {
            match Zone::read(statement).and_then(|zone| dns.refuse_twice(zone)) {
                Ok(zone) => dns.zones.push(zone),
                Err(fault) => faults.push(fault),
            }
        }
        dns
    }

    fn refuse_twice(&self, zone: Zone) -> Result<Zone, Fault> {
        for first in &self.zones {
            if first.name == zone.name {
                let text = format!("zone {} is there already: {}", first.name, first.place);
                return Err(zone.place.fault(text));
            }
            if first.file == zone.file {
                let text = format!("`{}` is another zone's: {}", first.file, first.place);
                return Err(zone.place.fault(text));
            }
        }
        Ok(zone)
    }
}

impl Zone {
    fn read(statement: Statement<'_>) -> Result<Zone, Fault> {
        let (name, file, scheme) = match statement.words.as_slice() {
            [name, file] => (*name, *file, None),
            [name, file, scheme] => (*name, *file, Some(*scheme)),
            words => {
                let there = words.len();
                let text = format!("a zone takes 3 words: ZONE FILE SCHEME; here are {there}");
                return Err(statement.place.fault(text));
            }
        };
        let name = ZoneName::parse(name)
            .map_err(|why| statement.place.fault(format!("`{name}` is no zone: {why}")))?;
        if Path::new(file).file_name().is_none() {
            return Err(statement.place.fault(format!("`{file}` is no name of a zone file")));
        }
        let (file, scheme) = (file.to_owned(), scheme.filter(|word| !is_round_robin(word)));
        let scheme = scheme.map(str::to_owned);
        let Statement { place, comments, .. } = statement;
        Ok(Zone { place, comments, name, file, scheme })
    }
}

fn is_round_robin(word: &str) -> bool {
    ["rr", "round-robin", "roundrobin"].contains(&word.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Dns, Vec<String>) {
        let mut faults = Vec::new();
        let dns = Dns::read("named.boot", text, &mut faults);
        (dns, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn figure_9() {
        let text = "; the zones\nwww.isg.sun.com. www.isg.sun.com.cache RR\n\
                    news.isg.sun.com news.isg.sun.com.cache other\na.sun.com a.data\n";
        let (dns, faults) = read(text);
        assert_eq!(faults, [""; 0]);
        let zones: Vec<_> = dns
            .zones
            .iter()
            .map(|zone| (zone.name.as_str(), zone.file.as_str(), zone.scheme.as_deref()))
            .collect();
        let wanted = [
            ("www.isg.sun.com", "www.isg.sun.com.cache", None),
            ("news.isg.sun.com", "news.isg.sun.com.cache", Some("other")),
            ("a.sun.com", "a.data", None),
        ];
        assert_eq!(zones, wanted);
        assert_eq!(dns.zones[0].comments, ["the zones"]);
    }

    #[test]
    fn every_fault_has_its_line() {
        let (_, faults) = read("a\na..b f\na f\na g\nb f RR\nc /\nd e f g\n");
        let wanted = [
            "named.boot:1: a zone takes 3 words",
            "named.boot:2: `a..b` is no zone",
            "named.boot:4: zone a is there already: named.boot:3",
            "named.boot:5: `f` is another zone's: named.boot:3",
            "named.boot:6: `/` is no name of a zone file",
            "named.boot:7: a zone takes 3 words",
        ];
        assert_eq!(faults.len(), wanted.len(), "{faults:#?}");
        for (fault, wanted) in faults.iter().zip(wanted) {
            assert!(fault.starts_with(wanted), "{fault}");
        }
    }
}
