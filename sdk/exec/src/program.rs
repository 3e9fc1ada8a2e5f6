//! Which file a command is, and what it finds around it when it runs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::{TableError, plain};

/// Where Debian, Fedora and Alpine put checks, then where programs are.
const PATH: &str = "/usr/lib/nagios/plugins:/usr/lib64/nagios/plugins:/usr/lib/monitoring-plugins:\
                    /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The first word of `argv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Program {
    /// An absolute path.
    At(PathBuf),
    /// Looked up in `PATH` at each run, so that a check may be exchanged while rais runs.
    Named(String),
}

/// All that a check is given of variables: nothing is inherited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Program {
    pub(crate) fn parse(word: &str) -> Result<Program, TableError> {
        let refuse = |what: &str| {
            let text = format!(
                "{what}: the first word is the command, by its name in PATH or by its absolute path"
            );
            Err(TableError::new("argv[0]", text))
        };
        match word {
            "" => refuse("is empty"),
            path if path.starts_with('/') => Ok(Program::At(path.into())),
            relative if relative.contains('/') => refuse(&format!("{relative:?} is relative")),
            "." | ".." => refuse("is a folder"),
            name => Ok(Program::Named(name.to_owned())),
        }
    }

    /// The file to run now.
    pub(crate) fn find(&self, environment: &Environment) -> io::Result<PathBuf> {
        match self {
            Program::At(path) => match runnable(path) {
                Ok(()) => Ok(path.clone()),
                Err((kind, text)) => Err(io::Error::new(kind, format!("it {text}"))),
            },
            Program::Named(name) => {
                let folders = environment.path().split(':').filter(|it| it.starts_with('/'));
                let mut first = None;
                for file in folders.map(|folder| Path::new(folder).join(name)) {
                    match runnable(&file) {
                        Ok(()) => return Ok(file),
                        Err((io::ErrorKind::NotFound, _)) => {}
                        Err((kind, text)) => {
                            let text = format!("{} {text}", file.display());
                            first.get_or_insert(io::Error::new(kind, text));
                        }
                    }
                }
                // One that is there and cannot be run says more than those that are not.
                Err(first.unwrap_or_else(|| {
                    let text = format!("no such file in {}", environment.path());
                    io::Error::new(io::ErrorKind::NotFound, text)
                }))
            }
        }
    }
}

/// Whether a file can be run, or else what it is.
fn runnable(file: &Path) -> Result<(), (io::ErrorKind, String)> {
    let refused = |text: &str| Err((io::ErrorKind::PermissionDenied, text.to_owned()));
    match fs::metadata(file) {
        Ok(about) if !about.is_file() => refused("is no file"),
        Ok(about) if about.permissions().mode() & 0o111 == 0 => refused("is not executable"),
        Ok(_) => Ok(()),
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            Err((why.kind(), "is not there".to_owned()))
        }
        Err(why) => Err((why.kind(), format!("cannot be looked at: {}", plain(&why)))),
    }
}

impl Environment {
    /// The usual ones, and `more`, which may replace them.
    pub(crate) fn new(more: &BTreeMap<String, String>) -> Result<Environment, TableError> {
        let usual = [("PATH", PATH), ("LC_ALL", "C")];
        let mut all: BTreeMap<String, String> =
            usual.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        for (key, value) in more {
            if key.is_empty() || key.contains(['=', '\0']) {
                return Err(TableError::new("env", format!("{key:?} is no name of a variable")));
            }
            if value.contains('\0') {
                return Err(TableError::new(format!("env.{key}"), "holds a zero octet"));
            }
            all.insert(key.clone(), value.clone());
        }
        Ok(Environment(all))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }

    fn path(&self) -> &str {
        self.0.get("PATH").map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_path(path: &str) -> Environment {
        let more = BTreeMap::from([("PATH".to_owned(), path.to_owned())]);
        Environment::new(&more).unwrap()
    }

    #[test]
    fn a_command_is_named_or_has_an_absolute_path() {
        assert_eq!(Program::parse("check_tcp"), Ok(Program::Named("check_tcp".to_owned())));
        assert_eq!(Program::parse("/a/b"), Ok(Program::At("/a/b".into())));
        for word in ["", "./check", "checks/check", "..", "."] {
            let error = Program::parse(word).unwrap_err();
            assert_eq!(error.at, "argv[0]");
            let told = "the command, by its name in PATH or by its absolute path";
            assert!(error.text.contains(told), "{error}");
        }
    }

    #[test]
    fn the_first_folder_that_has_it_counts() {
        let folder = tempfile::tempdir().unwrap();
        let sh = fs::canonicalize("/bin/sh").unwrap();
        let place = |name: &str| {
            let place = folder.path().join(name);
            fs::create_dir(&place).unwrap();
            place
        };
        let (one, two, odd) = (place("one"), place("two"), place("odd"));
        std::os::unix::fs::symlink(&sh, two.join("check")).unwrap();
        fs::create_dir(odd.join("check")).unwrap();
        fs::write(odd.join("plain"), "").unwrap();
        let path = format!("relative::{}:{}", one.display(), two.display());
        let check = Program::parse("check").unwrap();
        assert_eq!(check.find(&with_path(&path)).unwrap(), two.join("check"));

        // It appears, and nothing is started anew.
        std::os::unix::fs::symlink(&sh, one.join("check")).unwrap();
        assert_eq!(check.find(&with_path(&path)).unwrap(), one.join("check"));

        let path = format!("{}:{}", odd.display(), two.display());
        assert_eq!(check.find(&with_path(&path)).unwrap(), two.join("check"));
        let plain = Program::parse("plain").unwrap();
        let text = plain.find(&with_path(&path)).unwrap_err().to_string();
        assert_eq!(text, format!("{}/plain is not executable", odd.display()));
        let text = plain.find(&with_path("/nowhere")).unwrap_err().to_string();
        assert_eq!(text, "no such file in /nowhere");
    }

    #[test]
    fn a_path_is_what_it_says() {
        let usual = Environment::new(&BTreeMap::new()).unwrap();
        assert!(Program::parse("/bin/sh").unwrap().find(&usual).is_ok());
        let text = |word| Program::parse(word).unwrap().find(&usual).unwrap_err().to_string();
        assert_eq!(text("/bin"), "it is no file");
        assert_eq!(text("/nowhere/x"), "it is not there");
        assert_eq!(text("/etc/passwd"), "it is not executable");
        assert_eq!(text("/etc/passwd/x"), "it cannot be looked at: Not a directory");
    }

    #[test]
    fn variables_are_the_usual_ones_and_those_of_the_table() {
        let more = [("LC_ALL", "de_DE.UTF-8"), ("COMMUNITY", "public")];
        let more = more.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let all = Environment::new(&more.into()).unwrap();
        let all: Vec<_> = all.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(all, ["COMMUNITY=public", "LC_ALL=de_DE.UTF-8", &format!("PATH={PATH}")]);
        for (key, value, at) in [("", "x", "env"), ("A=B", "x", "env"), ("A", "x\0", "env.A")] {
            let one = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            assert_eq!(Environment::new(&one).unwrap_err().at, at);
        }
    }
}
