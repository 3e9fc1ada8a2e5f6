//! Reads what Linux tells of a host and its control groups, for loads.
//!
//! A [`System`] is where `/` is: tests put a tree of files there. A [`Cgroup`] is one control group
//! of version 2, and knows those above it, whose limits are its own as well.
//!
//! ```
//! use rais_system::{System, field};
//!
//! let system = System::here();
//! let memory = system.read("/proc/meminfo")?;
//! assert!(field(&memory, "MemTotal:").is_some_and(|kibibytes| kibibytes > 0));
//! assert!(system.cpus()? > 0);
//! # Ok::<(), rais_system::SystemError>(())
//! ```

mod cgroup;
mod error;
mod name;
mod system;
#[cfg(feature = "testing")]
pub mod testing;

pub use cgroup::Cgroup;
pub use error::{NameError, SystemError};
pub use name::CgroupName;
pub use system::{System, field};
