//! The product's binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A binary of this workspace that cargo has put beside the tests (`target/PROFILE/NAME`).
#[must_use]
pub fn sibling(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("own executable");
    // target/PROFILE/deps/test-HASH, or a bench: target/PROFILE/xtask
    let folder = test.parent().expect("an executable lies in a folder");
    let profile = if folder.ends_with("deps") { folder.parent() } else { Some(folder) };
    profile.expect("a test lives in target/PROFILE/deps").join(name)
}

/// `rais` itself: `$RAIS_BIN`, else the one built with the tests' profile.
#[must_use]
pub fn rais() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let path = std::env::var_os("RAIS_BIN").map_or_else(|| sibling("rais"), PathBuf::from);
        assert!(
            path.is_file(),
            "{} is not there: run tests/run, or `cargo build -p rais` first, or set RAIS_BIN",
            path.display()
        );
        path.canonicalize().expect("path of the binary")
    })
}

/// What a finished command left behind.
#[derive(Debug)]
pub struct Output {
    /// Exit code; a signal gives 128 + its number, as a shell does.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// The same, or a panic that shows everything if the code is another.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert!(
            self.code == code,
            "exit code {} instead of {code}\n--- stdout\n{}\n--- stderr\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("not JSON ({e}):\n{}", self.stdout))
    }
}

/// Runs a command to its end, without standard input.
#[track_caller]
pub fn finish(command: &mut Command) -> Output {
    use std::os::unix::process::ExitStatusExt;
    let out = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}", command.get_program().to_string_lossy()));
    Output {
        code: out.status.code().or_else(|| out.status.signal().map(|s| 128 + s)).unwrap_or(-1),
        stdout: String::from_utf8_lossy(&out.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
    }
}

/// Runs `rais ARGS` to its end in a folder.
#[track_caller]
pub fn run_in<S: AsRef<std::ffi::OsStr>>(folder: &Path, args: &[S]) -> Output {
    finish(Command::new(rais()).args(args).current_dir(folder).env_remove("RAIS_LOG"))
}
