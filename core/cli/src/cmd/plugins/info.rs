//! `rais plugins info`.

use std::fmt::Write as _;

use clap::Args;
use rais_runtime::host::{Plugin, PluginTold};
use rais_sdk::{Need, OptionInfo};
use serde::Serialize;

use super::find::NameArgs;
use crate::args::Output;
use crate::exit::Stop;
use crate::output::{self, Format};

/// Arguments of `rais plugins info`.
#[derive(Debug, Args)]
pub(super) struct InfoArgs {
    #[command(flatten)]
    which: NameArgs,
    #[command(flatten)]
    output: Output,
}

/// All there is to know of a plugin.
#[derive(Debug, Serialize)]
struct Info {
    #[serde(flatten)]
    row: PluginTold,
    options: Vec<OptionInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    options_fault: Option<String>,
    sample: String,
}

/// Where the text of a key begins.
const INDENT: &str = "        ";

/// Shows.
///
/// # Errors
/// No such plugin.
pub(super) fn run(args: &InfoArgs) -> Result<(), Stop> {
    let host = args.which.host()?;
    let found = args.which.find(host.registry())?;
    let all: Vec<Info> = found.into_iter().map(Info::of).collect();
    if args.output.format == Format::Json {
        return output::json(&all);
    }
    let texts: Vec<String> = all.iter().map(Info::text).collect();
    output::text(texts.join("\n").trim_end())
}

impl Info {
    fn of(plugin: &Plugin) -> Info {
        let row = PluginTold::from(plugin.row());
        let (options, options_fault) = (plugin.options(), plugin.options_fault());
        Info { row, options, options_fault, sample: plugin.sample().to_owned() }
    }

    fn text(&self) -> String {
        let row = &self.row;
        let mut text = format!("{} {}\n", row.kind, row.name);
        let lines = [
            ("version", &row.version),
            ("abi", &row.abi),
            ("origin", &row.origin),
            ("isolation", &row.isolation),
        ];
        for (name, value) in lines {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<9}  {value}");
        }
        text.push_str("  keys\n");
        if let Some(fault) = &self.options_fault {
            let _ = writeln!(text, "    cannot be told: {fault}");
        } else if self.options.is_empty() {
            text.push_str("    none of its own\n");
        }
        keys(&self.options, "", &mut text);
        text.push_str("  sample\n");
        for line in self.sample.lines() {
            let _ = writeln!(text, "    {line}");
        }
        text
    }
}

fn keys(options: &[OptionInfo], within: &str, text: &mut String) {
    for option in options {
        let path = format!("{within}{}", option.name);
        let need = match &option.need {
            Need::Required => "required".to_owned(),
            Need::Default(value) => format!("default {value}"),
            _ => "optional".to_owned(),
        };
        let _ = writeln!(text, "    {path}  ({}; {need})", option.kind);
        for line in output::wrapped(&option.text, INDENT.len()) {
            let _ = writeln!(text, "{INDENT}{line}");
        }
        keys(&option.inner, &format!("{path}."), text);
    }
}
