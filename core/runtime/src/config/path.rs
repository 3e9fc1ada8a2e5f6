//! Paths of keys, as people write them: `zone."www.example".sinks[0]`.

/// `key` within `base`, quoted where TOML would need it.
pub(super) fn join(base: &str, key: &str) -> String {
    let bare =
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if base.is_empty() { key } else { format!("{base}.{key}") }
}

/// `key` within `base`, as `serde_path_to_error` writes it.
pub(super) fn join_plain(base: &str, key: &str) -> String {
    if base.is_empty() { key.to_owned() } else { format!("{base}.{key}") }
}

/// Element `at` of the list `base`.
pub(super) fn index(base: &str, at: usize) -> String {
    format!("{base}[{at}]")
}

/// The path's keys; a list's index stays with its key.
pub(super) fn keys(path: &str) -> Vec<&str> {
    let mut quoted = false;
    let mut escaped = false;
    path.split(|c: char| {
        let cut = c == '.' && !quoted;
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        cut
    })
    .collect()
}

/// Whether `path` is one that `pattern` means; `*` stands for any one key.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (keys(pattern), keys(path));
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(pattern, key)| *pattern == "*" || pattern == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_key_is_one() {
        let path = join(&join("zone", "www.example"), "ttl");
        assert_eq!(path, "zone.\"www.example\".ttl");
        assert!(matches("zone.*.ttl", &path));
        assert!(!matches("zone.*.file", &path));
        assert!(!matches("zone.*", &path));
    }

    #[test]
    fn a_quote_in_a_key_does_not_end_it() {
        let path = join(&join("zone", "a\".b"), "ttl");
        assert_eq!(keys(&path).len(), 3);
    }
}
