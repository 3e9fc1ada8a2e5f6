//! DNS cookies (RFC 7873) in the form that all servers make alike (RFC 9018).

use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::OnceLock;

use ring::rand::{SecureRandom, SystemRandom};
use siphasher::sip::SipHasher24;

/// Octets of a client's half.
const CLIENT: usize = 8;
/// Octets of both.
pub(super) const WHOLE: usize = 24;
/// Version 1 and what is reserved (RFC 9018 §4.1 and §4.2).
const VERSION: [u8; 4] = [1, 0, 0, 0];
/// A cookie is good for so many seconds, and if its time lies ahead, for so many (RFC 9018 §4.3).
const PAST: u32 = 3600;
const AHEAD: u32 = 300;
/// A key signs for so many seconds.
const KEY_LIFE: u32 = 86_400;

/// Of this process: whoever takes another's place by a reload knows the cookies that it gave.
static SECRET: OnceLock<Key> = OnceLock::new();

/// Makes cookies and knows its own.
///
/// The key of a day is drawn from a secret by the same hash: so it changes without anything that
/// threads would have to agree upon, and a cookie's own time says which was its key.
pub(crate) struct Cookies {
    secret: Key,
}

/// The system has no random octets.
#[derive(Debug, thiserror::Error)]
#[error("no random octets for the secret of cookies")]
pub(crate) struct SecretError;

#[derive(Clone, Copy)]
struct Key(u64, u64);

/// Whether that may be a cookie: a client's half, or both (RFC 7873 §4).
pub(super) fn is_sound(shown: &[u8]) -> bool {
    matches!(shown.len(), 8 | 16..=40)
}

impl Cookies {
    pub(crate) fn new() -> Result<Cookies, SecretError> {
        if let Some(secret) = SECRET.get() {
            return Ok(Cookies { secret: *secret });
        }
        let mut octets = [0; 16];
        SystemRandom::new().fill(&mut octets).map_err(|_| SecretError)?;
        Ok(Cookies { secret: *SECRET.get_or_init(|| Key::of(octets)) })
    }

    /// Both halves, for a client that showed `shown` at the second `now`.
    pub(super) fn answer(&self, shown: &[u8], client: IpAddr, now: u32) -> Option<[u8; WHOLE]> {
        let half: &[u8; CLIENT] = shown.first_chunk().filter(|_| is_sound(shown))?;
        Some(self.key(now).cookie(half, now, client))
    }

    /// Whether a client shows a cookie that it was given: then it is who it says it is.
    pub(super) fn know(&self, shown: &[u8], client: IpAddr, now: u32) -> bool {
        let Ok(shown) = <&[u8; WHOLE]>::try_from(shown) else { return false };
        let &[half @ .., _, _, _, _, t, i, m, e, _, _, _, _, _, _, _, _] = shown;
        let time = u32::from_be_bytes([t, i, m, e]);
        let fresh = now.wrapping_sub(time) <= PAST || time.wrapping_sub(now) <= AHEAD;
        fresh && self.key(time).cookie(&half, time, client) == *shown
    }

    /// Whether there is nothing wrong with what a client shows: its own half alone, or a cookie that
    /// it was given.
    pub(super) fn accepts(&self, shown: &[u8], client: IpAddr, now: u32) -> bool {
        shown.len() == CLIENT || self.know(shown, client, now)
    }

    fn key(&self, second: u32) -> Key {
        let day = second / KEY_LIFE;
        let part = |part: u32| {
            let mut hasher = self.secret.hasher();
            hasher.write(&day.to_be_bytes());
            hasher.write(&part.to_be_bytes());
            hasher.finish()
        };
        Key(part(0), part(1))
    }
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookies")
    }
}

impl Key {
    fn of(octets: [u8; 16]) -> Key {
        let [a, b, c, d, e, f, g, h, rest @ ..] = octets;
        Key(u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(rest))
    }

    fn hasher(self) -> SipHasher24 {
        SipHasher24::new_with_keys(self.0, self.1)
    }

    /// RFC 9018 §4.4.
    fn cookie(self, half: &[u8; CLIENT], time: u32, client: IpAddr) -> [u8; WHOLE] {
        let mut cookie = [0; WHOLE];
        cookie[..8].copy_from_slice(half);
        cookie[8..12].copy_from_slice(&VERSION);
        cookie[12..16].copy_from_slice(&time.to_be_bytes());
        let mut hasher = self.hasher();
        hasher.write(&cookie[..16]);
        match client {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
        cookie[16..].copy_from_slice(&hasher.finish().to_le_bytes());
        cookie
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets<const N: usize>(hex: &str) -> [u8; N] {
        std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
    }

    /// RFC 9018, appendix A.1 and A.4.
    #[test]
    fn cookies_are_what_every_server_makes() {
        let key = Key::of(octets("e5e973e5a6b2a43f48e7dc849e37bfcf"));
        let half = octets("2464c4abcf10c957");
        let cookie = key.cookie(&half, 1_559_731_985, "198.51.100.100".parse().unwrap());
        assert_eq!(cookie, octets("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));
        let client = "2001:db8:220:1:59de:d0f4:8769:82b8".parse().unwrap();
        for (secret, time, cookie) in [
            ("dd3bdf9344b678b185a6f5cb60fca715", 0x5cf7_c579, "26556bd0934c72f8"),
            ("445536bcd2513298075a5d379663c962", 0x5cf7_c609, "a6bb79d16625507a"),
        ] {
            let made = Key::of(octets(secret)).cookie(&octets("22681ab97d52c298"), time, client);
            assert_eq!(made[16..], octets::<8>(cookie));
        }
    }

    #[test]
    fn keys_change_with_the_days_and_cookies_with_clients() {
        let cookies = Cookies::new().unwrap();
        let of = |client: &str, now| {
            let cookie = cookies.answer(b"clientcoserverhalf", client.parse().unwrap(), now);
            cookie.unwrap()
        };
        let cookie = of("192.0.2.1", 7);
        assert_eq!(cookie, of("192.0.2.1", 7));
        assert_eq!(cookie[..16], *b"clientco\x01\0\0\0\0\0\0\x07");
        assert_ne!(cookie[16..], of("192.0.2.2", 7)[16..]);
        assert_ne!(cookies.key(0).0, cookies.key(KEY_LIFE).0);
        assert_eq!(cookies.answer(b"client", "192.0.2.1".parse().unwrap(), 7), None);
    }

    #[test]
    fn its_own_are_known_for_an_hour_from_their_client_alone() {
        let cookies = Cookies::new().unwrap();
        let (client, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        // Across the change of keys.
        let given = 10 * KEY_LIFE - 1;
        let cookie = cookies.answer(b"clientco", client, given).unwrap();
        for (shown, client, now, known) in [
            (cookie, client, given, true),
            (cookie, client, given + PAST, true),
            (cookie, client, given + PAST + 1, false),
            (cookie, client, given - AHEAD, true),
            (cookie, client, given - AHEAD - 1, false),
            (cookie, other, given, false),
            ([7; WHOLE], client, given, false),
        ] {
            assert_eq!(cookies.know(&shown, client, now), known, "{client} {now}");
        }
        assert!(!cookies.know(b"clientco", client, given));
        let successor = Cookies::new().unwrap();
        assert!(successor.know(&cookie, client, given));
    }
}
