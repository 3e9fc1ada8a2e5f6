//! English for types: lists, tables by name, choices.

/// `list of sockets`, of `socket`.
pub(super) fn list_of(words: &str) -> String {
    several("list", words)
}

/// `table of sockets`, of `socket`: any names, a socket at each.
pub(super) fn table_of(words: &str) -> String {
    several("table", words)
}

/// `one of "a" | "b"`.
pub(super) fn one_of(words: &[String]) -> String {
    match words {
        [only] => only.clone(),
        several => format!("one of {}", several.join(" | ")),
    }
}

fn several(what: &str, words: &str) -> String {
    // Up to where more is said of the noun: `whole number, 0 to 255`, `list of paths`.
    let end = [",", " of ", " from "].iter().filter_map(|stop| words.find(stop)).min();
    let (noun, rest) = words.split_at(end.unwrap_or(words.len()));
    // A choice has no plural.
    if noun == "one" || noun.contains(" or ") || noun.contains(['"', '{']) {
        return format!("{what}, each {words}");
    }
    let ending = if noun.ends_with(['s', 'x']) { "es" } else { "s" };
    format!("{what} of {noun}{ending}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_well() {
        let cases = [
            ("text", "list of texts"),
            ("IPv4 address", "list of IPv4 addresses"),
            ("whole number, 0 to 255", "list of whole numbers, 0 to 255"),
            ("list of paths", "list of lists of paths"),
            ("table", "list of tables"),
            ("true or false", "list, each true or false"),
            ("one of \"a\" | \"b\"", "list, each one of \"a\" | \"b\""),
            ("text or list of texts", "list, each text or list of texts"),
        ];
        for (one, many) in cases {
            assert_eq!(list_of(one), many);
        }
        assert_eq!(table_of("duration"), "table of durations");
    }

    #[test]
    fn a_choice_of_one_is_none() {
        assert_eq!(one_of(&["\"a\"".into()]), "\"a\"");
        assert_eq!(one_of(&["\"a\"".into(), "\"b\"".into()]), "one of \"a\" | \"b\"");
    }
}
