//! Header files that are written to by hands of all kinds.

use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::config::{Asked, load_for};

const SOUND: &str = "$TTL 10\n@ IN SOA ns1.example. hostmaster.example. ( 1 3600 600 86400 10 )\n\
                     @ IN NS ns1.example.\n";

/// Beyond any number of looks.
const LONG: Duration = Duration::from_secs(60);

struct Site {
    folder: TempDir,
    config: Config,
}

impl Site {
    fn new(scheme: &str) -> Site {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("www.header"), SOUND).unwrap();
        let text = format!(
            "[zone.\"www.example\"]\nheader = \"www.header\"\nsinks = [\"files\"]\n{scheme}\n\
             [binder.service.www]\nzone = \"www.example\"\nowner = [\"@\", \"api\"]\n\
             [sink.files]\ntype = \"bind\"\ndirectory = \".\"\n"
        );
        let path = folder.path().join("rais.toml");
        fs::write(&path, text).unwrap();
        let config = load_for(&path, Asked::All).unwrap_or_else(|faults| panic!("{faults}")).config;
        Site { folder, config }
    }

    fn write(&self, text: &str) {
        // In one step: what is read half is another test's.
        let [new, path] = ["new", "www.header"].map(|name| self.folder.path().join(name));
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }
}

/// The one header that comes next.
async fn next(headers: &mut Headers) -> (ZoneName, HeaderFile) {
    let mut all = timeout(LONG, headers.changed()).await.expect("a header");
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Waits until the troubles are as `is` wants them, and nothing is to be published meanwhile.
async fn until(headers: &mut Headers, is: impl Fn(&Troubles) -> bool) -> Troubles {
    let mut troubles = headers.troubles();
    tokio::select! {
        changed = headers.changed() => panic!("{} headers to publish", changed.len()),
        troubles = troubles.wait_for(|troubles| is(troubles)) => troubles.unwrap().clone(),
        () = tokio::time::sleep(LONG) => panic!("waited in vain"),
    }
}

#[tokio::test]
async fn a_sound_change_is_taken_once() {
    let site = Site::new("");
    let mut headers = Headers::of(&site.config);
    let more = format!("{SOUND}mail IN TXT \"new\"\n");
    site.write(&more);
    let (zone, header) = next(&mut headers).await;
    assert_eq!((zone.as_str(), header.header.text()), ("www.example", more.as_str()));
    let mut config = site.config.clone();
    let taken = vec![(zone, header)];
    config.take_headers(&taken);
    headers.taken(&taken);
    let text = config.zones[&taken[0].0].header().unwrap().text();
    assert_eq!(text, more);
    // It is the one that runs: only a further one is news.
    site.write(SOUND);
    assert_eq!(next(&mut headers).await.1.header.text(), SOUND);
}

#[tokio::test]
async fn what_cannot_be_used_is_told_with_its_place_until_it_is_put_right() {
    let site = Site::new("");
    let mut headers = Headers::of(&site.config);
    for (text, says) in [
        (format!("{SOUND}mail IN NX nothing\n"), "www.header:4:9: \"NX\" stands where"),
        (format!("{SOUND}$GENERATE 1-2 h$ A 192.0.2.$\n"), "www.header:4:1: $GENERATE is not"),
        (
            format!("{SOUND}API IN A 192.0.2.1\n"),
            "www.header:4:1: owner api.www.example has a record A",
        ),
        (
            format!("{SOUND}; rais: scheme=fixed\n"),
            "www.header:4:1: its scheme is fixed and was none",
        ),
        (format!("{SOUND}; rais: scheme=fxied\n"), "did you mean `fixed`?"),
        (format!("{SOUND}mail A 192.0.2.1\nmail CNAME x\n"), "www.header:5:1: mail.www.example."),
        (format!("{SOUND}api NS ns\n"), "www.header:4:1: owner api.www.example is at or below"),
        (String::new(), "no SOA record"),
    ] {
        site.write(&text);
        let troubles = until(&mut headers, |all| all.values().any(|it| it.contains(says))).await;
        assert_eq!(troubles.len(), 1, "{troubles:?}");
    }
    fs::remove_file(site.folder.path().join("www.header")).unwrap();
    until(&mut headers, |all| all.values().any(|it| it.contains("No such file"))).await;
    site.write(SOUND);
    until(&mut headers, Troubles::is_empty).await;
}

#[tokio::test]
async fn what_the_sink_cannot_answer_from_is_told() {
    let mut site = Site::new("");
    let mut headers = Headers::of(&site.config);
    let loc = format!("{SOUND}mail LOC 1 N 1 E 1m\n");
    site.write(&loc);
    assert_eq!(next(&mut headers).await.1.header.text(), loc);
    // The same zone with a name server of ours.
    site.config.sinks.get_mut("files").unwrap().table.type_name = "dns".to_owned();
    headers.follow(&site.config);
    let says =
        "www.header:4:1: the sink `files` cannot answer from it: the data of a record of type LOC";
    until(&mut headers, |all| all.values().any(|it| it.contains(says))).await;
}

#[test]
fn a_header_that_is_signed_now_and_was_not_is_doubtful_where_a_sink_answers_from_it() {
    let mut site = Site::new("");
    let zone = site.config.zones.keys().next().unwrap().clone();
    let path = site.folder.path().join("www.header");
    site.write(&format!("{SOUND}@ DNSKEY 257 3 13 AAAA\n"));
    let signed = HeaderFile::open(&path, &site.config.zones[&zone].name).unwrap();
    let doubt = |site: &Site| Followed::of(&zone, &site.config).unwrap().1.new_doubt(&signed);
    assert!(doubt(&site).is_none());
    site.config.sinks.get_mut("files").unwrap().table.type_name = "dns".to_owned();
    let told = doubt(&site).unwrap().to_string();
    assert!(told.contains("www.header:4:1: the sink `files` sends no signatures"), "{told}");
    site.config.zones.get_mut(&zone).unwrap().head = Head::File(signed.clone());
    assert!(doubt(&site).is_none(), "it was told before");
}

#[tokio::test]
async fn one_that_could_not_be_read_is_tried_again() {
    let site = Site::new("");
    let mut headers = Headers::of(&site.config);
    // Its file stays as it is: what is in the way is gone without a trace.
    let path = site.folder.path().join("www.header");
    let zone = site.config.zones.keys().next().unwrap().clone();
    let failed = Fault::in_file(&path, "Too many open files");
    let stamp = Stamp::of(&path);
    assert!(headers.note(&zone, Look::Read(stamp, Box::new(Err(failed)))).is_none());
    assert_eq!(headers.troubles().borrow().len(), 1);
    until(&mut headers, Troubles::is_empty).await;
}

#[tokio::test]
async fn a_schemes_line_that_a_key_overrules_is_no_trouble() {
    let site = Site::new("scheme = \"round-robin\"");
    let mut headers = Headers::of(&site.config);
    site.write(&format!("{SOUND}; rais: scheme=fixed\n"));
    assert_eq!(next(&mut headers).await.1.scheme, Some(Scheme::Fixed));
}

#[tokio::test]
async fn a_reload_that_found_them_sound_ends_the_trouble() {
    let site = Site::new("");
    let mut headers = Headers::of(&site.config);
    site.write("nonsense\n");
    until(&mut headers, |all| !all.is_empty()).await;
    headers.follow(&site.config);
    assert!(headers.troubles().borrow().is_empty());
    // It still is no header: that is found again.
    until(&mut headers, |all| !all.is_empty()).await;
}

#[test]
fn nothing_is_read_before_it_stands_still() {
    let site = Site::new("");
    let (_, mut file) =
        Followed::of(site.config.zones.keys().next().unwrap(), &site.config).unwrap();
    let look = |file: &mut Followed| match file.look() {
        Look::Seen(stamp) => {
            file.seen = Some(stamp);
            "seen"
        }
        Look::Read(stamp, _) => {
            (file.seen, file.judged) = (Some(stamp), Some(stamp));
            "read"
        }
    };
    assert_eq!([(); 3].map(|()| look(&mut file)), ["seen", "read", "seen"]);
    for length in [1, 2, 3] {
        // Half a file, and more of it at each look.
        fs::write(site.folder.path().join("www.header"), &SOUND[..length]).unwrap();
        assert_eq!(look(&mut file), "seen", "{length}");
    }
    assert_eq!([(); 2].map(|()| look(&mut file)), ["read", "seen"]);
}
