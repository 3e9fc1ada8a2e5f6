//! `rais probe`: each probe and load of a configuration once, and nothing sent.

mod row;
mod trial;
mod verdict;

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use rais_proto::monitor::advertise::Interface;
use rais_proto::name::ServiceName;
use rais_runtime::check;
use rais_runtime::config::{self, Asked, Config, Loaded, MonitorService, Role};
use rais_runtime::host::{Foreign, LoadPort};
use rais_runtime::interfaces;
use rais_runtime::plan::Instances;
use rais_sdk::{Fault, Reading, Scope, Subject, Wish};
use tokio::time::{Instant, sleep};

use self::row::{Row, table};
use self::trial::Trial;
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
is not up, a load cannot be measured, or a server asks to be out. Of several probes that are combined
only what they say together counts.

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
    if rows.iter().any(Row::is_bad) { Err(Stop::Told) } else { Ok(()) }
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
    let mut trials = Vec::new();
    for &(name, service) in services {
        let places = trial::places(config, service, interfaces);
        if places.is_empty() {
            let text = format!(
                "service {name}: this host has no address to announce; see \
                 `advertise`, `addresses` and `exclude`"
            );
            output::error(&output::titled_warning(&text));
        }
        trials.extend(places.into_iter().map(|place| Trial::new(name, service, place)));
    }
    trial::run(&mut trials, instances).await?;
    let mut rows = Vec::new();
    for &(name, service) in services {
        let trials = || trials.iter().filter(|trial| trial.name == name);
        rows.extend(trials().flat_map(Row::trial));
        for call in service.load.iter().flat_map(|load| load.calls()) {
            let port = instances.load(call).ok_or_else(trial::missing)?;
            let subjects: Vec<Subject> = match port.scope() {
                Scope::Host => vec![Subject::new(name.as_str())],
                Scope::Target => trials().map(|trial| trial.subject(call)).collect(),
            };
            for subject in subjects {
                let answer = measured(&*port, &subject).await;
                rows.push(Row::load(name, call, &subject, answer));
            }
        }
    }
    Ok(rows)
}

/// One sample, or as many as the load needs before it has something to say.
async fn measured(port: &dyn LoadPort, subject: &Subject) -> Result<Reading, Fault> {
    let end = Instant::now() + LOAD_LIMIT;
    loop {
        let reading = port.sample(subject.clone(), LOAD_LIMIT).await?;
        let says_nothing = (reading.load, reading.weight, reading.wish) == (None, None, Wish::None);
        if !says_nothing || Instant::now() + LOAD_PAUSE > end {
            return Ok(reading);
        }
        sleep(LOAD_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::path::Path;
    use std::sync::Mutex;

    use rais_runtime::host::Answer;

    use super::*;

    fn config(services: &str) -> Config {
        let text = format!("[host]\nname = \"h\"\n{services}");
        let loaded = config::parse(Path::new("rais.toml"), &text);
        loaded.unwrap_or_else(|faults| panic!("{faults}")).config
    }

    fn wait<T>(what: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(what)
    }

    /// What is found of a service that is probed so: type and outcome of each row, and whether
    /// something is bad.
    fn found(probe: &str) -> (Vec<String>, bool) {
        // By the exit codes of checks.
        let exit =
            |code| format!("{{ type = \"exec\", argv = [\"/bin/sh\", \"-c\", \"exit {code}\"] }}");
        let probe =
            probe.replace("UP", &exit(0)).replace("DOWN", &exit(2)).replace("BLIND", &exit(3));
        let config = config(&format!(
            "[monitor.service.s]\ninterval = \"60s\"\ntimeout = \"20s\"\n\
             targets = [\"127.0.0.1\"]\nprobe = {probe}\n"
        ));
        let host = host(Foreign::AsConfigured).unwrap();
        let instances = check::instances(&config, Asked::Only(Role::Monitor), &host).unwrap();
        let services = services(&config, None).unwrap();
        let rows = wait(all(&config, &services, &instances, &[])).unwrap();
        let is_bad = rows.iter().any(Row::is_bad);
        let word = |row: &Row| {
            let row = serde_json::to_value(row).unwrap();
            let word = |key: &str| row[key].as_str().unwrap().to_owned();
            format!("{} {} {}", word("kind"), word("type"), word("outcome"))
        };
        (rows.iter().map(word).collect(), is_bad)
    }

    #[test]
    fn several_probes_are_judged_together() {
        let (up, down, blind) = ("probe exec up", "probe exec down", "probe exec unknown");
        for (probe, rows, is_bad) in [
            ("DOWN", vec![down], true),
            ("{ any = [UP, DOWN] }", vec![up, down, "service any up"], false),
            ("{ all = [UP, DOWN] }", vec![up, down, "service all down"], true),
            ("{ all = [UP, BLIND] }", vec![up, blind, "service all unknown"], false),
            ("{ of = 2, in = [UP, DOWN, UP] }", vec![up, down, up, "service 2 of 3 up"], false),
        ] {
            let rows: Vec<String> = rows.into_iter().map(str::to_owned).collect();
            assert_eq!(found(probe), (rows, is_bad), "{probe}");
        }
    }

    /// A load that gives these, one after the other.
    struct Given(Mutex<VecDeque<Reading>>);

    impl LoadPort for Given {
        fn scope(&self) -> Scope {
            Scope::Host
        }

        fn sample(&self, _: Subject, _: Duration) -> Answer<Reading> {
            let next = self.0.lock().unwrap().pop_front();
            Box::pin(async move { next.ok_or_else(|| Fault::unknown("asked too often")) })
        }
    }

    #[test]
    fn a_load_is_asked_until_it_has_something_to_say() {
        let nothing = || Reading::unknown("not yet");
        for said in
            [Reading::load(30.0), nothing().with_weight(50), nothing().with_wish(Wish::Maintenance)]
        {
            let given = Given(Mutex::new(VecDeque::from([nothing(), said.clone()])));
            assert_eq!(wait(measured(&given, &Subject::new("s"))), Ok(said));
        }
    }

    #[test]
    fn a_service_is_found_by_its_name() {
        let config = config("[monitor.service.s]\nprobe = { type = \"tcp\", port = 80 }\n");
        assert_eq!(services(&config, None).unwrap().len(), 1);
        assert_eq!(services(&config, Some("s")).unwrap().len(), 1);
        let Err(Stop::Usage(why)) = services(&config, Some("t")) else { panic!("it is found") };
        assert!(why.ends_with("there are: s"), "{why}");
    }
}
