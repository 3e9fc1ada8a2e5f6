//! Sinks that write down what they are told.

use std::sync::Mutex;

use rais_sdk::Served;

use super::*;
use crate::host::{Answer, Publication};

#[derive(Default)]
struct Fake {
    told: Mutex<Vec<String>>,
    refuses: bool,
}

impl Fake {
    fn note(&self, what: impl Into<String>) -> Answer<()> {
        self.told.lock().unwrap().push(what.into());
        let answer = if self.refuses { Err(PluginFault::io("address in use")) } else { Ok(()) };
        Box::pin(async { answer })
    }

    /// Since the last look.
    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

impl SinkPort for Fake {
    fn assign(&self, zones: Arc<[String]>, _: Duration) -> Answer<()> {
        self.note(format!("has {}", zones.join(" ")))
    }

    fn publish(&self, _: Arc<Publication>, _: Duration) -> Answer<u32> {
        Box::pin(async { Ok(0) })
    }

    fn served(&self, _: &str, _: Duration) -> Answer<Option<Served>> {
        Box::pin(async { Ok(None) })
    }

    fn stop(&self, _: Duration) -> Answer<()> {
        self.note("ends")
    }
}

fn assigned(sinks: &[(&str, &Arc<Fake>, &[&str])]) -> Assigned {
    let assignment = |&(name, sink, zones): &(&str, &Arc<Fake>, &[&str])| {
        let zones = zones.iter().map(|&zone| zone.to_owned()).collect();
        let port: Arc<dyn SinkPort> = Arc::clone(sink) as _;
        (name.to_owned(), Assignment { port, zones })
    };
    sinks.iter().map(assignment).collect()
}

#[tokio::test]
async fn a_sink_is_told_its_zones_once_and_where_they_change() {
    let (files, dns) = (Arc::<Fake>::default(), Arc::<Fake>::default());
    let mut all = Assignments::default();
    let wanted = assigned(&[("files", &files, &["a", "b"]), ("dns", &dns, &[])]);
    let begun = all.begin(&wanted).await.unwrap();
    all.follow(wanted, begun).await;
    assert_eq!((files.told(), dns.told()), (vec!["has a b".into()], vec!["has ".into()]));

    let wanted = assigned(&[("files", &files, &["a"]), ("dns", &dns, &[])]);
    let begun = all.begin(&wanted).await.unwrap();
    assert_eq!(files.told(), [""; 0], "nothing before the rest of a reload is sound");
    all.follow(wanted, begun).await;
    assert_eq!((files.told(), dns.told()), (vec!["has a".into()], vec![]));
}

#[tokio::test]
async fn one_that_takes_anothers_place_begins_while_that_one_still_works() {
    let (old, new) = (Arc::<Fake>::default(), Arc::<Fake>::default());
    let mut all = Assignments::default();
    let wanted = assigned(&[("dns", &old, &["a"])]);
    let begun = all.begin(&wanted).await.unwrap();
    all.follow(wanted, begun).await;
    let wanted = assigned(&[("dns", &new, &["a"])]);
    let begun = all.begin(&wanted).await.unwrap();
    assert_eq!((old.told(), new.told()), (vec!["has a".into()], vec!["has a".into()]));
    all.follow(wanted, begun).await;
    assert_eq!((old.told(), new.told()), (vec![], vec![]), "who replaces the old one ends it");
}

#[tokio::test]
async fn where_one_cannot_begin_those_before_it_end_again() {
    let (first, second) =
        (Arc::<Fake>::default(), Arc::new(Fake { refuses: true, ..Fake::default() }));
    let all = Assignments::default();
    let wanted = assigned(&[("a-first", &first, &["a"]), ("b-second", &second, &["b"])]);
    let Err((name, fault)) = all.begin(&wanted).await else { panic!("it begins") };
    assert_eq!((name.as_str(), fault.text.as_str()), ("b-second", "address in use"));
    assert_eq!(first.told(), ["has a", "ends"]);
    assert_eq!(second.told(), ["has b", "ends"]);
}
