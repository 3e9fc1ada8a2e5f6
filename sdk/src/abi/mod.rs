//! What crosses from a host to a plugin and back: C layouts and nothing else.
//!
//! `abi_stable`, `async-ffi` and `inventory` are used in this module alone. Since ABI 1.0 its types
//! only grow, after the fields marked `last_prefix_field`; those marks never move. Structs passed
//! by value are frozen and grow into their `reserved` fields, which are written as zero and not
//! read.

pub(crate) mod convert;
pub(crate) mod guard;
pub(crate) mod heard;
pub(crate) mod host_side;
#[doc(hidden)]
pub mod manifest;
mod objects;
pub(crate) mod plugin_side;
mod root;
mod types;

pub use inventory;

pub use objects::*;
pub use root::*;
pub use types::*;

/// Of the boundary, apart from the versions of the SDK and of plugins.
pub const ABI_VERSION: &str = "1.0";
