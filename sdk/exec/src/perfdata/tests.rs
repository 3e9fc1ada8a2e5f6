use proptest::prelude::*;

use super::*;

fn known(label: &str, value: f64, unit: &str, max: Option<f64>) -> Metric {
    Metric { label: label.to_owned(), value: Value::Known(value), unit: unit.to_owned(), max }
}

fn of(text: &str) -> Vec<Metric> {
    Perfdata::parse(text).metrics
}

#[test]
fn one_value_in_all_its_forms() {
    let cases = [
        // What the guidelines name.
        ("load1=0.640", known("load1", 0.64, "", None)),
        ("load1=0.640;5.000;10.000;0;", known("load1", 0.64, "", None)),
        ("a=1;;;;8", known("a", 1.0, "", Some(8.0))),
        ("time=0.000128s;;;0.000000;10.000000", known("time", 0.000_128, "s", Some(10.0))),
        ("t=12us", known("t", 12.0, "us", None)),
        ("t=12ms", known("t", 12.0, "ms", None)),
        ("pl=0%;10;50;0;", known("pl", 0.0, "%", None)),
        ("m=1B", known("m", 1.0, "B", None)),
        ("m=1KB", known("m", 1.0, "KB", None)),
        ("m=1MB;;;0;2048", known("m", 1.0, "MB", Some(2048.0))),
        ("m=1TB", known("m", 1.0, "TB", None)),
        ("octets=42c", known("octets", 42.0, "c", None)),
        // Thresholds are ranges, and nothing here looks at them.
        ("a=5;10:20;@10:20;0;50", known("a", 5.0, "", Some(50.0))),
        ("a=5;~:10;10:;-5;50", known("a", 5.0, "", Some(50.0))),
        ("a=5;nonsense;'x';?;50", known("a", 5.0, "", Some(50.0))),
        // Quotes.
        ("'a'=1", known("a", 1.0, "", None)),
        ("'used space'=1", known("used space", 1.0, "", None)),
        ("'it''s'=1", known("it's", 1.0, "", None)),
        ("''''=1", known("'", 1.0, "", None)),
        ("'a=b;c'=1", known("a=b;c", 1.0, "", None)),
        (
            "/=14360248320B;2;3;0;270552530944",
            known("/", 14_360_248_320.0, "B", Some(270_552_530_944.0)),
        ),
        ("ü=1µs", known("ü", 1.0, "µs", None)),
        // Numbers.
        ("a=-1.5", known("a", -1.5, "", None)),
        ("a=+1", known("a", 1.0, "", None)),
        ("a=.5", known("a", 0.5, "", None)),
        ("a=5.", known("a", 5.0, "", None)),
        ("a=0,5s;1,5;2,5;0,0;2,5", known("a", 0.5, "s", Some(2.5))),
        ("a=1e3", known("a", 1000.0, "", None)),
        ("a=1.5E-3s", known("a", 0.0015, "s", None)),
        ("a=2e", known("a", 2.0, "e", None)),
        ("a=2EB", known("a", 2.0, "EB", None)),
        // The greatest value.
        ("a=5MB;;;0;10MB", known("a", 5.0, "MB", Some(10.0))),
        ("a=5MB;;;0;1GB", known("a", 5.0, "MB", None)),
        ("a=5;;;0;U", known("a", 5.0, "", None)),
        ("a=5;;;0;10;20", known("a", 5.0, "", Some(10.0))),
        ("a=5,", known("a", 5.0, "", None)),
    ];
    for (text, wanted) in cases {
        assert_eq!(of(text), [wanted], "{text}");
    }
}

#[test]
fn unknown_and_malformed_are_told_apart() {
    let value = |text: &str| of(text).remove(0).value;
    assert_eq!(value("a=U"), Value::Unknown);
    assert_eq!(value("a=U;1;2;0;3"), Value::Unknown);
    for text in ["", "x", "-", ".", "1.2.3", "1,234.5", "1.2,3", "--1", "nan", "inf", "1e999"] {
        assert_eq!(value(&format!("a={text};1;2")), Value::Malformed(text.to_owned()));
    }
}

#[test]
fn many_values_and_what_is_none_of_them() {
    let text = "  load1=0.2;5;10;0; 'load 5'=0.3;;;0;\tload15=U \r\n words | 'x' = 1 a='b c=2 ";
    let labels: Vec<_> = of(text).into_iter().map(|metric| metric.label).collect();
    assert_eq!(labels, ["load1", "load 5", "load15", "a", "c"]);
    for nothing in ["", " ", "=1", "''=1", "words only", "'never closed=1", "'a' b", "=", "'"] {
        assert_eq!(of(nothing), [], "{nothing}");
    }
    // Behind an unclosed quote nothing is certain.
    assert_eq!(of("a=1 'b=2 c=3"), [known("a", 1.0, "", None)]);
}

#[test]
fn the_first_of_a_name_counts() {
    let perfdata = Perfdata::parse("a=1 b=2 a=3");
    assert_eq!(perfdata.get("a"), Some(&known("a", 1.0, "", None)));
    assert_eq!(perfdata.get("A"), None);
    assert_eq!(perfdata.iter().count(), 3);
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in any::<String>()) {
        let _ = Perfdata::parse(&text);
    }

    #[test]
    fn nothing_near_to_perfdata_breaks_it(text in "['=;:@,.eEU|%0-9a-cµ \t-]{0,40}") {
        for metric in Perfdata::parse(&text).iter() {
            prop_assert!(!metric.label.is_empty());
            if let Value::Known(value) = metric.value {
                prop_assert!(value.is_finite());
            }
        }
    }

    #[test]
    fn what_is_written_is_read(
        labels in prop::collection::vec("[a-zA-Z/=;|' ü]{1,12}", 1..5),
        value in -1e12..1e12_f64,
        unit in "(s|us|ms|%|B|KB|MB|TB|c)?",
        max in prop::option::of(0.0..1e12_f64),
    ) {
        let most = max.map_or(String::new(), |max| format!("{max}"));
        let written = labels.iter().map(|label| {
            format!("'{}'={value}{unit};10:20;@5;0;{most}", label.replace('\'', "''"))
        });
        let written: Vec<_> = written.collect();
        let wanted: Vec<_> = labels.iter().map(|label| known(label, value, &unit, max)).collect();
        prop_assert_eq!(of(&written.join(" ")), wanted);
    }
}
