//! The program that runs foreign code: this one, as another process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// How a process for a plugin is started.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// This very binary, also where its file was replaced since: `rais plugin-host`.
    pub fn this() -> Program {
        Program::new("/proc/self/exe", ["plugin-host"])
    }

    /// Another; the task is its last argument.
    pub fn new<A: Into<OsString>>(
        path: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Program {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Program { path: path.into(), arguments }
    }

    /// What starts it for `task`, with an empty environment.
    pub fn command(&self, task: &str) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).arg(task).env_clear();
        command
    }
}
