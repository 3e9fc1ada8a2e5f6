//! The usual types of a table.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use super::toml_text::{float, list, string, table};
use super::words::{list_of, table_of};
use super::{Describe, OptionInfo};
use crate::{DurationText, NoConfig, PathText};

macro_rules! plain {
    ($($words:expr, $written:expr => $($type:ty),+;)+) => {$($(
        impl Describe for $type {
            fn words() -> String {
                $words.into()
            }

            fn written(&self) -> Option<String> {
                #[allow(clippy::redundant_closure_call)]
                Some($written(self))
            }
        }
    )+)+};
}

macro_rules! whole_numbers {
    ($($type:ident)+) => {$(
        impl Describe for $type {
            fn words() -> String {
                range(&$type::MIN.to_string(), &$type::MAX.to_string())
            }

            fn written(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+};
}

plain! {
    "text", |it: &String| string(it) => String;
    "one character", |it: &char| string(it.encode_utf8(&mut [0; 4])) => char;
    "true or false", |it: &bool| it.to_string() => bool;
    "number", |it: &f64| float(*it) => f64;
    "number", |it: &f32| float(it.to_string().parse().unwrap_or_default()) => f32;
    "duration", |it: &DurationText| string(&it.to_string()) => DurationText;
    "path", |it: &PathText| string(&it.get().to_string_lossy()) => PathText;
    "path", |it: &PathBuf| string(&it.to_string_lossy()) => PathBuf;
    "socket", |it: &SocketAddr| string(&it.to_string()) => SocketAddr;
    "IPv4 socket", |it: &SocketAddrV4| string(&it.to_string()) => SocketAddrV4;
    "IPv6 socket", |it: &SocketAddrV6| string(&it.to_string()) => SocketAddrV6;
    "address", |it: &IpAddr| string(&it.to_string()) => IpAddr;
    "IPv4 address", |it: &Ipv4Addr| string(&it.to_string()) => Ipv4Addr;
    "IPv6 address", |it: &Ipv6Addr| string(&it.to_string()) => Ipv6Addr;
}

whole_numbers! {
    u8 u16 u32 u64 usize i8 i16 i32 i64 isize
    NonZeroU8 NonZeroU16 NonZeroU32 NonZeroU64 NonZeroUsize
}

impl Describe for NoConfig {
    fn words() -> String {
        "table".into()
    }
}

impl<T: Describe> Describe for Box<T> {
    const LEFT_OUT: bool = T::LEFT_OUT;

    fn words() -> String {
        T::words()
    }

    fn options() -> Vec<OptionInfo> {
        T::options()
    }

    fn written(&self) -> Option<String> {
        T::written(self)
    }
}

/// A key that may be left out.
impl<T: Describe> Describe for Option<T> {
    const LEFT_OUT: bool = true;

    fn words() -> String {
        T::words()
    }

    fn options() -> Vec<OptionInfo> {
        T::options()
    }

    fn written(&self) -> Option<String> {
        self.as_ref().and_then(T::written)
    }
}

impl<T: Describe> Describe for Vec<T> {
    fn words() -> String {
        list_of(&T::words())
    }

    fn options() -> Vec<OptionInfo> {
        T::options()
    }

    fn written(&self) -> Option<String> {
        list(self.iter().map(T::written))
    }
}

impl<T: Describe + Ord> Describe for BTreeSet<T> {
    fn words() -> String {
        list_of(&T::words())
    }

    fn options() -> Vec<OptionInfo> {
        T::options()
    }

    fn written(&self) -> Option<String> {
        list(self.iter().map(T::written))
    }
}

impl<T, S> Describe for HashSet<T, S>
where
    T: Describe + Eq + Hash,
    S: BuildHasher + Default,
{
    fn words() -> String {
        list_of(&T::words())
    }

    fn options() -> Vec<OptionInfo> {
        T::options()
    }

    fn written(&self) -> Option<String> {
        let mut items: Vec<_> = self.iter().map(T::written).collect();
        items.sort();
        list(items)
    }
}

impl<T: Describe> Describe for BTreeMap<String, T> {
    fn words() -> String {
        table_of(&T::words())
    }

    fn options() -> Vec<OptionInfo> {
        T::options()
    }

    fn written(&self) -> Option<String> {
        entries(self)
    }
}

impl<T: Describe, S: BuildHasher + Default> Describe for HashMap<String, T, S> {
    fn words() -> String {
        table_of(&T::words())
    }

    fn options() -> Vec<OptionInfo> {
        T::options()
    }

    fn written(&self) -> Option<String> {
        entries(self.iter().collect::<BTreeMap<_, _>>())
    }
}

fn entries<'a, T: Describe + 'a>(
    of: impl IntoIterator<Item = (&'a String, &'a T)>,
) -> Option<String> {
    let entries: Option<Vec<_>> =
        of.into_iter().map(|(name, value)| Some((name.clone(), value.written()?))).collect();
    entries.map(|entries| table(&entries))
}

/// Both ends where they say something to people: not those of 64 bits.
fn range(lowest: &str, highest: &str) -> String {
    match (lowest.len(), highest.len()) {
        (12.., _) => "whole number".to_owned(),
        (_, 11..) => format!("whole number, {lowest} or more"),
        _ => format!("whole number, {lowest} to {highest}"),
    }
}
