//! Octets that are carried as they are, not one by one.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Octets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in super::super) struct Octets(pub(in super::super) Vec<u8>);

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Octets, D::Error> {
        struct Plain;

        impl Visitor<'_> for Plain {
            type Value = Octets;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("octets")
            }

            fn visit_bytes<E: Error>(self, octets: &[u8]) -> Result<Octets, E> {
                Ok(Octets(octets.to_vec()))
            }
        }

        deserializer.deserialize_bytes(Plain)
    }
}
