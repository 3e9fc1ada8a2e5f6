//! A real BIND on a host of the test, from Debian's package.

use base64::Engine;
use domain::base::Rtype;

use crate::binary::finish;
use crate::dns::Client;
use crate::host::Host;
use crate::process::Process;
use crate::wait;

/// A running `named` that serves zone files from `/var/lib/bind` and takes rndc's orders at
/// 127.0.0.1:953 with the key in `/etc/bind/rndc.key`, as Debian has it.
#[derive(Debug)]
pub struct Named {
    /// The daemon.
    pub process: Process,
}

/// A zone and its file, the latter relative to `/var/lib/bind`.
#[derive(Debug, Clone, Copy)]
pub struct ZoneFile<'a> {
    /// Name of the zone.
    pub zone: &'a str,
    /// Name of its file.
    pub file: &'a str,
}

/// How one answer's addresses take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// BIND's own default.
    Default,
    /// `rrset-order { order cyclic; };`: each first in its turn.
    Cyclic,
}

impl Named {
    /// Writes the configuration and the key, starts `named`, and waits until every zone whose
    /// file is there is served.
    #[track_caller]
    #[must_use]
    pub fn start(host: &Host, zones: &[ZoneFile<'_>], order: Order) -> Self {
        host.write("/etc/bind/rndc.key", &rndc_key());
        host.write("/etc/bind/named.conf", &configuration(zones, order));
        let config = finish(host.command("named-checkconf").arg("/etc/bind/named.conf"));
        assert!(config.code == 0, "named.conf: {}{}", config.stdout, config.stderr);
        let mut process =
            host.spawn("named", host.command("named").args(["-g", "-c", "/etc/bind/named.conf"]));
        let client = Client::new(host.net(), "127.0.0.1:53".parse().expect("an address"));
        for zone in zones {
            wait::until(&format!("named on {} to serve {}", host.name(), zone.zone), || {
                assert!(process.is_running(), "named ended:\n{}", process.stderr());
                let answer = client.ask(zone.zone, Rtype::SOA)?;
                let there = host.path(&format!("/var/lib/bind/{}", zone.file)).exists();
                if answer.authoritative || !there { Ok(()) } else { Err(answer.rcode) }
            });
        }
        Self { process }
    }
}

/// A key as `rndc-confgen -a` writes it.
fn rndc_key() -> String {
    let secret: Vec<u8> = (0..32).map(|_| fastrand::u8(..)).collect();
    let secret = base64::engine::general_purpose::STANDARD.encode(secret);
    format!("key \"rndc-key\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{secret}\";\n}};\n")
}

fn configuration(zones: &[ZoneFile<'_>], order: Order) -> String {
    let order = match order {
        Order::Default => "",
        Order::Cyclic => "\trrset-order { order cyclic; };\n",
    };
    let mut text = format!(
        "include \"/etc/bind/rndc.key\";\n\
         controls {{ inet 127.0.0.1 port 953 allow {{ 127.0.0.1; }} keys {{ \"rndc-key\"; }}; }};\n\
         options {{\n\
         \tdirectory \"/var/lib/bind\";\n\
         \tpid-file none;\n\
         \trecursion no;\n\
         \tdnssec-validation no;\n\
         \tlisten-on {{ any; }};\n\
         \tlisten-on-v6 {{ any; }};\n\
         {order}}};\n"
    );
    for ZoneFile { zone, file } in zones {
        text.push_str(&format!("zone \"{zone}\" {{ type primary; file \"{file}\"; }};\n"));
    }
    text
}
