//! The kernel's table of sockets as a text: proc(5), where sock_diag is missing.

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::bound::{Bound, Families, Sockets};

/// Of the network that this process is in.
const FOLDER: &str = "/proc/net";

/// The state of a socket without a peer (TCP_CLOSE).
const NO_PEER: &str = "07";

/// What the kernel hands out by one read(2) at most, of whole lines: a page (`seq_file`). Between two
/// it goes on by counting sockets, so that one is passed over where one before it has gone.
const PAGE: usize = 4096;

/// More than any line: a text of which so much more fits into a page was read at once.
const LINE: usize = 256;

/// Of one table. Where sockets go faster than that, one may still hide.
const MOST_READINGS: usize = 8;

/// Every socket that is not connected. What the tables do not tell is whether a socket at `::` takes
/// IPv4: it is said to, as it does by default.
///
/// # Errors
/// Those of reading the files; `udp6` is missing where there is no IPv6.
pub(crate) fn sockets() -> io::Result<Sockets> {
    sockets_in(Path::new(FOLDER))
}

fn sockets_in(folder: &Path) -> io::Result<Sockets> {
    let mut all = Sockets::new();
    add(&mut all, &folder.join("udp"))?;
    match add(&mut all, &folder.join("udp6")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        six => six?,
    }
    Ok(all)
}

/// A table of more than a page is read until a reading finds nothing new.
fn add(all: &mut Sockets, table: &Path) -> io::Result<()> {
    for _ in 0..MOST_READINGS {
        let text = read(table)?;
        let mut found = 0;
        for (bound, port) in text.lines().filter_map(socket) {
            let bounds = all.entry(port).or_default();
            if !bounds.contains(&bound) {
                bounds.push(bound);
                found += 1;
            }
        }
        if found == 0 || text.len() + LINE < PAGE {
            break;
        }
    }
    Ok(())
}

/// Asks for whole pages: [`std::fs::read_to_string`] begins with 32 octets, since these files say
/// that they are empty, and the kernel gives few lines to who asks for few octets.
fn read(table: &Path) -> io::Result<String> {
    let mut text = String::with_capacity(2 * PAGE);
    File::open(table)?.read_to_string(&mut text)?;
    Ok(text)
}

/// None for a heading, and for a socket that has a peer.
fn socket(line: &str) -> Option<(Bound, u16)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (address, port) = words.next()?.split_once(':')?;
    let state = words.nth(1)?;
    if state != NO_PEER {
        return None;
    }
    let at = ip(address)?;
    let families = if at == Ipv6Addr::UNSPECIFIED { Families::Both } else { Families::Own };
    Some((Bound { at, families }, u16::from_str_radix(port, 16).ok()?))
}

/// Words of 32 bits in this machine's order of octets, of what is in the network's.
fn ip(hex: &str) -> Option<IpAddr> {
    let mut octets = Vec::new();
    for at in (0..hex.len()).step_by(8) {
        let word = u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?;
        octets.extend(word.to_ne_bytes());
    }
    if let Ok(four) = <[u8; 4]>::try_from(octets.as_slice()) {
        return Some(Ipv4Addr::from(four).into());
    }
    <[u8; 16]>::try_from(octets.as_slice()).ok().map(|six| Ipv6Addr::from(six).into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::UdpSocket;
    use std::thread;

    use super::*;

    const FOUR: &str = "  \
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  398: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 1201 2 0000000000000000 0
  399: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1202 2 0000000000000000 0
  412: 010200C0:0035 020200C0:1F90 01 00000000:00000000 00:00000000 00000000     0        0 1203 2 0000000000000000 0
  499: 010200C0:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1204 2 0000000000000000 0
";
    const SIX: &str = "  \
   sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  398: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1301 2 0000000000000000 0
  399: B80D0120000000000000000001000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1302 2 0000000000000000 0
";

    fn told(port: u16, six: Option<&str>) -> Vec<(String, Families)> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("udp"), FOUR).unwrap();
        if let Some(six) = six {
            fs::write(folder.path().join("udp6"), six).unwrap();
        }
        let all = sockets_in(folder.path()).unwrap();
        all.get(&port)
            .into_iter()
            .flatten()
            .map(|bound| (bound.at.to_string(), bound.families))
            .collect()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn sockets_without_a_peer_are_read_from_both_tables() {
        use Families::{Both, Own};
        let of = |list: &[(&str, Families)]| -> Vec<_> {
            list.iter().map(|&(at, families)| (at.to_owned(), families)).collect()
        };
        let all = [("127.0.0.1", Own), ("0.0.0.0", Own), ("::", Both), ("2001:db8::1", Own)];
        assert_eq!(told(53, Some(SIX)), of(&all));
        assert_eq!(told(53, None), of(&all[..2]));
        assert_eq!(told(8080, Some(SIX)), of(&[("192.0.2.1", Own)]));
        assert_eq!(told(54, Some(SIX)), []);
    }

    #[test]
    fn a_missing_table_is_an_error_and_odd_lines_are_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(sockets_in(folder.path()).is_err());
        let odd =
            "1: 0100007F:0035\n2: 0100007:0035 0:0 07\n3: x 0:0 07\n4: üüüüüüü:0035 0:0 07\n\n";
        fs::write(folder.path().join("udp"), odd).unwrap();
        assert_eq!(sockets_in(folder.path()).unwrap(), Sockets::new());
    }

    #[test]
    fn a_socket_is_seen_however_many_come_and_go_beside_it() {
        let kept: Vec<_> = (0..4).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let ports: Vec<u16> = kept.iter().map(|one| one.local_addr().unwrap().port()).collect();
        thread::scope(|scope| {
            let missed = scope.spawn(|| {
                (0..1000)
                    .map(|_| sockets().unwrap())
                    .find_map(|all| ports.iter().find(|port| !all.contains_key(port)).copied())
            });
            while !missed.is_finished() {
                let _ = (0..4).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Vec<_>>();
            }
            assert_eq!(missed.join().unwrap(), None);
        });
    }
}
