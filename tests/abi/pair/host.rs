//! Loads libraries and prints what each is and does.
//!
//! `host LIBRARIES probe TYPE TABLE ADDRESS` or `host LIBRARIES rude HOW`, `sink`, `transport`,
//! `fresh`, with a colon between the libraries.

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rais_sdk::host::{Declared, Library, ProbeCall, Receive};
use rais_sdk::testing::Bench;
use rais_sdk::{Datagram, Fault, Target, Up};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [paths, rest @ ..] = &arguments[..] else { return ExitCode::from(2) };
    // All of them first: what is compared with what has been loaded before is compared then.
    let mut libraries = Vec::new();
    for path in paths.split(':') {
        // SAFETY: a test's own library.
        match unsafe { Library::open(Path::new(path)) } {
            Ok(library) => libraries.push(library),
            Err(refused) => {
                println!("refused: {refused}");
                return ExitCode::FAILURE;
            }
        }
    }
    for library in &libraries {
        tell(library);
        let bench = Bench::new();
        library.greet(bench.side());
        let outcome = match *rest {
            ["probe", name, table, address] => probe(library, &bench, name, table, address),
            ["rude", how] => rude(library, &bench, how),
            ["sink"] => sink(library, &bench),
            ["transport"] => transport(library, &bench),
            ["fresh"] => fresh(library, &bench),
            _ => return ExitCode::from(2),
        };
        match outcome {
            Ok(up) => println!("up: {}", up.detail),
            Err(fault) => println!("{}: {fault}", fault.kind),
        }
        for (level, line) in bench.lines() {
            println!("{level:?}: {line}");
        }
    }
    ExitCode::SUCCESS
}

fn tell(library: &Library) {
    let manifest = library.manifest();
    println!("library of ABI {}, panic {}", manifest.abi, manifest.panic);
    for plugin in library.plugins() {
        let options: Vec<_> = plugin.options().into_iter().map(|option| option.name).collect();
        let (name, abi) = (plugin.name(), plugin.abi());
        println!("{name} of ABI {abi}, {:?}, {}, {options:?}", plugin.kinds(), plugin.about());
    }
    #[cfg(feature = "next")]
    {
        let plugins: Vec<_> = library.plugins().iter().map(|plugin| plugin.next()).collect();
        println!("next: {:?} {plugins:?}", library.next());
    }
}

fn probe(
    library: &Library,
    bench: &Bench,
    name: &str,
    table: &str,
    address: &str,
) -> Result<Up, Fault> {
    let object = plugin(library, name)?.probe(table, bench.side())?;
    #[cfg(feature = "next")]
    println!("the probe says {}", object.next());
    bench.block_on(object.start(call(address)?))?
}

fn rude(library: &Library, bench: &Bench, how: &str) -> Result<Up, Fault> {
    let table = format!("{{\"how\": \"{how}\"}}");
    let object = plugin(library, "rude")?.blocking_probe(&table, bench.side())?;
    object.run(call("127.0.0.1:1")?)
}

fn sink(library: &Library, bench: &Bench) -> Result<Up, Fault> {
    let object = plugin(library, "keep")?.sink("{}", bench.side())?;
    #[cfg(feature = "next")]
    println!("the sink says {}", object.next());
    let served = object.served("zone")?;
    object.stop();
    Ok(detail(format!("{served:?}")))
}

fn transport(library: &Library, bench: &Bench) -> Result<Up, Fault> {
    struct Print;

    impl Receive for Print {
        fn deliver(&self, batch: &[Datagram<'_>]) -> usize {
            for datagram in batch {
                println!("received: {}", String::from_utf8_lossy(datagram.data));
            }
            batch.len()
        }
    }

    let object = plugin(library, "carry")?.transport("{}", bench.side())?;
    object.start(Arc::new(Print))?;
    object.stop();
    Ok(detail(String::new()))
}

/// Of a kind that only the next version has.
fn fresh(library: &Library, bench: &Bench) -> Result<Up, Fault> {
    let plugin = plugin(library, "fresh")?;
    #[cfg(feature = "next")]
    println!("the new kind says {:?}", plugin.next_kind(bench.side()));
    plugin.probe("{}", bench.side()).map(|_| detail(String::new()))
}

fn plugin(library: &Library, name: &str) -> Result<Declared, Fault> {
    let plugin = library.plugins().into_iter().find(|plugin| plugin.name() == name);
    plugin.ok_or_else(|| Fault::io("no such plugin"))
}

fn detail(detail: String) -> Up {
    Up::new(Duration::ZERO).with_detail(detail)
}

fn call(address: &str) -> Result<ProbeCall, Fault> {
    let address = address.parse().map_err(Fault::io)?;
    let timeout = Duration::from_secs(60);
    Ok(ProbeCall { target: Target::new(address, "web1", "www"), timeout })
}
