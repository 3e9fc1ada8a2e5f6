use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::process::{WaitOptions, getpgid, test_kill_process, waitpid};
use tempfile::TempDir;

use super::*;
use crate::output::KEPT;

const LONG: Duration = Duration::from_secs(600);

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

fn run_for(script: &str, limit: Duration) -> Result<Ended, Cut> {
    run(shell(script), &task(limit), &Arc::default())
}

fn task<'a>(limit: Duration) -> Task<'a> {
    Task { limit, input: None, outputs: Outputs::Apart, runs: None }
}

fn ended(script: &str) -> (Option<i32>, String, String) {
    let ended = run_for(script, LONG).unwrap();
    (ended.status.code(), ended.output.text(), ended.errors.text())
}

/// Something that processes hold open, and that tells when all of them are gone.
struct Held {
    _folder: TempDir,
    path: PathBuf,
    reader: File,
}

impl Held {
    fn new() -> Held {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("held");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let reader =
            OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).unwrap();
        Held { _folder: folder, path, reader }
    }

    /// What was written into it, once nobody holds it open any more.
    fn when_all_are_gone(&mut self) -> String {
        let mut said = Vec::new();
        loop {
            match self.reader.read_to_end(&mut said) {
                Ok(_) => return String::from_utf8(said).unwrap(),
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => thread::yield_now(),
                Err(why) => panic!("{why}"),
            }
        }
    }
}

/// Runs `script`, which never ends, until it has written `up` to descriptor 3, and sees all that
/// held this open killed. On a busy machine it may not get so far: then it is given longer.
fn killed(script: &str) -> Cut {
    let mut held = Held::new();
    let script = format!("exec 3>{}\n{script}", held.path.display());
    let mut limit = Duration::from_millis(100);
    loop {
        let cut = run_for(&script, limit).unwrap_err();
        assert!(matches!(cut, Cut::Timeout { .. }), "{cut:?}");
        if held.when_all_are_gone() == "up\n" {
            return cut;
        }
        limit *= 2;
    }
}

#[test]
fn both_outputs_and_the_code_are_told() {
    let (code, output, errors) = ended("echo one; echo two >&2; exit 3");
    assert_eq!((code, output.as_str(), errors.as_str()), (Some(3), "one\n", "two\n"));
    let ended = run_for("kill -SEGV $$", LONG).unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(11));
}

#[test]
fn what_cannot_be_started_says_so() {
    let cut = run(Command::new("/nowhere/at-all"), &task(LONG), &Arc::default()).unwrap_err();
    assert!(matches!(&cut, Cut::Start(why) if why.kind() == io::ErrorKind::NotFound), "{cut:?}");
}

#[test]
fn it_is_alone_with_its_input_and_outputs() {
    let (_, output, _) = ended("readlink /proc/$$/fd/0; cat; echo end");
    assert_eq!(output, "/dev/null\nend\n");
    // Nothing else is open, also not what this process was left by who started it.
    let (left, _other) = std::io::pipe().unwrap();
    rustix::io::fcntl_setfd(&left, rustix::io::FdFlags::empty()).unwrap();
    let (_, output, _) = ended("ls /proc/$$/fd | head -3 | tr '\\n' ' '; ls /proc/$$/fd | wc -l");
    let (numbers, count) = output.rsplit_once(' ').unwrap();
    assert_eq!(numbers, "0 1 2");
    // The shell itself may hold one for its pipelines.
    assert!(count.trim().parse::<u32>().unwrap() <= 4, "{output}");
    let (_, output, _) = ended("echo $$; cut -d' ' -f5 /proc/$$/stat");
    let (id, group) = output.trim().split_once('\n').unwrap();
    assert_eq!(id, group);
    assert_ne!(group, getpgid(None).unwrap().as_raw_nonzero().to_string());
}

#[test]
fn output_beyond_what_is_kept_is_read_and_dropped() {
    let (code, output, errors) =
        ended("head -c 1000000 /dev/zero | tr '\\0' x; head -c 1000000 /dev/zero >&2; exit 1");
    assert_eq!((code, output, errors), (Some(1), "x".repeat(KEPT), "\0".repeat(KEPT)));
}

#[test]
fn what_hangs_is_killed_with_all_that_it_started() {
    killed("sleep 1000 & (sleep 1000; true) & echo up >&3; sleep 1000");
}

#[test]
fn what_closes_its_outputs_and_hangs_is_killed() {
    killed("exec >&- 2>&-; echo up >&3; sleep 1000");
}

#[test]
fn what_is_stopped_or_ignores_signals_is_killed() {
    killed("trap '' TERM INT HUP; echo up >&3; kill -STOP $$");
}

#[test]
fn a_flood_without_end_is_killed_and_bounded() {
    let cut = killed("echo up >&3; yes | head -c 5000; yes n >&2");
    let Cut::Timeout { output, errors } = cut else { panic!("{cut:?}") };
    assert!(output.len() < 2 * KEPT && errors.len() < 2 * KEPT);
}

#[test]
fn what_was_said_before_the_end_of_the_time_is_told() {
    let cut = killed("echo waiting for the database; echo up >&3; sleep 1000");
    let Cut::Timeout { output, .. } = cut else { panic!("{cut:?}") };
    assert_eq!(output.text(), "waiting for the database\n");
}

#[test]
fn the_end_is_its_own_and_what_it_leaves_behind_is_killed() {
    let mut held = Held::new();
    // With the outputs open, and without.
    for outputs in ["", ">&- 2>&-"] {
        let script = format!(
            "exec 3>{}; echo up >&3; (sleep 1000; true) {outputs} & echo said; exit 1",
            held.path.display()
        );
        let (code, output, _) = ended(&script);
        assert_eq!((code, output.as_str()), (Some(1), "said\n"));
        assert_eq!(held.when_all_are_gone(), "up\n");
    }
}

#[test]
fn who_left_the_group_with_the_outputs_open_does_not_hold_us() {
    let folder = tempfile::tempdir().unwrap();
    let (code, output, _) = ended(&format!(
        "mkfifo {0}; setsid sh -c 'echo $$; echo up >{0}; exec yes' & read up <{0}; exit 2",
        folder.path().join("fifo").display()
    ));
    assert_eq!(code, Some(2));
    let id = output.lines().next().unwrap().parse().unwrap();
    // It may have met the closed pipe, and its reaper, first.
    let _ = rustix::process::kill_process(Pid::from_raw(id).unwrap(), Signal::KILL);
}

#[test]
fn many_at_once_know_nothing_of_each_other() {
    let all: Vec<_> = (0..64)
        .map(|number| thread::spawn(move || ended(&format!("echo {number}; exit {number}"))))
        .collect();
    for (number, one) in all.into_iter().enumerate() {
        let (code, output, _) = one.join().unwrap();
        assert_eq!((code, output), (i32::try_from(number).ok(), format!("{number}\n")));
    }
}

/// Runs `script` with this as its input.
fn told(script: &str, input: &[u8]) -> Ended {
    let task = Task { input: Some(input), outputs: Outputs::Together, ..task(LONG) };
    run(shell(script), &task, &Arc::default()).unwrap()
}

#[test]
fn input_is_heard_whole_and_ends() {
    for size in [0, 1, 5_000_000] {
        let input = vec![b'x'; size];
        assert_eq!(told("wc -c", &input).output.text().trim(), size.to_string());
    }
    // It says more than pipes hold before it has heard all.
    let input = "0123456789abcde\n".repeat(100_000);
    let ended = told("cat; echo end >&2", input.as_bytes());
    assert!(ended.output.words().ends_with("0123456789abcde | end"), "{:?}", ended.output);
}

#[test]
fn who_has_heard_enough_may_end() {
    let input = vec![b'x'; 5_000_000];
    for script in ["exit 0", "head -c 10 >/dev/null", "exec <&-; sleep 0.01"] {
        assert!(told(script, &input).status.success(), "{script}");
    }
}

#[test]
fn outputs_together_keep_their_order() {
    let ended = told("echo one; echo two >&2; echo three", b"");
    assert_eq!(ended.output.text(), "one\ntwo\nthree\n");
    assert_eq!(ended.errors.text(), "");
}

#[test]
fn what_is_no_longer_wanted_is_killed_with_all_that_it_started() {
    let runs = Runs::new().unwrap();
    let mut held = Held::new();
    let script = format!("exec 3>{}; sleep 1000 & echo up >&3; sleep 1000", held.path.display());
    // More than the pipe holds, and nobody reads it.
    let input = vec![b'x'; 1_000_000];
    let task = Task { input: Some(&input), runs: Some(&runs), ..task(LONG) };
    thread::scope(|scope| {
        let running = scope.spawn(|| run(shell(&script), &task, &Arc::default()));
        while held.reader.read(&mut [0; 3]).unwrap_or_default() == 0 {
            thread::yield_now();
        }
        runs.end();
        assert_eq!(held.when_all_are_gone(), "");
        let cut = running.join().unwrap().unwrap_err();
        assert!(matches!(cut, Cut::Unwanted), "{cut:?}");
    });
    let late = run(shell("exit 0"), &task, &Arc::default()).unwrap_err();
    assert!(matches!(late, Cut::Unwanted), "{late:?}");
}

#[test]
fn nobody_stays_a_zombie() {
    let ids = [
        ended("echo $$").1,
        ended("echo $$; sleep 1000 & exit 1").1,
        match killed("echo $$; echo up >&3; exec sleep 1000") {
            Cut::Timeout { output, .. } => output.text(),
            cut => panic!("{cut:?}"),
        },
    ];
    for id in ids {
        let id = Pid::from_raw(id.trim().parse().unwrap()).unwrap();
        // Killed in the very last moment it may be waited for elsewhere.
        while test_kill_process(id).is_ok() {
            thread::yield_now();
        }
        assert_eq!(waitpid(Some(id), WaitOptions::NOHANG).unwrap_err(), Errno::CHILD);
    }
}

#[test]
fn those_that_do_not_die_are_counted_until_they_do() {
    let undead = Arc::new(Undead::default());
    let ids = [(); MOST_UNDEAD].map(|()| {
        assert_eq!(undead.bearable(), Ok(()));
        // It has not been killed, which is as good as one that cannot be.
        let child = Command::new("sleep").arg("1000").spawn().unwrap();
        let id = Pid::from_child(&child);
        undead.bury(child);
        id
    });
    assert_eq!(undead.bearable(), Err(MOST_UNDEAD));
    for id in ids {
        rustix::process::kill_process(id, Signal::KILL).unwrap();
    }
    while undead.0.load(Ordering::Relaxed) > 0 {
        thread::yield_now();
    }
    assert_eq!(undead.bearable(), Ok(()));
}

/// In a process of its own, which is then killed while it waits for a check.
#[test]
fn it_does_not_outlive_the_process_that_runs_it() {
    const TEST: &str = "run::tests::it_does_not_outlive_the_process_that_runs_it";
    const SCRIPT: &str = "RAIS_TEST_SCRIPT";

    if let Some(script) = std::env::var_os(SCRIPT) {
        let _ = run_for(script.to_str().unwrap(), LONG);
        return;
    }
    let mut held = Held::new();
    let mut runner = Command::new(std::env::current_exe().unwrap());
    runner.args(["--exact", TEST]).stdout(Stdio::null());
    runner.env(SCRIPT, format!("exec 3>{}; echo up >&3; exec sleep 1000", held.path.display()));
    let mut runner = runner.spawn().unwrap();
    while held.reader.read(&mut [0; 3]).unwrap_or_default() == 0 {
        thread::yield_now();
    }
    runner.kill().unwrap();
    runner.wait().unwrap();
    assert_eq!(held.when_all_are_gone(), "");
}
