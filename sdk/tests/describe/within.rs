//! Types from macros, in functions, by other names.

use super::*;

macro_rules! made {
    ($name:ident, $of:ty) => {
        #[config]
        struct $name {
            key: $of,
        }
    };
}

made!(Required, u8);
made!(Left, Option<u8>);

#[test]
fn types_may_come_from_a_macro() {
    assert_eq!(told::<Required>(), ["key: whole number, 0 to 255"]);
    assert_eq!(told::<Left>(), ["key?: whole number, 0 to 255"]);
}

#[test]
fn a_function_may_hold_a_table() {
    #[config]
    struct Local {
        #[default = 1]
        key: u8,
    }
    assert_eq!(read::<Local>("").key, 1);
    assert_eq!(told::<Local>(), ["key: whole number, 0 to 255 = 1"]);
}

type Maybe = Option<u8>;

#[config]
struct Alias {
    key: Maybe,
}

#[test]
fn an_option_by_another_name_is_one() {
    assert_eq!(told::<Alias>(), ["key?: whole number, 0 to 255"]);
    assert_eq!(read::<Alias>("").key, None);
}
