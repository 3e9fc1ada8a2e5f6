//! An authoritative name server of our own.

// Nothing answers by it yet.
#[allow(dead_code)]
mod net;
