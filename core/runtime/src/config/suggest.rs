//! Did-you-mean.

/// The nearest of `words` to what was `written`, where one is near enough to be meant.
pub(crate) fn nearest<'a>(
    written: &str,
    words: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let written = written.to_lowercase().replace('-', "_");
    let far = (written.chars().count() / 3).clamp(1, 4);
    words
        .into_iter()
        .map(|word| {
            let plain = word.to_lowercase().replace('-', "_");
            (strsim::osa_distance(&written, &plain), word)
        })
        // One letter may be anything: a slip must leave something of the word.
        .filter(|(distance, word)| *distance <= far && *distance < word.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// The words as a person lists them: `a`, `b` or `c`.
pub(super) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_no_more() {
        let words = ["interval", "fast_interval", "timeout"];
        assert_eq!(nearest("intervall", words), Some("interval"));
        assert_eq!(nearest("fast-interval", words), Some("fast_interval"));
        assert_eq!(nearest("Timeout", words), Some("timeout"));
        assert_eq!(nearest("weight", words), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
