//! What is said of one address: mostly by one host, and there are many addresses.

use super::Claimed;

/// In the order in which they were first heard; never none.
#[derive(Debug, Clone)]
pub(super) enum Claims {
    /// In its place: those who go through all addresses need not look elsewhere for each.
    One(Claimed),
    /// Two or more.
    Many(Vec<Claimed>),
}

impl Claims {
    pub(super) fn as_slice(&self) -> &[Claimed] {
        match self {
            Claims::One(one) => std::slice::from_ref(one),
            Claims::Many(many) => many,
        }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [Claimed] {
        match self {
            Claims::One(one) => std::slice::from_mut(one),
            Claims::Many(many) => many,
        }
    }

    pub(super) fn push(&mut self, claimed: Claimed) {
        match self {
            Claims::One(one) => *self = Claims::Many(vec![one.clone(), claimed]),
            Claims::Many(many) => many.push(claimed),
        }
    }

    /// Keeps those for which `is_kept` is true; false where none is, and nothing is changed then.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&Claimed) -> bool) -> bool {
        let kept = self.as_slice().iter().filter(|claimed| is_kept(claimed)).count();
        if kept > 0
            && let Claims::Many(many) = self
        {
            many.retain(is_kept);
            if let [_] = many[..]
                && let Some(last) = many.pop()
            {
                *self = Claims::One(last);
            }
        }
        kept > 0
    }
}
