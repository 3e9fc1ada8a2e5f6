//! What crosses between rais and its plugins: C layouts, and nothing else.
//!
//! For [rais-sdk](../rais_sdk/index.html) alone, which puts plain Rust before it on both sides. Its
//! own crate, because each type carries the version of its package, and types of different first
//! numbers are never taken for each other: the version of this package is that of the boundary.
//!
//! Since 1.0 these types only grow, after the fields marked `last_prefix_field`; those marks never
//! move. Structs passed by value are frozen and grow into their `reserved` fields, which are written
//! as zero and not read. No enum of ours crosses: a number that a side does not know is mapped to
//! what harms least. `docs/reference/abi.md` has the rules, `sdk/abi/tests/layout.rs` keeps them.

mod objects;
mod root;
mod types;

pub use objects::*;
pub use root::*;
pub use types::*;

/// Of the boundary, apart from the versions of the SDK and of plugins: major and minor.
#[cfg(not(feature = "next"))]
pub const ABI_VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
/// Of the boundary as it could be.
#[cfg(feature = "next")]
pub const ABI_VERSION: &str = "1.1";
