//! An nginx of the test's own that speaks TLS, on loopback, at a port that was free.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// A running nginx; ends with the value. It answers any request with whether the TLS session was
/// resumed, `r`, or not, `.`.
pub(crate) struct Nginx {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Nginx {
    /// Its certificate is for www.example, and of the authority in ca.pem. Where another process was
    /// quicker to take the port, again with another one.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        certify(folder.path());
        loop {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            fs::write(folder.path().join("nginx.conf"), configuration(address)).unwrap();
            let mut child = Command::new("nginx")
                .args(["-c", "nginx.conf", "-e", "stderr", "-p"])
                .arg(folder.path())
                .env("PATH", "/usr/sbin:/usr/local/sbin:/usr/bin")
                .stdin(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("nginx is installed");
            let mut log = BufReader::new(child.stderr.take().unwrap());
            if listens(&mut log) {
                // Read on, so that nginx can go on writing.
                std::thread::spawn(move || log.lines().map_while(Result::ok).count());
                return Self { child, address, folder };
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// False where the port was taken meanwhile.
fn listens(log: &mut impl BufRead) -> bool {
    let mut seen = String::new();
    loop {
        let start = seen.len();
        assert!(log.read_line(&mut seen).unwrap() > 0, "nginx ended:\n{seen}");
        let line = &seen[start..];
        if line.contains("Address already in use") {
            return false;
        }
        // After nginx has bound its sockets.
        if line.contains("using the \"epoll\" event method") {
            return true;
        }
    }
}

fn configuration(address: SocketAddr) -> String {
    format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr notice;
events {{}}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{
        listen {address} ssl;
        ssl_certificate server.pem; ssl_certificate_key server.key;
        return 200 \"reused=$ssl_session_reused\";
    }}
}}
"
    )
}

fn certify(folder: &Path) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    let authority = Issuer::new(params, key);
    let server = CertificateParams::new(["www.example".to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    fs::write(folder.join("server.pem"), server.signed_by(&key, &authority).unwrap().pem())
        .unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}
