//! Which zones are whose, and what a look at the folder changes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::before::Before;
use crate::engine::{Engine, Source};
use crate::files::{Brought, Found};
use crate::name::to_text;

/// So many zones are told of each by its name; more of them by their number.
const EACH: usize = 10;

/// By their names as they travel.
#[derive(Debug, Default)]
pub(super) struct Zones {
    /// Those that a binder publishes: their files would be a second truth.
    pub(super) bound: Arc<BTreeSet<Vec<u8>>>,
    /// Those of them without which nothing is answered yet: "refused" would be a lie.
    pub(super) awaited: BTreeSet<Vec<u8>>,
    /// Those that have files, and of them those that a binder published and are still served so: until
    /// their files have been read.
    pub(super) filed: BTreeSet<Vec<u8>>,
    pub(super) handed: BTreeSet<Vec<u8>>,
    /// Those that a binder gave up since the last look began: where they have files these are to be read,
    /// whether they change or not.
    pub(super) given_up: BTreeSet<Vec<u8>>,
    pub(super) files: Files,
    pub(super) start: Start,
}

/// Whether the zone files have been looked at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Files {
    Unread,
    /// Or there are none.
    #[default]
    Read,
}

/// Whether queries are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Start {
    #[default]
    Ahead,
    Over,
}

/// What a look has changed.
#[derive(Debug, Default)]
pub(super) struct News {
    /// A line each.
    taken_up: Vec<String>,
    changed: Vec<String>,
    kept: Vec<String>,
    gone: Vec<String>,
    pub(super) doubts: Vec<String>,
    /// Zones that are others than before, by their names.
    pub(super) apexes: Vec<Vec<u8>>,
}

impl Zones {
    /// Whether a zone is its file's, whatever that is just now.
    pub(super) fn are_filed(&self, apex: &[u8]) -> bool {
        self.filed.contains(apex) && !self.bound.contains(apex) && !self.handed.contains(apex)
    }

    /// Whether there may soon be an answer to what would be refused now.
    pub(super) fn are_coming(&self) -> bool {
        self.start == Start::Ahead && (!self.awaited.is_empty() || self.files == Files::Unread)
    }

    /// Serves what a look has found, but for what has come to a binder since it began.
    pub(super) fn serve(&self, found: Vec<Found>, engine: &Engine, news: &mut News) {
        let is_files = |found: &Found| !self.bound.contains(found.zone.apex());
        let found: Vec<_> = found.into_iter().filter(is_files).collect();
        for Found { path, zone } in &found {
            let (apex, serial) = (zone.apex().to_vec(), zone.serial());
            let name = to_text(&apex);
            let before = engine.zone(&apex).map(|zone| zone.serial());
            match before.filter(|_| !self.handed.contains(&apex)) {
                None => {
                    let from = path.display();
                    news.taken_up.push(format!("{name}: taken up from {from}, serial {serial}"));
                }
                Some(old) => {
                    news.changed.push(format!("{name}: read again, serial {serial} after {old}"));
                    if !is_higher(serial, old) {
                        news.doubts.push(format!(
                            "{}: changed, but its serial {serial} is not higher than {old}, that \
                             before: secondaries keep what they have",
                            path.display()
                        ));
                    }
                }
            }
            news.apexes.push(apex);
        }
        engine.serve_all(found.into_iter().map(|found| found.zone).collect());
    }

    /// Ends a look, which has `brought` this beside what it has found. Of a file that cannot be used the zone
    /// goes on that was served `before`.
    pub(super) fn settle(
        &mut self,
        brought: Brought,
        before: &Before,
        engine: &Engine,
        news: &mut News,
    ) {
        engine.expect(Source::Files, brought.named.clone());
        let kept: Vec<_> = if before.is_nobody() {
            Vec::new()
        } else {
            let its = brought.named.difference(&self.bound);
            let missing = its.filter(|apex| engine.zone(apex).is_none());
            missing.filter_map(|apex| before.filed(apex)).collect()
        };
        for zone in &kept {
            let (name, serial) = (to_text(zone.apex()), zone.serial());
            news.kept.push(format!("{name}: goes on as before the reload, serial {serial}"));
        }
        engine.serve_all(kept);
        for apex in brought.gone.iter().filter(|apex| !self.bound.contains(*apex)) {
            engine.withdraw(apex);
            news.gone.push(format!("{}: its file is gone, it is served no more", to_text(apex)));
        }
        self.handed.retain(|apex| {
            let is_coming = brought.unread.contains(apex) || self.given_up.contains(apex);
            if !is_coming && !news.apexes.contains(apex) {
                engine.withdraw(apex);
            }
            is_coming
        });
        self.filed = brought.named;
    }
}

impl News {
    pub(super) fn lines(&self, folder: &Path) -> Vec<String> {
        let all = [&self.taken_up, &self.changed, &self.kept, &self.gone];
        if all.iter().map(|lines| lines.len()).sum::<usize>() <= EACH {
            return all.into_iter().flatten().cloned().collect();
        }
        let [taken_up, changed, kept, gone] = all.map(Vec::len);
        let kept = match kept {
            0 => String::new(),
            kept => format!("{kept} go on as before the reload, "),
        };
        vec![format!(
            "{}: {taken_up} zones taken up, {changed} read again, {kept}{gone} served no more",
            folder.display()
        )]
    }
}

/// In the arithmetic of serials (RFC 1982 §3.2).
fn is_higher(new: u32, old: u32) -> bool {
    new.wrapping_sub(old).cast_signed() > 0
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::answer::Identity;
    use crate::engine::lock;
    use crate::files::{Folder, Haste};
    use crate::serving::Shared;
    use crate::transfer::Access;

    const APEX: &[u8] = b"\x01a\x00";

    fn shared() -> Shared {
        Shared::new(Engine::new(Identity::default(), Access::default(), None))
    }

    fn zone(serial: u32) -> crate::zone::Zone {
        crate::tests::zone(&format!("@ 60 SOA ns h {serial} 1 1 1 1\n@ 60 NS ns.b.\n"), "a")
            .unwrap()
    }

    /// A folder with the zone in a file, and one who looks at it.
    fn filed(serial: u32) -> (tempfile::TempDir, Folder) {
        let bed = tempfile::tempdir().unwrap();
        let text = format!("@ 60 SOA ns h {serial} 1 1 1 1\n@ 60 NS ns.b.\n");
        fs::write(bed.path().join("a.zone"), text).unwrap();
        let folder = Folder::new(bed.path().to_owned());
        (bed, folder)
    }

    /// What a look has changed.
    fn looked(
        folder: &mut Folder,
        haste: Haste,
        bound: &Arc<BTreeSet<Vec<u8>>>,
        shared: &Shared,
    ) -> News {
        let mut news = News::default();
        let mut serve = |found| lock(&shared.zones).serve(found, &shared.engine, &mut news);
        if let Some(brought) = folder.look(haste, bound, &|| true, &mut serve).unwrap() {
            lock(&shared.zones).settle(brought, &Before::default(), &shared.engine, &mut news);
        }
        news
    }

    fn serial(shared: &Shared) -> Option<u32> {
        shared.engine.zone(APEX).map(|zone| zone.serial())
    }

    #[test]
    fn a_zone_that_comes_to_a_binder_while_its_file_is_read_is_the_binders() {
        let (bed, mut folder) = filed(7);
        let shared = shared();
        let mut look = |shared: &Shared| {
            let comes = || {
                shared.assign(BTreeSet::from([APEX.to_vec()]));
                shared.engine.serve(zone(1000));
            };
            let mut news = News::default();
            let mut serve = |found| {
                comes();
                lock(&shared.zones).serve(found, &shared.engine, &mut news);
            };
            let none = Arc::default();
            let brought = folder.look(Haste::Now, &none, &|| true, &mut serve).unwrap().unwrap();
            comes();
            lock(&shared.zones).settle(brought, &Before::default(), &shared.engine, &mut news);
            assert!(news.apexes.is_empty() && news.gone.is_empty(), "{news:?}");
            assert_eq!(serial(shared), Some(1000));
        };
        look(&shared);
        // The same where the file is gone for that.
        fs::remove_file(bed.path().join("a.zone")).unwrap();
        look(&shared);
        look(&shared);
    }

    #[test]
    fn a_zone_that_goes_to_its_file_is_served_until_that_has_been_read() {
        let (bed, mut folder) = filed(7);
        let shared = shared();
        shared.assign(BTreeSet::from([APEX.to_vec()]));
        shared.engine.serve(zone(1000));
        let mut look = |haste, shared: &Shared| {
            let bound = shared.before_look(&mut folder);
            looked(&mut folder, haste, &bound, shared)
        };
        look(Haste::Now, &shared);
        shared.assign(BTreeSet::new());
        assert_eq!(serial(&shared), Some(1000));
        assert!(shared.is_hurried() && shared.goes_on(Duration::ZERO));
        let news = look(Haste::Settled, &shared);
        assert!(news.taken_up.len() == 1 && news.doubts.is_empty(), "{news:?}");
        assert_eq!(serial(&shared), Some(7));

        // Somebody is writing the file as the zone goes to it.
        shared.assign(BTreeSet::from([APEX.to_vec()]));
        shared.engine.serve(zone(1001));
        look(Haste::Settled, &shared);
        fs::write(bed.path().join("a.zone"), "no zone at all").unwrap();
        shared.assign(BTreeSet::new());
        look(Haste::Settled, &shared);
        assert_eq!(serial(&shared), Some(1001));
        // It cannot be read: the zone of the binder is not the file's.
        look(Haste::Settled, &shared);
        assert_eq!(serial(&shared), None);
    }

    #[test]
    fn a_zone_that_was_a_binders_between_two_looks_is_served_from_its_file_again() {
        let (_bed, mut folder) = filed(7);
        let shared = shared();
        looked(&mut folder, Haste::Now, &Arc::default(), &shared);
        shared.assign(BTreeSet::from([APEX.to_vec()]));
        shared.engine.serve(zone(1000));
        shared.assign(BTreeSet::new());
        for _ in 0..2 {
            let bound = shared.before_look(&mut folder);
            looked(&mut folder, Haste::Settled, &bound, &shared);
            assert_eq!(serial(&shared), Some(7));
        }
    }

    #[test]
    fn a_zone_that_is_published_while_it_waits_for_its_file_is_the_binders() {
        let (_bed, mut folder) = filed(7);
        let shared = shared();
        looked(&mut folder, Haste::Now, &Arc::default(), &shared);
        shared.assign(BTreeSet::from([APEX.to_vec()]));
        shared.assign(BTreeSet::new());
        shared.publishes(APEX.to_vec());
        shared.engine.serve(zone(1000));
        for _ in 0..2 {
            let bound = shared.before_look(&mut folder);
            looked(&mut folder, Haste::Settled, &bound, &shared);
            assert_eq!(serial(&shared), Some(1000));
        }
    }

    #[test]
    fn a_zone_that_a_binder_gives_up_during_a_look_is_served_until_its_file_has_been_read() {
        for was_bound in [true, false] {
            let (_bed, mut folder) = filed(7);
            let shared = shared();
            looked(&mut folder, Haste::Now, &Arc::default(), &shared);
            let bind = |shared: &Shared| {
                shared.assign(BTreeSet::from([APEX.to_vec()]));
                shared.engine.serve(zone(1000));
            };
            if was_bound {
                bind(&shared);
            }
            let bound = shared.before_look(&mut folder);
            // As a look does that another file makes long.
            folder.read_again(&BTreeSet::from([APEX.to_vec()]));
            let mut news = News::default();
            let none = &mut |_| unreachable!();
            let mut serve = |found| {
                if !was_bound {
                    bind(&shared);
                }
                lock(&shared.zones).serve(found, &shared.engine, &mut news);
            };
            let serve: &mut dyn FnMut(_) = if was_bound { none } else { &mut serve };
            let brought = folder.look(Haste::Settled, &bound, &|| true, serve).unwrap().unwrap();
            shared.assign(BTreeSet::new());
            lock(&shared.zones).settle(brought, &Before::default(), &shared.engine, &mut news);
            assert_eq!(serial(&shared), Some(1000));
            assert!(shared.is_hurried() && shared.goes_on(Duration::ZERO));
            for _ in 0..2 {
                let bound = shared.before_look(&mut folder);
                looked(&mut folder, Haste::Settled, &bound, &shared);
                assert_eq!(serial(&shared), Some(7));
            }
        }
    }

    #[test]
    fn a_file_that_is_unsound_as_a_server_takes_anothers_place_leaves_the_zone_as_it_was() {
        let (bed, mut folder) = filed(7);
        let [first, second, third] = [(); 3].map(|()| Arc::new(shared()));
        looked(&mut folder, Haste::Now, &Arc::default(), &first);
        let path = bed.path().join("a.zone");
        fs::write(&path, "no zone at all").unwrap();
        let mut before = Before::of([&first]);
        for shared in [&second, &third] {
            let mut folder = Folder::new(bed.path().to_owned());
            let mut news = News::default();
            let mut none = |_| unreachable!();
            let look = folder.look(Haste::Now, &Arc::default(), &|| true, &mut none);
            let brought = look.unwrap().unwrap();
            assert_eq!(brought.faults.len(), 1);
            lock(&shared.zones).settle(brought, &before, &shared.engine, &mut news);
            assert_eq!(news.lines(bed.path()), ["a: goes on as before the reload, serial 7"]);
            assert_eq!(serial(shared), Some(7));
            before = Before::of([shared]);
        }
        // What a binder published is nobody's file.
        third.assign(BTreeSet::from([APEX.to_vec()]));
        assert!(Before::of([&third]).filed(APEX).is_none());
        // Nor is it kept once the file is gone.
        fs::remove_file(&path).unwrap();
        for _ in 0..2 {
            looked(&mut folder, Haste::Settled, &Arc::default(), &first);
        }
        assert!(Before::of([&first]).filed(APEX).is_none());
        assert!(Before::of([&second]).filed(APEX).is_some());
    }

    #[test]
    fn changes_are_told_each_or_by_their_number_and_a_serial_that_does_not_rise_as_well() {
        let (bed, mut folder) = filed(7);
        let shared = shared();
        let mut look = || {
            let news = looked(&mut folder, Haste::Now, &Arc::default(), &shared);
            (news.lines(Path::new("/z")), news.doubts)
        };
        let path = bed.path().join("a.zone");
        let taken_up = format!("a: taken up from {}, serial 7", path.display());
        assert_eq!(look(), (vec![taken_up], vec![]));
        let text = fs::read_to_string(&path).unwrap();
        let mut write = |text: &str| {
            fs::remove_file(&path).unwrap();
            fs::write(&path, text).unwrap();
            look()
        };
        assert_eq!(write(&text), (vec![], vec![]), "as it was");
        let higher = text.replace(" 7 ", " 8 ");
        assert_eq!(write(&higher), (vec!["a: read again, serial 8 after 7".to_owned()], vec![]));
        let (lines, doubts) = write(&format!("{higher}@ 60 TXT x\n"));
        assert_eq!(lines, ["a: read again, serial 8 after 8"]);
        assert!(doubts.len() == 1 && doubts[0].contains("serial 8 is not higher"), "{doubts:?}");
        for i in 0..20 {
            fs::write(bed.path().join(format!("{i}.zone")), &text).unwrap();
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(look().0, ["/z: 20 zones taken up, 0 read again, 0 served no more"]);
        assert_eq!(look().0, ["a: its file is gone, it is served no more"]);
        assert!(is_higher(1, u32::MAX) && !is_higher(u32::MAX, 1));
    }
}
