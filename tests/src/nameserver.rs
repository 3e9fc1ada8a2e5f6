//! The name servers that serve zone files, from Debian's packages, each as its own documents
//! would have it.

use domain::base::Rtype;

use crate::binary::finish;
use crate::dns::Client;
use crate::host::Host;
use crate::named::{Named, Order, ZoneFile};
use crate::process::Process;
use crate::wait;

/// Which name server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// `named`.
    Bind,
    /// `knotd`.
    Knot,
    /// `nsd`.
    Nsd,
    /// `pdns_server`, with its backend for BIND's files.
    PowerDns,
}

/// A running name server that serves zone files from `/var/lib/bind`, at 127.0.0.1:53.
#[derive(Debug)]
pub struct NameServer {
    /// Which.
    pub make: Make,
    /// The daemon.
    pub process: Process,
}

impl Make {
    /// Every one.
    pub const ALL: [Make; 4] = [Make::Bind, Make::Knot, Make::Nsd, Make::PowerDns];

    /// What its package calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Make::Bind => "BIND",
            Make::Knot => "Knot",
            Make::Nsd => "NSD",
            Make::PowerDns => "PowerDNS",
        }
    }

    /// `reload` of a sink `bind` beside it.
    #[must_use]
    pub fn reload(self) -> &'static str {
        match self {
            Make::Bind => {
                "{ type = \"rndc\", address = \"127.0.0.1:953\", key_file = \"/etc/bind/rndc.key\" }"
            }
            Make::Knot => "{ type = \"knotc\", socket = \"/run/knot/knot.sock\" }",
            Make::Nsd => "{ type = \"nsd-control\" }",
            Make::PowerDns => "{ type = \"pdns_control\" }",
        }
    }

    /// The same by a command of the operator's.
    #[must_use]
    pub fn exec(self) -> &'static str {
        match self {
            Make::Bind => "{ type = \"exec\", argv = [\"rndc\", \"reload\", \"{zone}\"] }",
            Make::Knot => {
                "{ type = \"exec\", argv = [\"knotc\", \"-b\", \"zone-reload\", \"{zone}\"] }"
            }
            Make::Nsd => "{ type = \"exec\", argv = [\"nsd-control\", \"reload\", \"{zone}\"] }",
            Make::PowerDns => {
                "{ type = \"exec\", argv = [\"pdns_control\", \"bind-reload-now\", \"{zone}\"] }"
            }
        }
    }

    /// A host that it can be started on.
    #[track_caller]
    #[must_use]
    pub fn host(self, name: &str) -> Host {
        Host::owning(name, self.folders())
    }

    fn folders(self) -> &'static [&'static str] {
        match self {
            Make::Bind => &[],
            Make::Knot => &["/etc/knot"],
            Make::Nsd => &["/etc/nsd"],
            Make::PowerDns => &["/etc/powerdns"],
        }
    }

    /// Writes its configuration, and gives the command that starts it.
    fn settle(self, host: &Host, zones: &[ZoneFile<'_>]) -> std::process::Command {
        let each =
            |line: &dyn Fn(&ZoneFile<'_>) -> String| -> String { zones.iter().map(line).collect() };
        match self {
            Make::Bind => unreachable!("`Named` starts it"),
            Make::Knot => {
                let zones = each(&|ZoneFile { zone, file }| {
                    format!("  - domain: {zone}\n    file: {file}\n")
                });
                host.write("/run/knot/placeholder", "");
                host.write("/var/lib/knot/placeholder", "");
                host.write(
                    "/etc/knot/knot.conf",
                    &format!(
                        "server:\n    rundir: /run/knot\n    listen: 127.0.0.1@53\n\
                         log:\n  - target: stderr\n    any: info\n\
                         database:\n    storage: /var/lib/knot\n\
                         template:\n  - id: default\n    storage: /var/lib/bind\n\
                         \x20   zonefile-sync: -1\n    journal-content: none\n\
                         zone:\n{zones}"
                    ),
                );
                host.command("knotd")
            }
            Make::Nsd => {
                let zones = each(&|ZoneFile { zone, file }| {
                    format!("zone:\n\tname: {zone}\n\tzonefile: {file}\n")
                });
                host.write("/var/lib/nsd/placeholder", "");
                host.write("/run/nsd/placeholder", "");
                // Without its limit of 200 answers a second: a test is one client that asks a lot.
                host.write(
                    "/etc/nsd/nsd.conf",
                    &format!(
                        "server:\n\tip-address: 127.0.0.1\n\trrl-ratelimit: 0\n\tusername: \"\"\n\tdatabase: \"\"\n\
                         \tzonesdir: /var/lib/bind\n\tpidfile: \"\"\n\tlogfile: \"\"\n\
                         remote-control:\n\tcontrol-enable: yes\n\
                         \tcontrol-interface: /run/nsd/nsd.ctl\n{zones}"
                    ),
                );
                let mut command = host.command("nsd");
                command.args(["-d", "-c", "/etc/nsd/nsd.conf"]);
                command
            }
            Make::PowerDns => {
                let zones = each(&|ZoneFile { zone, file }| {
                    format!("zone \"{zone}\" {{ type native; file \"/var/lib/bind/{file}\"; }};\n")
                });
                host.write("/etc/powerdns/named.conf", &zones);
                host.write("/run/pdns/placeholder", "");
                host.write(
                    "/etc/powerdns/pdns.conf",
                    "launch=bind\nbind-config=/etc/powerdns/named.conf\n\
                     local-address=127.0.0.1\nsecurity-poll-suffix=\n",
                );
                let mut command = host.command("pdns_server");
                command.args(["--daemon=no", "--guardian=no"]);
                command
            }
        }
    }
}

impl NameServer {
    /// Writes its configuration, starts it, and waits until it serves every zone whose file is
    /// there. `host` is one of [`Make::host`].
    #[track_caller]
    #[must_use]
    pub fn start(make: Make, host: &Host, zones: &[ZoneFile<'_>]) -> NameServer {
        if make == Make::Bind {
            let Named { process } = Named::start(host, zones, Order::Default);
            return NameServer { make, process };
        }
        let mut command = make.settle(host, zones);
        let mut process = host.spawn(make.name(), &mut command);
        let client = Client::new(host.net(), "127.0.0.1:53".parse().expect("an address"));
        for zone in zones {
            wait::until(&format!("{} to serve {}", make.name(), zone.zone), || {
                assert!(process.is_running(), "it ended:\n{}", process.stderr());
                let answer = client.ask(zone.zone, Rtype::SOA)?;
                let there = host.path(&format!("/var/lib/bind/{}", zone.file)).exists();
                if answer.authoritative || !there { Ok(()) } else { Err(answer.rcode) }
            });
        }
        // It answers before its control socket is there.
        wait::until(&format!("{} to take orders", make.name()), || {
            let out = finish(&mut make.ask_for_status(host));
            if out.code == 0 { Ok(()) } else { Err(out.stdout + &out.stderr) }
        });
        NameServer { make, process }
    }
}

impl Make {
    fn ask_for_status(self, host: &Host) -> std::process::Command {
        let (program, word) = match self {
            Make::Bind => ("rndc", "status"),
            Make::Knot => ("knotc", "status"),
            Make::Nsd => ("nsd-control", "status"),
            Make::PowerDns => ("pdns_control", "rping"),
        };
        let mut command = host.command(program);
        command.arg(word);
        command
    }
}
