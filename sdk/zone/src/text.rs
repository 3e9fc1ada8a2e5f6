//! A whole zone as text: its header with the serial, then the bound addresses.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::error::{Problem, ZoneError};
use crate::header::Header;
use crate::name::OwnerName;
use crate::word::MAX_TTL;

/// An owner of bound addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundOwner {
    /// Its name.
    pub name: OwnerName,
    /// TTL of its records in seconds, 2147483647 at most (RFC 2181 §8).
    pub ttl: u32,
}

/// The text of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneText(String);

impl ZoneText {
    /// Writes a zone: the header with its serial's digits replaced, then an absolute record for
    /// each address, ordered by owner and address, IPv4 first, each once. Equal input in any order
    /// gives equal text.
    ///
    /// # Errors
    /// A record for an owner that is not given, an owner outside the header's zone, a TTL out of
    /// range.
    pub fn render(
        header: &Header,
        serial: u32,
        owners: &[BoundOwner],
        records: impl IntoIterator<Item = (usize, IpAddr)>,
    ) -> Result<ZoneText, ZoneError> {
        for owner in owners {
            OwnerName::absolute(owner.name.as_str(), header.zone())
                .map_err(|error| ZoneError::nowhere(Problem::Name(error)))?;
            if owner.ttl > MAX_TTL {
                return Err(ZoneError::nowhere(Problem::Ttl(owner.ttl.to_string())));
            }
        }
        // Places in the order of names, so that what is sorted stays small.
        let mut order: Vec<usize> = (0..owners.len()).collect();
        order.sort_by(|a, b| owners[*a].name.cmp(&owners[*b].name));
        let mut rank = vec![0; owners.len()];
        for (place, index) in order.iter().enumerate() {
            rank[*index] = place;
        }
        let mut sorted = records
            .into_iter()
            .map(|(index, ip)| {
                let problem = Problem::Owner { index, owners: owners.len() };
                let place = rank.get(index).ok_or_else(|| ZoneError::nowhere(problem))?;
                Ok((*place, ip))
            })
            .collect::<Result<Vec<(usize, IpAddr)>, ZoneError>>()?;
        sorted.sort_unstable();
        sorted.dedup();

        let mut text = String::with_capacity(header.text().len() + 16 + 64 * sorted.len());
        header.write_with_serial(serial, &mut text);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        for (place, ip) in sorted {
            let BoundOwner { name, ttl } = &owners[order[place]];
            let rtype = if ip.is_ipv4() { "A" } else { "AAAA" };
            // Absolute, with TTL and class: the header may have changed $ORIGIN and $TTL.
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}. {ttl} IN {rtype} {ip}");
        }
        Ok(ZoneText(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl AsRef<str> for ZoneText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}
