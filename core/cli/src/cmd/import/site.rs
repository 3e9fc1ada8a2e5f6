//! The three files as one site: each service with its zone, each zone file with its folder.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use rais_proto::name::ClusterName;

use super::binder::{Binder, Update};
use super::dns::{Dns, Zone};
use super::monitor::Monitor;
use super::statement::Fault;

/// The binder's half of the site.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Site<'a> {
    /// What the cluster is called.
    pub(super) cluster: ClusterName,
    /// In the order of Fig. 8.
    pub(super) bound: Vec<Bound<'a>>,
    /// Folders of zone files by the names of their sinks.
    pub(super) sinks: BTreeMap<String, PathBuf>,
    /// What is odd and not wrong.
    pub(super) doubts: Vec<String>,
}

/// A service with its zone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bound<'a> {
    pub(super) update: &'a Update,
    pub(super) zone: &'a Zone,
    /// As the new file names it.
    pub(super) header: PathBuf,
    /// Name of the zone file.
    pub(super) file: String,
    /// Where that lies.
    pub(super) sink: String,
}

/// Where names in Fig. 8 start, seen from the new file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// The new file lies beside it: names stay as they are.
    Beside,
    /// It lies elsewhere: names are put behind this.
    Within(PathBuf),
}

impl Start {
    /// `binder` is Fig. 8's file, `output` the new one; none for standard output, whose reader is
    /// taken to keep it in the current folder.
    ///
    /// # Errors
    /// A folder that is not there.
    pub(super) fn of(binder: &Path, output: Option<&Path>) -> io::Result<Start> {
        let folder = |file: &Path| match file.parent() {
            Some(folder) if folder != Path::new("") => folder.canonicalize(),
            _ => Path::new(".").canonicalize(),
        };
        let from = folder(binder)?;
        Ok(match from == folder(output.unwrap_or(Path::new("rais.toml")))? {
            true => Start::Beside,
            false => Start::Within(from),
        })
    }

    fn seen(&self, written: &Path) -> PathBuf {
        match self {
            Start::Beside => written.to_owned(),
            // An absolute name stays what it is.
            Start::Within(folder) => folder.join(written),
        }
    }
}

impl<'a> Site<'a> {
    /// Puts them together; what does not fit is added to `faults`.
    pub(super) fn of(
        monitor: &Monitor,
        binder: &'a Binder,
        dns: &'a Dns,
        start: &Start,
        faults: &mut Vec<Fault>,
    ) -> Site<'a> {
        let mut site = Site {
            cluster: cluster(dns),
            bound: Vec::new(),
            sinks: BTreeMap::new(),
            doubts: doubts(monitor, binder, dns),
        };
        for update in &binder.updates {
            match site.bind(update, dns, start) {
                Ok(bound) => site.bound.push(bound),
                Err(fault) => faults.push(fault),
            }
        }
        site
    }

    fn bind(
        &mut self,
        update: &'a Update,
        dns: &'a Dns,
        start: &Start,
    ) -> Result<Bound<'a>, Fault> {
        let output = Path::new(&update.output);
        let zone = zone_of(update, dns).ok_or_else(|| {
            let output = &update.output;
            update.place.fault(format!(
                "no line of the DNS server's file names `{output}`: its zone is not known"
            ))
        })?;
        // The first word of Fig. 8 that names the same zone has been bound before.
        if let Some(first) = self.bound.iter().find(|bound| bound.zone.name == zone.name) {
            let text = format!("zone {} is written already: {}", zone.name, first.update.place);
            return Err(update.place.fault(text));
        }
        let folder = output.parent().filter(|folder| *folder != Path::new(""));
        let directory = start.seen(folder.unwrap_or(Path::new(".")));
        let file = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let header = start.seen(Path::new(&update.header));
        Ok(Bound { update, zone, header, file, sink: self.sink(directory) })
    }

    /// The sink of a folder, made where there is none: `bind`, then `bind-2`, …
    fn sink(&mut self, directory: PathBuf) -> String {
        if let Some((name, _)) = self.sinks.iter().find(|(_, folder)| **folder == directory) {
            return name.clone();
        }
        let name = match self.sinks.len() {
            0 => "bind".to_owned(),
            there => format!("bind-{}", there + 1),
        };
        self.sinks.insert(name.clone(), directory);
        name
    }
}

/// The line of Fig. 9 with the same file; the folders before the name may be told differently.
fn zone_of<'a>(update: &Update, dns: &'a Dns) -> Option<&'a Zone> {
    let exact = dns.zones.iter().find(|zone| zone.file == update.output);
    let name = Path::new(&update.output).file_name();
    let mut near = dns.zones.iter().filter(|zone| Path::new(&zone.file).file_name() == name);
    match (exact, near.next(), near.next()) {
        (Some(zone), _, _) | (None, Some(zone), None) => Some(zone),
        _ => None,
    }
}

fn doubts(monitor: &Monitor, binder: &Binder, dns: &Dns) -> Vec<String> {
    let mut doubts = Vec::new();
    for service in &monitor.services {
        if !binder.updates.iter().any(|update| update.service == service.name) {
            let (place, name) = (&service.place, &service.name);
            doubts.push(format!("{place}: no `dns-update` binds service {name} to a zone"));
        }
    }
    for update in &binder.updates {
        if !monitor.services.iter().any(|service| service.name == update.service) {
            let (place, name) = (&update.place, &update.service);
            doubts.push(format!("{place}: no `service` announces {name} on this host"));
        }
    }
    for zone in &dns.zones {
        let bound = |update: &Update| zone_of(update, dns).is_some_and(|of| of == zone);
        if !binder.updates.iter().any(bound) {
            let (place, name) = (&zone.place, &zone.name);
            doubts.push(format!("{place}: zone {name} is bound by nobody and left to its server"));
        }
    }
    doubts
}

/// What the zones' names end in together: the paper has no name for what it calls a site.
fn cluster(dns: &Dns) -> ClusterName {
    let names: Vec<Vec<&str>> =
        dns.zones.iter().map(|zone| zone.name.as_str().split('.').rev().collect()).collect();
    let first = names.first().map_or(&[][..], Vec::as_slice);
    let same = |at: &usize| names.iter().all(|name| name.get(*at) == first.get(*at));
    let common = (0..first.len()).take_while(same).count();
    // Of a zone alone it is what the zone lies in.
    let common = if names.len() == 1 && common > 1 { common - 1 } else { common };
    let labels: Vec<&str> = first[..common].iter().rev().copied().collect();
    labels.join(".").parse().unwrap_or_else(|_| site_name())
}

#[allow(clippy::expect_used)] // a constant
fn site_name() -> ClusterName {
    "site".parse().expect("a cluster's name")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(text: &str) -> Dns {
        let mut faults = Vec::new();
        let dns = Dns::read("named.boot", text, &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        dns
    }

    fn binder(text: &str) -> Binder {
        let mut faults = Vec::new();
        let binder = Binder::read("binder.conf", text, &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        binder
    }

    #[test]
    fn a_cluster_is_called_by_what_its_zones_share() {
        let name = |text: &str| cluster(&dns(text)).to_string();
        assert_eq!(name("www.isg.sun.com a\nnews.isg.sun.com b\n"), "isg.sun.com");
        assert_eq!(name("www.isg.sun.com a\n"), "isg.sun.com");
        assert_eq!(name("com a\n"), "com");
        assert_eq!(name("www.example a\nwww.test b\n"), "site");
        assert_eq!(name(""), "site");
    }

    #[test]
    fn a_zone_is_found_by_its_file() {
        let dns = dns("a.test /var/named/a.cache\nb.test b.cache\nc.test x/c\nd.test y/c\n");
        let found = |output: &str| {
            let binder = binder(&format!("dns-update 1 s h {output} 1 60\n"));
            zone_of(&binder.updates[0], &dns).map(|zone| zone.name.to_string())
        };
        assert_eq!(found("/var/named/a.cache").as_deref(), Some("a.test"));
        assert_eq!(found("a.cache").as_deref(), Some("a.test"));
        assert_eq!(found("zones/b.cache").as_deref(), Some("b.test"));
        assert_eq!(found("y/c").as_deref(), Some("d.test"));
        assert_eq!(found("c"), None);
        assert_eq!(found("nowhere"), None);
    }

    #[test]
    fn a_value_that_no_file_has_is_named_by_its_place() {
        let (dns, binder) =
            (dns("a.test a\n"), binder("dns-update 1 s h a 1 60\ndns-update 1 t h b 1 60\n"));
        let mut faults = Vec::new();
        Site::of(&Monitor::default(), &binder, &dns, &Start::Beside, &mut faults);
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with("binder.conf:2: no line of the DNS server's file names `b`"));
    }

    #[test]
    fn names_are_moved_where_the_new_file_lies_elsewhere() {
        let dns = dns("a.test a\nb.test b\nc.test c\n");
        let binder = binder(
            "dns-update 1 s h a 1 60\ndns-update 1 t /h /zones/b 1 60\ndns-update 1 u h c 1 60\n",
        );
        let mut faults = Vec::new();
        let start = Start::Within("/etc/paper".into());
        let site = Site::of(&Monitor::default(), &binder, &dns, &start, &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        let bound: Vec<_> = site
            .bound
            .iter()
            .map(|one| (one.header.to_str().unwrap(), one.file.as_str(), one.sink.as_str()))
            .collect();
        let wanted =
            [("/etc/paper/h", "a", "bind"), ("/h", "b", "bind-2"), ("/etc/paper/h", "c", "bind")];
        assert_eq!(bound, wanted);
        assert_eq!(site.sinks["bind"], Path::new("/etc/paper/."));
        assert_eq!(site.sinks["bind-2"], Path::new("/zones"));
    }

    #[test]
    fn what_is_odd_is_said() {
        let mut faults = Vec::new();
        let monitor =
            Monitor::read("monitor.conf", "service 1 s 80\nservice 1 v 81\n", &mut faults);
        let dns = dns("a.test a\nb.test b\nc.test c\n");
        let binder = binder("dns-update 1 s h a 1 60\ndns-update 1 t h b 1 60\n");
        let site = Site::of(&monitor, &binder, &dns, &Start::Beside, &mut faults);
        let starts = ["monitor.conf:2: ", "binder.conf:2: ", "named.boot:3: "];
        assert_eq!(site.doubts.len(), starts.len(), "{:?}", site.doubts);
        for (doubt, start) in site.doubts.iter().zip(starts) {
            assert!(doubt.starts_with(start), "{doubt}");
        }
    }
}
