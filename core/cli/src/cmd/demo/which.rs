//! The three servers of the paper's Fig. 2.

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::{Index, IndexMut};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// One of the three servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Which {
    /// Server 202 of Fig. 2.
    Web1,
    /// Server 204 of Fig. 2.
    Web2,
    /// Server 206 of Fig. 2.
    Web3,
}

/// Something of each server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Each<T>([T; 3]);

impl Which {
    /// All, in their order.
    pub(super) const ALL: [Which; 3] = [Which::Web1, Which::Web2, Which::Web3];

    /// What it is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Which::Web1 => "web1",
            Which::Web2 => "web2",
            Which::Web3 => "web3",
        }
    }

    /// Where it listens.
    pub(super) const fn address(self) -> Ipv4Addr {
        match self {
            Which::Web1 => Ipv4Addr::new(127, 0, 0, 11),
            Which::Web2 => Ipv4Addr::new(127, 0, 0, 12),
            Which::Web3 => Ipv4Addr::new(127, 0, 0, 13),
        }
    }

    /// Where it listens in the paper.
    pub(super) const fn in_paper(self) -> Ipv4Addr {
        match self {
            Which::Web1 => Ipv4Addr::new(129, 144, 168, 1),
            Which::Web2 => Ipv4Addr::new(129, 144, 168, 2),
            Which::Web3 => Ipv4Addr::new(129, 144, 168, 3),
        }
    }

    const fn index(self) -> usize {
        match self {
            Which::Web1 => 0,
            Which::Web2 => 1,
            Which::Web3 => 2,
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl<T> Each<T> {
    /// Makes one for each server; the first failure ends it.
    pub(super) fn try_new<E>(mut make: impl FnMut(Which) -> Result<T, E>) -> Result<Each<T>, E> {
        let [one, two, three] = Which::ALL;
        Ok(Each([make(one)?, make(two)?, make(three)?]))
    }

    /// Makes one for each server.
    pub(super) fn new(make: impl FnMut(Which) -> T) -> Each<T> {
        Each(Which::ALL.map(make))
    }

    /// Turns each into something else.
    pub(super) fn map<U>(self, turn: impl FnMut(T) -> U) -> Each<U> {
        Each(self.0.map(turn))
    }
}

impl<T> Index<Which> for Each<T> {
    type Output = T;

    fn index(&self, which: Which) -> &T {
        &self.0[which.index()]
    }
}

impl<T> IndexMut<Which> for Each<T> {
    fn index_mut(&mut self, which: Which) -> &mut T {
        &mut self.0[which.index()]
    }
}
