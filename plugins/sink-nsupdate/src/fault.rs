//! What a trouble means for people: what the server said, and what is to be done.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::base::iana::Rcode;
use rais_dns::{DnsError, Key, Server};
use rais_sdk::Fault;
use rais_zone::OwnerName;

/// Why what was to be done at the server was not.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It could not be asked, or told.
    Dns(DnsError),
    /// It did not take an update.
    Update(Rcode),
    /// Aliases stand where addresses are to go.
    Aliases(Vec<(OwnerName, DnsError)>),
}

impl From<DnsError> for Trouble {
    fn from(error: DnsError) -> Trouble {
        Trouble::Dns(error)
    }
}

impl Trouble {
    /// Whether another key may do.
    pub(crate) fn is_of_key(&self) -> bool {
        matches!(self, Trouble::Dns(error) if error.is_of_key())
    }

    /// With the server, by which key, for which of its zones, and advice.
    pub(crate) fn fault(self, server: &Server, key: Option<&Key>, zone: &str) -> Fault {
        let at = format!("name server at {}", server.address);
        match self {
            Trouble::Update(rcode) => of_update(&at, key, zone, rcode),
            Trouble::Dns(error) => of_dns(&at, key, zone, &error),
            Trouble::Aliases(mut all) => match all.pop() {
                Some((_, error)) => of_dns(&at, key, zone, &error),
                None => of_update(&at, key, zone, Rcode::YXRRSET),
            },
        }
    }
}

/// How each server is told to take updates.
const ALLOW: &str = "BIND: allow-update or update-policy; Knot: an acl with the key and action \
                     update; PowerDNS: dnsupdate=yes, and TSIG-ALLOW-DNSUPDATE of the zone";

fn of_update(at: &str, key: Option<&Key>, zone: &str, rcode: Rcode) -> Fault {
    let signed = match key {
        Some(key) => format!("signed by the key {:?}", key.name()),
        None => "that are not signed (no `key`)".to_owned(),
    };
    let text = match rcode {
        // Knot calls it so.
        Rcode::NOTAUTH if key.is_none() => {
            format!(
                "{at} takes no updates of {zone} {signed} (NOTAUTH): have it allow them ({ALLOW})"
            )
        }
        Rcode::REFUSED => {
            format!("{at} refuses updates of {zone} {signed}: have it allow them ({ALLOW})")
        }
        Rcode::NOTAUTH => {
            format!("{at} is not the primary of {zone} (NOTAUTH): `server` must be")
        }
        Rcode::NOTZONE => format!(
            "{at} says that the names are not in {zone} (NOTZONE): say by `zone` in which of its \
             zones they are"
        ),
        Rcode::NOTIMP => format!("{at} takes no dynamic updates (NOTIMP)"),
        Rcode::SERVFAIL => {
            return Fault::down(format!(
                "{at} could not update {zone} (SERVFAIL): its log says why; it must be able to \
                 write its journal (BIND: beside the zone's file; Knot: in the database's storage)"
            ));
        }
        rcode => format!("{at} did not update {zone}: it answered {rcode}"),
    };
    Fault::refused(text)
}

fn of_dns(at: &str, key: Option<&Key>, zone: &str, error: &DnsError) -> Fault {
    let (name, algorithm) = key.map_or(("", ""), |key| (key.name(), key.algorithm().name()));
    let text = match error {
        DnsError::Io { phase, error } => {
            let mut fault = Fault::of_peer(phase, error);
            fault.text = format!("{at}: {}", fault.text);
            return fault;
        }
        DnsError::Timeout { phase } => {
            return Fault::timeout(*phase, format!("{at}: no answer in time"));
        }
        DnsError::Ended => return Fault::busy(error),
        DnsError::BadKey => format!(
            "{at} does not know the key {name:?} with {algorithm}, or does not take it for {zone} \
             (BADKEY): the statement of the key's file must be in its configuration, name and \
             algorithm the same, and be allowed there ({ALLOW})"
        ),
        DnsError::BadSignature => format!(
            "{at} has another secret for the key {name:?} (BADSIG): both sides need the same"
        ),
        DnsError::BadTime { ours, theirs } => format!(
            "the clocks of this host and of the {at} are too far apart (BADTIME): it is {} here \
             and {} there; set both by NTP, five minutes are allowed",
            date(*ours),
            date(*theirs)
        ),
        DnsError::NotTaken => format!(
            "{at} does not take the signature by the key {name:?} with {algorithm} (NOTAUTH) and \
             does not say why, its log may: it does not know that key, has another secret, or its \
             clock differs by more than five minutes from this host's, where it is {}",
            date(now())
        ),
        DnsError::Unsigned(why) => {
            format!("{at}: its answer is not signed by the key {name:?} as it must be: {why}")
        }
        DnsError::NoAuthority(what) => format!(
            "{at}: {what}: answered without authority: `server` must be the primary of {zone}, \
             and the names in it must not be delegated"
        ),
        DnsError::Within { zone: of, .. } => format!(
            "{at} has no zone {zone}, but that name in its zone {of}: if the addresses are to go \
             there, say `zone = \"{of}\"`"
        ),
        DnsError::Alias(name) => format!(
            "{at}: {name} is an alias (CNAME) there, and an alias has no addresses: take that \
             record out, or bind another owner"
        ),
        DnsError::Rcode { rcode: Rcode::REFUSED, .. } => {
            format!("{at} refuses to answer for {zone}: it does not serve it, or not to this host")
        }
        DnsError::Rcode { rcode: Rcode::SERVFAIL, .. } => {
            return Fault::down(format!("{at}: {error}: it could not load the zone; see its log"));
        }
        error => format!("{at}: {error}"),
    };
    Fault::refused(text)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Of seconds since 1970.
fn date(seconds: u64) -> String {
    let moment = i64::try_from(seconds).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    moment.map_or_else(|| seconds.to_string(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_read_as_dates() {
        assert_eq!(date(1_795_444_440), "2026-11-23T14:34:00Z");
        assert_eq!(date(u64::MAX), u64::MAX.to_string());
    }
}
