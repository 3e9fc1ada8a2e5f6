//! `rais probe`: each probe and load of a configuration once, and nothing sent.

mod row;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use rais_proto::monitor::advertise::{self, Interface};
use rais_proto::name::ServiceName;
use rais_runtime::check;
use rais_runtime::config::{self, Asked, Call, Config, Loaded, MonitorService, Role};
use rais_runtime::host::{Foreign, LoadPort};
use rais_runtime::interfaces;
use rais_runtime::plan::Instances;
use rais_runtime::plan::monitor::selection;
use rais_sdk::{Fault, Reading, Scope, Subject, Target, Up};
use tokio::time::{Instant, sleep};

use self::row::{Outcome, Row, table};
use super::plugins::host;
use crate::args::{ConfigFile, Output};
use crate::exit::Stop;
use crate::output::{self, Format};

/// Arguments of `rais probe`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    config: ConfigFile,
    /// Only this service
    service: Option<String>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
No beat is sent and no state is kept; a rais that runs is not disturbed. Exit code 1 where something
is not up or a load cannot be measured.

Examples:
  rais probe -c rais.toml
  rais probe -c rais.toml http --output json";

/// A load that needs several samples before it knows is given so long.
const LOAD_LIMIT: Duration = Duration::from_secs(3);
/// Between two of its samples: the processor's own counters are coarse.
const LOAD_PAUSE: Duration = Duration::from_millis(300);

/// Probes, and prints what was found.
///
/// # Errors
/// A service that is not up, or not in the configuration; a configuration that is at fault.
pub(crate) fn run(args: &ProbeArgs) -> Result<(), Stop> {
    crate::logging::quiet()?;
    let host = host(Foreign::AsConfigured)?;
    let asked = Asked::Only(Role::Monitor);
    let Loaded { config, .. } = config::load_for(&args.config.path, asked)?;
    let services = services(&config, args.service.as_deref())?;
    let instances = check::instances(&config, asked, &host)?;
    let interfaces = interfaces::list().context("the addresses of this host")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("the event loop")?;
    let rows = runtime.block_on(all(&config, &services, &instances, &interfaces))?;
    match args.output.format {
        Format::Json => output::json(&rows)?,
        Format::Human => output::text(&table(&rows).to_string())?,
    }
    let bad = |row: &Row| !matches!(row.outcome, Outcome::Up | Outcome::Known | Outcome::Unknown);
    if rows.iter().any(bad) { Err(Stop::Told) } else { Ok(()) }
}

/// The services to probe: the one that is named, or all.
fn services<'a>(
    config: &'a Config,
    named: Option<&str>,
) -> Result<Vec<(&'a ServiceName, &'a MonitorService)>, Stop> {
    let all = &config.monitor.services;
    let names = || all.keys().map(ServiceName::as_str).collect::<Vec<_>>().join(", ");
    let found: Vec<_> =
        all.iter().filter(|(name, _)| named.is_none_or(|named| named == name.as_str())).collect();
    match (found.is_empty(), named) {
        (false, _) => Ok(found),
        (true, None) => {
            Err(Stop::Usage("nothing to probe: no [monitor.service.NAME] is written".to_owned()))
        }
        (true, Some(named)) => Err(Stop::Usage(format!(
            "no [monitor.service.{named}] is written; there are: {}",
            names()
        ))),
    }
}

async fn all(
    config: &Config,
    services: &[(&ServiceName, &MonitorService)],
    instances: &Instances,
    interfaces: &[Interface],
) -> Result<Vec<Row>, Stop> {
    let missing = || Stop::Failed(anyhow!("a plugin's instance is missing"));
    // Every probe is under way before the first is awaited.
    let mut probing = Vec::new();
    let mut all_places = Vec::new();
    for (name, service) in services {
        let places = places(config, service, interfaces);
        if places.is_empty() {
            let text = format!(
                "service {name}: this host has no address to announce; see \
                 `advertise`, `addresses` and `exclude`"
            );
            output::error(&output::titled_warning(&text));
        }
        for call in service.probe.calls() {
            let port = instances.probe(call).ok_or_else(missing)?;
            let timeout = call.timeout.unwrap_or(service.timeout);
            for (place, target) in targets(name, call, &places) {
                let answer = port.probe(target.clone(), timeout);
                probing.push((*name, call, place, target, answer));
            }
        }
        all_places.push(places);
    }
    let mut rows = Vec::new();
    let mut found: BTreeMap<(&ServiceName, IpAddr), Up> = BTreeMap::new();
    for (name, call, place, target, answer) in probing {
        let answer = answer.await;
        if let Ok(up) = &answer {
            // Of several probes the slowest counts, as in a monitor.
            let last = found.entry((name, place)).or_insert_with(|| up.clone());
            if last.took < up.took {
                last.clone_from(up);
            }
        }
        rows.push(Row::probe(name, call, &target, &answer));
    }
    for ((name, service), places) in services.iter().zip(&all_places) {
        for call in service.load.iter().flat_map(|load| load.calls()) {
            let port = instances.load(call).ok_or_else(missing)?;
            let subjects: Vec<Subject> = match port.scope() {
                Scope::Host => vec![Subject::new(name.as_str())],
                Scope::Target => targets(name, call, places)
                    .into_iter()
                    .map(|(place, target)| {
                        let subject = Subject::new(name.as_str()).with_target(target);
                        let last = found.get(&(*name, place)).cloned();
                        last.into_iter().fold(subject, Subject::with_last)
                    })
                    .collect(),
            };
            for subject in subjects {
                let answer = measured(&port, &subject).await;
                rows.push(Row::load(name, call, &subject, answer));
            }
        }
    }
    rows.sort_by(|a, b| a.service.cmp(&b.service));
    Ok(rows)
}

/// The addresses that the service is announced with, and their names.
fn places(
    config: &Config,
    service: &MonitorService,
    interfaces: &[Interface],
) -> Vec<(IpAddr, String)> {
    if !service.targets.is_empty() {
        let targets = service.targets.iter();
        let name = |target: &config::Target| target.name.clone().unwrap_or_default();
        return targets.map(|target| (target.address, name(target))).collect();
    }
    let which = selection(&service.addresses);
    let own = advertise::advertised(interfaces, &which, &config.monitor.exclude);
    own.into_iter().map(|address| (address, config.host.name.to_string())).collect()
}

/// What a call is asked about, each with the first of the addresses that it stands for.
fn targets(name: &ServiceName, call: &Call, places: &[(IpAddr, String)]) -> Vec<(IpAddr, Target)> {
    let mut targets: Vec<(IpAddr, Target)> = Vec::new();
    for (place, machine) in places {
        let address = SocketAddr::new(call.address.unwrap_or(*place), call.port.unwrap_or(0));
        // An address of the table's own stands for all.
        if !targets.iter().any(|(_, target)| target.address == address) {
            targets.push((*place, Target::new(address, machine.clone(), name.as_str())));
        }
    }
    targets
}

/// One sample, or as many as the load needs before it knows.
async fn measured(port: &Arc<dyn LoadPort>, subject: &Subject) -> Result<Reading, Fault> {
    let end = Instant::now() + LOAD_LIMIT;
    loop {
        let reading = port.sample(subject.clone(), LOAD_LIMIT).await?;
        if reading.load.is_some() || Instant::now() + LOAD_PAUSE > end {
            return Ok(reading);
        }
        sleep(LOAD_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rais_proto::monitor::advertise::{InterfaceAddress, InterfaceKind, Lifetime, Link};

    use super::*;

    fn config(service: &str) -> Config {
        let text = format!(
            "[host]\nname = \"h\"\n[monitor]\nexclude = [\"192.0.2.0/24\"]\n\
             [monitor.service.s]\n{service}\n"
        );
        let loaded = config::parse(Path::new("rais.toml"), &text);
        loaded.unwrap_or_else(|faults| panic!("{faults}")).config
    }

    fn eth0() -> Interface {
        let addresses = ["198.51.100.1", "192.0.2.1", "2001:db8::1"].map(|ip| InterfaceAddress {
            ip: ip.parse().unwrap(),
            prefix_len: 24,
            scope: advertise::Scope::Global,
            lifetime: Lifetime::Lasting,
        });
        let (kind, link) = (InterfaceKind::Ethernet, Link::Up);
        Interface { name: "eth0".to_owned(), kind, link, addresses: addresses.to_vec() }
    }

    fn probed(service: &str) -> Vec<String> {
        let config = config(service);
        let (name, service) = config.monitor.services.first_key_value().unwrap();
        let places = places(&config, service, &[eth0()]);
        let calls = service.probe.calls();
        targets(name, calls[0], &places).iter().map(|(_, target)| row::shown(target)).collect()
    }

    #[test]
    fn every_address_that_is_announced_is_probed() {
        let each = probed("probe = { type = \"tcp\", port = 80 }");
        assert_eq!(each, ["198.51.100.1:80", "[2001:db8::1]:80"]);
    }

    #[test]
    fn an_address_in_the_table_is_probed_once_for_all() {
        let one = probed("probe = { type = \"tcp\", port = 80, address = \"127.0.0.1\" }");
        assert_eq!(one, ["127.0.0.1:80"]);
    }

    #[test]
    fn targets_take_the_place_of_own_addresses() {
        let service = "targets = [\"203.0.113.7\"]\nprobe = { type = \"x\" }";
        assert_eq!(probed(service), ["203.0.113.7"]);
    }

    #[test]
    fn a_service_is_found_by_its_name() {
        let config = config("probe = { type = \"tcp\", port = 80 }");
        assert_eq!(services(&config, None).unwrap().len(), 1);
        assert_eq!(services(&config, Some("s")).unwrap().len(), 1);
        let Err(Stop::Usage(why)) = services(&config, Some("t")) else { panic!("it is found") };
        assert!(why.ends_with("there are: s"), "{why}");
    }
}
