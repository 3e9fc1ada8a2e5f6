//! Runs commands for a bounded time: checks, whose answers are read, for the plugins of type `exec`,
//! and what does something, for sinks.
//!
//! A *check* is an executable as Nagios and its relatives run them ([guidelines]): its exit code
//! says how things stand, its first line why, and behind a `|` stand measured values (perfdata).
//! [`Command`] runs one without a shell, for a bounded time, and leaves nothing of it behind;
//! [`Answer`] is what it said; [`Gauge`] makes a load of one of its values.
//!
//! [guidelines]: https://www.monitoring-plugins.org/doc/guidelines.html
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::time::Duration;
//! use rais_exec::{Command, Gauge, Placeholder, Values, Verdict};
//!
//! let words = ["echo", "{service} is well | queue=3;;;0;12"].map(String::from);
//! let check = Command::new(&words, &BTreeMap::new(), &Placeholder::OF_A_CHECK)?;
//! let values = Values { service: Some("www"), ..Values::default() };
//! let answer = check.run(&values, Duration::from_secs(60))?;
//! assert_eq!((answer.verdict, answer.text.as_str()), (Verdict::Ok, "www is well"));
//!
//! let queue = Gauge::new("queue", None)?;
//! assert_eq!(queue.percent(&answer.perfdata)?, 25.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod argv;
mod command;
mod error;
mod gauge;
mod output;
mod perfdata;
mod program;
mod run;
mod runs;

pub use answer::{Answer, Verdict};
pub use argv::{Placeholder, Values};
pub use command::{Command, Order};
pub use error::{RunError, TableError};
pub use gauge::{Gauge, GaugeError};
pub use perfdata::{Metric, Perfdata, Value};
pub use runs::Runs;
