//! One zone of the sink: its file, what was last published, and what the world makes of it.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::Path;
use std::time::SystemTime;

use domain::base::Serial;
use rais_dns::DnsError;
use rais_exec::Command;
use rais_sdk::{Fault, Owner, Record, Served, Zone};
use rais_zone::{BoundOwner, Header, OwnerName, ZoneData, ZoneName, ZoneText, read, serial};

use crate::config::Settings;
use crate::file::ZoneFile;
use crate::reload::{Keeper, carry_out, command_fault, dynamic, server_fault};
use crate::serving::{Serving, ServingError};

/// Name of the file of a zone for which none is configured.
const FILE: &str = "{zone}.zone";

/// So many owners are asked for where a serial alone does not show whose zone is served.
const FEW: usize = 500;

/// A zone as this sink knows it; calls for one zone come one after another.
#[derive(Debug, Default)]
pub(crate) struct State {
    published: Option<Published>,
    keeper: Option<Keeper>,
    /// Whether the server is known to serve the file in place.
    standing: Standing,
    /// When the server was last told to load this zone.
    reloaded: Option<SystemTime>,
}

/// What was last put in place.
#[derive(Debug)]
struct Published {
    file: ZoneFile,
    text: String,
    /// So many octets of it are the header.
    header: usize,
    serial: u32,
    owners: Vec<Owner>,
    names: Vec<OwnerName>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Unconfirmed,
    Confirmed,
}

impl State {
    /// Puts the zone's file in place, tells the server and waits until it serves it.
    pub(crate) fn publish(&mut self, zone: &Zone<'_>, settings: &Settings) -> Result<u32, Fault> {
        let next = compose(zone, settings, Serial::from(zone.head.serial))?;
        let in_place = next.file.read()?;
        self.judge_keeper(zone, settings, &next, in_place.as_deref())?;
        let next = next.past(zone, settings, in_place.as_deref(), self.published.as_ref())?;
        if in_place.as_deref() == Some(next.text.as_bytes()) {
            if self.standing == Standing::Confirmed
                && let Some(serial) = still_served(zone.name, next.serial, settings)
            {
                self.published = Some(next);
                return Ok(serial);
            }
            // The server may have passed it over before.
            next.file.touch(self.reloaded)?;
        } else {
            put(zone.name, &next, settings, self.reloaded)?;
        }
        self.standing = Standing::Unconfirmed;
        let next = &*self.published.insert(next);
        let (file, serial) = (&next.file, next.serial);

        settings.go_on()?;
        settings.reload.run(zone.name, file.path(), settings)?;
        let served = match &settings.verify {
            Some(server) => Serving::by(server, &settings.life)
                .map_err(ServingError::from)
                .and_then(|mut serving| {
                    let is_ours = |serving: &mut Serving<'_>| next.is_served(zone.name, serving);
                    serving.confirm(zone.name, serial, is_ours)
                })
                .map_err(|error| serving_fault(settings, "confirming", &error))?,
            None => serial,
        };
        settings.reload.settle(zone.name, file.path(), settings)?;
        self.reloaded = Some(SystemTime::now());
        self.standing = Standing::Confirmed;
        Ok(served)
    }

    /// Refuses a zone whose file the name server writes itself. Until that has said, a file that may
    /// be its own is left alone: whatever is lost there has no other copy.
    fn judge_keeper(
        &mut self,
        zone: &Zone<'_>,
        settings: &Settings,
        next: &Published,
        in_place: Option<&[u8]>,
    ) -> Result<(), Fault> {
        if self.keeper == Some(Keeper::Us) {
            return Ok(());
        }
        match settings.reload.keeper(zone.name, settings) {
            Ok(keeper) => self.keeper = Some(keeper),
            Err(_) if next.has_replaced(zone, settings, in_place) => {}
            Err(mut fault) => {
                let file = next.file.path().display();
                fault.text.push_str(&format!(
                    "; {file} is left as it is until named has said that the zone is not dynamic"
                ));
                return Err(fault);
            }
        }
        match self.keeper {
            Some(Keeper::NameServer) => Err(dynamic(zone.name)),
            Some(Keeper::Us) | None => Ok(()),
        }
    }

    /// What is served now; unknown before the first publication.
    pub(crate) fn served(
        &mut self,
        zone: &str,
        settings: &Settings,
    ) -> Result<Option<Served>, Fault> {
        let Some(published) = &self.published else { return Ok(None) };
        let in_place = published.file.read()?;
        let whole = in_place.as_deref() == Some(published.text.as_bytes());
        // A file that somebody changed is what the server will load next: that has to be repaired
        // even while the server still has ours in memory.
        let found = match (&settings.verify, whole) {
            (Some(server), true) => {
                let ask = || {
                    let mut serving = Serving::by(server, &settings.life)?;
                    let serial = serving.serial(zone)?;
                    serving.owners(serial, &published.owners, &published.names)
                };
                ask().map_err(|error: DnsError| {
                    serving_fault(settings, "verifying", &error.into())
                })?
            }
            _ => published.view_of(zone, in_place.as_deref()),
        };
        if whole {
            let ours = published.view_of(zone, in_place.as_deref());
            if !same_addresses(&found, &ours) {
                self.standing = Standing::Unconfirmed;
            }
            return Ok(Some(found));
        }
        self.standing = Standing::Unconfirmed;
        let file = published.file.path().display();
        let what = if in_place.is_some() { "was changed" } else { "is not there any more" };
        Ok(Some(found.differing(format!("{file} {what}"))))
    }
}

impl Published {
    /// Whether there is no file, or one that was made from this header and that nobody keeps a journal
    /// of.
    fn has_replaced(&self, zone: &Zone<'_>, settings: &Settings, in_place: Option<&[u8]>) -> bool {
        let mut journal = self.file.path().as_os_str().to_owned();
        journal.push(".jnl");
        if Path::new(&journal).exists() {
            return false;
        }
        let Some(octets) = in_place else { return true };
        let under = |serial| compose(zone, settings, Serial::from(serial)).ok();
        serial_of(zone.name, octets).and_then(under).is_some_and(|same| {
            let header = same.text.as_bytes().get(..same.header);
            header.is_some_and(|header| octets.starts_with(header))
        })
    }

    /// The same under a serial that secondaries follow, whatever is in place: one that somebody has
    /// raised there, or that we gave it before we lost our memory; or that was published `before`, and
    /// is not in place any more.
    fn past(
        self,
        zone: &Zone<'_>,
        settings: &Settings,
        in_place: Option<&[u8]>,
        before: Option<&Published>,
    ) -> Result<Published, Fault> {
        let there = in_place.and_then(|octets| serial_of(zone.name, octets));
        let before = before.map(|before| before.serial);
        let serials = there.into_iter().chain(before);
        let last = serials.reduce(|one, other| if is_ahead(other, one) { other } else { one });
        let Some(there) = last.filter(|&last| is_ahead(last, self.serial)) else {
            return Ok(self);
        };
        let same = compose(zone, settings, Serial::from(there))?;
        if in_place == Some(same.text.as_bytes()) {
            return Ok(same);
        }
        compose(zone, settings, Serial::from(there).add(1))
    }

    /// Whether a server answers with our addresses; of many owners, the first are asked for.
    fn is_served(&self, zone: &str, serving: &mut Serving<'_>) -> Result<bool, DnsError> {
        let few = self.names.len().min(FEW);
        let served = serving.owners(self.serial, &self.owners, self.names.split_at(few).0)?;
        let mut ours = self.view_of(zone, Some(self.text.as_bytes()));
        ours.records.retain(|record| usize::try_from(record.owner).is_ok_and(|owner| owner < few));
        Ok(same_addresses(&served, &ours))
    }

    /// What a zone file says of our owners; nothing, where there is none or it does not parse.
    fn view_of(&self, zone: &str, octets: Option<&[u8]>) -> Served {
        let mut owners = self.owners.clone();
        let Some(data) = octets.and_then(|octets| parse(zone, octets)) else {
            return Served::new(None, owners, Vec::new());
        };
        let places: HashMap<_, _> =
            self.names.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
        let mut records = Vec::new();
        for found in &data.records {
            if let Some(&index) = places.get(found.owner.as_str())
                && let Some(owner) = owners.get_mut(index)
            {
                owner.ttl = found.ttl;
                records.push(record(index, found.ip));
            }
        }
        Served::new(Some(data.serial), owners, records)
    }
}

/// Renders the zone under this serial and checks that it is what was meant.
fn compose(zone: &Zone<'_>, settings: &Settings, serial: Serial) -> Result<Published, Fault> {
    let serial = serial.into_int();
    let refused = |error: &dyn std::fmt::Display| Fault::refused(format!("{}: {error}", zone.name));
    let name = ZoneName::parse(zone.name).map_err(|error| refused(&error))?;
    let Some(text) = zone.head.header.as_deref() else {
        let text = "no header: name one in the zone's `header`, or give `ns` and `mailbox` in \
                    [binder], from which one is made";
        return Err(refused(&text));
    };
    let header =
        Header::of(text, &name).map_err(|error| refused(&format!("in its header: {error}")))?;

    let mut owners = Vec::new();
    for owner in &zone.head.owners {
        let bound = OwnerName::parse(&owner.name, &name).map_err(|error| refused(&error))?;
        if let Some(there) = header.obstacle(&bound) {
            return Err(refused(&format!(
                "in its header: {}: {}: take the record out, or bind another owner",
                there.place,
                there.against(&bound)
            )));
        }
        owners.push(BoundOwner { name: bound, ttl: owner.ttl });
    }
    let addresses = zone
        .records()
        .map(|record| (usize::try_from(record.owner).unwrap_or(usize::MAX), record.ip));
    let text = ZoneText::render(&header, serial, &owners, addresses)
        .map_err(|error| refused(&error))?
        .into_string();
    let file = zone.head.file.as_deref().unwrap_or(FILE).replace("{zone}", name.as_str());
    let file = ZoneFile::new(&settings.directory, &file).map_err(|error| refused(&error))?;
    let names = owners.into_iter().map(|owner| owner.name).collect();
    let (header, owners) = (header.with_serial(serial).len(), zone.head.owners.clone());
    Ok(Published { file, text, header, serial, owners, names })
}

/// Writes the file and puts it in place, if all that judges it finds it right.
fn put(
    zone: &str,
    next: &Published,
    settings: &Settings,
    reloaded: Option<SystemTime>,
) -> Result<(), Fault> {
    let staged = next.file.stage(&next.text)?;
    let octets = staged.read_back()?;
    if octets != next.text.as_bytes() {
        let text = format!("{}: what was written reads back otherwise", next.file.path().display());
        return Err(Fault::io(text));
    }
    let data = str::from_utf8(&octets).map_err(|error| error.to_string());
    let data = data.and_then(|text| read(text, zone).map_err(|error| error.to_string()));
    match data {
        Ok(data) if data.serial == next.serial => {}
        Ok(data) => {
            let (found, wanted) = (data.serial, next.serial);
            let text = format!("{zone}: the zone reads back with serial {found}, not {wanted}");
            return Err(Fault::refused(text));
        }
        Err(error) => {
            return Err(Fault::refused(format!("{zone}: the zone does not parse: {error}")));
        }
    }
    if let Some(check) = &settings.check {
        judge(check, zone, staged.temporary(), next, settings)?;
    }
    // Meanwhile a reload may have ended this instance, and the next one may have been faster.
    staged.commit(reloaded, || {
        settings.go_on()?;
        match next.file.read()? {
            Some(octets) => refuse_older(zone, next, &octets),
            None => Ok(()),
        }
    })
}

/// Has a command judge the file that stands at `temporary` for now.
fn judge(
    check: &Command,
    zone: &str,
    temporary: &Path,
    next: &Published,
    settings: &Settings,
) -> Result<(), Fault> {
    let judged = carry_out(check, zone, temporary, settings);
    judged.map_err(|error| {
        let fault = command_fault(&error);
        // Nobody can look at the temporary file any more.
        let place = next.file.path().to_string_lossy();
        Fault::new(fault.kind, fault.text.replace(&*temporary.to_string_lossy(), &place))
    })
}

/// Secondaries follow a serial forwards only, and another instance was faster.
fn refuse_older(zone: &str, next: &Published, in_place: &[u8]) -> Result<(), Fault> {
    match serial_of(zone, in_place).filter(|there| is_ahead(*there, next.serial)) {
        None => Ok(()),
        Some(there) => {
            let (file, ours) = (next.file.path().display(), next.serial);
            let text = format!("{file}: meanwhile it has serial {there}, which is ahead of {ours}");
            Err(Fault::refused(text))
        }
    }
}

/// Of a zone file; what cannot be read up to its serial has none.
fn serial_of(zone: &str, octets: &[u8]) -> Option<u32> {
    str::from_utf8(octets).ok().and_then(|text| serial(text, zone).ok())
}

fn is_ahead(serial: u32, of: u32) -> bool {
    Serial::from(serial) > Serial::from(of)
}

/// The serial that the server gives, if it is ours or comes after it; without a server to ask, ours.
fn still_served(zone: &str, serial: u32, settings: &Settings) -> Option<u32> {
    match &settings.verify {
        None => Some(serial),
        Some(server) => {
            let served = Serving::by(server, &settings.life).ok()?.serial(zone).ok()?;
            (Serial::from(served) >= Serial::from(serial)).then_some(served)
        }
    }
}

fn parse(zone: &str, octets: &[u8]) -> Option<ZoneData> {
    str::from_utf8(octets).ok().and_then(|text| read(text, zone).ok())
}

fn record(owner: usize, ip: IpAddr) -> Record {
    Record::new(u32::try_from(owner).unwrap_or(u32::MAX), ip)
}

fn same_addresses(a: &Served, b: &Served) -> bool {
    let set = |served: &Served| -> BTreeSet<_> {
        served.records.iter().map(|record| (record.owner, record.ip)).collect()
    };
    set(a) == set(b)
}

fn serving_fault(settings: &Settings, phase: &str, error: &ServingError) -> Fault {
    let at = settings.verify.map(|server| server.address.to_string()).unwrap_or_default();
    let at = format!("name server at {at}");
    match error {
        ServingError::Serial { .. } | ServingError::Dns(DnsError::Timeout { .. }) => {
            Fault::timeout(phase, format!("{at}: {error}"))
        }
        ServingError::Dns(DnsError::NoAuthority(_)) => {
            let advice = "`verify` names a server that serves the zone itself";
            Fault::refused(format!("{at}: {error}; {advice}"))
        }
        ServingError::Dns(error) => server_fault(&at, error),
    }
}
