//! What must stand in a page.

use memchr::memmem;
use rais_http::{Reader, Size};
use rais_sdk::Fault;
use rais_talk::Pattern;

/// A text, an expression, or both.
#[derive(Debug)]
pub(crate) struct Body {
    text: Option<String>,
    pattern: Option<Pattern>,
}

impl Body {
    /// `None` where nothing is wanted of the body.
    pub(crate) fn new(
        text: Option<String>,
        pattern: Option<Pattern>,
    ) -> Result<Option<Self>, Fault> {
        if text.as_deref() == Some("") {
            return Err(Fault::config("body", "is empty, and would occur in any body"));
        }
        Ok((text.is_some() || pattern.is_some()).then_some(Self { text, pattern }))
    }

    pub(crate) fn judge(&self, answer: &Reader, max_body: Size) -> Result<(), Fault> {
        let within = || match answer.is_cut() {
            true => format!(" in its first {max_body}"),
            false => String::new(),
        };
        if let Some(text) = &self.text
            && memmem::find(answer.body(), text.as_bytes()).is_none()
        {
            return Err(Fault::down(format!("body lacks \"{text}\"{}", within())));
        }
        if let Some(pattern) = &self.pattern
            && !pattern.is_in(answer.body())
        {
            return Err(Fault::down(format!("body does not match \"{pattern}\"{}", within())));
        }
        Ok(())
    }
}
