//! Keys, as serde names them.

use super::*;

#[config]
#[serde(rename_all = "kebab-case")]
struct Kebab {
    two_words: u8,
    #[serde(rename = "other")]
    renamed: u8,
    #[serde(rename(deserialize = "read"))]
    renamed_too: u8,
    #[serde(alias = "abc")]
    r#type: u8,
    #[serde(skip)]
    skipped: u8,
    #[cfg(any())]
    not_there: Nothing,
    #[cfg(test)]
    there: u8,
}

#[test]
fn keys_are_those_that_are_read() {
    let names: Vec<_> = Kebab::options().into_iter().map(|key| key.name).collect();
    assert_eq!(names, ["two-words", "other", "read", "type", "there"]);
    let table: Kebab = read("two-words = 1\nother = 2\nread = 3\ntype = 4\nthere = 5");
    assert_eq!(table.there, 5);
    let error = refused::<Kebab>("two_words = 1");
    assert!(error.contains("unknown field `two_words`"), "{error}");
    // Serde's own list of them.
    let list: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    assert!(list.iter().all(|name| error.contains(name)), "{error}");
}

macro_rules! cases {
    ($($rule:literal $module:ident $field:literal $variant:literal;)+) => {$(
        mod $module {
            #[rais_sdk::config]
            #[serde(rename_all = $rule)]
            pub(crate) struct Table {
                two_words_: u8,
            }

            #[rais_sdk::config]
            #[serde(rename_all = $rule)]
            pub(crate) enum Choice {
                TwoWords,
            }
        }

        assert_eq!(told::<$module::Table>()[0], format!("{}: whole number, 0 to 255", $field));
        assert_eq!($module::Choice::words(), format!("{:?}", $variant));
        read::<$module::Table>(&format!("{} = 1", $field));
        read::<BTreeMap<String, $module::Choice>>(&format!("key = {:?}", $variant));
    )+};
}

#[test]
fn every_rename_of_serdes_is_known() {
    cases! {
        "lowercase" lower "two_words_" "twowords";
        "UPPERCASE" upper "TWO_WORDS_" "TWOWORDS";
        "PascalCase" pascal "TwoWords" "TwoWords";
        "camelCase" camel "twoWords" "twoWords";
        "snake_case" snake "two_words_" "two_words";
        "SCREAMING_SNAKE_CASE" screaming "TWO_WORDS_" "TWO_WORDS";
        "kebab-case" kebab "two-words-" "two-words";
        "SCREAMING-KEBAB-CASE" loud "TWO-WORDS-" "TWO-WORDS";
    }
}
