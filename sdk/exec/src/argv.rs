//! The arguments of a command, and what is filled into them.

use std::fmt;
use std::net::IpAddr;

use crate::error::{RunError, TableError};

/// What may be filled into an argument, written as `{address}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// The address that is asked about.
    Address,
    /// Its port.
    Port,
    /// The name of the machine.
    Name,
    /// The name of the service.
    Service,
    /// The name of a zone.
    Zone,
    /// The path of a zone's file.
    File,
}

/// What is filled in; none where it is not known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Values<'a> {
    /// For `{address}`.
    pub address: Option<IpAddr>,
    /// For `{port}`.
    pub port: Option<u16>,
    /// For `{name}`.
    pub name: Option<&'a str>,
    /// For `{service}`.
    pub service: Option<&'a str>,
    /// For `{zone}`.
    pub zone: Option<&'a str>,
    /// For `{file}`.
    pub file: Option<&'a str>,
}

/// One argument. What is filled in never makes two of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Argument(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Fill(Placeholder),
}

/// What stands at an opening brace.
enum Braced<'a> {
    /// `{word}`: a placeholder, known or not.
    Filled(&'a str),
    /// `{{word}}`: `{word}` itself.
    Doubled(&'a str),
    /// A brace like any other character: JSON, a regular expression.
    Plain,
}

impl Placeholder {
    /// Those that a check of a server has.
    pub const OF_A_CHECK: [Placeholder; 4] =
        [Placeholder::Address, Placeholder::Port, Placeholder::Name, Placeholder::Service];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Placeholder::Address => "address",
            Placeholder::Port => "port",
            Placeholder::Name => "name",
            Placeholder::Service => "service",
            Placeholder::Zone => "zone",
            Placeholder::File => "file",
        }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.word())
    }
}

impl Values<'_> {
    fn get(&self, placeholder: Placeholder) -> Option<String> {
        match placeholder {
            Placeholder::Address => self.address.map(|address| address.to_string()),
            Placeholder::Port => self.port.map(|port| port.to_string()),
            Placeholder::Name => self.name.map(str::to_owned),
            Placeholder::Service => self.service.map(str::to_owned),
            Placeholder::Zone => self.zone.map(str::to_owned),
            Placeholder::File => self.file.map(str::to_owned),
        }
    }
}

impl Argument {
    /// Reads the argument that stands at `at` of the table; only what is `allowed` is filled in.
    pub(crate) fn parse(
        at: &str,
        text: &str,
        allowed: &[Placeholder],
    ) -> Result<Argument, TableError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(brace) = rest.find('{') {
            plain.push_str(&rest[..brace]);
            rest = &rest[brace..];
            let taken = match braced(rest) {
                Braced::Plain => {
                    plain.push('{');
                    1
                }
                Braced::Doubled(word) => {
                    plain.push_str(&rest[1..word.len() + 3]);
                    word.len() + 4
                }
                Braced::Filled(word) => {
                    let known = allowed.iter().find(|it| it.word() == word);
                    let placeholder = *known.ok_or_else(|| unknown(at, word, allowed))?;
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Fill(placeholder));
                    word.len() + 2
                }
            };
            rest = &rest[taken..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Argument(parts))
    }

    /// As the command is given it.
    pub(crate) fn fill(&self, values: &Values<'_>) -> Result<String, RunError> {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Fill(placeholder) => {
                    let value = values.get(*placeholder);
                    let value = value.ok_or(RunError::Missing(*placeholder))?;
                    if filled.is_empty() && value.starts_with('-') {
                        return Err(RunError::TakenForOption(*placeholder, value));
                    }
                    filled.push_str(&value);
                }
            }
        }
        Ok(filled)
    }
}

/// `text` begins with a brace.
fn braced(text: &str) -> Braced<'_> {
    let word = |text: &'_ str| -> usize {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let length = text.find(|c| !known(c)).unwrap_or(text.len());
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) { length } else { 0 }
    };
    let doubled = text.get(2..).map_or(0, word);
    if text.starts_with("{{") && doubled > 0 && text[2 + doubled..].starts_with("}}") {
        return Braced::Doubled(&text[2..2 + doubled]);
    }
    let single = word(&text[1..]);
    if single > 0 && text[1 + single..].starts_with('}') {
        return Braced::Filled(&text[1..=single]);
    }
    Braced::Plain
}

fn unknown(at: &str, word: &str, allowed: &[Placeholder]) -> TableError {
    let there = match allowed {
        [] => "none is filled in here".to_owned(),
        all => {
            let all: Vec<_> = all.iter().map(ToString::to_string).collect();
            format!("there are {}", all.join(", "))
        }
    };
    let text = format!(
        "`{{{word}}}` is no placeholder: {there}; \
         write `{{{{{word}}}}}` where the command itself wants the braces"
    );
    TableError::new(at, text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> Values<'static> {
        Values {
            address: "2001:db8::1".parse().ok(),
            port: Some(80),
            name: Some("web 1"),
            service: Some("www"),
            ..Values::default()
        }
    }

    fn filled(text: &str) -> Result<String, String> {
        let argument = Argument::parse("argv[1]", text, &Placeholder::OF_A_CHECK);
        let argument = argument.map_err(|error| error.to_string())?;
        argument.fill(&values()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_filled_in_stays_within_its_argument() {
        for (text, wanted) in [
            ("", ""),
            ("-H", "-H"),
            ("{address}", "2001:db8::1"),
            ("http://[{address}]:{port}/{service}", "http://[2001:db8::1]:80/www"),
            ("--name={name}", "--name=web 1"),
            ("ü{port}ü", "ü80ü"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn other_braces_are_the_commands_own() {
        for text in ["{", "}", "{}", "{{}}", "a{2,3}", "{\"a\": {\"b\": 1}}", "{ port }", "{1}"] {
            assert_eq!(filled(text).as_deref(), Ok(text), "{text}");
        }
        assert_eq!(filled("{\"p\":{port}}").as_deref(), Ok("{\"p\":80}"));
    }

    #[test]
    fn doubled_braces_are_the_word_itself() {
        for (text, wanted) in [
            ("{{port}}", "{port}"),
            ("{{nobody}}{port}", "{nobody}80"),
            ("{{port}", "{80"),
            ("{port}}", "80}"),
            ("{{{port}}}", "{{port}}"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn an_unknown_word_is_refused_with_those_that_there_are() {
        let error = filled("-H{adress}").unwrap_err();
        assert_eq!(
            error,
            "argv[1]: `{adress}` is no placeholder: there are {address}, {port}, {name}, \
             {service}; write `{{adress}}` where the command itself wants the braces"
        );
        for word in ["{Address}", "{ADDRESS}", "{host-name}", "{x1}"] {
            assert!(filled(word).is_err(), "{word}");
        }
        let error = Argument::parse("argv[2]", "{port}", &[]).unwrap_err();
        assert!(error.to_string().contains("none is filled in here"), "{error}");
    }

    #[test]
    fn what_is_not_known_is_asked_for() {
        let argument = Argument::parse("argv[1]", "{port}", &Placeholder::OF_A_CHECK).unwrap();
        let error = argument.fill(&Values::default()).unwrap_err();
        assert!(matches!(error, RunError::Missing(Placeholder::Port)), "{error}");
    }

    #[test]
    fn what_is_filled_in_never_becomes_an_option() {
        let values = Values { name: Some("-H"), ..values() };
        let fill = |text: &str| {
            let argument = Argument::parse("argv[1]", text, &Placeholder::OF_A_CHECK).unwrap();
            argument.fill(&values)
        };
        let error = fill("{name}").unwrap_err().to_string();
        assert_eq!(error, "`{name}` is `-H` here, which the command would take for an option");
        assert_eq!(fill("--host={name}").unwrap(), "--host=-H");
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "[{}a-z0-9\"ü ]{0,24}") {
            let _ = filled(&text);
        }

        #[test]
        fn text_without_braces_stays_as_it_is(text in "[^{}]{0,24}") {
            prop_assert_eq!(filled(&text), Ok(text));
        }
    }
}
