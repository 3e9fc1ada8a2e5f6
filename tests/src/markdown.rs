//! The blocks of a page of documentation, as a test runs them.
//!
//! - `console`: lines behind `$ ` are commands, what follows one is its output. Behind
//!   `terminal=NAME` it is a command that stays.
//! - Any other with `title=FILE` is that file; `diff` changes it.
//!
//! A block may stand in a comment: then readers do not see it.

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Of its first line, from 1.
    pub line: usize,
    /// What is to be done.
    pub what: What,
}

/// What a block asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// These, in a terminal.
    Commands(Vec<Typed>),
    /// A command in a terminal of its own, where it stays.
    Stays {
        /// Which terminal.
        terminal: String,
        /// The command.
        command: String,
    },
    /// A file with this text.
    File {
        /// Its path.
        path: String,
        /// All of it.
        text: String,
    },
    /// A change to a file.
    Change {
        /// Its path.
        path: String,
        /// What is there.
        old: String,
        /// What comes in its place.
        new: String,
    },
}

/// One command, and what it is shown to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// As it is typed.
    pub command: String,
    /// The lines below it; none where nothing is shown.
    pub shown: Vec<String>,
}

/// The blocks of a page, in order; panics where one would be run by nobody.
#[track_caller]
#[must_use]
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let inside: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let line = number + 1;
        blocks.push(Block { line, what: what(line, info, &inside) });
    }
    blocks
}

#[track_caller]
fn what(line: usize, info: &str, inside: &[&str]) -> What {
    let mut words = info.split(' ');
    let language = words.next().unwrap_or_default();
    let value =
        |key: &str| words.clone().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    match (language, value("terminal"), value("title")) {
        ("console", None, None) => What::Commands(typed(line, inside)),
        ("console", Some(terminal), None) => {
            let typed = typed(line, inside);
            let [Typed { command, .. }] = &typed[..] else {
                panic!("line {line}: one command stays in a terminal, not {}", typed.len());
            };
            What::Stays { terminal: terminal.to_owned(), command: command.clone() }
        }
        ("diff", None, Some(path)) => {
            let side = |sign: char| {
                let lines = inside.iter().filter_map(|line| line.strip_prefix([' ', sign]));
                lines.flat_map(|line| [line, "\n"]).collect::<String>()
            };
            What::Change { path: path.to_owned(), old: side('-'), new: side('+') }
        }
        (_, None, Some(path)) => {
            let text = inside.iter().flat_map(|line| [line, "\n"]).collect();
            What::File { path: path.to_owned(), text }
        }
        _ => panic!("line {line}: no test can run a block `{info}`"),
    }
}

#[track_caller]
fn typed(line: usize, inside: &[&str]) -> Vec<Typed> {
    let mut all: Vec<Typed> = Vec::new();
    for text in inside {
        match (text.strip_prefix("$ "), all.last_mut()) {
            (Some(command), _) => {
                all.push(Typed { command: command.to_owned(), shown: Vec::new() });
            }
            (None, Some(typed)) => typed.shown.push((*text).to_owned()),
            (None, None) => panic!("line {line}: output before a command"),
        }
    }
    all
}

impl Typed {
    /// Whether it is shown to fail.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.shown.iter().any(|line| line.starts_with("error"))
    }

    /// Whether `printed` is what is shown: word by word, but for how long something took and how
    /// loaded something is. `…` stands for any lines, or for any words of a line.
    #[must_use]
    pub fn is(&self, printed: &str) -> bool {
        let printed: Vec<Vec<&str>> = lines(printed.lines());
        self.shown.is_empty() || all_match(&lines(self.shown.iter().map(String::as_str)), &printed)
    }
}

/// The words of each line, but for empty lines.
fn lines<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Vec<&'a str>> {
    lines
        .map(|line| line.split_whitespace().collect())
        .filter(|it: &Vec<_>| !it.is_empty())
        .collect()
}

fn all_match(shown: &[Vec<&str>], printed: &[Vec<&str>]) -> bool {
    matches(shown, printed, &|line| line == &["…"], &|shown, printed| {
        matches(shown, printed, &|word| *word == "…", &|shown, printed| {
            shown == printed || (is_figure(shown) && is_figure(printed))
        })
    })
}

/// Whether `printed` is `pattern`, in which what `is_any` stands for any number.
fn matches<T>(
    pattern: &[T],
    printed: &[T],
    is_any: &dyn Fn(&T) -> bool,
    is: &dyn Fn(&T, &T) -> bool,
) -> bool {
    match pattern.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if is_any(first) => {
            (0..=printed.len()).any(|skip| matches(rest, &printed[skip..], is_any, is))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(head, tail)| is(first, head) && matches(rest, tail, is_any, is)),
    }
}

/// `12.5ms`, `3s,`, `0.25%`.
fn is_figure(word: &str) -> bool {
    let word = word.trim_end_matches([',', ';']);
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    unit.len() < word.len() && ["ms", "s", "m", "h", "%"].contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_blocks() {
        let page = "# A\n\n```console\n$ ls\na\nb\n$ cd a\n```\n<!--\n```toml title=x.toml\na = 1\n```\n-->\n\
                    ```diff title=x.toml\n-a = 1\n+a = 2\n b\n```\n```console terminal=t\n$ rais run\n```\n";
        let typed = |command: &str, shown: &[&str]| Typed {
            command: command.to_owned(),
            shown: shown.iter().map(|line| (*line).to_owned()).collect(),
        };
        let path = "x.toml".to_owned();
        let wanted = [
            (3, What::Commands(vec![typed("ls", &["a", "b"]), typed("cd a", &[])])),
            (10, What::File { path: path.clone(), text: "a = 1\n".to_owned() }),
            (14, What::Change { path, old: "a = 1\nb\n".to_owned(), new: "a = 2\nb\n".to_owned() }),
            (19, What::Stays { terminal: "t".to_owned(), command: "rais run".to_owned() }),
        ];
        let wanted = wanted.map(|(line, what)| Block { line, what });
        assert_eq!(blocks(page), wanted);
    }

    #[test]
    #[should_panic(expected = "line 1: no test can run a block `toml`")]
    fn a_block_that_nobody_runs_is_a_fault_of_the_page() {
        let _ = blocks("```toml\na = 1\n```\n");
    }

    #[test]
    fn figures_and_dots_may_differ_and_nothing_else() {
        let shown = |lines: &[&str]| Typed {
            command: String::new(),
            shown: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        assert!(shown(&[]).is("anything\n"));
        assert!(shown(&["a  1.5ms b", "", "c"]).is("a 20s  b\n\n  c\n"));
        assert!(!shown(&["a 1.5ms"]).is("a 15"));
        assert!(!shown(&["a", "b"]).is("a\n"));
        assert!(!shown(&["a"]).is("a\nb\n"));
        assert!(shown(&["…", "b", "…"]).is("a\nb\n"));
        assert!(!shown(&["…", "b", "…"]).is("a\nbb\n"));
        assert!(shown(&["a … c"]).is("a b b c"));
        assert!(!shown(&["a … c"]).is("a b b d"));
    }
}
