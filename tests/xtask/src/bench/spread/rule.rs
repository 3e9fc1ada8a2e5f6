//! By what servers are chosen.

/// A way to choose a server; each has three servers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// For each request any, by what it can do, without names and caches: the best there can be.
    Split,
    /// The name server's answers are by weight.
    Weights,
    /// They are by turns.
    RoundRobin,
}

impl Rule {
    pub(super) const ALL: [Rule; 3] = [Rule::Split, Rule::Weights, Rule::RoundRobin];

    pub(super) fn name(self) -> &'static str {
        match self {
            Rule::Split => "split",
            Rule::Weights => "weights",
            Rule::RoundRobin => "round robin",
        }
    }

    /// Of its servers.
    pub(super) fn port(self) -> u16 {
        match self {
            Rule::Split => 8000,
            Rule::Weights => 8001,
            Rule::RoundRobin => 8002,
        }
    }

    pub(super) fn service(self) -> &'static str {
        match self {
            Rule::Split => "split",
            Rule::Weights => "weights",
            Rule::RoundRobin => "turns",
        }
    }

    /// Where its servers' addresses are, if clients ask for them.
    pub(super) fn zone(self) -> Option<&'static str> {
        match self {
            Rule::Split => None,
            Rule::Weights => Some("weights.example"),
            Rule::RoundRobin => Some("turns.example"),
        }
    }

    /// The line of its zone that asks for it; weights are what a sink `dns` has unless another is asked for.
    pub(super) fn scheme(self) -> &'static str {
        match self {
            Rule::Split | Rule::Weights => "",
            Rule::RoundRobin => "scheme = \"round-robin\"\n",
        }
    }
}
