//! Whatever is written, it is answered with places and never with a panic.

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::config::{Faults, KnownTypes, Look, keys, parse, unsupported};

const EXAMPLES: [&str; 3] = [
    include_str!("../../../../../config/one-host.toml"),
    include_str!("../../../../../config/paper-site.toml"),
    include_str!("../../../../../config/two-pools.toml"),
];

fn answer(text: &str) {
    match parse(Path::new("rais.toml"), text) {
        Ok(loaded) => {
            for fault in unsupported(&loaded.config, &KnownTypes::new()) {
                assert!(!fault.render(Look::Plain).is_empty());
            }
        }
        Err(Faults(faults)) => {
            assert!(!faults.is_empty(), "refused without a word:\n{text}");
            for fault in faults {
                assert!(fault.render(Look::Plain).contains("rais.toml"), "{fault}");
            }
        }
    }
}

#[test]
fn a_file_cut_off_anywhere_is_answered() {
    for example in EXAMPLES {
        for end in (0..=example.len()).filter(|end| example.is_char_boundary(*end)) {
            answer(&example[..end]);
        }
    }
}

fn word() -> impl Strategy<Value = String> {
    let all: Vec<&'static str> = keys::KEYS.iter().flat_map(|keys| keys.keys).copied().collect();
    prop_oneof![
        4 => prop::sample::select(all).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["www", "type", "port", "\"a.b\"", "x"]).prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = String> {
    let plain = vec![
        "1",
        "0",
        "-1",
        "60.5",
        "nan",
        "true",
        "1979-05-27",
        "\"1s\"",
        "\"0s\"",
        "\"auto\"",
        "\"\"",
        "\"192.0.2.0/24\"",
        "\"::1\"",
        "\"a b\"",
        "\"50%\"",
        "\"on-timer\"",
        "\"\\u001b[31m\"",
        "'ä'",
    ];
    let leaf = prop::sample::select(plain).prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|all| format!("[{}]", all.join(", "))),
            prop::collection::vec((word(), inner), 0..3).prop_map(|all| {
                let all: Vec<_> =
                    all.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                format!("{{ {} }}", all.join(", "))
            }),
        ]
    })
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (word(), value()).prop_map(|(key, value)| format!("{key} = {value}")),
        2 => prop::collection::vec(word(), 1..4).prop_map(|keys| format!("[{}]", keys.join("."))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x7261_6973),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        answer(&text);
    }

    #[test]
    fn any_keys_and_values_are_answered(lines in prop::collection::vec(line(), 0..12)) {
        answer(&lines.join("\n"));
    }

    #[test]
    fn a_slip_in_a_sound_file_is_answered(which in 0_usize..3, at in any::<prop::sample::Index>(), slip in any::<char>()) {
        let mut chars: Vec<char> = EXAMPLES[which].chars().collect();
        let at = at.index(chars.len());
        chars[at] = slip;
        answer(&chars.into_iter().collect::<String>());
    }
}
