//! The site as one of our configurations, with the paper's comments in it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::binder::Binder;
use super::dns::Dns;
use super::monitor::Monitor;
use super::site::{Bound, Site};

/// The three files, for what is said of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) monitor: &'a str,
    pub(super) binder: &'a str,
    pub(super) dns: &'a str,
}

/// Text that grows by lines.
struct Text(String);

/// The configuration.
pub(super) fn configuration(
    names: Names<'_>,
    monitor: &Monitor,
    binder: &Binder,
    dns: &Dns,
    site: &Site<'_>,
) -> String {
    let mut text = Text(String::new());
    let Names { monitor: first, binder: second, dns: third } = names;
    text.line(format_args!("# Imported from {first}, {second} and {third}."));
    text.line("# `rais check` judges it; `rais monitor` takes it on every server, `rais binder` beside every");
    text.line("# name server.");
    text.cluster(site);
    text.monitor(monitor);
    for bound in &site.bound {
        text.zone(bound);
    }
    for bound in &site.bound {
        text.service(bound);
    }
    for (name, directory) in &site.sinks {
        text.sink(name, directory);
    }
    for (name, rest) in [(first, &monitor.rest), (second, &binder.rest), (third, &dns.rest)] {
        if !rest.is_empty() {
            text.table(format_args!("# From the end of {name}:"), &[]);
            text.comments(rest);
        }
    }
    text.0
}

impl Text {
    fn line(&mut self, line: impl std::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    /// A heading, its comments above it.
    fn table(&mut self, heading: impl std::fmt::Display, comments: &[String]) {
        self.line("");
        self.comments(comments);
        self.line(heading);
    }

    fn comments(&mut self, comments: &[String]) {
        for comment in comments {
            self.line(format_args!("# {comment}").to_string().trim_end());
        }
    }

    fn cluster(&mut self, site: &Site<'_>) {
        self.table("[cluster]", &[]);
        self.line(format_args!("name = {}", quoted(site.cluster.as_str())));
        for why in [
            "# The paper trusts its network, and so does this file: whoever reaches a binder is believed.",
            "# To end that, make a key with `rais key new --keys keys`, copy the folder beside this file on",
            "# every host (modes 0600), and write `keys = \"keys/\"` in place of the next line.",
        ] {
            self.line(why);
        }
        self.line("insecure = true");
        let broadcast = "Subnet broadcast on every real interface, as in the paper.".to_owned();
        self.table("[transport.lan]", &[broadcast]);
        self.line("type = \"udp\"");
    }

    fn monitor(&mut self, monitor: &Monitor) {
        if monitor.sample.is_some() || !monitor.exclude.is_empty() {
            self.table("[monitor]", &[]);
        }
        if let Some(sample) = &monitor.sample {
            self.comments(&sample.comments);
            self.line(format_args!("sample = {}", duration(sample.interval)));
        }
        if !monitor.exclude.is_empty() {
            for exclude in &monitor.exclude {
                self.comments(&exclude.comments);
            }
            let ranges: Vec<String> =
                monitor.exclude.iter().map(|one| quoted(&one.range.to_string())).collect();
            self.line(format_args!("exclude = [{}]", ranges.join(", ")));
        }
        for service in &monitor.services {
            let heading = format!("[monitor.service.{}]", key(service.name.as_str()));
            self.table(heading, &service.comments);
            self.line(format_args!("interval = {}", duration(service.interval)));
            self.line("rise = 1 # the paper believes each probe (Fig. 3)");
            self.line("fall = 1");
            let port = service.port;
            self.line(format_args!(
                "probe = {{ type = \"tcp\", port = {port}, address = \"127.0.0.1\" }}"
            ));
            self.line("load = { type = \"cpu\" }");
        }
    }

    fn zone(&mut self, bound: &Bound<'_>) {
        let zone = bound.zone;
        self.table(format_args!("[zone.{}]", quoted(zone.name.as_str())), &zone.comments);
        if let Some(scheme) = &zone.scheme {
            let place = &zone.place;
            self.line(format_args!(
                "# {place} asks for the balancing scheme `{scheme}`. A line in the header says a scheme:"
            ));
            self.line("# ; rais: scheme=round-robin   (or weighted, random, least-load, fixed, client-hash)");
        }
        self.line(format_args!("header = {}", path(&bound.header)));
        self.line(format_args!("file = {}", quoted(&bound.file)));
        self.line(format_args!("sinks = [{}]", quoted(&bound.sink)));
    }

    fn service(&mut self, bound: &Bound<'_>) {
        let update = bound.update;
        let heading = format!("[binder.service.{}]", key(update.service.as_str()));
        self.table(heading, &update.comments);
        self.line(format_args!("zone = {}", quoted(bound.zone.name.as_str())));
        self.line("react = \"on-timer\"");
        self.line(format_args!("interval = {}", duration(update.interval)));
        self.line(format_args!("min_servers = {}", update.min_servers));
        self.line(format_args!("max_load = {}", update.max_load.as_percent()));
    }

    fn sink(&mut self, name: &str, directory: &Path) {
        self.table(format_args!("[sink.{}]", key(name)), &[]);
        self.line("type = \"bind\"");
        self.line(format_args!("directory = {}", path(directory)));
        self.line("reload = { type = \"exec\", argv = [\"rndc\", \"reload\", \"{zone}\"] }");
    }
}

/// A duration in the largest of seconds and milliseconds that holds it whole.
fn duration(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("\"{}s\"", duration.as_secs()),
        _ => format!("\"{}ms\"", duration.as_millis()),
    }
}

fn path(path: &Path) -> String {
    // `folder/.` is what joining leaves of a name without a folder.
    let shown: std::path::PathBuf = path.components().collect();
    quoted(&shown.to_string_lossy())
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A key, bare where TOML allows it.
fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.chars().all(bare) { name.to_owned() } else { quoted(name) }
}
