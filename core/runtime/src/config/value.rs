//! One value, read as what it must be; what it is instead is noted with its place.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use rais_proto::load::Load;

use super::duration;
use super::fault::{Fault, Notes};
use super::path;
use super::suggest;
use super::tree::{Item, Node, Table};

/// A value with its path.
pub(super) struct Value<'a> {
    pub(super) path: String,
    pub(super) item: &'a Item,
    pub(super) notes: &'a Notes,
}

impl<'a> Value<'a> {
    /// A fault at this value.
    pub(super) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::error(self.item.place.clone(), &self.path, message)
    }

    /// Notes that this value is wrong, and what is allowed.
    pub(super) fn refuse<T>(
        &self,
        message: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Option<T> {
        self.notes.add(self.fault(message).allowed(allowed));
        None
    }

    /// Notes that this value is of another type than `what`.
    fn not<T>(&self, what: &str) -> Option<T> {
        let message = format!("`{}` must be {what}, not {}", self.name(), self.item.node.kind());
        self.notes.add(self.fault(message));
        None
    }

    /// The last key of its path.
    pub(super) fn name(&self) -> &str {
        path::keys(&self.path).last().copied().unwrap_or_default()
    }

    pub(super) fn table(&self) -> Option<&'a Table> {
        match &self.item.node {
            Node::Table(table) => Some(table),
            _ => self.not("a table"),
        }
    }

    /// The elements of a list.
    pub(super) fn items(&self) -> Option<Vec<Value<'a>>> {
        let Node::List(items) = &self.item.node else { return self.not("a list") };
        let value =
            |(at, item)| Value { path: path::index(&self.path, at), item, notes: self.notes };
        Some(items.iter().enumerate().map(value).collect())
    }

    /// A list of what `read` reads; none where one element is at fault.
    pub(super) fn list<T>(&self, read: impl Fn(&Value<'a>) -> Option<T>) -> Option<Vec<T>> {
        let all: Vec<Option<T>> = self.items()?.iter().map(read).collect();
        all.into_iter().collect()
    }

    /// The same with at least one element.
    pub(super) fn some<T>(&self, read: impl Fn(&Value<'a>) -> Option<T>) -> Option<Vec<T>> {
        let list = self.list(read)?;
        if list.is_empty() {
            return self.refuse(format!("`{}` is empty", self.name()), "at least one element");
        }
        Some(list)
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.item.node {
            Node::Text(text) => Some(text),
            _ => self.not("a string"),
        }
    }

    /// A string that is not empty.
    pub(super) fn filled(&self) -> Option<String> {
        match self.text()? {
            "" => self.refuse(format!("`{}` is empty", self.name()), "at least one character"),
            text => Some(text.to_owned()),
        }
    }

    /// One of some words, each with what it stands for.
    pub(super) fn word<T: Clone>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Some(meaning.clone());
        }
        let all = || words.iter().map(|(word, _)| *word);
        let message = format!("unknown `{}`: {text:?}", self.name());
        let meant = suggest::nearest(text, all()).map(|word| format!("`{word}`"));
        self.notes.add(self.fault(message).allowed(suggest::one_of(all())).meant(meant));
        None
    }

    /// What parses as `T`; the error says why not.
    pub(super) fn parsed<T: FromStr>(&self, allowed: &str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text()?;
        match text.parse() {
            Ok(parsed) => Some(parsed),
            Err(why) => self.refuse(format!("{text:?}: {why}"), allowed),
        }
    }

    pub(super) fn truth(&self) -> Option<bool> {
        match self.item.node {
            Node::Truth(truth) => Some(truth),
            _ => self.not("true or false"),
        }
    }

    pub(super) fn duration(&self) -> Option<Duration> {
        match &self.item.node {
            Node::Text(text) => match duration::parse(text) {
                Ok(duration) => Some(duration),
                Err(wrong) => {
                    let message = format!("`{}`: {}", self.name(), wrong.why);
                    let fault = self.fault(message).allowed(duration::ALLOWED).meant(wrong.meant);
                    self.notes.add(fault);
                    None
                }
            },
            Node::Integer(_) | Node::Float(_) => {
                let message =
                    format!("`{}` has no unit: a duration is a string with one", self.name());
                self.refuse(message, duration::ALLOWED)
            }
            _ => self.not("a duration"),
        }
    }

    /// A whole number from `least` to `most`.
    pub(super) fn whole(&self, least: u32, most: u32) -> Option<u32> {
        let range = || format!("a whole number from {least} to {most}");
        match self.item.node {
            Node::Integer(number) => match u32::try_from(number) {
                Ok(number) if (least..=most).contains(&number) => Some(number),
                _ => self.refuse(format!("`{}` is out of range: {number}", self.name()), range()),
            },
            Node::Float(number) => {
                self.refuse(format!("`{}` is no whole number: {number}", self.name()), range())
            }
            _ => self.not("a whole number"),
        }
    }

    /// As [`Value::whole`] for what an octet holds.
    pub(super) fn small(&self, least: u8, most: u8) -> Option<u8> {
        u8::try_from(self.whole(u32::from(least), u32::from(most))?).ok()
    }

    /// As [`Value::whole`] for what two octets hold.
    pub(super) fn short(&self, least: u16, most: u16) -> Option<u16> {
        u16::try_from(self.whole(u32::from(least), u32::from(most))?).ok()
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.short(1, u16::MAX)
    }

    /// A finite number within `range`, which `allowed` puts in words.
    pub(super) fn number(
        &self,
        range: impl std::ops::RangeBounds<f64>,
        allowed: &str,
    ) -> Option<f64> {
        let number = match self.item.node {
            // Whole numbers beyond 2^53 are out of every range here.
            #[allow(clippy::cast_precision_loss)]
            Node::Integer(number) => number as f64,
            Node::Float(number) => number,
            _ => return self.not("a number"),
        };
        if number.is_finite() && range.contains(&number) {
            return Some(number);
        }
        self.refuse(format!("`{}` is out of range: {number}", self.name()), allowed)
    }

    /// Percent from 0 to 1000 in steps of 0.01.
    pub(super) fn load(&self) -> Option<Load> {
        const ALLOWED: &str = "percent from 0 to 1000 in steps of 0.01";
        if let Node::Text(text) = &self.item.node {
            let digits = text.trim_end_matches('%').trim();
            let number = digits.parse::<f64>().ok().filter(|number| number.is_finite());
            let message = format!("`{}` must be a number, not a string", self.name());
            let fault = self.fault(message).allowed(ALLOWED);
            self.notes.add(fault.meant(number.map(|_| format!("`{digits}`"))));
            return None;
        }
        let percent = self.number(0.0..=1000.0, ALLOWED)?;
        let load = Load::from_percent(percent)?;
        // The nearest step of what was meant as one is off by rounding alone.
        if (load.as_percent() - percent).abs() > 1e-9 {
            return self
                .refuse(format!("`{}` is finer than a load: {percent}", self.name()), ALLOWED);
        }
        if percent > 0.0 && percent < 1.0 {
            let message =
                format!("`{}` is below one percent; it is in percent: 80 is 80 %", self.name());
            self.notes.add(self.fault(message).as_doubt());
        }
        Some(load)
    }

    pub(super) fn ip(&self) -> Option<IpAddr> {
        self.parsed("an IPv4 or IPv6 address, as in \"192.0.2.1\" or \"2001:db8::1\"")
    }

    pub(super) fn socket(&self) -> Option<SocketAddr> {
        self.parsed("an address and a port, as in \"127.0.0.1:5300\" or \"[::1]:5300\"")
    }

    /// A range, or one address.
    pub(super) fn net(&self) -> Option<IpNet> {
        let text = self.text()?;
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let Ok(net) = net else {
            let message = format!("{text:?} is no address and no range of addresses");
            return self
                .refuse(message, "as in \"192.0.2.1\", \"192.0.2.0/24\" or \"2001:db8::/32\"");
        };
        if net != net.trunc() {
            let message = format!("{text:?} has bits set behind its prefix length");
            self.notes.add(self.fault(message).meant(Some(format!("`\"{}\"`", net.trunc()))));
            return None;
        }
        Some(net)
    }

    /// A file's or folder's path: relative to the folder of the file it is written in.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let text = self.filled()?;
        let folder = self.item.place.file().parent().unwrap_or(Path::new(""));
        Some(folder.join(text))
    }

    /// `"64MiB"`, in octets.
    pub(super) fn size(&self) -> Option<u64> {
        const ALLOWED: &str = "a whole number with KiB or MiB, as in \"64MiB\"";
        let text = self.text()?;
        let size =
            [("KiB", 1_u64 << 10), ("MiB", 1 << 20)].into_iter().find_map(|(unit, octets)| {
                let digits = text.strip_suffix(unit)?.trim_end();
                let plain =
                    !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
                plain.then(|| digits.parse::<u64>().ok()?.checked_mul(octets))?
            });
        match size {
            Some(0) => self.refuse(format!("`{}` is zero", self.name()), ALLOWED),
            Some(size) => Some(size),
            None => self.refuse(format!("{text:?} is no size"), ALLOWED),
        }
    }

    /// `"50%"`.
    pub(super) fn percent(&self) -> Option<super::Percent> {
        let text = self.text()?;
        let percent = text.strip_suffix('%').and_then(|digits| {
            let plain = digits.bytes().all(|octet| octet.is_ascii_digit());
            plain.then(|| digits.parse().ok())?
        });
        match percent.and_then(super::Percent::new) {
            Some(percent) => Some(percent),
            None => self.refuse(format!("{text:?} is no percentage"), "\"1%\" to \"100%\""),
        }
    }
}
