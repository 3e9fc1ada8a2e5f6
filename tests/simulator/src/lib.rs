//! Servers, resolvers, caches and sessions in virtual time, around the product's own rules of
//! balance: what spreads load through DNS, and what only seems to.
//!
//! Nothing here is a copy of a rule: [`bindery`] calls `rais_proto::policy` and `rais_wheel`. What
//! is modelled is what lies around them, and what others do.

pub mod bindery;
pub mod catalogue;
pub mod contender;
pub mod crowd;
pub mod measure;
pub mod plot;
pub mod plots;
pub mod queue;
pub mod report;
pub mod scenario;
pub mod server;
pub mod tables;
pub mod world;
