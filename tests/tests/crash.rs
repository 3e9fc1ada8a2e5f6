//! `kill -9` of the binder while the zone churns: the file is valid at every moment, the serial
//! never goes back, nothing is left lying about.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rais_tests::dns::{check_zone, is_after};
use rais_tests::host::Host;
use rais_tests::process::Process;
use rais_tests::site::{Site, address, grow};
use rais_tests::{binary, count, status, wait};

const ZONE: &str = "www.example";
const CONFIG: &str = "/var/lib/bind/rais.toml";
/// Of the web host: churn among eight addresses.
const NUMBERS: std::ops::RangeInclusive<u8> = 1..=8;

const TEXT: &str = r#"
[cluster]
name = "crash"
insecure = true
[transport.lan]
type = "udp"
[monitor]
exclude = ["192.0.2.0/24"]
[monitor.service.www]
interval = "50ms"
timeout = "40ms"
fast_interval = "10ms"
rise = 1
fall = 1
flapping = "ignore"
probe = { type = "tcp", port = 80 }
[zone."www.example"]
header = "../header"
sinks = ["files"]
[binder]
gap = "5ms"
[binder.service.www]
zone = "www.example"
[sink.files]
type = "bind"
directory = "zones"
reload = { type = "none" }
"#;

fn every_address() -> BTreeSet<IpAddr> {
    NUMBERS.map(address).collect()
}

/// Servers that come and go on the web host until `stop`; all are up at the end.
fn churn(web: &Host, stop: &AtomicBool) -> Vec<TcpListener> {
    web.net().enter(|| {
        // The kernel may hold an address for a moment after its last probe.
        let listen = |at: IpAddr| {
            wait::until("a listener", || {
                TcpListener::bind(SocketAddr::new(at, 80)).map_err(|error| error.to_string())
            })
        };
        let mut random = fastrand::Rng::with_seed(1997);
        let mut listeners: Vec<Option<TcpListener>> =
            NUMBERS.map(|n| Some(listen(address(n)))).collect();
        while !stop.load(Ordering::Relaxed) {
            let which = random.usize(..listeners.len());
            listeners[which] = match listeners[which].take() {
                Some(_) => None,
                None => Some(listen(NUMBERS.map(address).nth(which).unwrap())),
            };
            std::thread::sleep(Duration::from_millis(random.u64(5..25)));
        }
        let last = NUMBERS.map(address).zip(listeners);
        last.map(|(at, listener)| listener.unwrap_or_else(|| listen(at))).collect()
    })
}

/// What the checker saw.
#[derive(Default)]
struct Watched {
    checks: AtomicU64,
    serial: std::sync::Mutex<Option<u32>>,
}

/// Has `named-checkzone` read the file again and again until `stop`.
fn check_until(stop: &AtomicBool, file: &Path, watched: &Watched) -> Result<(), String> {
    while !stop.load(Ordering::Relaxed) {
        let serial = check_zone(ZONE, file)?.serial;
        let before = watched.serial.lock().unwrap().replace(serial);
        if let Some(before) = before.filter(|&before| before != serial && !is_after(serial, before))
        {
            return Err(format!("the serial went from {before} to {serial}"));
        }
        watched.checks.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// The serial in the file as it lies there.
fn serial_of(file: &Path) -> Result<u32, String> {
    check_zone(ZONE, file).map(|checked| checked.serial)
}

fn start_binder(host: &Host) -> Process {
    host.spawn("binder", host.command(binary::rais()).args(["binder", "-c", CONFIG]))
}

#[test]
fn no_crash_breaks_the_zone() {
    let site = Site::new();
    let (web, ns) = (site.host("web1", 1), site.host("ns1", 53));
    NUMBERS.skip(1).for_each(|number| grow(&web, number));
    for host in [&web, &ns] {
        host.write(CONFIG, TEXT);
    }
    ns.write("/var/lib/header", &rais_tests::site::header(ZONE, 4_294_967_000));
    std::fs::create_dir(ns.path("/var/lib/bind/zones")).unwrap();
    let file = ns.path("/var/lib/bind/zones/www.example.zone");

    let (stop_churn, stop_checks) = (AtomicBool::new(false), AtomicBool::new(false));
    let watched = Watched::default();
    std::thread::scope(|scope| {
        let _stop = StopOnDrop([&stop_churn, &stop_checks]);
        let churning = scope.spawn(|| churn(&web, &stop_churn));
        let _monitor = web.start("monitor", CONFIG);
        let mut binder = start_binder(&ns);
        wait::until("the first publication", || {
            assert!(binder.is_running(), "{}", binder.stderr());
            serial_of(&file)
        });
        let checking = scope.spawn(|| check_until(&stop_checks, &file, &watched));

        let mut random = fastrand::Rng::with_seed(817_020);
        for kill in 1..=count(20, 500) {
            let before = serial_of(&file).unwrap();
            wait::until(&format!("churn before kill {kill}"), || {
                assert!(binder.is_running(), "{}", binder.stderr());
                let now = serial_of(&file)?;
                if is_after(now, before) { Ok(()) } else { Err(format!("serial {now}")) }
            });
            // Somewhere in the course of a publication, each time somewhere else.
            let until = Instant::now() + Duration::from_micros(random.u64(..20_000));
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            binder.kill();
            binder = start_binder(&ns);
        }

        stop_churn.store(true, Ordering::Relaxed);
        let _last = churning.join().unwrap();
        status::until_set(&ns, "www", &every_address());
        wait::until("the last set to be in the file", || {
            let addresses = check_zone(ZONE, &file)?.addresses;
            if addresses == every_address() { Ok(()) } else { Err(format!("{addresses:?}")) }
        });
        stop_checks.store(true, Ordering::Relaxed);
        checking.join().unwrap().unwrap();
        assert!(watched.checks.load(Ordering::Relaxed) > 20);

        // Nothing but the zone is left in the folder, once the last publication has ended: the file
        // may have held this very set before it.
        wait::until("nothing but the zone in the folder", || {
            let names: Vec<_> = std::fs::read_dir(file.parent().unwrap())
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            if names == ["www.example.zone"] { Ok(()) } else { Err(format!("{names:?}")) }
        });
        assert!(binder.is_running());
    });
}

/// A panic must not leave the scope waiting for its threads.
struct StopOnDrop<'a>([&'a AtomicBool; 2]);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|stop| stop.store(true, Ordering::Relaxed));
    }
}

#[test]
fn a_second_binder_on_the_same_state_is_refused() {
    let site = Site::new();
    let ns = site.host("ns1", 53);
    // Neither the port nor the socket is shared: the state alone must stop the second.
    let other = TEXT.replace("type = \"udp\"", "type = \"udp\"\nport = 5999")
        + "[control]\nsocket = \"/run/other/{role}.sock\"\n";
    ns.write(CONFIG, TEXT);
    ns.write("/var/lib/bind/other.toml", &other);
    ns.write("/var/lib/header", &rais_tests::site::header(ZONE, 1));
    std::fs::create_dir(ns.path("/var/lib/bind/zones")).unwrap();
    let mut first = ns.start("binder", CONFIG);

    let mut second = ns.spawn(
        "second",
        ns.command(binary::rais()).args(["binder", "-c", "/var/lib/bind/other.toml"]),
    );
    assert!([1, 2].contains(&second.finished()), "{}", second.stderr());
    let said = second.stderr();
    assert!(said.contains("/var/lib/rais"), "which state is not said: {said}");
    assert!(said.contains(&first.id().to_string()), "who has it is not said: {said}");
    assert!(first.is_running());
    status::binder(&ns).unwrap();

    // The lock dies with its holder, however it dies.
    first.kill();
    let _again = ns.start("binder", CONFIG);
}
