//! Who signs certificates.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// An authority of its own, with a folder in which the files stand: its certificate in `ca.pem`.
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// Files of a certificate and its key.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM; nobody but its owner may read it.
    pub key: PathBuf,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Authority {
    /// Trusted by nobody who is not told of its `ca.pem`.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "rais tests");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), pem).unwrap();
        Self { folder, issuer: Issuer::new(params, key) }
    }

    /// Where the files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A certificate for `name`, a host's or an address, of a year; in `NAME.pem` and `NAME.key`.
    #[must_use]
    pub fn sign(&self, name: &str) -> Identity {
        self.sign_until(name, SystemTime::now() + 365 * DAY)
    }

    /// As [`sign`](Self::sign), good until `end`.
    #[must_use]
    pub fn sign_until(&self, name: &str, end: SystemTime) -> Identity {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = (end - 400 * DAY).into();
        params.not_after = end.into();
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        let file = |kind: &str, text: String| {
            let path = self.folder().join(format!("{name}.{kind}"));
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            path
        };
        Identity { certificate: file("pem", pem), key: file("key", key.serialize_pem()) }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Authority").field(&self.folder()).finish()
    }
}
