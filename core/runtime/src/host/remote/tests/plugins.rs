//! Plugins that do what they are told with each call, be it the end of their process.
#![allow(unsafe_code)] // writes where nothing is

use std::collections::BTreeMap;
use std::fs;
use std::future::pending;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use rais_sdk::prelude::*;

#[config]
struct WilfulConfig {
    /// Done in `new`.
    #[serde(default)]
    new: String,
}

/// Does what harms its process.
fn harm(how: &str) {
    match how {
        "abort" => std::process::abort(),
        "exit" => std::process::exit(7),
        // SAFETY: none; this is how a plugin dies that does such things.
        "segv" => unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) },
        "overflow" => drop(dive(0)),
        "allocate" => {
            let mut all = Vec::new();
            loop {
                all.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "panic" => panic!("as it was told"),
        "block" => loop {
            thread::sleep(Duration::from_secs(60));
        },
        "spin" => loop {
            black_box(());
        },
        "print" => {
            println!("said on standard output");
            eprintln!("said on standard error");
        }
        _ => {}
    }
}

fn dive(depth: u64) -> u64 {
    let room = black_box([depth; 512]);
    if depth == u64::MAX {
        return depth;
    }
    room[0] + black_box(dive(depth + 1)) + room[511]
}

fn made(config: &WilfulConfig) -> Result<(), Fault> {
    harm(&config.new);
    match config.new.as_str() {
        "refuse" => Err(Fault::config("new", "must not be `refuse`")),
        // The first makes the file, all others are refused.
        once if once.starts_with('/') => match fs::File::create_new(once) {
            Ok(_) => Ok(()),
            Err(error) => Err(Fault::io(error)),
        },
        _ => Ok(()),
    }
}

fn fault(what: &str) -> Result<(), Fault> {
    match what {
        "down" => Err(Fault::down("is down")),
        "unknown" => Err(Fault::unknown("is unknown")),
        "busy" => Err(Fault::busy("is busy")),
        "refused" => Err(Fault::refused("is refused")),
        "io" => Err(Fault::io("is io")),
        "timeout" => Err(Fault::timeout("here", "is late")),
        _ => Ok(()),
    }
}

/// Its orders are the services of its targets, its files their names.
struct Wilful;

/// Makes a file when it is dropped.
struct Tells(String);

impl Drop for Tells {
    fn drop(&mut self) {
        fs::write(format!("{}.dropped", self.0), "").unwrap();
    }
}

impl Probe for Wilful {
    const NAME: &'static str = "wilful";
    const SAMPLE: &'static str = "type = \"wilful\"";
    type Config = WilfulConfig;

    fn new(config: WilfulConfig) -> Result<Wilful, Fault> {
        made(&config).map(|()| Wilful)
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        harm(&target.service);
        fault(&target.service)?;
        match target.service.as_str() {
            "wait" => {
                let _tells = Tells(target.name.clone());
                fs::write(format!("{}.begun", target.name), "").map_err(Fault::io)?;
                cx.phase("waiting");
                pending::<()>().await;
            }
            "log" => cx.log(&target.name),
            "pause" => cx.sleep(Duration::from_millis(300)).await,
            _ => {}
        }
        let detail = format!("{} in {}", target.name, std::process::id());
        Ok(Up::new(cx.elapsed()).with_load(12.5).with_detail(detail))
    }
}

/// Its orders are the services that it is asked about.
struct WilfulLoad;

impl Load for WilfulLoad {
    const NAME: &'static str = "wilful";
    const SAMPLE: &'static str = "type = \"wilful\"";
    const SCOPE: Scope = Scope::Target;
    type Config = WilfulConfig;

    fn new(config: WilfulConfig) -> Result<WilfulLoad, Fault> {
        made(&config).map(|()| WilfulLoad)
    }

    fn sample(&self, of: &Subject) -> Result<Reading, Fault> {
        harm(&of.service);
        fault(&of.service)?;
        let about = format!("{:?} {:?}", of.target, of.last);
        Ok(Reading::load(99.5).with_wish(Wish::Drain).with_weight(50).with_reason(about))
    }
}

struct WilfulBlocking;

impl BlockingProbe for WilfulBlocking {
    const NAME: &'static str = "wilful-blocking";
    const SAMPLE: &'static str = "type = \"wilful-blocking\"";
    type Config = WilfulConfig;

    fn new(config: WilfulConfig) -> Result<WilfulBlocking, Fault> {
        made(&config).map(|()| WilfulBlocking)
    }

    fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        harm(&target.service);
        fault(&target.service)?;
        Ok(Up::new(cx.elapsed()).with_detail(std::process::id().to_string()))
    }
}

/// Keeps what is published. Its orders are the reasons of publications; stopped, it makes a file.
struct WilfulShelf {
    served: Mutex<BTreeMap<String, Served>>,
    stopped: Option<PathBuf>,
}

#[config]
struct ShelfConfig {
    #[serde(default)]
    stopped: Option<PathText>,
}

impl Sink for WilfulShelf {
    const NAME: &'static str = "wilful";
    const SAMPLE: &'static str = "type = \"wilful\"";
    type Config = ShelfConfig;

    fn new(config: ShelfConfig, _: Host) -> Result<WilfulShelf, Fault> {
        Ok(WilfulShelf { served: Mutex::default(), stopped: config.stopped.map(PathBuf::from) })
    }

    /// Of a zone that is its, something is served from the first.
    fn assign(&self, zones: &[&str]) -> Result<(), Fault> {
        let mut served = self.served.lock().unwrap();
        served.retain(|zone, _| zones.contains(&zone.as_str()));
        for &zone in zones {
            fault(zone)?;
            served.entry(zone.to_owned()).or_default();
        }
        Ok(())
    }

    fn publish(&self, zone: &Zone<'_>) -> Result<u32, Fault> {
        harm(&zone.head.reason);
        fault(&zone.head.reason)?;
        let records = zone.records().collect();
        let served = Served::new(Some(zone.head.serial), zone.head.owners.clone(), records);
        self.served.lock().unwrap().insert(zone.name.to_owned(), served);
        Ok(zone.head.serial + u32::try_from(zone.added().len() + zone.removed().len()).unwrap())
    }

    fn served(&self, zone: &str) -> Result<Option<Served>, Fault> {
        Ok(self.served.lock().unwrap().get(zone).cloned())
    }

    fn stop(&self) {
        if let Some(stopped) = &self.stopped {
            fs::write(stopped, "").unwrap();
        }
    }
}

/// Delivers what it is given to itself; a datagram may be an order.
struct WilfulEcho(Mutex<Option<Inbox>>);

impl Transport for WilfulEcho {
    const NAME: &'static str = "wilful";
    const SAMPLE: &'static str = "type = \"wilful\"";
    type Config = WilfulConfig;

    fn new(config: WilfulConfig, _: Host) -> Result<WilfulEcho, Fault> {
        made(&config).map(|()| WilfulEcho(Mutex::default()))
    }

    fn start(&self, inbox: Inbox) -> Result<(), Fault> {
        *self.0.lock().unwrap() = Some(inbox);
        Ok(())
    }

    fn send(&self, data: &[u8]) -> Result<(), Fault> {
        if let Ok(order) = std::str::from_utf8(data) {
            harm(order);
            fault(order)?;
        }
        let inbox = self.0.lock().unwrap();
        let inbox = inbox.as_ref().ok_or_else(|| Fault::io("not started"))?;
        let from = "[2001:db8::1]:5369".parse().unwrap();
        let batch: Vec<_> = match data {
            b"flood" => (0..10_000).map(|_| Datagram::new(None, data)).collect(),
            _ => vec![Datagram::new(Some(from), data)],
        };
        match inbox.deliver(&batch) {
            0 => Err(Fault::busy("the queue is full")),
            _ => Ok(()),
        }
    }
}

rais_sdk::plugin!(probe Wilful);
rais_sdk::plugin!(load WilfulLoad);
rais_sdk::plugin!(blocking_probe WilfulBlocking);
rais_sdk::plugin!(sink WilfulShelf);
rais_sdk::plugin!(transport WilfulEcho);
