//! What must stand in a page.

use rais_http::{Reader, Size};
use rais_sdk::Fault;
use regex::bytes::{Regex, RegexBuilder};

/// A text, an expression, or both.
#[derive(Debug)]
pub(crate) struct Body {
    text: Option<(String, Regex)>,
    expression: Option<Regex>,
}

impl Body {
    /// `None` where nothing is wanted of the body.
    pub(crate) fn new(text: Option<&str>, expression: Option<&str>) -> Result<Option<Self>, Fault> {
        if text.is_some_and(str::is_empty) {
            return Err(Fault::config("body", "is empty, and would occur in any body"));
        }
        let text = match text {
            Some(text) => Some((text.to_owned(), compiled("body", &regex::escape(text))?)),
            None => None,
        };
        let expression = expression.map(|text| compiled("body_matches", text)).transpose()?;
        Ok((text.is_some() || expression.is_some()).then_some(Self { text, expression }))
    }

    pub(crate) fn judge(&self, reader: &Reader, max_body: Size) -> Result<(), Fault> {
        let within =
            || if reader.is_cut() { format!(" in its first {max_body}") } else { String::new() };
        if let Some((text, literal)) = &self.text
            && !literal.is_match(reader.body())
        {
            return Err(Fault::down(format!("body lacks \"{text}\"{}", within())));
        }
        if let Some(expression) = &self.expression
            && !expression.is_match(reader.body())
        {
            let expression = expression.as_str();
            return Err(Fault::down(format!("body does not match \"{expression}\"{}", within())));
        }
        Ok(())
    }
}

fn compiled(key: &str, text: &str) -> Result<Regex, Fault> {
    // A page need not be UTF-8, and classes of octets need no tables.
    let regex = RegexBuilder::new(text).unicode(false).build();
    regex.map_err(|error| Fault::config(key, error))
}
