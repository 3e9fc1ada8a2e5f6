//! Network namespaces without names: each lives as long as a descriptor or a process holds it,
//! so a test that dies leaves nothing behind.
#![allow(unsafe_code, reason = "pre_exec: a child enters the namespace between fork and exec")]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use nix::sched::{CloneFlags, setns, unshare};

use crate::binary::finish;

/// A network namespace with its loopback up.
#[derive(Debug, Clone)]
pub struct Namespace {
    handle: Arc<OwnedFd>,
}

impl Namespace {
    /// A fresh one. Needs root.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        // The namespace is the thread's; it passes to whoever holds the descriptor.
        let opened = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net").map_err(|_| nix::errno::Errno::ENOENT)
        });
        let file = match opened.join().expect("the namespace's thread") {
            Ok(file) => file,
            Err(nix::errno::Errno::EPERM) => panic!(
                "network namespaces need root: tests/run asks sudo for it; by hand, set cargo's \
                 CARGO_TARGET_<TRIPLE>_RUNNER='sudo -E'"
            ),
            Err(e) => panic!("a network namespace: {e}"),
        };
        let namespace = Self { handle: Arc::new(OwnedFd::from(file)) };
        namespace.ip("link set lo up");
        namespace
    }

    /// A path by which another process of this machine finds it while this one lives.
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.handle.as_raw_fd())
    }

    /// `ip WORDS` inside; panics with what `ip` says if it refuses.
    #[track_caller]
    pub fn ip(&self, words: &str) {
        let mut command = Command::new("ip");
        command.args(words.split_whitespace());
        self.inside(&mut command);
        let out = finish(&mut command);
        assert!(out.code == 0, "ip {words}: {}", out.stderr);
    }

    /// `nft WORDS` inside; gives what it says.
    #[track_caller]
    pub fn nft(&self, words: &str) -> String {
        let mut command = Command::new("/usr/sbin/nft");
        command.args(["--echo", "--handle"]).arg(words);
        self.inside(&mut command);
        let out = finish(&mut command);
        assert!(out.code == 0, "nft {words}: {}", out.stderr);
        out.stdout
    }

    /// Makes `command` start inside.
    pub fn inside(&self, command: &mut Command) {
        let handle = Arc::clone(&self.handle);
        let enter = move || setns(&*handle, CloneFlags::CLONE_NEWNET).map_err(io::Error::from);
        // SAFETY: setns is one system call; nothing is allocated.
        unsafe { command.pre_exec(enter) };
    }

    /// Runs `work` on a thread inside: its sockets belong to the namespace for good.
    ///
    /// # Panics
    /// If `work` panics.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(&*self.handle, CloneFlags::CLONE_NEWNET).expect("the namespace");
                work()
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self::new()
    }
}

/// A network that hosts are attached to: a bridge in a namespace of its own.
///
/// Hosts sit on it by macvlan, which carries the subnet's broadcasts as wires do and counts as a
/// real interface (a veth does not: on a container host they lead to the containers).
#[derive(Debug)]
pub struct Lan {
    switch: Namespace,
}

impl Lan {
    /// An empty network.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        let switch = Namespace::new();
        switch.ip("link add lan type bridge");
        switch.ip("link set lan up");
        Self { switch }
    }

    /// Gives `host` the interface `name` on this network, with addresses such as
    /// `198.51.100.1/24`.
    #[track_caller]
    pub fn attach(&self, host: &Namespace, name: &str, addresses: &[&str]) {
        let path = host.path();
        self.switch
            .ip(&format!("link add link lan name {name} netns {path} type macvlan mode bridge"));
        for address in addresses {
            add_address(host, name, address);
        }
        host.ip(&format!("link set {name} up"));
    }
}

impl Default for Lan {
    fn default() -> Self {
        Self::new()
    }
}

/// `ip addr add`, with the subnet's broadcast address (IPv4) and without a wait for duplicates
/// (IPv6).
#[track_caller]
pub fn add_address(host: &Namespace, interface: &str, address: &str) {
    let extra = if address.contains(':') { "nodad" } else { "broadcast +" };
    host.ip(&format!("addr add {address} {extra} dev {interface}"));
}

/// `ip addr del`.
#[track_caller]
pub fn remove_address(host: &Namespace, interface: &str, address: &str) {
    host.ip(&format!("addr del {address} dev {interface}"));
}
