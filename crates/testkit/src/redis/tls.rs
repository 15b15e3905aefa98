use std::{fs, net::TcpListener, path::PathBuf};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

use super::TestServer;
use crate::left_out;

/// A server to which an encrypted way leads as well, with a certificate of its own for 127.0.0.1, which nobody knows.
#[derive(Debug)]
pub struct TlsServer {
    plain: TestServer,
    port: u16,
    folder: TempDir,
}

// === impl TlsServer ===

impl TlsServer {
    /// Starts a server with more arguments; without one on this machine that speaks TLS says so.
    ///
    /// # Panics
    ///
    /// As [`TestServer::start`].
    pub async fn start(extra: &[&str]) -> Option<Self> {
        let any = TestServer::start(&[]).await?;
        let setting: Vec<String> = any.ask(&["CONFIG", "GET", "tls-port"]).await;
        if setting.is_empty() {
            left_out("redis-server was built without TLS");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        let made = generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate can be made");
        let CertifiedKey { cert, signing_key } = made;
        let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        fs::write(&certificate, cert.pem()).expect("it can be written");
        fs::write(&key, signing_key.serialize_pem()).expect("it can be written");
        let port = TcpListener::bind("127.0.0.1:0").expect("a port is free").local_addr().ok()?.port();
        let (number, certificate, key) = (port.to_string(), certificate.to_str()?, key.to_str()?);
        let mut arguments = vec!["--tls-port", &number, "--tls-auth-clients", "no"];
        arguments.extend(["--tls-cert-file", certificate, "--tls-key-file", key]);
        arguments.extend(["--tls-ca-cert-file", certificate]);
        arguments.extend(extra);
        let plain = TestServer::start(&arguments).await?;
        Some(Self { plain, port, folder })
    }

    /// Returns the address of the encrypted way.
    pub fn url(&self) -> String {
        format!("rediss://127.0.0.1:{}/", self.port)
    }

    /// Returns the server by its plain way.
    pub const fn plain(&self) -> &TestServer {
        &self.plain
    }

    /// Returns where the certificate is, as PEM.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }
}
