//! Fig. 8, the Name Binder Modifier's file:
//! `dns-update INTERVAL SERVICE HEADER-FILE OUTPUT-FILE MIN-ADDRESSES MAX-LOAD`.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use rais_proto::load::Load;
use rais_proto::name::ServiceName;

use super::monitor::{service_name, unknown};
use super::statement::{Fault, Place, Statement, Statements};

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Binder {
    pub(super) updates: Vec<Update>,
    /// Comments at its end.
    pub(super) rest: Vec<String>,
}

/// `dns-update`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) place: Place,
    pub(super) comments: Vec<String>,
    pub(super) interval: Duration,
    pub(super) service: ServiceName,
    /// As written.
    pub(super) header: String,
    /// As written; it ends in a file's name.
    pub(super) output: String,
    pub(super) min_servers: NonZeroU32,
    pub(super) max_load: Load,
}

const NAMES: [&str; 6] =
    ["INTERVAL", "SERVICE", "HEADER-FILE", "OUTPUT-FILE", "MIN-ADDRESSES", "MAX-LOAD"];

impl Binder {
    /// Reads it; what is wrong is added to `faults`.
    pub(super) fn read(file: &str, text: &str, faults: &mut Vec<Fault>) -> Binder {
        let statements = Statements::read(file, text);
        let mut binder = Binder { rest: statements.rest, ..Binder::default() };
        for statement in statements.list {
            match Update::read(statement).and_then(|update| binder.refuse_twice(update)) {
                Ok(update) => binder.updates.push(update),
                Err(fault) => faults.push(fault),
            }
        }
        binder
    }

    /// One service, one zone, one file.
    fn refuse_twice(&self, update: Update) -> Result<Update, Fault> {
        for first in &self.updates {
            if first.service == update.service {
                let text = format!("service {} is there already: {}", first.service, first.place);
                return Err(update.place.fault(text));
            }
            if first.output == update.output {
                let text = format!("`{}` is written already: {}", first.output, first.place);
                return Err(update.place.fault(text));
            }
        }
        Ok(update)
    }
}

impl Update {
    fn read(statement: Statement<'_>) -> Result<Update, Fault> {
        if statement.words[0] != "dns-update" {
            return Err(unknown(&statement, statement.words[0], &["dns-update"]));
        }
        let [interval, service, header, output, min, max] = statement.arguments(NAMES)?;
        let interval = statement.interval(interval)?;
        let service = service_name(&statement.place, service)?;
        let fault = |text: String| statement.place.fault(text);
        if Path::new(output).file_name().is_none() {
            return Err(fault(format!("`{output}` is no name of a zone file")));
        }
        let min_servers = min.parse().map_err(|_| {
            fault(format!("`{min}` is no number of addresses; allowed: a whole number from 1"))
        })?;
        let max_load = load(max).ok_or_else(|| {
            let allowed = "percent from 0 to 1000 in steps of 0.01, as in 60";
            fault(format!("`{max}` is no load; allowed: {allowed}"))
        })?;
        let (header, output) = (header.to_owned(), output.to_owned());
        let Statement { place, comments, .. } = statement;
        Ok(Update { place, comments, interval, service, header, output, min_servers, max_load })
    }
}

/// Percent, with or without its sign.
fn load(word: &str) -> Option<Load> {
    let percent: f64 = word.strip_suffix('%').unwrap_or(word).parse().ok()?;
    let load = Load::from_percent(percent)?;
    let exact = (load.as_percent() - percent).abs() < 1e-9;
    exact.then_some(load)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Binder, Vec<String>) {
        let mut faults = Vec::new();
        let binder = Binder::read("binder.conf", text, &mut faults);
        (binder, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn figure_8() {
        let text = "dns-update 120 http www.isg.sun.com.header www.isg.sun.com.cache 1 60\n\
                    dns-update 240 news news.isg.sun.com.header news.isg.sun.com.cache 2 60\n";
        let (binder, faults) = read(text);
        assert_eq!(faults, [""; 0]);
        let news = &binder.updates[1];
        assert_eq!(news.service.as_str(), "news");
        assert_eq!(news.interval, Duration::from_secs(240));
        assert_eq!(news.header, "news.isg.sun.com.header");
        assert_eq!(news.output, "news.isg.sun.com.cache");
        assert_eq!(news.min_servers.get(), 2);
        assert_eq!(news.max_load.as_percent(), 60.0);
        assert_eq!(binder.updates[0].service.as_str(), "http");
    }

    #[test]
    fn loads_are_percent() {
        assert_eq!(load("62.5%").unwrap().as_percent(), 62.5);
        for word in ["", "x", "-1", "1001", "NaN", "inf", "60.001"] {
            assert_eq!(load(word), None, "{word}");
        }
    }

    #[test]
    fn every_fault_has_its_line() {
        let text = "dns-updat 1\ndns-update 1 a h o 1\ndns-update 1 a h o 0 60\n\
                    dns-update 1 a h o 1 lots\ndns-update 1 a h .. 1 60\ndns-update 1 a h o 1 60\n\
                    dns-update 1 a h p 1 60\ndns-update 1 b h o 1 60\n";
        let (_, faults) = read(text);
        let wanted = [
            "binder.conf:1: unknown statement `dns-updat`; did you mean `dns-update`?",
            "binder.conf:2: `dns-update` takes 6: INTERVAL SERVICE",
            "binder.conf:3: `0` is no number of addresses",
            "binder.conf:4: `lots` is no load",
            "binder.conf:5: `..` is no name of a zone file",
            "binder.conf:7: service a is there already: binder.conf:6",
            "binder.conf:8: `o` is written already: binder.conf:6",
        ];
        assert_eq!(faults.len(), wanted.len(), "{faults:#?}");
        for (fault, wanted) in faults.iter().zip(wanted) {
            assert!(fault.starts_with(wanted), "{fault}");
        }
    }
}
