//! A check as its table has it, ready to be run again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::{self, Answer};
use crate::argv::{Argument, Placeholder, Values};
use crate::error::{RunError, TableError, plain};
use crate::program::{Environment, Program};
use crate::run::{self, Undead};

/// A check: what is run, with which arguments, in which environment.
///
/// It runs without a shell in `/`, with `/dev/null` as its input, with `PATH`, `LC_ALL=C` and
/// nothing else but what the table adds, in a process group of its own.
#[derive(Debug)]
pub struct Command {
    /// Its file's name, for people.
    name: String,
    program: Program,
    arguments: Vec<Argument>,
    environment: Environment,
    undead: Arc<Undead>,
}

impl Command {
    /// Reads `argv`, in which what is `allowed` may be filled in, and `env`. The check must be
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
            let text = "is empty: a list of a check and its arguments is needed, as in \
                        [\"check_tcp\", \"-H\", \"192.0.2.1\", \"-p\", \"80\"]";
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

    /// The name of the check's file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs it to its end, or kills it after `limit`. In both cases nothing of its process group is
    /// left. May be called from several threads at once.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn run(&self, values: &Values<'_>, limit: Duration) -> Result<Answer, RunError> {
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
        match run::run(command, limit, &self.undead) {
            Ok(ended) => Ok(Answer::new(ended.status, &ended.output, &ended.errors)),
            Err(run::Cut::Start(why)) => Err(start(why)),
            Err(run::Cut::Watch(why)) => Err(RunError::Watch { program: program(), why }),
            Err(run::Cut::Timeout { output, errors }) => {
                let text = answer::text(&output, &errors);
                Err(RunError::Timeout { program: program(), limit, text })
            }
        }
    }
}
