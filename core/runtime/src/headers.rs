//! Header files that change on disk are read again, judged, and taken where they are sound.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rais_proto::name::ZoneName;
use rais_zone::OwnerName;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::{error, info, warn};

use crate::config::{Config, Fault, Head, HeaderFile, Scheme};

/// Between two looks. What is seen to change is read when it has stood still from one look to the
/// next: editors write in several steps.
const LOOK: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(1) };

/// What is wrong with header files on disk, by zone. What ran before goes on.
pub(crate) type Troubles = BTreeMap<ZoneName, String>;

/// The header files of the configuration that runs.
pub(crate) struct Headers {
    files: BTreeMap<ZoneName, Followed>,
    looks: Interval,
    troubles: watch::Sender<Troubles>,
}

/// One of them.
#[derive(Clone)]
struct Followed {
    running: Arc<HeaderFile>,
    asked: Arc<Asked>,
    /// At the last look.
    seen: Option<Stamp>,
    /// When it was last read.
    judged: Option<Stamp>,
}

/// What the configuration asks of a header.
struct Asked {
    zone: rais_zone::ZoneName,
    owners: Vec<OwnerName>,
    schemes: Schemes,
    /// The sink that has to read every record of it.
    answers: Option<String>,
}

/// Who says in which way answers are ordered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Schemes {
    Key,
    Header,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stamp {
    There { device: u64, inode: u64, size: u64, modified: (i64, i64) },
    Not(io::ErrorKind),
}

/// What came of a look at one file.
enum Look {
    /// It stands still since the last look, and was not read since it changed.
    Read(Stamp, Box<Result<HeaderFile, Fault>>),
    Seen(Stamp),
}

impl Headers {
    pub(crate) fn of(config: &Config) -> Headers {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut headers =
            Headers { files: BTreeMap::new(), looks, troubles: watch::Sender::default() };
        headers.follow(config);
        headers
    }

    /// Follows those of another configuration, which were sound a moment ago.
    pub(crate) fn follow(&mut self, config: &Config) {
        self.files = config.zones.keys().filter_map(|name| Followed::of(name, config)).collect();
        self.troubles.send_if_modified(|troubles| !std::mem::take(troubles).is_empty());
    }

    /// What is wrong with them, whenever one asks.
    pub(crate) fn troubles(&self) -> watch::Receiver<Troubles> {
        self.troubles.subscribe()
    }

    /// Waits until some have changed, and gives them. Dropped while it waits, it has missed nothing.
    pub(crate) async fn changed(&mut self) -> Vec<(ZoneName, HeaderFile)> {
        if self.files.is_empty() {
            return std::future::pending().await;
        }
        loop {
            self.looks.tick().await;
            let files = self.files.clone();
            // A file system may hang; the next look comes when this one is over.
            let looked = tokio::task::spawn_blocking(move || {
                files.into_iter().map(|(zone, file)| (zone, file.look())).collect::<Vec<_>>()
            });
            // It ends by a panic alone: a mistake of ours, and of one look.
            let Ok(looked) = looked.await else { continue };
            let changed: Vec<_> = looked
                .into_iter()
                .filter_map(|(zone, look)| self.note(&zone, look).map(|header| (zone, header)))
                .collect();
            if !changed.is_empty() {
                return changed;
            }
        }
    }

    /// Those that run from now on.
    pub(crate) fn taken(&mut self, headers: &[(ZoneName, HeaderFile)]) {
        for (zone, header) in headers {
            if let Some(file) = self.files.get_mut(zone) {
                let doubt = file.new_doubt(header);
                file.running = Arc::new(header.clone());
                info!(%zone, "its header has changed: {}", header.path.display());
                if let Some(doubt) = doubt {
                    warn!(%zone, "{doubt}");
                }
            }
        }
    }

    /// The header, where it is sound and not the one that runs.
    fn note(&mut self, zone: &ZoneName, look: Look) -> Option<HeaderFile> {
        let file = self.files.get_mut(zone)?;
        let (stamp, read) = match look {
            Look::Seen(stamp) => {
                file.seen = Some(stamp);
                return None;
            }
            Look::Read(stamp, read) => (stamp, *read),
        };
        // One that could not be read, for want of descriptors perhaps, is tried again.
        let is_read = read.as_ref().err().is_none_or(|fault| fault.place().is_some());
        (file.seen, file.judged) = (Some(stamp), is_read.then_some(stamp));
        let trouble = read.as_ref().err().map(Fault::to_string);
        self.troubles.send_if_modified(|troubles| {
            let before = match &trouble {
                Some(text) => troubles.insert(zone.clone(), text.clone()),
                None => troubles.remove(zone),
            };
            match (&before, &trouble) {
                (_, Some(text)) if before.as_ref() != Some(text) => {
                    error!(%zone, "its header cannot be used, the one before goes on: {text}");
                }
                (Some(_), None) => info!(%zone, "its header is sound again"),
                _ => {}
            }
            before != trouble
        });
        read.ok().filter(|header| header.header != file.running.header)
    }
}

impl Followed {
    fn of(name: &ZoneName, config: &Config) -> Option<(ZoneName, Followed)> {
        let zone = config.zones.get(name)?;
        let Head::File(running) = &zone.head else { return None };
        let bound = config.binder.services.values().filter(|service| &service.zone == name);
        let schemes = match config.has_scheme_key(name) {
            true => Schemes::Key,
            false => Schemes::Header,
        };
        let owners = bound.flat_map(|service| service.owners.iter().cloned()).collect();
        let answers = config.answers_from(name).map(str::to_owned);
        let asked = Arc::new(Asked { zone: zone.name.clone(), owners, schemes, answers });
        let running = Arc::new(running.clone());
        Some((name.clone(), Followed { running, asked, seen: None, judged: None }))
    }

    /// What is doubtful of a header that takes the place of the one that runs, and was not of that.
    fn new_doubt(&self, header: &HeaderFile) -> Option<Fault> {
        let doubt = |header: &HeaderFile| header.signed(self.asked.answers.as_deref()?);
        doubt(header).filter(|_| doubt(&self.running).is_none())
    }

    fn look(&self) -> Look {
        let path = &self.running.path;
        let stamp = Stamp::of(path);
        if self.seen != Some(stamp) || self.judged == Some(stamp) {
            return Look::Seen(stamp);
        }
        let read = HeaderFile::open(path, &self.asked.zone).and_then(|header| self.judge(header));
        match Stamp::of(path) {
            // Written to while it was read.
            after if after != stamp => Look::Seen(after),
            _ => Look::Read(stamp, Box::new(read)),
        }
    }

    /// What the configuration asks of a header beside its being one.
    fn judge(&self, file: HeaderFile) -> Result<HeaderFile, Fault> {
        let bound = self.asked.owners.iter();
        if let Some((owner, record)) =
            bound.filter_map(|owner| Some((owner, file.header.obstacle(owner)?))).next()
        {
            return Err(Fault::error(file.place(record.place), "", record.against(owner)));
        }
        if let (Some(sink), Some(record)) = (&self.asked.answers, file.header.opaque()) {
            let message = format!("the sink `{sink}` cannot answer from it: {}", record.problem);
            return Err(Fault::error(file.place(record.place), "", message));
        }
        if self.asked.schemes == Schemes::Header && file.scheme != self.running.scheme {
            let word = |scheme: Option<Scheme>| scheme.map_or("none", Scheme::as_str);
            let (now, then) = (word(file.scheme), word(self.running.scheme));
            let message = format!("its scheme is {now} and was {then}: `rais reload` takes that");
            let place = file.scheme_place();
            return Err(match place {
                Some(place) => Fault::error(place, "", message),
                None => Fault::in_file(&file.path, message),
            });
        }
        Ok(file)
    }
}

impl Stamp {
    fn of(path: &Path) -> Stamp {
        match fs::metadata(path) {
            Ok(about) => Stamp::There {
                device: about.dev(),
                inode: about.ino(),
                size: about.size(),
                modified: (about.mtime(), about.mtime_nsec()),
            },
            Err(why) => Stamp::Not(why.kind()),
        }
    }
}

#[cfg(test)]
mod tests;
