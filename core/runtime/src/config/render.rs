//! rustc's look for faults, with secrets masked.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::fault::{Look, Severity, Site, Told};
use super::place::Place;

/// Keys whose values are nobody's business: a configuration should hold none.
const SECRET: [&str; 3] = ["secret", "password", "token"];

/// One fault as text, without a last line feed.
pub(super) fn render(fault: &Told, look: Look) -> String {
    let level = match fault.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(&fault.message));
    match &fault.site {
        Site::At(place) => {
            let file = place.file().display().to_string();
            let mut snippet = Snippet::source(masked(&place.source.text))
                .path(file)
                .annotation(AnnotationKind::Primary.span(place.span.clone()));
            let near = fault.see.iter().filter(|(other, _)| other.source == place.source);
            for (other, why) in near {
                let span = other.span.clone();
                snippet = snippet.annotation(AnnotationKind::Context.span(span).label(why));
            }
            group = group.element(snippet);
        }
        Site::File(file) => group = group.element(Origin::path(file.display().to_string())),
    }
    for (place, why) in fault.see.iter().filter(|(place, _)| !beside(fault, place)) {
        let snippet = Snippet::source(masked(&place.source.text))
            .path(place.file().display().to_string())
            .annotation(AnnotationKind::Primary.span(place.span.clone()).label(why));
        group = group.element(snippet);
    }
    for note in &fault.notes {
        group = group.element(Level::NOTE.message(note));
    }
    if let Some(allowed) = &fault.allowed {
        group = group.element(Level::NOTE.message(format!("allowed: {allowed}")));
    }
    if let Some(meant) = &fault.meant {
        group = group.element(Level::HELP.message(format!("did you mean {meant}?")));
    }
    let renderer = match look {
        Look::Plain => Renderer::plain(),
        Look::Styled => Renderer::styled(),
    };
    renderer.render(&[group])
}

fn beside(fault: &Told, other: &Place) -> bool {
    matches!(&fault.site, Site::At(place) if place.source == other.source)
}

/// What a key ends in whose value is the path of a file: no secret, whatever stands in the file.
const OF_A_FILE: &str = "_file";

/// Whether the path of a key says that its value is a secret.
pub(super) fn is_secret(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.split(['.', '['])
        .any(|key| !key.ends_with(OF_A_FILE) && SECRET.iter().any(|word| key.contains(word)))
}

/// The text with what stands behind a secret's `=` starred out, octet for octet, so that places
/// still fit.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut within: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        if let Some(quotes) = within {
            star(line, &mut out);
            if line.contains(quotes) {
                within = None;
            }
            continue;
        }
        let Some(at) = secret(line) else {
            out.push_str(line);
            continue;
        };
        out.push_str(&line[..at]);
        star(&line[at..], &mut out);
        within =
            ["\"\"\"", "'''"].into_iter().find(|quotes| line[at..].matches(quotes).count() == 1);
    }
    out
}

/// Where behind the first secret key's `=` the value begins.
fn secret(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let mut found: Vec<usize> =
        SECRET.iter().flat_map(|word| lower.match_indices(word)).map(|(at, _)| at).collect();
    found.sort_unstable();
    let at = found.into_iter().find(|&at| !is_of_a_file(&lower[at..]))?;
    lower[at..].find('=').map(|equals| at + equals + 1)
}

/// Whether the key that goes on with `rest` is that of a file.
fn is_of_a_file(rest: &str) -> bool {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let end = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
    let is_key = rest[end..].trim_start_matches(['"', '\'', ' ', '\t']).starts_with('=');
    is_key && rest[..end].ends_with(OF_A_FILE)
}

fn star(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(c),
            _ => (0..c.len_utf8()).for_each(|_| out.push('*')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let text = "port = 1\ntoken = \"abc\"\na = { password='x', b = 2 }\nkey_secret = \"\"\"\nabc\ndef\"\"\"\nend = 1\n";
        let shown = masked(text);
        assert_eq!(shown.len(), text.len());
        for word in ["abc", "'x'", "def"] {
            assert!(!shown.contains(word), "{shown}");
        }
        assert!(shown.starts_with("port = 1\ntoken =") && shown.ends_with("end = 1\n"), "{shown}");
    }

    #[test]
    fn the_path_of_a_file_is_no_secret() {
        for open in ["password_file = \"/etc/p\"\n", "\"token_file\" = 'x'\n"] {
            assert_eq!(masked(open), open);
        }
        let shown = masked("a = { password_file = \"/etc/p\", password = \"abc\" }");
        assert!(shown.contains("/etc/p") && !shown.contains("abc"), "{shown}");
        for (key, is) in [
            ("password", true),
            ("password_file", false),
            ("auth.token_file", false),
            ("secrets.user", true),
            ("tokens[0]", true),
            ("file_password", true),
        ] {
            assert_eq!(is_secret(key), is, "{key}");
        }
    }
}
