//! Why a datagram changes nothing.

use std::fmt;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $about:literal;)*) => {
        /// Why a datagram, or a claim in it, is refused.
        ///
        /// Each is a counter: its label is [`Refusal::as_str`], its place in an array of
        /// [`Refusal::COUNT`] counters is [`Refusal::index`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Refusal {
            $($(#[$doc])* $name,)*
        }

        impl Refusal {
            /// All: first what a datagram shows by itself, then what needs to know its sender's past.
            pub const ALL: &[Refusal] = &[$(Refusal::$name),*];

            /// In one word, as in counters, status and logs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Refusal::$name => $word),* }
            }

            /// In a sentence, for people.
            pub const fn about(self) -> &'static str {
                match self { $(Refusal::$name => $about),* }
            }
        }
    };
}

refusals! {
    /// More of them than any host sends: not even looked at.
    Rate = "rate", "more datagrams come from there than any host sends";
    /// More than [`MAX_DATAGRAM`](super::MAX_DATAGRAM) octets.
    TooLong = "too_long", "the datagram is longer than 1200 octets";
    /// The first four octets are somebody else's.
    NotABeat = "not_a_beat", "the datagram is not a heartbeat";
    /// It ends before what it announces.
    Truncated = "truncated", "the datagram ends before what it announces";
    /// Another version of the format.
    Version = "version", "the heartbeat is of a version that is not spoken here";
    /// Another cluster's, or no cluster's.
    Cluster = "cluster", "the heartbeat is of another cluster";
    /// No tag where one is required.
    Unsigned = "unsigned", "the heartbeat is not signed and only signed ones are accepted";
    /// Signed with a key that is not in the ring.
    UnknownKey = "unknown_key", "the heartbeat is signed with a key that is not in the key ring";
    /// Forged, damaged, or signed with a key that only shares its id with ours.
    BadTag = "bad_tag", "the tag does not fit the heartbeat";
    /// Authentic, or unsigned, and still not in the format.
    Malformed = "malformed", "the heartbeat breaks the format";
    /// One address twice for one service.
    AddressTwice = "address_twice", "an address stands twice for the same service";
    /// A host, a service or an address that the key may not speak of.
    KeyLimit = "key_limit", "the key may not speak for this host, service or address";
    /// Heard before: another transport's copy, or a switch's.
    Duplicate = "duplicate", "the same heartbeat was heard before";
    /// Heard before, and later or further back than a second copy comes (ADR 0006); or older than the
    /// window.
    Replay = "replay", "the heartbeat was heard before, or is older than the last 64 of its sender";
    /// Of a former life of the sender.
    OldEpoch = "old_epoch", "the heartbeat is of a former life of its sender";
    /// First contact or a new epoch, and the wall clocks are too far apart.
    Skew = "skew", "the sender's wall clock is too far from ours";
    /// No room for one more sender.
    FirstContactLimit = "first_contact_limit", "the table of senders is full";
    /// Unspecified, loopback, multicast or broadcast.
    Address = "address", "the address is no server's: unspecified, loopback, multicast or broadcast";
    /// Outside what the receiver allows.
    NotAllowed = "not_allowed", "the address or the sender's right to it is outside what is allowed";
    /// Another host owns the address.
    Owned = "owned", "another host owns the address";
    /// No room for one more claim.
    TableFull = "table_full", "the host or the service has too many addresses";
}

impl Refusal {
    /// How many there are.
    pub const COUNT: usize = Refusal::ALL.len();

    /// The place in [`Refusal::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.about())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_place_and_word() {
        for (at, refusal) in Refusal::ALL.iter().enumerate() {
            assert_eq!(refusal.index(), at);
            let alike = Refusal::ALL.iter().filter(|other| other.as_str() == refusal.as_str());
            assert_eq!(alike.count(), 1, "{refusal:?}");
            assert!(refusal.as_str().bytes().all(|c| c.is_ascii_lowercase() || c == b'_'));
        }
    }
}
