//! The boundary, seen from both sides: plain Rust here, the layouts of [`rais_abi`] there.
//!
//! `abi_stable`, `async-ffi` and `inventory` are used in this module and in that crate alone: so
//! they can be replaced.

pub(crate) mod convert;
pub(crate) mod guard;
pub(crate) mod heard;
pub(crate) mod host_side;
#[doc(hidden)]
pub mod image;
#[doc(hidden)]
pub mod manifest;
pub(crate) mod plugin_side;

pub use inventory;
pub use rais_abi::{ABI_VERSION, AbiRecord};

pub use image::{CrateVersion, Submitted};
