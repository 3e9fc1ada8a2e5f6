//! A monitor with little to do.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use rais_tests::process::Process;

use super::monitor::Monitor;
use super::pages::Pages;
use super::{product, usage};

const SERVICES: u16 = 10;

/// As often as Prometheus asks in the configuration that comes with it.
const SCRAPED: Duration = Duration::from_secs(15);

/// Measures a monitor of ten services beside prometheus-node-exporter, in the same run.
///
/// Five are probed by `http` and five by `tcp`, on one address, all with the defaults (500 ms); the load is the
/// CPU's. The exporter is as it comes, and asked for its page every 15 seconds.
///
/// The goals: at most 1 % of a core and 12 MB.
#[derive(Args)]
pub(crate) struct Idle {
    /// How long it is measured, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

impl Idle {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let rais = product::build()?;
        let pages = Pages::start(SERVICES, Duration::from_millis(500))?;
        let mut monitor = Monitor::start(&rais, &config(&pages.ports))?;
        let exporter = Exporter::start()?;
        monitor.until_up(SERVICES.into())?;
        exporter.fetch()?;
        monitor.watch(Duration::from_secs(5))?;

        let time = Duration::from_secs(self.seconds);
        let (begun, before) = (Instant::now(), usage::cpu_of(exporter.process.id())?);
        let done = AtomicBool::new(false);
        let ((used, fell), fetched) = std::thread::scope(|scope| -> anyhow::Result<_> {
            let fetching = scope.spawn(|| exporter.fetch_until(&done));
            let watched = monitor.watch(time);
            done.store(true, Ordering::Relaxed);
            let fetched = fetching.join().ok().context("the scrapes")??;
            Ok((watched?, fetched))
        })?;
        let cpu = usage::cpu_of(exporter.process.id())?.saturating_sub(before);
        let cpu = cpu.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0;
        let pss = usage::pss_mb(exporter.process.id())?;

        println!(
            "{} s; {SERVICES} services, found down {fell} times; {fetched} scrapes",
            self.seconds
        );
        println!("  {:<28}{:>12}{:>12}{:>16}", "", "rais", "goal", "node_exporter");
        let row = |what: &str, ours: String, goal: &str, theirs: String| {
            println!("  {what:<28}{ours:>12}{goal:>12}{theirs:>16}");
        };
        row("processor, of one core", format!("{:.2} %", used.cpu), "1 %", format!("{cpu:.2} %"));
        row("memory (PSS)", format!("{:.1} MB", used.pss_mb), "12 MB", format!("{pss:.1} MB"));
        Ok(())
    }
}

fn config(ports: &[u16]) -> String {
    let mut config = String::from("[monitor]\nadvertise = [\"127.0.0.1\"]\n");
    for (number, port) in (1..).zip(ports) {
        let probe = ["http", "tcp"][number % 2];
        // Into a String it cannot fail.
        let _ = write!(
            config,
            "[monitor.service.it{number}]\nprobe = {{ type = \"{probe}\", port = {port} }}\n\
             load = {{ type = \"cpu\" }}\n"
        );
    }
    config
}

/// Prometheus's exporter of a host's figures.
struct Exporter {
    process: Process,
    address: std::net::SocketAddr,
    // Last: what uses the folder is dropped before it.
    _folder: tempfile::TempDir,
}

impl Exporter {
    fn start() -> anyhow::Result<Exporter> {
        let folder = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new("prometheus-node-exporter");
        command.arg(format!("--web.listen-address={address}"));
        let process = Process::spawn("exporter", folder.path(), &mut command);
        let mut exporter = Exporter { process, address, _folder: folder };
        let limit = Instant::now() + Duration::from_secs(20);
        while exporter.fetch().is_err() {
            let said = exporter.process.stderr();
            ensure!(exporter.process.is_running(), "prometheus-node-exporter ended:\n{said}");
            ensure!(Instant::now() < limit, "prometheus-node-exporter does not answer:\n{said}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(exporter)
    }

    fn fetch(&self) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
        let mut page = Vec::new();
        stream.read_to_end(&mut page)?;
        ensure!(page.starts_with(b"HTTP/1.0 200"), "no page");
        Ok(())
    }

    /// Fetches its page now and then; how often.
    fn fetch_until(&self, done: &AtomicBool) -> anyhow::Result<usize> {
        let (mut fetched, mut last) = (0, None::<Instant>);
        while !done.load(Ordering::Relaxed) {
            if last.is_none_or(|last| last.elapsed() >= SCRAPED) {
                self.fetch()?;
                (fetched, last) = (fetched + 1, Some(Instant::now()));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(fetched)
    }
}
