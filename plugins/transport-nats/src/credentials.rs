//! Who we are to a NATS server.

use async_nats::ConnectOptions;
use nkeys::KeyPair;
use rais_sdk::{Fault, PathText};

use crate::secret::{SecretFile, Sound};

/// One of the ways in which NATS knows its users. No secret stands in the table.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// Nobody in particular, or who our certificate says.
    None,
    /// A JWT and the seed of its nkey, as `nsc` writes them.
    Jwt(SecretFile),
    /// The seed of a user's nkey.
    Nkey(SecretFile),
    Token(SecretFile),
    Password {
        user: String,
        file: SecretFile,
    },
}

/// What the table says of it.
pub(crate) struct Ways {
    pub(crate) credentials: Option<PathText>,
    pub(crate) nkey_file: Option<PathText>,
    pub(crate) token_file: Option<PathText>,
    pub(crate) user: Option<String>,
    pub(crate) password_file: Option<PathText>,
}

impl Credentials {
    /// Reads the file that the table names.
    pub(crate) fn of(ways: Ways) -> Result<Self, Fault> {
        ways.check()?;
        let Ways { credentials, nkey_file, token_file, user, password_file } = ways;
        if let Some(path) = credentials {
            return open("credentials", path, is_jwt).map(Self::Jwt);
        }
        if let Some(path) = nkey_file {
            return open("nkey_file", path, is_nkey).map(Self::Nkey);
        }
        if let Some(path) = token_file {
            return open("token_file", path, is_line).map(Self::Token);
        }
        let Some((user, path)) = user.zip(password_file) else { return Ok(Self::None) };
        let file = open("password_file", path, is_line)?;
        Ok(Self::Password { user, file })
    }

    /// `options` with what proves who we are, from files as they are now.
    pub(crate) fn prove(&self, options: ConnectOptions) -> Result<ConnectOptions, String> {
        match self {
            Self::None => Ok(options),
            Self::Jwt(file) => options.credentials(&file.text()).map_err(|error| error.to_string()),
            Self::Nkey(file) => Ok(options.nkey(seed(&file.text()).unwrap_or_default().to_owned())),
            Self::Token(file) => Ok(options.token(file.text().trim().to_owned())),
            Self::Password { user, file } => {
                Ok(options.user_and_password(user.clone(), file.text().trim().to_owned()))
            }
        }
    }

    /// What a server means that knows no such user.
    pub(crate) const fn refused(&self) -> &'static str {
        match self {
            Self::None => "the server wants to know who we are, and no credentials are given",
            Self::Jwt(_) => "the server refuses the credentials",
            Self::Nkey(_) => "the server refuses the nkey",
            Self::Token(_) => "the server refuses the token",
            Self::Password { .. } => "the server refuses the user or password",
        }
    }
}

impl Ways {
    /// One at most, and that whole.
    fn check(&self) -> Result<(), Fault> {
        let keys = [
            ("credentials", self.credentials.is_some()),
            ("nkey_file", self.nkey_file.is_some()),
            ("token_file", self.token_file.is_some()),
            ("user", self.user.is_some()),
        ];
        let mut given = keys.into_iter().filter_map(|(key, is_given)| is_given.then_some(key));
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            let text = format!("does not go with `{first}`: one of them says who we are");
            return Err(Fault::config(second, text));
        }
        match (self.user.as_deref(), &self.password_file) {
            (Some(""), _) => Err(Fault::config("user", "is empty; the name of a user is needed")),
            (Some(_), None) => {
                let text = "the key `password_file` is missing: the file with this user's password";
                Err(Fault::config("user", text))
            }
            (None, Some(_)) => {
                let text = "the key `user` is missing: the name of the user whose password it is";
                Err(Fault::config("password_file", text))
            }
            _ => Ok(()),
        }
    }
}

fn open(key: &str, path: PathText, sound: Sound) -> Result<SecretFile, Fault> {
    SecretFile::open(path, sound).map_err(|why| Fault::config(key, why))
}

fn is_jwt(text: &str) -> Result<(), String> {
    // Its error says which of the two parts is not there, and shows nothing of them.
    ConnectOptions::with_credentials(text).map(drop).map_err(|error| error.to_string())
}

fn is_nkey(text: &str) -> Result<(), String> {
    let seed = seed(text).ok_or("there is no seed of a user's nkey (SU…) in it")?;
    KeyPair::from_seed(seed).map(drop).map_err(|error| format!("its seed is none: {error}"))
}

/// Its line, whatever is written around it.
fn seed(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| line.starts_with("SU"))
}

fn is_line(text: &str) -> Result<(), String> {
    match text.trim() {
        "" => Err("is empty".to_owned()),
        line if line.contains('\n') => Err("has more than one line".to_owned()),
        _ => Ok(()),
    }
}
