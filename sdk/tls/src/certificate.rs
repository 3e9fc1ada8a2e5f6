//! When a server's certificate ends.

use std::time::{Duration, SystemTime};

use rustls::CommonState;
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// When the certificate that the peer showed ends; `None` where it cannot be read. RFC 5280
/// §4.1.2.5.
pub(crate) fn end(connection: &CommonState) -> Option<SystemTime> {
    let leaf = connection.peer_certificates()?.first()?;
    let leaf = Certificate::from_der(leaf).ok()?;
    let end: Duration = leaf.tbs_certificate.validity.not_after.to_unix_duration();
    Some(SystemTime::UNIX_EPOCH + end)
}
