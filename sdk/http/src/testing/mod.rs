//! A real nginx, and certificates for it. Behind the feature `testing`, for `[dev-dependencies]`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // what is missing here fails a test

mod authority;
mod nginx;

pub use authority::{Authority, Identity};
pub use nginx::Nginx;
