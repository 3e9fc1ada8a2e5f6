//! Libraries that harm who loads them: each way has its words.
#![allow(unsafe_code)] // makes a descriptor as a shell leaves it

use std::io;
use std::net::UdpSocket;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::thread;
use std::time::Instant;

use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::{geteuid, getuid};

use super::super::vet::vet_within;
use super::*;

/// For a trial that is meant to run into it.
const SHORT: Duration = Duration::from_millis(300);
/// The test harness says so before a trial begins.
const HARNESS: &str = "running 1 test";

/// What a library of `code` is told, with `limit` for it. `{}` is what runs when it is loaded.
fn tried_for(limit: Duration, code: &str) -> LibraryFault {
    let folder = folder();
    let code = format!(
        "#define _GNU_SOURCE\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\
         #include <unistd.h>\n#include <signal.h>\n#include <sys/resource.h>\n\
         #include <sys/prctl.h>\n#include <sys/ptrace.h>\n#include <errno.h>\n#include <fcntl.h>\n\
         __attribute__((constructor)) static void f(void) {{ {code} }}"
    );
    let image = Image::read(&library(folder.path(), "lib.so", &code)).unwrap();
    vet_within(limit, &image, &program("child", &[])).unwrap_err()
}

fn tried(code: &str) -> String {
    tried_for(LONG, code).to_string()
}

fn words(said: &str) -> String {
    format!("; its last words: {HARNESS} {said}")
}

#[test]
fn dies_by_a_signal() {
    let died = "its constructors or the loader died by ";
    assert_eq!(
        tried("fprintf(stderr, \"\\x1b[1mbad\\n\\theap\\n\"); abort();"),
        format!("{died}SIGABRT (signal 6){}", words("[1mbad heap"))
    );
    let bare = format!("; its last words: {HARNESS}");
    assert_eq!(tried("*(volatile int *)8 = 1;"), format!("{died}SIGSEGV (signal 11){bare}"));
    // More than any confined process gets.
    let code = "for (;;) memset(malloc(64 << 20), 0, 1);";
    assert_eq!(tried(code), format!("{died}SIGSEGV (signal 11){bare}"));
    assert_eq!(tried("kill(getpid(), 40);"), format!("{died}signal 40{bare}"));
}

#[test]
fn exits() {
    let exited = "its constructors or the loader exited with ";
    assert_eq!(tried("_exit(7);"), format!("{exited}7; its last words: {HARNESS}"));
    assert_eq!(tried("puts(\"bye\"); exit(0);"), format!("{exited}0{}", words("bye")));
}

#[test]
fn hangs() {
    let fault = tried_for(SHORT, "puts(\"waiting\"); fflush(0); for (;;) pause();");
    assert_eq!(
        fault.to_string(),
        format!("did not finish loading within 300ms{}", words("waiting"))
    );
    let fault = tried_for(SHORT, "for (;;) ;");
    assert!(matches!(fault, LibraryFault::Late { limit: SHORT, .. }), "{fault:?}");
    // With nothing left of what it was started with.
    let fault = tried_for(SHORT, "for (int i = 0; i < 64; i++) close(i); for (;;) pause();");
    assert!(matches!(fault, LibraryFault::Late { limit: SHORT, .. }), "{fault:?}");
    let fault = tried_for(SHORT, "for (;;) puts(\"and on\");");
    assert!(matches!(fault, LibraryFault::Late { limit: SHORT, .. }), "{fault:?}");
}

#[test]
fn is_no_plugin() {
    let lacks = "is no rais plugin: it lacks the symbol `rais_plugin_manifest`, \
                 which every cdylib with rais-sdk in it exports";
    assert_eq!(tried(";"), format!("{lacks}; its last words: {HARNESS}"));
}

#[test]
fn gives_a_false_account() {
    let code = "for (int i = 3; i < 64; i++) write(i, \"{\\\"I\\\"\\n\", 5); pause();";
    let fault = tried(code);
    let start = "gives an account of itself that cannot be read: ";
    assert!(fault.starts_with(start), "{fault}");
    // Without an end: no more is kept than a true one has.
    let code = "static char a[1 << 16]; memset(a, 'a', sizeof a);
                for (;;) for (int i = 3; i < 64; i++) write(i, a, sizeof a);";
    let fault = tried(code);
    let start = "gives an account of itself that is too long: over 4194304 octets";
    assert!(fault.starts_with(start), "{fault}");
}

#[test]
fn says_what_its_file_does_not() {
    let forged = |manifest: &str| {
        let code = r#"#include <string.h>
            #include <unistd.h>
            __attribute__((constructor)) static void f(void) {
                const char *it = "{\"vetted\":{\"abi\":\"1.0\",\"sdk\":\"0.1.0\",\"rustc\":"
                    "\"1.95.0\",\"panic\":\"unwind\",\"plugins\":[{\"name\":\"a\",\"version\":"
                    "\"1\",\"sample\":\"\",\"kinds\":[\"load\"],\"options\":[]}],"
                    "\"load_time\":{\"secs\":0,\"nanos\":0}}}\n";
                for (int i = 3; i < 64; i++) write(i, it, strlen(it));
                for (;;) pause();
            }"#;
        let folder = folder();
        let path = library(folder.path(), "lib.so", &format!("{manifest}\n{code}"));
        vet_within(LONG, &Image::read(&path).unwrap(), &program("child", &[]))
    };
    assert_eq!(forged(MANIFEST).unwrap().plugins[0].name, "a");
    let fault = forged(&MANIFEST.replace("unwind", "abort")).unwrap_err().to_string();
    let says = "gives another account of itself when it is loaded than its file has";
    assert_eq!(fault, format!("{says}; its last words: {HARNESS}"));
    let fault = forged("").unwrap_err().to_string();
    let says = "has a manifest that cannot be read: its file has none";
    assert_eq!(fault, format!("{says}; its last words: {HARNESS}"));
}

#[test]
fn needs_more_memory_than_a_trial_has() {
    let folder = folder();
    let path = library(folder.path(), "lib.so", "static char a[1200 << 20]; char *b = a;");
    let fault = vet(&Image::read(&path).unwrap(), &program("child", &[])).unwrap_err().to_string();
    let says = "; rais gives a library 1 GiB of address space when it tries it";
    assert!(fault.contains(says), "{fault}");
}

#[test]
fn needs_what_there_is_not() {
    let folder = folder();
    let path =
        library(folder.path(), "lib.so", "int nowhere(void); int f(void) { return nowhere(); }");
    let image = Image::read(&path).unwrap();
    let fault = vet(&image, &program("child", &[])).unwrap_err().to_string();
    assert!(fault.starts_with("cannot be loaded: "), "{fault}");
    assert!(fault.contains("undefined symbol: nowhere"), "{fault}");
}

#[test]
fn is_confined() {
    let code = r#"
        struct rlimit files, space, core, cpu, tasks;
        getrlimit(RLIMIT_NOFILE, &files); getrlimit(RLIMIT_AS, &space);
        getrlimit(RLIMIT_CORE, &core); getrlimit(RLIMIT_CPU, &cpu);
        getrlimit(RLIMIT_NPROC, &tasks);
        int death; prctl(PR_GET_PDEATHSIG, &death);
        printf("files %ld/%ld space %ld core %ld cpu %ld new-privs %d dumpable %d death %d group %d env %d tasks %ld",
            files.rlim_cur, files.rlim_max, space.rlim_max, core.rlim_max, cpu.rlim_max,
            prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_DUMPABLE), death,
            getpgid(0) == getpid(), environ[0] != 0,
            tasks.rlim_max);
        exit(3);"#;
    let said = "files 64/64 space 1073741824 core 0 cpu 10 new-privs 1 dumpable 0 death 9 group 1 \
                env 0 tasks 0";
    let fault = tried(code);
    assert_eq!(fault, format!("its constructors or the loader exited with 3{}", words(said)));
}

#[test]
fn starts_nothing_that_could_outlive_it() {
    let code = "if (fork() == -1) { printf(\"%s\\n\", strerror(errno)); exit(4); } pause();";
    let fault = tried(code);
    let said = words("Resource temporarily unavailable");
    assert_eq!(fault, format!("its constructors or the loader exited with 4{said}"));
}

#[test]
fn cannot_reach_who_tries_it() {
    let code = r#"
        int parent = getppid();
        char path[64]; snprintf(path, sizeof path, "/proc/%d/mem", parent);
        int memory = open(path, O_RDWR);
        long traced = ptrace(PTRACE_SEIZE, parent, 0, 0);
        printf("memory %d traced %ld signalled %d user %d group %d groups %d", memory, traced,
            kill(parent, 0), getuid(), getgid(), getgroups(0, 0));
        exit(5);"#;
    let fault = tried(code);
    let kept_off = "memory -1 traced -1";
    // Who is not root can become nobody else, and whoever is of one user may signal.
    let said = if geteuid().is_root() {
        words(&format!("{kept_off} signalled -1 user 65534 group 65534 groups 0"))
    } else {
        words(&format!("{kept_off} signalled 0 user {}", getuid()))
    };
    let exited = "its constructors or the loader exited with 5";
    assert!(fault.starts_with(&format!("{exited}{said}")), "{fault}");
}

#[test]
fn has_nothing_that_was_left_open() {
    let folder = folder();
    let secret = fs::File::open(file(folder.path(), "secret", b"secret")).unwrap();
    // As a shell hands it on: not closed when a program is executed.
    let left = fcntl(&secret, FcntlArg::F_DUPFD(50)).unwrap();
    // SAFETY: duplicated above, for nobody else.
    let _left = unsafe { OwnedFd::from_raw_fd(left) };
    let fault = tried(&format!("printf(\"%d\", fcntl({left}, F_GETFD)); exit(6);"));
    assert_eq!(fault, format!("its constructors or the loader exited with 6{}", words("-1")));
}

#[test]
fn cannot_be_tried_without_a_program() {
    let folder = folder();
    let image = Image::read(&library(folder.path(), "lib.so", "int x;")).unwrap();
    let none = Program::new(folder.path().join("none"), [""; 0]);
    assert_eq!(
        vet(&image, &none).unwrap_err().to_string(),
        "cannot be tried: No such file or directory (os error 2)"
    );
    // One that knows nothing of its task.
    let other = Program::new("/bin/true", [""; 0]);
    assert_eq!(
        vet(&image, &other).unwrap_err().to_string(),
        "its constructors or the loader exited with 0"
    );
}

/// Does nothing as a test; as a program, tries the library that it is given, and is killed over it.
#[test]
fn parent() {
    if is_for("be-killed") {
        let image = Image::read(&given()).unwrap();
        vet_within(LONG, &image, &program("child", &[])).unwrap_err();
    }
}

#[test]
fn a_trial_ends_with_who_waits_for_it() {
    let folder = folder();
    // Where it writes no file of ours, it can send.
    let ready = UdpSocket::bind("127.0.0.1:0").unwrap();
    ready.set_read_timeout(Some(LONG)).unwrap();
    let code = format!(
        "#include <arpa/inet.h>\n#include <sys/socket.h>\n#include <unistd.h>\n
        __attribute__((constructor)) static void f(void) {{
            struct sockaddr_in to = {{ .sin_family = AF_INET, .sin_port = htons({}) }};
            to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            unsigned own = htonl(getpid());
            sendto(socket(AF_INET, SOCK_DGRAM, 0), &own, 4, 0, (struct sockaddr *)&to, sizeof to);
            for (;;) pause();
        }}",
        ready.local_addr().unwrap().port()
    );
    let path = library(folder.path(), "lib.so", &code);
    let mut parent = program("trials::parent", &[&path]).command("be-killed");
    let mut parent = parent.process_group(0).stdout(Stdio::null()).spawn().unwrap();
    let mut trial = [0; 4];
    // A signal ends a wait that has a limit, and other tests here have children that end.
    while let Err(error) = ready.recv(&mut trial) {
        assert_eq!(error.kind(), io::ErrorKind::Interrupted, "{error}");
    }
    let trial = u32::from_be_bytes(trial);
    assert!(Path::new(&format!("/proc/{trial}")).exists());
    parent.kill().unwrap();
    parent.wait().unwrap();
    until_gone(trial);
}

/// Gone, or dead and not yet waited for by who inherits orphans here.
fn until_gone(process: u32) {
    until(|| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with('Z'))
    });
}

fn until(done: impl Fn() -> bool) {
    let give_up = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < give_up);
        thread::sleep(Duration::from_millis(5));
    }
}
