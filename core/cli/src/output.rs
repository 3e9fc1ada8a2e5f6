//! What is printed, and how: for people or as JSON; colour only where a terminal takes it.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, Color};
use serde::Serialize;

use crate::exit::Stop;

/// For whom the output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// People.
    #[default]
    Human,
    /// Programs.
    Json,
}

/// What a cell's colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing in particular.
    Plain,
    /// All is well.
    Good,
    /// Wants a look.
    Doubtful,
    /// Is not well.
    Bad,
    /// Less interesting than the rest.
    Faint,
}

/// On which side a column's text starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Columns that align, without lines between them.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// A table with these columns.
    pub(crate) fn new(columns: &[(&str, Side)]) -> Table {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING).enforce_styling();
        table.style_text_only();
        let bold = |(name, _): &(&str, Side)| Cell::new(name).add_attribute(Attribute::Bold);
        table.set_header(columns.iter().map(bold).collect::<Vec<_>>());
        for (column, (_, side)) in table.column_iter_mut().zip(columns) {
            column.set_padding((0, 2));
            column.set_cell_alignment(match side {
                Side::Left => CellAlignment::Left,
                Side::Right => CellAlignment::Right,
            });
        }
        Table(table)
    }

    /// One more row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [(String, Tone); N]) {
        let cell = |(text, tone): (String, Tone)| match tone {
            Tone::Plain => Cell::new(text),
            Tone::Good => Cell::new(text).fg(Color::Green),
            Tone::Doubtful => Cell::new(text).fg(Color::Yellow),
            Tone::Bad => Cell::new(text).fg(Color::Red),
            Tone::Faint => Cell::new(text).add_attribute(Attribute::Dim),
        };
        self.0.add_row(cells.map(cell).to_vec());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.trim_fmt())
    }
}

/// Prints `text` and a line feed on standard output.
///
/// # Errors
/// Nobody reads it to the end, or a full disk.
pub(crate) fn text(text: &str) -> Result<(), Stop> {
    let mut out = anstream::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // Whoever has read enough needs no message.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Stop::Told),
        outcome => Ok(outcome.context("standard output")?),
    }
}

/// Prints `value` as JSON.
///
/// # Errors
/// As [`text`].
pub(crate) fn json(value: &impl Serialize) -> Result<(), Stop> {
    text(&serde_json::to_string_pretty(value).context("JSON")?)
}

/// Prints `value` as JSON in one line.
///
/// # Errors
/// As [`text`].
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), Stop> {
    text(&serde_json::to_string(value).context("JSON")?)
}

/// Prints what is wrong, or worth saying beside the output, on standard error.
pub(crate) fn error(text: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A message in the look of a configuration's fault.
pub(crate) fn titled_error(message: &str) -> String {
    format!("\u{1b}[1m\u{1b}[91merror\u{1b}[0m\u{1b}[1m: {message}\u{1b}[0m")
}

/// The same for what is only doubtful.
pub(crate) fn titled_warning(message: &str) -> String {
    format!("\u{1b}[1m\u{1b}[33mwarning\u{1b}[0m\u{1b}[1m: {message}\u{1b}[0m")
}

/// `text` in the colour of `tone`.
pub(crate) fn toned(text: &str, tone: Tone) -> String {
    let code = match tone {
        Tone::Plain => return text.to_owned(),
        Tone::Good => 32,
        Tone::Doubtful => 33,
        Tone::Bad => 31,
        Tone::Faint => 2,
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// What stands out.
pub(crate) fn bold(text: &str) -> String {
    format!("\u{1b}[1m{text}\u{1b}[0m")
}

/// `text` in lines that end before column 100 where `indent` columns stand before them.
pub(crate) fn wrapped(text: &str, indent: usize) -> Vec<String> {
    let room = 100 - indent.min(60);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A load as people say it: `12.5%`.
pub(crate) fn percent(percent: f64) -> String {
    let hundredths = format!("{percent:.2}");
    format!("{}%", hundredths.trim_end_matches('0').trim_end_matches('.'))
}

/// A duration as people say it, in at most two units: `350ms`, `1.05s`, `5m 18s`.
pub(crate) fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if duration < Duration::from_millis(10) && !duration.subsec_nanos().is_multiple_of(1_000_000) {
        return format!("{:.2}ms", duration.as_secs_f64() * 1000.0);
    }
    if millis < 1000 {
        return format!("{millis}ms");
    }
    if millis < 60_000 {
        let hundredths = millis / 10;
        let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        return format!("{}s", text.trim_end_matches('0').trim_end_matches('.'));
    }
    let seconds = millis / 1000;
    let units = [(86_400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")];
    let unit = units.into_iter().find(|(large, ..)| seconds >= *large);
    let (large, name, small, rest) = unit.unwrap_or((60, "m", 1, "s"));
    match seconds % large / small {
        0 => format!("{}{name}", seconds / large),
        more => format!("{}{name} {more}{rest}", seconds / large),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_in_two_units_at_most() {
        for (micros, text) in [
            (0, "0ms"),
            (80, "0.08ms"),
            (1_234, "1.23ms"),
            (5_000, "5ms"),
            (350_400, "350ms"),
            (1_050_000, "1.05s"),
            (2_000_000, "2s"),
            (59_990_000, "59.99s"),
            (60_000_000, "1m"),
            (318_000_000, "5m 18s"),
            (7_200_000_000, "2h"),
            (90_000_000_000, "1d 1h"),
        ] {
            assert_eq!(duration(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn columns_align_and_no_line_ends_in_blanks() {
        let mut table =
            Table::new(&[("name", Side::Left), ("load", Side::Right), ("why", Side::Left)]);
        let cell = |text: &str| (text.to_owned(), Tone::Plain);
        table.row([cell("a"), cell("7"), cell("")]);
        table.row([cell("longer"), cell("100"), cell("so")]);
        let shown = anstream::adapter::strip_str(&table.to_string()).to_string();
        assert_eq!(shown, "name    load  why\na          7\nlonger   100  so");
    }
}
