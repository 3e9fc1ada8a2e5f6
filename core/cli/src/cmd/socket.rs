//! Which running rais is spoken to.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use rais_runtime::config::{self, Asked, Faults, Role};
use rais_runtime::control::client::{self, ClientError};
use rais_runtime::control::{Request, Response};

use crate::args::DEFAULT_CONFIG;
use crate::exit::Stop;
use crate::output;

/// Names a running rais.
#[derive(Debug, Args)]
pub(super) struct SocketArgs {
    /// The control socket of one role
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The configuration whose control sockets are tried [default: /etc/rais/rais.toml; without it
    /// /run/rais/monitor.sock and /run/rais/binder.sock]
    #[arg(short = 'c', long = "config", value_name = "FILE", conflicts_with = "socket")]
    config: Option<PathBuf>,
}

impl SocketArgs {
    /// The configuration that was named.
    pub(super) fn config(&self) -> Option<&PathBuf> {
        self.config.as_ref()
    }

    /// The socket that was named.
    pub(super) fn socket(&self) -> Option<&PathBuf> {
        self.socket.as_ref()
    }

    /// Asks the role that is named, else every one that runs; in the order of the sockets.
    ///
    /// # Errors
    /// Nobody is there, or does not answer as rais does; a configuration that is at fault.
    pub(super) fn ask(&self, request: &Request) -> Result<Vec<(PathBuf, Response)>, Stop> {
        if let Some(path) = &self.socket {
            let response = client::ask(path, request).map_err(|why| Stop::Failed(why.into()))?;
            return Ok(vec![(path.clone(), response)]);
        }
        ask_each(self.sockets(&EVERY)?, request)
    }

    /// As [`ask`](SocketArgs::ask) of what is a binder's business.
    ///
    /// # Errors
    /// As [`ask`](SocketArgs::ask).
    pub(super) fn ask_binders(&self, request: &Request) -> Result<Vec<(PathBuf, Response)>, Stop> {
        if self.socket.is_some() {
            return self.ask(request);
        }
        let sockets = self.sockets(&[Role::Binder])?;
        if sockets.is_empty() {
            return Err(Stop::Failed(anyhow!("the configuration has no binder")));
        }
        ask_each(sockets, request)
    }

    /// As [`ask_binders`](SocketArgs::ask_binders), but it is no failure that none is here where the
    /// configuration, named or the usual one, has none, or there is no configuration: of a host that
    /// only monitors.
    ///
    /// # Errors
    /// As [`ask`](SocketArgs::ask).
    pub(super) fn ask_binders_here(
        &self,
        request: &Request,
    ) -> Result<Vec<(PathBuf, Response)>, Stop> {
        if self.socket.is_some() {
            return self.ask(request);
        }
        // One that cannot be looked at may have a binder.
        let usual = Path::new(DEFAULT_CONFIG);
        let usual = usual.try_exists().unwrap_or(true).then_some(usual);
        ask_binders_of(self.config.as_deref().or(usual), request)
    }

    /// As [`ask`](SocketArgs::ask) of what is a whole process's business: one of both roles is
    /// asked once.
    ///
    /// # Errors
    /// As [`ask`](SocketArgs::ask).
    pub(super) fn ask_processes(
        &self,
        request: &Request,
    ) -> Result<Vec<(PathBuf, Response)>, Stop> {
        if self.socket.is_some() {
            return self.ask(request);
        }
        let mut processes = Vec::new();
        let mut sockets = Vec::new();
        for (path, response) in ask_each(self.sockets(&EVERY)?, &Request::Hello)? {
            // One that cannot say which it is stands for itself.
            if let Response::Hello(process) = response {
                if processes.contains(&process) {
                    continue;
                }
                processes.push(process);
            }
            sockets.push(path);
        }
        ask_each(sockets, request)
    }

    /// Those of some roles.
    fn sockets(&self, of: &[Role]) -> Result<Vec<PathBuf>, Stop> {
        let all = match &self.config {
            Some(path) => sockets_of(path)?.all,
            None => sockets_of(Path::new(DEFAULT_CONFIG))
                .map_or_else(|_| client::sockets(None), |sockets| sockets.all),
        };
        Ok(only(of, all))
    }
}

fn only(of: &[Role], all: Vec<(Role, PathBuf)>) -> Vec<PathBuf> {
    all.into_iter().filter(|(role, _)| of.contains(role)).map(|(_, path)| path).collect()
}

/// Asks the binders of a configuration, which have to be there; where there is none, who is there.
fn ask_binders_of(
    config: Option<&Path>,
    request: &Request,
) -> Result<Vec<(PathBuf, Response)>, Stop> {
    let Some(config) = config else {
        return Ok(ask_those(only(&[Role::Binder], client::sockets(None)), request)?.0);
    };
    let Sockets { all, binds } = sockets_of(config)?;
    let (answers, absent) = ask_those(only(&[Role::Binder], all), request)?;
    if answers.is_empty() && binds {
        let (config, absent) = (config.display(), absent.join("\n  and "));
        return Err(Stop::Failed(anyhow!("{config} has a binder, and none answers: {absent}")));
    }
    Ok(answers)
}

const EVERY: [Role; 2] = [Role::Monitor, Role::Binder];

/// Asks every role that runs, of these.
fn ask_each(sockets: Vec<PathBuf>, request: &Request) -> Result<Vec<(PathBuf, Response)>, Stop> {
    let (answers, absent) = ask_those(sockets, request)?;
    if answers.is_empty() {
        return Err(Stop::Failed(anyhow!("{}", absent.join("\n  and "))));
    }
    Ok(answers)
}

/// Who answers, and why the others do not.
type Answers = (Vec<(PathBuf, Response)>, Vec<String>);

fn ask_those(sockets: Vec<PathBuf>, request: &Request) -> Result<Answers, Stop> {
    let mut answers = Vec::new();
    let mut absent = Vec::new();
    for path in sockets {
        match client::ask(&path, request) {
            Ok(response) => answers.push((path, response)),
            Err(error) if is_absent(&error) => absent.push(error.to_string()),
            Err(error) => return Err(Stop::Failed(error.into())),
        }
    }
    Ok((answers, absent))
}

/// The control sockets of a configuration.
struct Sockets {
    /// Of a file that is at fault those of both roles, for either may run.
    all: Vec<(Role, PathBuf)>,
    /// Whether a binder belongs to it.
    binds: bool,
}

/// The sockets that the configuration at `path` names.
///
/// A process goes on with what it read before its file was broken, and must be found all the same:
/// of a file that is at fault elsewhere the one key that says where is enough.
///
/// # Errors
/// It cannot be read as TOML.
fn sockets_of(path: &Path) -> Result<Sockets, Faults> {
    // What a monitor needs is enough to know the sockets: headers may be elsewhere.
    let faults = match config::load_for(path, Asked::Only(Role::Monitor)) {
        Ok(loaded) => {
            let all = client::sockets(Some(&loaded.config));
            let binds = all.iter().any(|(role, _)| *role == Role::Binder);
            return Ok(Sockets { all, binds });
        }
        Err(faults) => faults,
    };
    let text = config::read_regular(path).ok().and_then(|octets| String::from_utf8(octets).ok());
    let Some(table) = text.and_then(|text| text.parse::<toml::Table>().ok()) else {
        return Err(faults);
    };
    let key = table.get("control").and_then(|control| control.get("socket")?.as_str());
    let doubt = format!("{} is at fault now; `rais check -c {0}` says why", path.display());
    output::error(&output::titled_warning(&doubt));
    let all = match key {
        Some(pattern) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            let socket = |role: Role| folder.join(pattern.replace("{role}", role.as_str()));
            EVERY.map(|role| (role, socket(role))).to_vec()
        }
        None => client::sockets(None),
    };
    // A sink may answer queries without a service.
    Ok(Sockets { all, binds: table.contains_key("binder") || table.contains_key("sink") })
}

/// Whether nobody is there, and nothing worse.
fn is_absent(error: &ClientError) -> bool {
    let ClientError::Nobody { source, .. } = error else { return false };
    matches!(source.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn sockets(text: &str) -> Result<Vec<String>, Faults> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rais.toml");
        fs::write(&file, text).unwrap();
        let inside = |path: PathBuf| match path.strip_prefix(folder.path()) {
            Ok(inside) => inside.display().to_string(),
            Err(_) => path.display().to_string(),
        };
        Ok(sockets_of(&file)?.all.into_iter().map(|(_, path)| inside(path)).collect())
    }

    const MONITOR: &str =
        "[host]\nname = \"h\"\n[monitor.service.s]\nprobe = { type = \"tcp\", port = 1 }\n";

    #[test]
    fn a_sound_file_names_the_sockets_of_its_roles() {
        let text = format!("{MONITOR}[control]\nsocket = \"run/{{role}}\"\n");
        assert_eq!(sockets(&text).unwrap(), ["run/monitor"]);
        assert_eq!(sockets(MONITOR).unwrap(), ["/run/rais/monitor.sock"]);
    }

    #[test]
    fn only_a_binder_that_the_file_has_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rais.toml");
        let here = SocketArgs { socket: None, config: Some(file.clone()) };
        let ask = || ask_binders_of(Some(&file), &Request::Status);
        fs::write(&file, format!("{MONITOR}[control]\nsocket = \"{{role}}\"\n")).unwrap();
        assert!(ask().unwrap().is_empty());
        here.ask_binders(&Request::Status).unwrap_err();
        // Nor is one missed where something else is wrong with the file.
        let control = "[control]\nsocket = \"{role}\"\n";
        fs::write(&file, format!("ryse = 1\n{MONITOR}{control}")).unwrap();
        assert!(ask().unwrap().is_empty());

        let binder = "[binder]\nns = [\"ns1.example\"]\nmailbox = \"h.example\"\n\
            [binder.service.s]\nzone = \"s.example\"\n[zone.\"s.example\"]\nsinks = [\"hook\"]\n\
            [sink.hook]\ntype = \"hook\"\nargv = [\"/bin/true\"]\n";
        fs::write(&file, format!("{MONITOR}[control]\nsocket = \"{{role}}\"\n{binder}")).unwrap();
        let is_missed = || {
            let Err(Stop::Failed(why)) = ask() else { panic!("a binder belongs there") };
            let why = why.to_string();
            let says = format!("{} has a binder, and none answers: ", file.display());
            assert!(why.starts_with(&says) && why.contains("/binder"), "{why}");
        };
        is_missed();
        fs::write(&file, format!("ryse = 1\n{MONITOR}{control}{binder}")).unwrap();
        is_missed();
        // It cannot be asked whether it has one.
        fs::write(&file, "[binder\n").unwrap();
        assert!(matches!(ask(), Err(Stop::Configuration(_))));
    }

    #[test]
    fn a_file_that_was_broken_meanwhile_still_says_where() {
        let text = format!("{MONITOR}ryse = 1\n[control]\nsocket = \"run/{{role}}\"\n");
        assert_eq!(sockets(&text).unwrap(), ["run/monitor", "run/binder"]);
        sockets("[control\n").unwrap_err();
    }
}
