//! Aliases that lead out of a zone, or round.

use super::*;

const PARENT: &str = "\
$TTL 60
@ SOA ns.example. h. 1 1 1 1 30
  NS ns.example.
shop CNAME www.example.com.
deep CNAME a.b.www.example.com.
none CNAME none.www.example.com.
org CNAME mail.example.org.
far CNAME www.example.net.
moved DNAME www.example.com.
to DNAME from
from DNAME to
down DNAME @
";

const CHILD: &str = "\
$TTL 60
@ SOA ns.example. h. 2 1 1 1 20
  NS ns.example.
  A 192.0.2.1
a.b A 192.0.2.2
up CNAME org.example.com.
round CNAME round.example.com.
";

const SIBLING: &str = "\
$TTL 60
@ SOA ns.example. h. 3 1 1 1 10
  NS ns.example.
mail MX 5 mail
     A 192.0.2.25
";

fn responder() -> (Arc<Engine>, Responder) {
    let engine = Arc::new(Engine::new(Identity::default(), Access::default(), None));
    let parent = format!("{PARENT}round CNAME round.www.example.com.\n");
    for (text, name) in
        [(&*parent, "example.com"), (CHILD, "www.example.com"), (SIBLING, "example.org")]
    {
        engine.serve(zone(text, name).unwrap());
    }
    (Arc::clone(&engine), Responder::new(engine))
}

fn answer(responder: &mut Responder, name: &str, rtype: &str) -> Vec<String> {
    shown(&ask(responder, &question(name, rtype), &peer("192.0.2.9", Transport::Udp)).unwrap())
}

#[test]
fn an_alias_is_followed_into_every_zone_that_is_served() {
    let (_, mut responder) = responder();
    let mut told = |name: &str, rtype: &str| answer(&mut responder, name, rtype);
    assert_eq!(
        told("shop.example.com", "A"),
        [
            "NOERROR aa",
            "an shop.example.com 60 cname www.example.com.",
            "an www.example.com 60 a 192.0.2.1"
        ]
    );
    assert_eq!(told("deep.example.com", "A")[1], "an a.b.www.example.com 60 a 192.0.2.2");
    // Where there is nothing, the zone in which that is so says it.
    let nothing = told("none.example.com", "A");
    assert_eq!(nothing[0], "NXDOMAIN aa");
    assert!(nothing[2].starts_with("ns www.example.com 20 soa"), "{nothing:?}");
    let no_data = told("shop.example.com", "TXT");
    assert_eq!(no_data[0], "NOERROR aa");
    assert!(no_data[2].starts_with("ns www.example.com 20 soa"), "{no_data:?}");
    // Through two zones into a third, whose addresses come along.
    let mail = told("up.www.example.com", "MX");
    assert_eq!(mail[0], "NOERROR aa");
    assert!(mail.contains(&"an mail.example.org 60 mx 5 mail.example.org.".to_owned()), "{mail:?}");
    assert!(mail.contains(&"ar mail.example.org 60 a 192.0.2.25".to_owned()), "{mail:?}");
    let moved = told("a.b.moved.example.com", "A");
    assert!(moved.contains(&"an a.b.www.example.com 60 a 192.0.2.2".to_owned()), "{moved:?}");
    // Of others nothing is known.
    assert_eq!(
        told("far.example.com", "A"),
        ["NOERROR aa", "an far.example.com 60 cname www.example.net."]
    );
}

#[test]
fn of_a_zone_that_is_not_there_yet_nothing_is_said() {
    let (engine, mut responder) = responder();
    engine.withdraw(&to_wire("www.example.com"));
    let expected = [to_wire("www.example.com")].into();
    engine.expect(crate::engine::Source::Binder, expected);
    assert_eq!(
        answer(&mut responder, "shop.example.com", "A"),
        ["NOERROR aa", "an shop.example.com 60 cname www.example.com."]
    );
    engine.serve(zone(CHILD, "www.example.com").unwrap());
    assert_eq!(answer(&mut responder, "shop.example.com", "A").len(), 3);
}

#[test]
fn what_leads_round_is_told_once() {
    let (_, mut responder) = responder();
    let mut told = |name: &str, rtype: &str| answer(&mut responder, name, rtype);
    assert_eq!(
        told("x.to.example.com", "A"),
        [
            "NOERROR aa",
            "an from.example.com 60 dname to.example.com.",
            "an to.example.com 60 dname from.example.com.",
            "an x.from.example.com 60 cname x.to.example.com.",
            "an x.to.example.com 60 cname x.from.example.com.",
        ]
    );
    let down = told("x.down.down.example.com", "A");
    let dnames = down.iter().filter(|line| line.contains(" dname ")).count();
    assert_eq!((down[0].as_str(), dnames), ("NXDOMAIN aa", 1), "{down:?}");
    assert_eq!(
        told("round.example.com", "A"),
        [
            "NOERROR aa",
            "an round.example.com 60 cname round.www.example.com.",
            "an round.www.example.com 60 cname round.example.com.",
        ]
    );
}
