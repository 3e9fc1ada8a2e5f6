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
        reason: String::new(),
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
    let journal = Journal::of(folder, largest, HELD, WAITING).unwrap();
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

/// A journal that waits for its disk, served by hand: `folder` is not there.
fn refused(folder: &Path, held: usize, jobs: impl IntoIterator<Item = Job>) -> (Writer, AtomicU64) {
    let (mut writer, lost) = (Writer::new(folder, LARGEST, held), AtomicU64::new(0));
    // It has been tried: from then on it refuses.
    writer.write(&Entry { at: at(0).into(), event: decided(0) }).unwrap();
    writer.flush_now();
    give(&mut writer, &lost, jobs);
    (writer, lost)
}

/// Has `jobs` done, and no more.
fn give(writer: &mut Writer, lost: &AtomicU64, jobs: impl IntoIterator<Item = Job>) {
    jobs.into_iter().for_each(|job| take(writer, lost, &mut None, job));
}

fn noted(numbers: std::ops::Range<u64>) -> impl Iterator<Item = Job> {
    numbers.map(|n| Job::Write(Box::new(Entry { at: at(n).into(), event: decided(n) })))
}

fn events(folder: &Path) -> Vec<Event> {
    entries(folder).into_iter().map(|entry| entry.event).collect()
}

#[test]
fn what_a_disk_refuses_for_a_while_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let (mut writer, lost) = refused(&gone, HELD, noted(1..100));
    fs::create_dir(&gone).unwrap();
    // It works again, though it is not tried again yet.
    give(&mut writer, &lost, noted(100..200));
    writer.flush_now();
    assert_eq!(events(&gone), (0..200).map(decided).collect::<Vec<_>>());
}

#[test]
fn what_a_disk_refuses_too_long_is_counted_where_it_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let (mut writer, lost) = refused(&gone, 1000, noted(1..100));
    let missing = lost.load(Ordering::Relaxed);
    fs::create_dir(&gone).unwrap();
    writer.flush_now();
    let there = events(&gone);
    assert_eq!(there, (0..100 - missing).map(decided).collect::<Vec<_>>());
    assert!(there.len() > 1 && missing > 1, "{missing} of 100");
    give(&mut writer, &lost, noted(100..102));
    writer.flush_now();
    let after = [Event::Lost { entries: missing }, decided(100), decided(101)];
    assert_eq!(events(&gone), [there, after.to_vec()].concat());
}

#[test]
fn a_disk_is_tried_again_without_news_and_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let journal = Journal::start(&gone).unwrap();
    journal.pen().note(at(0), decided(0));
    // It has been read, so that the queue is empty, and tried.
    let (done, written) = mpsc::sync_channel(1);
    journal.pen.queue.as_ref().unwrap().send(Job::End(done)).unwrap();
    written.recv().unwrap();
    fs::create_dir(&gone).unwrap();
    while events(&gone).is_empty() {
        thread::yield_now();
    }
    fs::remove_dir_all(&gone).unwrap();
    drop(journal);

    let journal = Journal::start(&gone).unwrap();
    journal.pen().note(at(1), decided(1));
    fs::create_dir(&gone).unwrap();
    journal.finish();
    assert_eq!(events(&gone), [decided(1)]);
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
    serve(Writer::new(folder.path(), LARGEST, HELD), &jobs, &lost);
    assert_eq!(events(folder.path()), [Event::Lost { entries: 3 }, decided(0)]);
}

#[test]
fn a_pen_without_a_journal_writes_nothing() {
    Pen::default().note(at(0), decided(0));
}
