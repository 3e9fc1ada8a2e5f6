//! The addresses that one host claims of a service: mostly one, and there are many hosts.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// In order, each once; never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    One(IpAddr),
    /// Apart: it is rare, and there is room for it in nobody who has one.
    #[expect(clippy::box_collection)]
    Many(Box<BTreeSet<IpAddr>>),
}

impl Held {
    pub(super) fn insert(&mut self, address: IpAddr) {
        match self {
            Held::One(one) if *one == address => {}
            Held::One(one) => *self = Held::Many(Box::new([*one, address].into())),
            Held::Many(many) => _ = many.insert(address),
        }
    }

    /// All but this one; none where it was the only one.
    pub(super) fn without(self, address: IpAddr) -> Option<Held> {
        match self {
            Held::One(one) => (one != address).then_some(Held::One(one)),
            Held::Many(mut many) => {
                many.remove(&address);
                match (many.len(), many.first()) {
                    (1, Some(&last)) => Some(Held::One(last)),
                    _ => Some(Held::Many(many)),
                }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Held::One(_) => 1,
            Held::Many(many) => many.len(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = IpAddr> {
        let (one, many) = match self {
            Held::One(one) => (Some(*one), None),
            Held::Many(many) => (None, Some(many.as_ref())),
        };
        one.into_iter().chain(many.into_iter().flatten().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn it_has_what_was_put_in_and_not_taken_out() {
        let mut held = Held::One(address(2));
        held.insert(address(2));
        assert_eq!((held.len(), &held), (1, &Held::One(address(2))));
        held.insert(address(1));
        held.insert(address(3));
        held.insert(address(1));
        assert_eq!(
            (held.len(), held.iter().collect::<Vec<_>>()),
            (3, [1, 2, 3].map(address).into())
        );
        let held = held.without(address(9)).unwrap().without(address(1)).unwrap();
        assert_eq!(held.len(), 2);
        let held = held.without(address(3)).unwrap();
        assert_eq!(held, Held::One(address(2)));
        assert_eq!(held.without(address(2)), None);
    }
}
