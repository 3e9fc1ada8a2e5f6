//! Journals on a real disk.

use std::fs;

use super::*;

fn at(millis: u64) -> WallTime {
    WallTime::from_unix_millis(1_700_000_000_000 + millis)
}

fn decided(n: u64) -> Event {
    Event::Decided {
        service: "www".to_owned(),
        address: "192.0.2.1".parse().unwrap(),
        verdict: n.to_string(),
    }
}

fn read(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Every entry of both files, in order.
fn entries(folder: &Path) -> Vec<Entry> {
    let lines = files(folder).into_iter().flat_map(|path| read(&path));
    lines.filter_map(|line| serde_json::from_str(&line).ok()).collect()
}

fn written(folder: &Path, largest: u64, count: u64) {
    let journal = Journal::of(folder, largest, WAITING).unwrap();
    let pen = journal.pen();
    (0..count).for_each(|n| pen.note(at(n), decided(n)));
    journal.finish();
}

#[test]
fn a_line_says_when_and_what() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), LARGEST, 1);
    let lines = read(&files(folder.path())[1]);
    let expected = [
        r#"{"journal":1}"#,
        r#"{"at":"2023-11-14T22:13:20.000Z","decided":{"service":"www","address":"192.0.2.1","verdict":"0"}}"#,
    ];
    assert_eq!(lines, expected);
    assert_eq!(entries(folder.path()), [Entry { at: at(0).into(), event: decided(0) }]);
}

#[test]
fn another_life_goes_on_where_the_last_ended_and_bears_with_a_line_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), LARGEST, 2);
    let path = &files(folder.path())[1];
    let whole = fs::read(path).unwrap();
    fs::write(path, &whole[..whole.len() - 9]).unwrap();
    written(folder.path(), LARGEST, 1);
    let verdicts: Vec<Event> =
        entries(folder.path()).into_iter().map(|entry| entry.event).collect();
    assert_eq!(verdicts, [decided(0), decided(0)]);
}

#[test]
fn it_is_bounded_and_keeps_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..20 {
        written(folder.path(), 4096, 40);
    }
    let sizes = files(folder.path()).map(|path| fs::metadata(path).unwrap().len());
    assert!(sizes.iter().all(|&size| size <= 8192), "{sizes:?}");
    let last = entries(folder.path()).pop().unwrap();
    assert_eq!(last.event, decided(39));
    assert!(entries(folder.path()).len() >= 40);
}

#[test]
fn one_of_another_version_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let [before, current] = files(folder.path());
    let others = ["{\"journal\":2}\n{\"at\":1}\n".as_bytes(), b"\xff\xfe noise", b"{}"];
    for other in others {
        fs::write(&current, other).unwrap();
        written(folder.path(), LARGEST, 1);
        assert_eq!(fs::read(&before).unwrap(), other);
        assert_eq!(read(&current)[0], r#"{"journal":1}"#);
    }
}

#[test]
fn a_disk_that_refuses_harms_nobody_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let journal = Journal::start(&gone).unwrap();
    journal.pen().note(at(0), decided(0));
    journal.finish();
    fs::create_dir(&gone).unwrap();
    written(&gone, LARGEST, 1);
    assert_eq!(entries(&gone).len(), 1);
}

#[test]
fn what_does_not_fit_is_counted_and_said() {
    let (queue, jobs) = mpsc::sync_channel(1);
    let pen = Pen { queue: Some(queue), lost: Arc::default() };
    (0..4).for_each(|n| pen.note(at(n), decided(n)));
    let lost = Arc::clone(&pen.lost);
    assert_eq!(lost.load(Ordering::Relaxed), 3);
    drop(pen);
    let folder = tempfile::tempdir().unwrap();
    serve(Writer::new(folder.path(), LARGEST), &jobs, &lost);
    let events: Vec<Event> = entries(folder.path()).into_iter().map(|entry| entry.event).collect();
    assert_eq!(events, [Event::Lost { entries: 3 }, decided(0)]);
}

#[test]
fn a_pen_without_a_journal_writes_nothing() {
    Pen::default().note(at(0), decided(0));
}
