//! Comment lines that are meant for rais.

use crate::error::{Place, Problem, ZoneError};
use crate::scan::{Comment, Item, Scanner};

/// The word of `rais: scheme=WORD` in a comment line; other comments are nobody's business.
pub(crate) fn remark<'a>(text: &str, comment: Comment<'a>) -> Result<Option<&'a str>, ZoneError> {
    let inner = comment.text.trim_start_matches(';').trim();
    let Some(rest) = inner.strip_prefix("rais:") else { return Ok(None) };
    let Some((key, word)) = rest.split_once('=') else { return Ok(None) };
    let (key, word) = (key.trim(), word.trim());
    // `rais: where a = b` is prose, not a setting.
    if key.contains(char::is_whitespace) {
        return Ok(None);
    }
    if key != "scheme" || word.is_empty() || word.contains(char::is_whitespace) {
        return Err(ZoneError::at(text, comment.start, Problem::Remark(rest.trim().to_owned())));
    }
    Ok(Some(word))
}

/// The first line `; rais: scheme=WORD` of a zone's text, or one that was to be it: for who has no use for
/// schemes.
pub fn scheme_line(text: &str) -> Option<Place> {
    // Long texts mostly have none, and need not be read for it.
    if !text.contains("rais:") {
        return None;
    }
    let mut scanner = Scanner::new(text);
    while let Ok(Some(item)) = scanner.next() {
        if let Item::Comment(comment) = item
            && !matches!(remark(text, comment), Ok(None))
        {
            return Some(Place::of(text, comment.start));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_found_in_comments_of_their_own_alone() {
        let line = |text: &str| scheme_line(text).map(|place| place.line);
        assert_eq!(line("a A 192.0.2.1\n\n ;; rais: scheme = x\n; rais: scheme=y\n"), Some(3));
        assert_eq!(line("; rais: sheme=random\n"), Some(1));
        for none in
            ["a TXT \"; rais: scheme=x\"\n", "a A 192.0.2.1 ; rais: scheme=x\n", "; rais: x\n", ""]
        {
            assert_eq!(line(none), None, "{none}");
        }
    }
}
