//! An authority, certificates of it, a server that shows them, and a probe that asks it.
#![allow(dead_code)] // each test takes its part

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream as Std};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use rais_sdk::prelude::*;
use rais_tls::rustls::pki_types::pem::PemObject;
use rais_tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rais_tls::rustls::server::WebPkiClientVerifier;
use rais_tls::rustls::{
    self, HandshakeKind, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion,
};
use rais_tls::{ServerName, Tls, TlsOptions};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

pub(crate) const GREETING: &[u8] = b"ready\n";
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// Signs certificates, and keeps files in a folder of its own.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // Authorities are told apart by their names.
        params.distinguished_name.push(DnType::CommonName, key.public_key_pem());
        let pem = params.self_signed(&key).unwrap().pem();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), &pem).unwrap();
        Self { folder, issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for `names`, changed by `change` before it is signed.
    pub(crate) fn sign(&self, names: &[&str], change: impl Fn(&mut CertificateParams)) -> Identity {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let chain = params.signed_by(&key, &self.issuer).unwrap().pem();
        Identity { chain, key: key.serialize_pem() }
    }

    pub(crate) fn localhost(&self) -> Identity {
        self.sign(&["localhost"], |_| {})
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file in the folder, for its owner alone.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots
            .add(rustls::pki_types::CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap())
            .unwrap();
        roots
    }
}

/// Which clients a server takes.
pub(crate) enum Clients {
    All,
    OnlyOf(RootCertStore),
}

pub(crate) fn server_config(
    identity: &Identity,
    clients: Clients,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_protocol_versions(versions).unwrap();
    let builder = match clients {
        Clients::All => builder.with_no_client_auth(),
        Clients::OnlyOf(roots) => {
            let roots = Arc::new(roots);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let chain = CertificateDer::pem_slice_iter(identity.chain.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    builder.with_single_cert(chain.collect::<Result<_, _>>().unwrap(), key).unwrap()
}

/// In octets; more than the buffers of sockets hold.
const STREAM: usize = 64 << 20;

/// How a server ends its connections.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Ending {
    /// When the client has ended it, in order.
    InOrder,
    /// After the greeting, without a word (close_notify).
    Untold,
    /// Not before it has said as much as [`STREAM`], whatever the client does.
    Streamed,
}

/// Greets each who comes, one after the other.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    kinds: Arc<Mutex<Vec<HandshakeKind>>>,
    streamed: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(config: Arc<ServerConfig>, ending: Ending) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (kinds, ended) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (noted, end) = (Arc::clone(&kinds), Arc::clone(&ended));
        let streamed = Arc::new(AtomicBool::new(false));
        let all = Arc::clone(&streamed);
        let thread = std::thread::spawn(move || {
            while let Ok((socket, _)) = listener.accept() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                socket.set_nodelay(true).unwrap();
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                greet(connection, socket, ending, &noted, &all);
            }
        });
        Self { address, kinds, streamed, ended, thread: Some(thread) }
    }

    /// A server for all, of all versions.
    pub(crate) fn of(identity: &Identity) -> Self {
        let config = server_config(identity, Clients::All, rustls::ALL_VERSIONS);
        Self::start(Arc::new(config), Ending::InOrder)
    }

    /// Of the handshakes that succeeded so far.
    pub(crate) fn kinds(&self) -> Vec<HandshakeKind> {
        self.kinds.lock().unwrap().clone()
    }

    /// Ends it; whether a client has taken the whole stream.
    pub(crate) fn streamed_all(self) -> bool {
        let streamed = Arc::clone(&self.streamed);
        drop(self);
        streamed.load(Ordering::SeqCst)
    }
}

fn greet(
    mut connection: ServerConnection,
    mut socket: Std,
    ending: Ending,
    kinds: &Mutex<Vec<HandshakeKind>>,
    streamed: &AtomicBool,
) {
    while connection.is_handshaking() {
        if connection.complete_io(&mut socket).is_err() {
            let _ = connection.write_tls(&mut socket);
            // Octets that were not read would make a reset of the close, and lose the alert.
            let _ = socket.shutdown(Shutdown::Write);
            let _ = socket.read_to_end(&mut Vec::new());
            return;
        }
    }
    kinds.lock().unwrap().extend(connection.handshake_kind());
    let mut stream = rustls::Stream::new(&mut connection, &mut socket);
    if stream.write_all(GREETING).is_err() || ending == Ending::Untold {
        return;
    }
    if ending == Ending::Streamed {
        let piece = [b'x'; 1 << 14];
        let all = (0..STREAM / piece.len()).all(|_| stream.write_all(&piece).is_ok());
        streamed.store(all, Ordering::SeqCst);
        return;
    }
    let _ = stream.read_to_end(&mut Vec::new());
    connection.send_close_notify();
    let _ = connection.write_tls(&mut socket);
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = Std::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Hears the greeting and how the connection ends; its word is `resumed` or `full`, and what else
/// there is to say.
pub(crate) struct Ask {
    tls: Tls,
    name: ServerName<'static>,
    hears: Hears,
}

#[config]
pub(crate) struct AskConfig {
    #[default]
    tls: TlsOptions,
    #[default = "localhost"]
    host: String,
    #[default = "greeting"]
    hears: Hears,
}

#[config]
#[derive(Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Hears {
    Nothing,
    Greeting,
    End,
}

impl Probe for Ask {
    const NAME: &'static str = "ask";
    const SAMPLE: &'static str = "type = \"ask\"\ntls = { verify = \"none\" }";
    type Config = AskConfig;

    fn new(config: AskConfig) -> Result<Self, Fault> {
        let tls = Tls::new(&config.tls).map_err(|fault| rais_tls::within("tls", fault))?;
        let name = ServerName::try_from(config.host).map_err(|e| Fault::config("host", e))?;
        Ok(Self { tls, name, hears: config.hears })
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        let stream = TcpStream::connect(cx.net(), target.address).await?;
        let mut stream = self.tls.connect(cx, stream, target.address, &self.name).await?;
        cx.phase("greeting");
        let (mut greeting, mut have) = ([0; GREETING.len()], 0);
        while self.hears != Hears::Nothing && have < greeting.len() {
            match stream.read(&mut greeting[have..]).await {
                Ok(0) => return Err(Fault::down("an end without greeting")),
                Ok(read) => have += read,
                Err(error) => return Err(rais_tls::fault(&error)),
            }
        }
        assert_eq!(greeting[..have], GREETING[..have]);
        let kind = if stream.resumed() { "resumed" } else { "full" };
        let notice = stream.notice().unwrap_or_default();
        let detail = match self.hears {
            Hears::Nothing | Hears::Greeting => format!("{kind} {notice}"),
            Hears::End => format!("{:?}", stream.read(&mut [0; 1]).await.map_err(|e| e.kind())),
        };
        let up = Up::new(cx.elapsed()).with_detail(detail.trim());
        stream.close(cx).await?;
        Ok(up)
    }
}

pub(crate) const AMPLE: Duration = Duration::from_secs(30);

/// Ends after so long.
pub(crate) fn ends(after: Duration) -> impl Fn(&mut CertificateParams) {
    move |params| params.not_after = (SystemTime::now() + after).into()
}
