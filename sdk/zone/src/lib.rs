//! Zone headers and zone text for rais sinks.
//!
//! A zone's *header* is its fixed part (SOA, NS and whatever else an operator keeps there). It is
//! kept octet for octet; a publication replaces the digits of the SOA's serial and puts the bound
//! addresses behind it.
//!
//! ```
//! use rais_zone::{BoundOwner, Header, OwnerName, ZoneText, read};
//!
//! let text = "$TTL 1h\n@ IN SOA ns1.example. hostmaster ( 7 ; serial\n 3h 1h 1w 10 )\n NS ns1.example.\n";
//! let header = Header::parse(text, "www.example")?;
//! assert_eq!(header.serial(), 7);
//!
//! let apex = BoundOwner { name: OwnerName::parse("@", header.zone())?, ttl: 10 };
//! let zone = ZoneText::render(&header, 8, &[apex], [(0, [192, 0, 2, 1].into())])?;
//! assert!(zone.as_str().ends_with("www.example. 10 IN A 192.0.2.1\n"));
//! assert_eq!(read(zone.as_str(), "www.example")?.serial, 8);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod beside;
mod contents;
mod error;
mod header;
mod name;
mod read;
mod record;
mod remark;
mod scan;
mod tail;
mod text;
mod word;

pub use contents::{WireRecord, contents, contents_while};
pub use error::{HeaderError, Place, Problem, ZoneError};
pub use header::{Header, HeaderOwner, OpaqueRecord};
pub use name::{NameError, OwnerName, ZoneName};
pub use read::{AddressRecord, ZoneData, read, serial};
pub use remark::scheme_line;
pub use text::{BoundOwner, ZoneText};
