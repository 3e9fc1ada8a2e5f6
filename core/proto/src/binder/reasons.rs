//! Why each zone is to be published, for people.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

use crate::name::{ServiceName, ZoneName};
use crate::policy::Verdict;

/// Of the reasons for one publication, so many octets are kept.
const LONGEST: usize = 200;

/// Verdicts that changed a set since the zone was last published.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reasons(BTreeMap<ZoneName, Listed>);

#[derive(Debug, Clone, Default)]
struct Listed {
    text: String,
    /// Those that did not fit.
    more: usize,
}

impl Reasons {
    /// One more; `verdict` is none where the address is no longer known.
    pub(crate) fn note(
        &mut self,
        zone: &ZoneName,
        service: &ServiceName,
        address: IpAddr,
        verdict: Option<Verdict>,
    ) {
        if !self.0.contains_key(zone) {
            self.0.insert(zone.clone(), Listed::default());
        }
        let Some(Listed { text, more }) = self.0.get_mut(zone) else { return };
        let before = text.len();
        let word = verdict.map_or("forgotten", Verdict::as_str);
        let apart = if text.is_empty() { "" } else { "; " };
        // Once one did not fit, a shorter one is not put before it.
        let written = *more == 0 && write!(text, "{apart}{service} {address} {word}").is_ok();
        if !written || text.len() > LONGEST {
            text.truncate(before);
            *more += 1;
        }
    }

    /// All of `zone`, which is about to be published; none where there is none.
    pub(crate) fn take(&mut self, zone: &ZoneName) -> Option<String> {
        let Listed { text, more } = self.0.remove(zone)?;
        Some(if more == 0 { text } else { format!("{text}; and {more} more") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut reasons = Reasons::default();
        let zone: ZoneName = "www.example".parse().unwrap();
        let service = "http".parse().unwrap();
        for n in 0..100 {
            reasons.note(&zone, &service, IpAddr::from([192, 0, 2, n]), Some(Verdict::In));
        }
        let text = reasons.take(&zone).unwrap();
        assert!(text.starts_with("http 192.0.2.0 in; http 192.0.2.1 in; "), "{text}");
        assert!(text.ends_with(" in; and 90 more"), "{text}");
        assert!(text.len() <= LONGEST + "; and 90 more".len());
        assert_eq!(reasons.take(&zone), None);
    }
}
