//! Libraries that were built when their version of the ABI was released, loaded by today's host.
//!
//! `tests/abi/golden/VERSION`, made by `tests/abi/golden/make`. They are of an old compiler and old
//! dependencies, which nothing that is built today can stand for.
#![cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unsafe_code)] // loads libraries

mod pair;

use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use rais_sdk::host::{Kind, Library, ProbeCall};
use rais_sdk::prelude::*;
use rais_sdk::testing::Bench;
use tempfile::TempDir;

/// Each version, and its library unpacked.
fn goldens() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/abi/golden");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let goldens: Vec<_> = entries
        .filter(|path| path.is_dir())
        .map(|path| {
            let packed = path.join("libprobe_tcp.so.xz");
            let output = Command::new("xz").arg("-dc").arg(&packed).output().unwrap();
            assert!(output.status.success(), "{}: {output:?}", packed.display());
            (path.file_name().unwrap().to_str().unwrap().to_owned(), output.stdout)
        })
        .collect();
    assert!(goldens.iter().any(|(version, _)| version == "1.0"), "the first is missing");
    goldens
}

/// One that listens, and one that nobody does.
fn targets() -> (TcpListener, [SocketAddr; 2]) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Below what the system gives to clients, and not a privileged service of this machine.
    (listener, [address, "127.0.0.1:1".parse().unwrap()])
}

/// As a host does: from memory, sealed.
#[test]
fn a_golden_library_is_loaded_and_probes() {
    for (version, octets) in goldens() {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let mut memory = File::from(memfd_create(c"rais:golden.so", flags).unwrap());
        memory.write_all(&octets).unwrap();
        let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW;
        fcntl(&memory, FcntlArg::F_ADD_SEALS(seals | SealFlag::F_SEAL_SEAL)).unwrap();

        let path = PathBuf::from(format!("/proc/self/fd/{}", memory.as_raw_fd()));
        // SAFETY: a library of this repository, sealed.
        let library = unsafe { Library::open(&path) }.unwrap_or_else(|e| panic!("{version} {e}"));
        let bench = Bench::new();
        library.greet(bench.side());
        assert_eq!(library.manifest().abi, version);
        assert_eq!(library.manifest().panic, "unwind");

        let [plugin] = &library.plugins()[..] else { panic!("{:?}", library.plugins()) };
        assert_eq!((plugin.name(), plugin.abi(), plugin.version()), ("tcp", &*version, "0.1.0"));
        assert_eq!(plugin.kinds(), [Kind::Probe]);
        assert!(plugin.about().starts_with("Probe: a TCP connect"), "{}", plugin.about());
        assert!(
            plugin.options().iter().any(|option| option.name == "tls"),
            "{:?}",
            plugin.options()
        );
        assert!(plugin.sample().contains("type = \"tcp\""), "{}", plugin.sample());

        let object = plugin.probe("{}", bench.side()).unwrap();
        let (_listener, targets) = targets();
        let [up, down] = targets.map(|address| {
            let target = Target::new(address, "web1", "www");
            let call = ProbeCall { target, timeout: Duration::from_secs(60) };
            bench.block_on(object.start(call)).unwrap()
        });
        up.unwrap();
        assert_eq!(down, Err(Fault::down("connection refused")));

        let fault = plugin.probe("{\"prot\": 80}", bench.side()).unwrap_err();
        assert_eq!((fault.kind, &*fault.at), (FaultKind::Config, "prot"));
    }
}

/// A host one minor version on.
#[test]
fn a_later_host_takes_a_golden_library() {
    let next = pair::next();
    for (version, octets) in goldens() {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().join("golden.so");
        fs::write(&path, octets).unwrap();
        let (_listener, [address, _]) = targets();
        let said = next.says(&[&path], &["probe", "tcp", "{}", &address.to_string()]);
        let [library, plugin, rest @ ..] = &said[..] else { panic!("{said:?}") };
        assert_eq!(*library, format!("library of ABI {version}, panic unwind"));
        let called = format!("tcp of ABI {version}, [Probe], Probe: a TCP connect");
        assert!(plugin.starts_with(&called), "{plugin}");
        assert_eq!(rest, ["next: None [None]", "the probe says 8", "up: "]);
    }
}
