//! A command as its table has it, ready to be run again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::{self, Answer};
use crate::argv::{Argument, Placeholder, Values};
use crate::error::{RunError, TableError, plain};
use crate::program::{Environment, Program};
use crate::run::{self, Outputs, Task, Undead};
use crate::runs::Runs;

/// A command: what is run, with which arguments, in which environment. A check is asked for an
/// answer ([`run`](Command::run)); others are to do something ([`carry_out`](Command::carry_out)).
///
/// It runs without a shell in `/`, with `PATH`, `LC_ALL=C` and nothing else but what the table adds,
/// in a process group of its own.
#[derive(Debug)]
pub struct Command {
    /// Its file's name, for people.
    name: String,
    program: Program,
    arguments: Vec<Argument>,
    environment: Environment,
    undead: Arc<Undead>,
}

/// What a command is to do, beside its arguments.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// For its standard input; without it that is `/dev/null`. It need not read it.
    pub input: Option<&'a [u8]>,
    /// How long it may take.
    pub limit: Duration,
    /// With which others it is ended.
    pub runs: &'a Runs,
}

impl Command {
    /// Reads `argv`, in which what is `allowed` may be filled in, and `env`. The program must be
    /// there; it is looked up anew at each run.
    ///
    /// # Errors
    /// What is wrong with either key, at the word in question.
    pub fn new(
        argv: &[String],
        env: &BTreeMap<String, String>,
        allowed: &[Placeholder],
    ) -> Result<Command, TableError> {
        let Some((word, arguments)) = argv.split_first() else {
            let text = "is empty: a list of a command and its arguments is needed";
            return Err(TableError::new("argv", text));
        };
        if let Some(at) = argv.iter().position(|word| word.contains('\0')) {
            return Err(TableError::new(format!("argv[{at}]"), "holds a zero octet"));
        }
        let environment = Environment::new(env)?;
        let program = Program::parse(word)?;
        let numbered = arguments.iter().zip(1..);
        let arguments = numbered
            .map(|(text, at)| Argument::parse(&format!("argv[{at}]"), text, allowed))
            .collect::<Result<_, _>>()?;
        program.find(&environment).map_err(|why| {
            TableError::new("argv[0]", format!("{word} cannot be run: {}", plain(&why)))
        })?;
        let undead = Arc::default();
        let name = word.rsplit('/').next().unwrap_or(word).to_owned();
        Ok(Command { name, program, arguments, environment, undead })
    }

    /// The name of the program's file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a check to its end, or kills it after `limit`. In both cases nothing of its process group
    /// is left. May be called from several threads at once.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn run(&self, values: &Values<'_>, limit: Duration) -> Result<Answer, RunError> {
        let task = Task { limit, input: None, outputs: Outputs::Apart, runs: None };
        let run::Ended { status, output, errors } = self.run_as(values, &task)?;
        Ok(Answer::new(status, &output, &errors))
    }

    /// As [`run`](Command::run), of a command that does something and ends with exit code 0 where it
    /// has done it.
    ///
    /// # Errors
    /// Why it has not, with what it said.
    pub fn carry_out(&self, values: &Values<'_>, order: &Order<'_>) -> Result<(), RunError> {
        let Order { input, limit, runs } = *order;
        let task = Task { limit, input, outputs: Outputs::Together, runs: Some(runs) };
        let run::Ended { status, output, .. } = self.run_as(values, &task)?;
        if status.success() {
            return Ok(());
        }
        Err(RunError::Failed { program: self.name.clone(), status, words: output.words() })
    }

    fn run_as(&self, values: &Values<'_>, task: &Task<'_>) -> Result<run::Ended, RunError> {
        let program = || self.name.clone();
        let start = |why| RunError::Start { program: program(), why };
        if let Err(count) = self.undead.bearable() {
            return Err(RunError::Undead { program: program(), count });
        }
        let arguments: Vec<_> =
            self.arguments.iter().map(|one| one.fill(values)).collect::<Result<_, _>>()?;
        let mut command =
            std::process::Command::new(self.program.find(&self.environment).map_err(start)?);
        command.args(arguments).env_clear().envs(self.environment.iter()).current_dir("/");
        run::run(command, task, &self.undead).map_err(|cut| match cut {
            run::Cut::Start(why) => start(why),
            run::Cut::Watch(why) => RunError::Watch { program: program(), why },
            run::Cut::Unwanted => RunError::Unwanted { program: program() },
            run::Cut::Timeout { output, errors } => {
                let text = match task.outputs {
                    Outputs::Apart => answer::text(&output, &errors),
                    Outputs::Together => output.words(),
                };
                RunError::Timeout { program: program(), limit: task.limit, text }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn carry_out(words: &[&str], limit: Duration, values: &Values<'_>) -> Result<(), RunError> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let all = [Placeholder::Zone, Placeholder::File];
        let command = Command::new(&words, &BTreeMap::new(), &all).unwrap();
        let order = Order { input: Some(b"said"), limit, runs: &Runs::new().unwrap() };
        command.carry_out(values, &order)
    }

    fn error(script: &str, limit: Duration) -> String {
        carry_out(&["sh", "-c", script], limit, &Values::default()).unwrap_err().to_string()
    }

    #[test]
    fn exit_code_0_is_done() {
        let values = Values { zone: Some("a.example"), file: Some("/f"), ..Values::default() };
        let script = "test \"$1 $2 $(cat)\" = \"a.example /f said\"";
        carry_out(&["sh", "-c", script, "sh", "{zone}", "{file}"], LONG, &values).unwrap();
    }

    #[test]
    fn any_other_end_is_told_with_what_was_said() {
        let text = error("echo one; echo; printf 'tw\\033o' >&2; exit 3", LONG);
        assert_eq!(text, "sh ended with exit code 3, saying: one | tw o");
        assert_eq!(error("kill -9 $$", LONG), "sh ended with signal 9");
        // On a busy machine it may not get so far: then it is given longer.
        let mut limit = Duration::from_millis(50);
        let text = loop {
            let text = error("echo waiting; sleep 1000", limit);
            if text.contains("saying") {
                break text;
            }
            limit *= 2;
        };
        let wanted = format!("sh was killed, it took longer than {limit:?}, saying: waiting");
        assert_eq!(text, wanted);
    }
}
