//! An authoritative name server of our own.

// Nothing is published yet, and nothing listens.
#![allow(dead_code, unused_imports)]

mod answer;
mod bound;
mod catalog;
mod engine;
mod name;
mod net;
mod query;
mod scheme;
mod zone;

#[cfg(test)]
mod tests;
