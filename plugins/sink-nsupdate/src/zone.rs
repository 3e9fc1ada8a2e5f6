//! One zone of the sink: what was put at the server, and what is there as far as that is known.

use std::sync::Arc;

use rais_sdk::{Fault, Host, Owner, Record, Served, Zone};
use rais_zone::{OwnerName, ZoneName};

use crate::claims::Claims;
use crate::config::Settings;
use crate::fault::Trouble;
use crate::look::{Otherwise, Talk};
use crate::records::{Addresses, NONE, Records, Sets, all, changes, names, wanted};
use crate::update::messages;

/// A zone as this sink knows it; calls for one zone come one after another.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What was put there, or may have been, by name. A name leaves it once the server has no more
    /// of it.
    ours: Arc<Records>,
    /// What the server has under those names; none where it must be asked: at first, and after
    /// whatever went wrong.
    there: Option<Arc<Records>>,
    /// Of the last publication that the server confirmed.
    published: Option<Owners>,
    header: Header,
}

/// A zone's owners, and what they are called at the server.
#[derive(Debug)]
struct Owners {
    owners: Vec<Owner>,
    names: Vec<OwnerName>,
    /// In which they are there.
    zone: ZoneName,
}

/// Whether it was said that a header plays no part here.
#[derive(Debug, Default, PartialEq, Eq)]
enum Header {
    #[default]
    Unsaid,
    Said,
}

impl State {
    /// Has the server hold what `zone` says, and nothing under names that left it; the serial that
    /// it serves then.
    pub(crate) fn publish(
        &mut self,
        zone: &Zone<'_>,
        settings: &Settings,
        host: &Host,
    ) -> Result<u32, Fault> {
        if zone.head.header.is_some() && self.header == Header::Unsaid {
            host.log(&format!(
                "{}: its header plays no part in this sink: SOA, NS and all but the addresses are \
                 the name server's own",
                zone.name
            ));
            self.header = Header::Said;
        }
        let next = self.owners(zone, settings)?;
        let wanted = Arc::new(wanted(zone, &next.names)?);
        if let Some(claims) = &settings.claims {
            claims.take(zone.name, wanted.keys());
        }
        // Not known any more until all is done.
        let there = self.there.take();
        let done = Talk::about(&next.zone, settings, |talk| {
            self.put(talk, there.clone(), zone.name, &wanted, settings.claims.as_ref())
        });
        match done {
            Ok(serial) => {
                self.ours = Arc::clone(&wanted);
                self.there = Some(wanted);
                self.published = Some(next);
                Ok(serial)
            }
            Err(fault) => {
                let ours = Arc::make_mut(&mut self.ours);
                for name in wanted.keys() {
                    ours.entry(name.clone()).or_default();
                }
                Err(fault)
            }
        }
    }

    /// What is served now; unknown before the first publication.
    pub(crate) fn served(&mut self, settings: &Settings) -> Result<Option<Served>, Fault> {
        let Some(Owners { owners, names, zone }) = &self.published else { return Ok(None) };
        self.there = None;
        let (serial, found) = Talk::about(zone, settings, |talk| self.look(talk))?;
        let mut served = Served::new(Some(serial), owners.clone(), Vec::new());
        for ((index, owner), name) in (0..).zip(&mut served.owners).zip(names) {
            let Some(addresses) = found.get(name) else { continue };
            owner.ttl = addresses.ttl().unwrap_or(owner.ttl);
            served.records.extend(addresses.ips().map(|ip| Record::new(index, ip)));
        }
        self.there = Some(Arc::new(found));
        Ok(Some(served))
    }

    /// The serial, and what is there under the names that are ours.
    fn look(&self, talk: &mut Talk<'_>) -> Result<(u32, Records), Trouble> {
        let serial = talk.serial()?;
        let mut found = talk.look(&self.ours, Otherwise::Read)?;
        if let Some((_, error)) = found.obstacles.pop() {
            return Err(error.into());
        }
        // A wildcard answers for names that are empty on purpose; it is not ours.
        for (name, addresses) in self.ours.iter().filter(|(_, it)| it.is_empty()) {
            let answered = found.records.get_mut(name).filter(|it| !it.is_empty());
            if let Some(answered) = answered
                && talk.holds(&all([(name, addresses)]))?
            {
                *answered = Addresses::default();
            }
        }
        Ok((serial, found.records))
    }

    /// The zone's owners by their names; those that were parsed before are taken over.
    fn owners(&mut self, zone: &Zone<'_>, settings: &Settings) -> Result<Owners, Fault> {
        let owners = &zone.head.owners;
        let refused = |error| Fault::refused(format!("{}: {error}", zone.name));
        let server_zone = match &settings.zone {
            Some(zone) => zone.clone(),
            None => ZoneName::parse(zone.name).map_err(refused)?,
        };
        let names = match &self.published {
            Some(before) if before.owners == *owners => before.names.clone(),
            _ => names(zone.name, owners, &server_zone)?,
        };
        Ok(Owners { owners: owners.clone(), names, zone: server_zone })
    }

    /// Puts `wanted` in the place of what is there, as far as that is known, and gives the serial.
    fn put(
        &self,
        talk: &mut Talk<'_>,
        there: Option<Arc<Records>>,
        zone: &str,
        wanted: &Records,
        claims: Option<&Claims>,
    ) -> Result<u32, Trouble> {
        let stays = |name: &OwnerName| claims.is_some_and(|claims| claims.are_others(zone, name));
        let mut there = there.unwrap_or_default();
        let names = self.ours.keys().chain(wanted.keys());
        let unknown = names.filter(|name| !there.contains_key(*name));
        let target = |name| (OwnerName::clone(name), wanted.get(name).unwrap_or(&NONE).clone());
        let target: Records = unknown.map(target).collect();
        let mut obstacles = Vec::new();
        if !target.is_empty() {
            // Whether it serves the zone at all comes first.
            talk.serial()?;
            let found = talk.look(&target, Otherwise::Other)?;
            Arc::make_mut(&mut there).extend(found.records);
            obstacles.extend(found.obstacles);
        }
        for what in messages(talk.zone, &changes(&there, wanted, stays)) {
            match talk.replace(what) {
                // The other names of the message have none.
                Err(Trouble::Aliases(of)) => {
                    let is_free = |sets: &&Sets<'_>| of.iter().all(|(name, _)| name != sets.name);
                    let rest: Vec<_> = what.iter().filter(is_free).copied().collect();
                    talk.replace(&rest)?;
                    obstacles.extend(of);
                }
                outcome => outcome?,
            }
        }
        // All others are in place.
        match obstacles.into_iter().find(|(name, _)| wanted.contains_key(name)) {
            Some((_, error)) => Err(error.into()),
            None => Ok(talk.serial()?),
        }
    }
}
