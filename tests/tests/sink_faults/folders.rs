//! The folder of the zone files is full, read-only, or gone.

use std::fs;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rais_tests::host::Host;
use rais_tests::named::ZoneFile;
use rais_tests::nameserver::{Make, NameServer};
use rais_tests::site;

use super::stage::{ILL, Stage, UNHARMED, Which};

const FOLDER: &str = "/var/lib/bind/zones";
const FILE: &str = "/var/lib/bind/zones/ill.example.zone";

/// A stage whose failing zone's files are in [`FOLDER`], read by BIND.
fn stage(host: Host) -> (Stage, NameServer) {
    host.write(FILE, &site::header(ILL, 1));
    let zones = [ZoneFile { zone: ILL, file: "zones/ill.example.zone" }];
    let server = NameServer::start(Make::Bind, &host, &zones);
    let table = format!(
        "type = \"bind\"\ndirectory = {FOLDER:?}\nverify = \"127.0.0.1:53\"\n\
         verify_interval = \"1h\"\nreload = {}",
        Make::Bind.reload()
    );
    (Stage::new(host, &table, UNHARMED), server)
}

/// The zone's file is right, and nothing is left lying beside it.
fn is_right(stage: &Stage) {
    assert_eq!(stage.file(Which::Ill, FILE).unwrap(), stage.up(Which::Ill));
    let names = fs::read_dir(stage.host.path(FOLDER)).unwrap().map(|it| it.unwrap().file_name());
    let names: Vec<_> = names.filter(|name| name != "filling").collect();
    assert_eq!(names, ["ill.example.zone"]);
}

/// Runs `test` where it may mount what it likes: it is gone with the thread.
fn apart(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNS).expect("mounts of its own: needs root");
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
            test();
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// A file system of this size, in KiB.
fn mount_small(at: &Path, size: u32) {
    fs::create_dir_all(at).unwrap();
    let size = format!("size={size}k");
    mount(Some("zones"), at, Some("tmpfs"), MsFlags::empty(), Some(&*size)).unwrap();
}

#[test]
fn one_that_is_full() {
    apart(|| {
        let host = Host::new("ns1");
        mount_small(&host.path(FOLDER), 64);
        let (stage, _server) = stage(host);
        let filling = stage.host.path(&format!("{FOLDER}/filling"));
        // As much as there is.
        let full = fs::write(&filling, vec![b'x'; 1 << 20]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        let before = fs::read(stage.host.path(FILE)).unwrap();
        stage.plays_through("writing a new one beside it: No space left on device", || {
            assert_eq!(fs::read(stage.host.path(FILE)).unwrap(), before);
            fs::remove_file(&filling).unwrap();
        });
        is_right(&stage);
    });
}

#[test]
fn one_that_is_read_only() {
    apart(|| {
        let host = Host::new("ns1");
        mount_small(&host.path(FOLDER), 1024);
        let (stage, _server) = stage(host);
        let folder = stage.host.path(FOLDER);
        let remount = |flags: MsFlags| {
            let none: Option<&str> = None;
            mount(none, &folder, none, MsFlags::MS_REMOUNT | flags, none).unwrap();
        };
        remount(MsFlags::MS_RDONLY);
        let before = fs::read(stage.host.path(FILE)).unwrap();
        stage.plays_through("writing a new one beside it: Read-only file system", || {
            assert_eq!(fs::read(stage.host.path(FILE)).unwrap(), before);
            remount(MsFlags::empty());
        });
        is_right(&stage);
    });
}

#[test]
fn one_that_is_gone() {
    let (stage, _server) = stage(Host::new("ns1"));
    let (folder, away) = (stage.host.path(FOLDER), stage.host.path("/var/lib/bind/away"));
    fs::rename(&folder, &away).unwrap();
    stage.plays_through("writing a new one beside it: No such file or directory", || {
        fs::rename(&away, &folder).unwrap();
    });
    is_right(&stage);

    // And one that comes back empty.
    fs::remove_dir_all(&folder).unwrap();
    stage.set(Which::Ill, &["192.0.2.1"]);
    rais_tests::wait::until("the fault", || match stage.sink(Which::Ill)? {
        sink if sink.state == "failed" => Ok(()),
        sink => Err(format!("{sink:?}")),
    });
    fs::create_dir(&folder).unwrap();
    stage.until_published(Which::Ill);
    is_right(&stage);
}
