//! The configurations of the demo's processes, as a person would write them.

use std::net::SocketAddr;

use super::which::Which;

/// The zone of the paper's Fig. 9.
pub(super) const ZONE: &str = "www.isg.sun.com";
/// The folder of the key ring.
pub(super) const KEYS: &str = "keys";
/// The service of the paper's Fig. 7.
pub(super) const SERVICE: &str = "http";
/// The binder's name, and of its files.
pub(super) const BINDER: &str = "binder";

/// Of the monitor beside one server, whose beats go to `binder`.
pub(super) fn monitor(which: Which, port: u16, binder: SocketAddr) -> String {
    let address = which.address();
    format!(
        r#"# The monitor beside {which}: `rais monitor -c {which}.toml`
[host]
name = "{which}"
state = "{which}.state"

[cluster]
name = "demo"
keys = "{KEYS}"

[transport.loopback]
type = "udp"
mode = "unicast"
peers = ["{binder}"]

[monitor]
sample = "2s"
advertise = ["{address}"]

[monitor.service.{SERVICE}]
probe = {{ type = "tcp", port = {port} }}
load = {{ type = "cpu" }}

[control]
socket = "{which}.sock"
"#
    )
}

/// Of the binder, which hears beats at `listen` and answers DNS queries at `dns`.
pub(super) fn binder(listen: SocketAddr, dns: SocketAddr) -> String {
    format!(
        r#"# The binder: `rais binder -c {BINDER}.toml`
[host]
name = "{BINDER}"
state = "{BINDER}.state"

[cluster]
name = "demo"
keys = "{KEYS}"

[transport.loopback]
type = "udp"
mode = "unicast"
listen = "{listen}"

[binder]
ns = ["ns1.isg.sun.com"]
mailbox = "hostmaster.isg.sun.com"

[zone."{ZONE}"]
scheme = "round-robin"
sinks = ["dns"]

[binder.service.{SERVICE}]
zone = "{ZONE}"

[sink.dns]
type = "dns"
listen = ["{dns}"]

[control]
socket = "{BINDER}.sock"
"#
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rais_runtime::config::{self, Look, Role};

    use super::*;

    #[test]
    fn each_is_a_sound_configuration_of_its_role_alone() {
        let [beats, dns] =
            ["127.0.0.1:40000", "127.0.0.1:5300"].map(|address| address.parse().unwrap());
        let monitors = Which::ALL.map(|which| (Role::Monitor, monitor(which, 8080, beats)));
        for (role, text) in monitors.into_iter().chain([(Role::Binder, binder(beats, dns))]) {
            let loaded = config::parse(Path::new("/demo/rais.toml"), &text);
            let loaded = loaded.unwrap_or_else(|faults| panic!("{}", faults.render(Look::Plain)));
            assert_eq!(loaded.config.roles(), [role].into(), "{text}");
            assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        }
    }
}
