//! Loads libraries and prints what each is and does.
//!
//! `host LIBRARIES probe TYPE TABLE ADDRESS` or `host LIBRARIES rude HOW`, with a colon between the
//! libraries.

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rais_sdk::host::{Library, ProbeCall};
use rais_sdk::testing::Bench;
use rais_sdk::{Fault, Target, Up};

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
    let plugin = library.plugins().into_iter().find(|plugin| plugin.name() == name);
    let plugin = plugin.ok_or_else(|| Fault::io("no such plugin"))?;
    let object = plugin.probe(table, bench.side())?;
    bench.block_on(object.start(call(address)?))?
}

fn rude(library: &Library, bench: &Bench, how: &str) -> Result<Up, Fault> {
    let plugin = library.plugins().into_iter().find(|plugin| plugin.name() == "rude");
    let plugin = plugin.ok_or_else(|| Fault::io("no such plugin"))?;
    let object = plugin.blocking_probe(&format!("{{\"how\": \"{how}\"}}"), bench.side())?;
    object.run(call("127.0.0.1:1")?)
}

fn call(address: &str) -> Result<ProbeCall, Fault> {
    let address = address.parse().map_err(Fault::io)?;
    let timeout = Duration::from_secs(60);
    Ok(ProbeCall { target: Target::new(address, "web1", "www"), timeout })
}
