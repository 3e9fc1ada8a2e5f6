//! Certificates and keys in files.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rais_sdk::{Fault, PathText};
use rustls::client::WantsClientCert;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, crypto::ring};

use crate::options::{TlsOptions, Verify};
use crate::unverified::Unverified;

/// In a file's mode: what those may do who neither own it nor are of its group.
const OTHERS: u32 = 0o007;

pub(crate) fn config(options: &TlsOptions) -> Result<ClientConfig, Fault> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::config("", error))?;
    let builder = match (options.verify, &options.ca) {
        (Verify::Full, Some(own)) => builder.with_root_certificates(authorities(own)?),
        (Verify::Full, None) => builder.with_root_certificates(system_authorities()?),
        (Verify::None, Some(_)) => {
            let text = "is of no use beside `verify = \"none\"`, which believes whoever answers";
            return Err(Fault::config("ca", text));
        }
        (Verify::None, None) => {
            let verifier = Arc::new(Unverified::new(&provider));
            builder.dangerous().with_custom_certificate_verifier(verifier)
        }
    };
    with_own_certificate(builder, options)
}

fn authorities(path: &PathText) -> Result<RootCertStore, Fault> {
    let mut store = RootCertStore::empty();
    for (index, certificate) in certificates("ca", path)?.into_iter().enumerate() {
        store.add(certificate).map_err(|error| {
            refused("ca", path, format!("certificate {} is of no authority: {error}", index + 1))
        })?;
    }
    Ok(store)
}

/// Parsed once: a configuration may have thousands of tables.
fn system_authorities() -> Result<Arc<RootCertStore>, Fault> {
    static FOUND: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(store) = FOUND.get() {
        return Ok(Arc::clone(store));
    }
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let mut text = "this system has no certificates of authorities (Debian: the package \
                        ca-certificates); name a file with those to be trusted"
            .to_owned();
        if let Some(error) = found.errors.first() {
            text = format!("{text}: {error}");
        }
        return Err(Fault::config("ca", text));
    }
    Ok(Arc::clone(FOUND.get_or_init(|| Arc::new(store))))
}

fn with_own_certificate(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    options: &TlsOptions,
) -> Result<ClientConfig, Fault> {
    let (certificate, key) = match (&options.certificate, &options.key) {
        (None, None) => return Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => {
            return Err(Fault::config("key", "missing: `certificate` needs its key"));
        }
        (None, Some(_)) => {
            return Err(Fault::config("certificate", "missing: `key` is of no use without it"));
        }
    };
    let chain = certificates("certificate", certificate)?;
    let private = private_key(key)?;
    builder.with_client_auth_cert(chain, private).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            let text = format!("is not the key of {}", certificate.get().display());
            refused("key", key, text)
        }
        rustls::Error::InvalidCertificate(_) => refused("certificate", certificate, error),
        _ => refused("key", key, error),
    })
}

fn certificates(at: &str, path: &PathText) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let found = CertificateDer::pem_file_iter(path.get()).and_then(Iterator::collect);
    let found: Vec<_> = found.map_err(|error| unreadable(at, path, error))?;
    if found.is_empty() {
        return Err(unreadable(at, path, pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn private_key(path: &PathText) -> Result<PrivateKeyDer<'static>, Fault> {
    let no = |error| unreadable("key", path, pem::Error::Io(error));
    let file = File::open(path.get()).map_err(no)?;
    let mode = file.metadata().map_err(no)?.permissions().mode();
    if mode & OTHERS != 0 {
        let (mode, path_text) = (mode & 0o7777, path.get().display());
        let text = format!(
            "everybody on this machine has access to this key (mode {mode:04o}): \
             `chmod o= {path_text}`"
        );
        return Err(refused("key", path, text));
    }
    PrivateKeyDer::from_pem_reader(file).map_err(|error| unreadable("key", path, error))
}

fn unreadable(at: &str, path: &PathText, error: pem::Error) -> Fault {
    let what = if at == "key" { "private key" } else { "certificate" };
    match error {
        pem::Error::Io(error) => refused(at, path, format!("cannot be read: {error}")),
        pem::Error::NoItemsFound => refused(at, path, format!("there is no {what} (PEM) in it")),
        error => refused(at, path, format!("is not PEM: {error}")),
    }
}

fn refused(at: &str, path: &PathText, text: impl std::fmt::Display) -> Fault {
    let path: &Path = path.get();
    Fault::config(at, format!("{}: {text}", path.display()))
}
