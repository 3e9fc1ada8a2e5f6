//! Faults in calls: what is told of each, what goes on, and what ends the daemon.

use rais_tests::wait;

use crate::daemon::{Kind, Mode, Net, suspect};
use crate::each::each;
use crate::period;

/// A fault, and what it comes to.
pub(crate) struct Case {
    kind: Kind,
    fault: &'static str,
    in_process: Fate,
    isolated: Fate,
}

/// What a fault comes to.
enum Fate {
    /// The daemon goes on. So much is told of the suspect where its kind tells it, and so is the
    /// plugin's state: its name, and why.
    Told { says: &'static str, state: &'static str, why: &'static str },
    /// The daemon ends with this code; 128 + N is a death by signal N.
    Ends(i32),
}

const fn told(says: &'static str, state: &'static str, why: &'static str) -> Fate {
    Fate::Told { says, state, why }
}

/// It goes on, and its calls are answered.
const fn ready(says: &'static str) -> Fate {
    told(says, "ready", "")
}

/// It holds what runs it.
/// How what is told of a blocking probe begins when its calls have all threads.
const NO_THREAD: &str = "unknown: no thread is free for the probe `faulty-blocking`";

const fn stuck(says: &'static str) -> Fate {
    told(says, "stuck", "")
}

/// Its process has died, so, and is not started again, or not for now.
const fn down(says: &'static str, why: &'static str) -> Fate {
    told(says, "down", why)
}

const fn case(kind: Kind, fault: &'static str, in_process: Fate, isolated: Fate) -> Case {
    Case { kind, fault, in_process, isolated }
}

const SEGV: i32 = 128 + 11;
const ABRT: i32 = 128 + 6;

use Fate::Ends;
use Kind::{BlockingProbe, Load, Probe, Sink};

const PROBES: &[Case] = &[
    case(Probe, "none", ready("up: "), ready("up: ")),
    case(
        Probe,
        "panic-in-call",
        ready("unknown: panicked: faulty in a call, at "),
        ready("unknown: panicked: faulty in a call, at "),
    ),
    case(
        Probe,
        "panic-in-poll",
        ready("unknown: panicked: faulty in a later poll, at "),
        ready("unknown: panicked: faulty in a later poll, at "),
    ),
    case(
        Probe,
        "panic-in-payload",
        ready("unknown: panicked: (a payload without text), at "),
        ready("unknown: panicked: (a payload without text), at "),
    ),
    case(
        Probe,
        "panic-in-future-drop",
        ready("unknown: panicked: faulty in a drop, at "),
        ready("unknown: panicked: faulty in a drop, at "),
    ),
    case(
        Probe,
        "panic-while-unwinding",
        Ends(ABRT),
        down("unknown: ", "died by SIGABRT (signal 6)"),
    ),
    case(
        Probe,
        "hang-sleeping",
        stuck("unknown: the probe `faulty` blocks its thread"),
        down("unknown: ", "hangs, and was killed"),
    ),
    case(
        Probe,
        "hang-spinning",
        stuck("unknown: the probe `faulty` blocks its thread"),
        down("unknown: ", "hangs, and was killed"),
    ),
    case(Probe, "segfault", Ends(SEGV), down("unknown: ", "died by SIGSEGV (signal 11)")),
    case(Probe, "abort", Ends(ABRT), down("unknown: ", "died by SIGABRT (signal 6)")),
    case(Probe, "exit", Ends(7), down("unknown: ", "exited with 7")),
    case(Probe, "stack-overflow", Ends(ABRT), down("unknown: ", "died by SIGABRT (signal 6)")),
    case(Probe, "allocate", Ends(ABRT), down("unknown: ", "died by SIGABRT (signal 6)")),
];

const BLOCKING_PROBES: &[Case] = &[
    case(
        BlockingProbe,
        "panic-in-call",
        ready("unknown: panicked: faulty in a call, at "),
        ready("unknown: panicked: faulty in a call, at "),
    ),
    case(
        BlockingProbe,
        "panic-in-payload",
        ready("unknown: panicked: (a payload without text), at "),
        ready("unknown: panicked: (a payload without text), at "),
    ),
    case(
        BlockingProbe,
        "hang-sleeping",
        stuck("unknown: the probe `faulty-blocking` has not returned within 80ms"),
        down("unknown: ", "hangs, and was killed"),
    ),
    case(
        BlockingProbe,
        "hang-spinning",
        stuck("unknown: the probe `faulty-blocking` has not returned within 80ms"),
        down("unknown: ", "hangs, and was killed"),
    ),
    case(BlockingProbe, "segfault", Ends(SEGV), down("unknown: ", "died by SIGSEGV (signal 11)")),
    case(BlockingProbe, "exit", Ends(7), down("unknown: ", "exited with 7")),
    case(BlockingProbe, "allocate", Ends(ABRT), down("unknown: ", "died by SIGABRT (signal 6)")),
];

/// A load that fails is not known, and its service is as its probe says. The log says why.
const LOADS: &[Case] = &[
    case(Load, "none", ready("up with load 50"), ready("up with load 50")),
    case(Load, "panic-in-call", ready("up with load unknown"), ready("up with load unknown")),
    case(
        Load,
        "hang-sleeping",
        stuck("up with load unknown"),
        down("up with load unknown", "hangs, and was killed"),
    ),
    case(Load, "segfault", Ends(SEGV), down("up with load unknown", "died by SIGSEGV (signal 11)")),
];

/// Of a sink the binder tells what went wrong.
const SINKS: &[Case] = &[
    case(Sink, "none", ready("ok: "), ready("ok: ")),
    case(
        Sink,
        "panic-in-call",
        ready("failed: panicked: faulty in a call, at "),
        ready("failed: panicked: faulty in a call, at "),
    ),
    case(Sink, "hang-sleeping", stuck("failed: "), down("failed: ", "hangs, and was killed")),
    case(Sink, "segfault", Ends(SEGV), down("failed: ", "died by SIGSEGV (signal 11)")),
];

/// Enough for the daemon, and soon used up.
const MEMORY_KIB: u64 = 512 << 10;

impl Case {
    fn fate(&self, mode: Mode) -> &Fate {
        match mode {
            Mode::InProcess => &self.in_process,
            Mode::Isolated => &self.isolated,
        }
    }

    fn config(&self, mode: Mode) -> String {
        let policy = match (mode, self.fault, self.kind) {
            (Mode::Isolated, "allocate", _) => "memory = \"256MiB\"",
            // Else a sink is given a minute.
            (_, "hang-sleeping", Load | Sink) => "timeout = \"500ms\"\nrestart = false",
            // Probes show what becomes of those that die again and again.
            (Mode::Isolated, _, Load | Sink) => "restart = false",
            _ => "",
        };
        // A zone is published as soon as there is an address, and seldom again.
        let when = if self.kind == Sink { 1 } else { 3 };
        suspect(self.kind, mode, policy, &format!("fault = \"{}\", when = {when}", self.fault))
    }

    fn run(&self, mode: Mode) {
        let net = Net::with_faulty();
        net.write(&self.config(mode));
        match self.fate(mode) {
            Fate::Told { says, state, why } => {
                let mut daemon = net.start();
                let before = daemon.until_sound();
                // While it is going wrong, not when it has been given up.
                let name = format!("{:?} {}, {mode}", self.kind, self.fault);
                period::judge(&name, &daemon.net);
                wait::until(&format!("{state}: {why}"), || {
                    let log = daemon.process.stderr();
                    assert!(daemon.process.is_running(), "{log}");
                    let row = daemon.row(self.kind.row(), self.kind.plugin())?;
                    if row.state != *state || !row.why.contains(why) {
                        return Err(format!("{row:?}\n{log}"));
                    }
                    if self.kind == Load && self.fault != "none" && !log.contains("not known: ") {
                        return Err(log);
                    }
                    let told = daemon.told(self.kind)?;
                    // Calls that hang take all threads in the end, and then that is what is told.
                    let all_hang = *state == "stuck" && told.starts_with(NO_THREAD);
                    if told.starts_with(says) || all_hang {
                        Ok(())
                    } else {
                        Err(format!("{told:?}\n{log}"))
                    }
                });
                daemon.net.until_asked("the sound services to be asked", 10);
                daemon.assert_undisturbed(&before);
            }
            Fate::Ends(code) => {
                let memory = (self.fault == "allocate").then_some(MEMORY_KIB);
                let mut process = net.spawn(memory);
                assert_eq!(process.finished(), *code, "{}", process.stderr());
                let log = process.stderr();
                assert!(log.contains("rais runs: "), "it had not begun: {log}");
            }
        }
    }
}

fn run(cases: &[Case], mode: Mode) {
    let _alone = period::turn();
    each(cases, rais_tests::count(4, 1), |case| case.fault.to_owned(), |case| case.run(mode));
}

#[test]
fn of_probes_in_process() {
    run(PROBES, Mode::InProcess);
}

#[test]
fn of_probes_isolated() {
    run(PROBES, Mode::Isolated);
}

#[test]
fn of_blocking_probes_in_process() {
    run(BLOCKING_PROBES, Mode::InProcess);
}

#[test]
fn of_blocking_probes_isolated() {
    run(BLOCKING_PROBES, Mode::Isolated);
}

#[test]
fn of_loads_in_process() {
    run(LOADS, Mode::InProcess);
}

#[test]
fn of_loads_isolated() {
    run(LOADS, Mode::Isolated);
}

#[test]
fn of_sinks_in_process() {
    run(SINKS, Mode::InProcess);
}

#[test]
fn of_sinks_isolated() {
    run(SINKS, Mode::Isolated);
}
