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

/// As [`nearest`] for a key, of which the first of two words may have been written alone: `key` for
/// `key_file`.
pub(super) fn meant_key<'a>(written: &str, keys: Vec<&'a str>) -> Option<&'a str> {
    let begins = |key: &&&str| key.strip_prefix(written).is_some_and(|rest| rest.starts_with('_'));
    let mut longer = keys.iter().filter(begins);
    match (longer.next(), longer.next()) {
        (Some(only), None) => Some(only),
        _ => nearest(written, keys),
    }
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

    #[test]
    fn half_of_a_key_is_enough_where_it_is_half_of_one() {
        let keys = || vec!["type", "key_file", "max_load", "max_servers"];
        assert_eq!(meant_key("key", keys()), Some("key_file"));
        assert_eq!(meant_key("max", keys()), None);
        assert_eq!(meant_key("tpye", keys()), Some("type"));
    }
}
