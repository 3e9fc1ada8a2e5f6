//! What goes wrong, in the words that status shows.

use std::io;

use rais_sdk::Fault;
use rustls::{CertificateError, Error};

/// What an error of a [`TlsStream`](crate::TlsStream) or of the handshake says of the server;
/// short, and without the numbers of errors.
#[must_use]
pub fn fault(error: &io::Error) -> Fault {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return Fault::down(words(error));
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Fault::down("TLS: the server closed the connection"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            Fault::down("TLS: the server reset the connection")
        }
        _ => Fault::of_peer("TLS", error),
    }
}

fn words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::AlertReceived(alert) => format!("TLS: handshake failure: server says {alert:?}"),
        Error::InvalidMessage(_) => "TLS: handshake failure: no TLS in the answer".to_owned(),
        Error::PeerIncompatible(why) => format!("TLS: handshake failure: {why:?}"),
        error => format!("TLS: handshake failure: {error}"),
    }
}

fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "certificate expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            // As `DnsName("www.example")`.
            let names = presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name));
            match names.collect::<Vec<_>>().as_slice() {
                [] => "certificate is for no name".to_owned(),
                [only] => format!("certificate is for another name: {only}"),
                [first, ..] => format!("certificate is for other names: {first}, …"),
            }
        }
        CertificateError::NotValidForName => "certificate is for another name".to_owned(),
        CertificateError::UnknownIssuer => "certificate of an unknown issuer".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "certificate is not one for servers".to_owned()
        }
        CertificateError::BadSignature => "certificate has a wrong signature".to_owned(),
        // Errors of webpki that rustls passes on as they are, without words of their own.
        CertificateError::Other(error) => match format!("{error:?}").as_str() {
            text if text.contains("CaUsedAsEndEntity") => {
                "certificate is an authority's, not a server's".to_owned()
            }
            text if text.contains("UnsupportedCertVersion") => {
                "certificate is of an old version, not 3".to_owned()
            }
            text => format!("certificate is refused: {text}"),
        },
        error => format!("certificate is refused: {error}"),
    }
}
