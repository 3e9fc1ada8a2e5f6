//! Asks a server for a page, without sockets: for the plugins of type `http`.
//!
//! [`Keys`] of a table become a [`Page`]; a page says where to connect and what to send there;
//! a [`Reader`] is fed what comes back, in pieces of any size, and says when it is all there. Who
//! holds the connection, and whether it waits or blocks, is the plugin's business.
//!
//! ```
//! use rais_http::{Keys, Limits, Progress, Reader};
//!
//! let keys = Keys { url: Some("http://www.example/health".into()), ..Keys::default() };
//! let page = keys.page()?;
//! // The name is for the server to read: connected is to the target's own address.
//! let to = page.address("192.0.2.1:0".parse()?)?;
//! assert_eq!(to, "192.0.2.1:80".parse()?);
//! let request = page.request(to);
//! assert!(request.starts_with(b"GET /health HTTP/1.1\r\nHost: www.example\r\n"));
//!
//! let mut reader = Reader::new(&page, Limits::body(1024));
//! let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nwell";
//! assert_eq!(reader.feed(&answer[..30])?, Progress::Head);
//! assert_eq!(reader.feed(&answer[30..])?, Progress::Done);
//! assert_eq!((reader.status(), reader.body()), (200, &b"wel"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod framing;
mod keys;
mod page;
mod reader;
mod request;
mod secure;
mod size;
mod status;
#[cfg(feature = "testing")]
pub mod testing;

pub use keys::{Keys, Scheme};
pub use page::Page;
pub use reader::{Keep, Limits, Progress, Reader, ResponseError};
pub use secure::Secure;
pub use size::Size;
pub use status::{StatusRange, StatusRanges, reason};
