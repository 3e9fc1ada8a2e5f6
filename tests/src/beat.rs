//! Heartbeats, read as `docs/reference/heartbeat.md` has them: by that page alone, as a listener
//! in another language would.

use std::net::IpAddr;

/// What a listener wants of a beat.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    /// Of its epoch.
    pub sequence: u64,
    /// The sender's wall clock, Unix time in ms.
    pub wall_ms: u64,
    /// In their order.
    pub reports: Vec<Report>,
}

/// Addresses that are alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Of which service.
    pub service: String,
    /// In one word, as in status.
    pub state: &'static str,
    /// Why.
    pub reason: String,
    /// Percent; none where unknown.
    pub load: Option<f64>,
    /// Who is in that state.
    pub addresses: Vec<IpAddr>,
}

const SIGNED: u8 = 1;
const TAG: usize = 16;
const REPORT: u16 = 2;
const NO_LOAD: u32 = u32::MAX;

/// The beat in a datagram. Nothing is verified; none where it is no beat.
#[must_use]
pub fn read(datagram: &[u8]) -> Option<Beat> {
    let mut octets = Octets(datagram);
    if octets.take(5)? != b"RAIS\x01" {
        return None;
    }
    let flags = octets.u8()?;
    // Length, key id, host id, epoch.
    octets.take(2 + 4 + 16 + 8)?;
    let (sequence, wall_ms) = (octets.u64()?, octets.u64()?);
    octets.counted()?;
    let tag = if flags & SIGNED == 0 { 0 } else { TAG };
    let mut rest = Octets(octets.0.get(..octets.0.len().checked_sub(tag)?)?);
    let mut reports = Vec::new();
    while !rest.0.is_empty() {
        let (kind, len) = (rest.u16()?, rest.u16()?);
        let value = rest.take(len.into())?;
        if kind == REPORT {
            reports.push(report(Octets(value))?);
        }
    }
    Some(Beat { sequence, wall_ms, reports })
}

fn report(mut octets: Octets<'_>) -> Option<Report> {
    let service = octets.text()?;
    let state = match octets.u8()? {
        1 => "up",
        2 => "down",
        3 => "draining",
        4 => "maintenance",
        5 => "leaving",
        6 => "unknown",
        _ => return None,
    };
    octets.u8()?;
    let load = octets.u32()?;
    // Capacity, weight, interval, expire.
    octets.take(4 + 2 + 4 + 4)?;
    let reason = octets.text()?;
    let mut addresses = Vec::new();
    for _ in 0..octets.u8()? {
        addresses.push(IpAddr::from(octets.array::<4>()?));
    }
    for _ in 0..octets.u8()? {
        addresses.push(IpAddr::from(octets.array::<16>()?));
    }
    let load = (load != NO_LOAD).then(|| f64::from(load) / 100.0);
    Some(Report { service, state, reason, load, addresses })
}

struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        Some(u8::from_be_bytes(self.array()?))
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.array()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.array()?))
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let len = self.u8()?;
        self.take(len.into())
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.counted()?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The page's example, octet for octet.
    fn example() -> Vec<u8> {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/heartbeat.md");
        let page = std::fs::read_to_string(page).unwrap();
        let block = page.split("```hex\n").nth(1).unwrap().split("```").next().unwrap();
        let octets =
            block.lines().flat_map(|line| line.split(';').next().unwrap().split_whitespace());
        octets.map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect()
    }

    #[test]
    fn the_pages_example_is_read() {
        let beat = read(&example()).unwrap();
        assert_eq!((beat.sequence, beat.wall_ms), (7, 1_767_225_612_345));
        let [http, news] = &beat.reports[..] else { panic!("{beat:?}") };
        assert_eq!((&*http.service, http.state, http.load), ("http", "up", Some(12.34)));
        let addresses = ["192.0.2.11", "2001:db8::11"].map(|at| at.parse::<IpAddr>().unwrap());
        assert_eq!(http.addresses, addresses);
        assert_eq!((&*news.service, news.state, news.load), ("news", "down", None));
        assert_eq!(news.reason, "connection refused");
    }

    #[test]
    fn what_is_cut_off_is_no_beat() {
        let whole = example();
        for len in 0..whole.len() - TAG {
            let found = read(&whole[..len]).map(|beat| beat.reports.len());
            assert!(found.is_none_or(|reports| reports < 2), "{len}");
        }
    }
}
