//! TLS spoken by the server itself, without a proxy in front of it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::{Certificate, Client};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{
    bank::test_name,
    databases, proof,
    server::{Server, post, teller},
};

const QUERY: &str = "{ serverInfo { sandbox } }";
const PATIENCE: Duration = Duration::from_secs(20);

/// Somebody whose signature clients believe.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("it signs itself").pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Writes a certificate for this machine, and its key.
    fn certify(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("it is signed");
        let (chain, secret) = (folder.join("chain.pem"), folder.join("key.pem"));
        fs::write(&secret, key.serialize_pem()).expect("the key is written");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("it is private");
        fs::write(&chain, certificate.pem()).expect("the certificate is written");
        (chain, secret)
    }

    /// A client that believes this one alone.
    fn client(&self) -> Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let root = Certificate::from_pem(self.pem.as_bytes()).expect("a certificate");
        let builder = Client::builder().no_proxy().timeout(PATIENCE).tls_certs_only([root]);
        builder.build().expect("a client")
    }

    /// A connection that stays open.
    async fn connect(&self, server: &Server) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("a certificate");
        roots.add(root).expect("it is a root");
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(address(server)).await.expect("the server listens");
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let agreed = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        agreed.expect("TLS is agreed on")
    }
}

fn address(server: &Server) -> &str {
    server.url.strip_prefix("https://").expect("an address of TLS")
}

async fn ask(stream: &mut TlsStream<TcpStream>) {
    let request = "GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("the request is sent");
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("\"__typename\":\"Query\"") {
        let count = timeout(PATIENCE, stream.read_buf(&mut read)).await.expect("in time");
        assert!(count.expect("no reset") > 0, "an end without an answer");
    }
}

fn with_tls(mut command: Command, (chain, key): &(PathBuf, PathBuf)) -> Command {
    command.env("TELLER_TLS_CERT", chain).env("TELLER_TLS_KEY", key);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_without_dropping_a_connection() {
    for fresh in databases::both().await {
        let (one, two) = (Authority::new(), Authority::new());
        let files = one.certify(fresh.folder());
        let mut command = with_tls(teller(fresh.folder(), &fresh.url), &files);
        let server = Server::start_with(&mut command).await;
        let answer = one.client().post(format!("{}/graphql", server.url));
        let answer = answer.json(&json!({ "query": QUERY })).send().await.expect("it answers");
        let told = answer.headers()["strict-transport-security"].to_str().expect("a text");
        assert!(told.starts_with("max-age="), "{told}");
        let mut open = one.connect(&server).await;
        ask(&mut open).await;
        assert!(post(&two.client(), &server.url, None, QUERY, json!({})).await.is_err());
        // What is no pair is not taken.
        fs::write(&files.0, "nonsense").expect("the file is written");
        server.signal("HUP").await;
        while !server.log().contains("stays as it was") {
            sleep(Duration::from_millis(20)).await;
        }
        assert!(post(&one.client(), &server.url, None, QUERY, json!({})).await.is_ok());
        two.certify(fresh.folder());
        server.signal("HUP").await;
        let fresh_client = two.client();
        let renewed = async {
            while post(&fresh_client, &server.url, None, QUERY, json!({})).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, renewed).await.expect("the new one is shown in time");
        assert!(post(&one.client(), &server.url, None, QUERY, json!({})).await.is_err());
        ask(&mut open).await;
        // And without a signal.
        one.certify(fresh.folder());
        let again = one.client();
        let renewed = async {
            while post(&again, &server.url, None, QUERY, json!({})).await.is_err() {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, renewed).await.expect("the new one is shown in time");
        ask(&mut open).await;
        assert!(server.stop().await.success(), "{}", fresh.name);
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_no_tls_is_not_answered_and_not_waited_for() {
    let fresh = databases::sqlite().await;
    let files = Authority::new().certify(fresh.folder());
    let mut command = with_tls(teller(fresh.folder(), &fresh.url), &files);
    let server = Server::start_with(command.env("TELLER_HEADER_TIME", "1")).await;
    let mut plain = TcpStream::connect(address(&server)).await.expect("the server listens");
    let mut silent = TcpStream::connect(address(&server)).await.expect("the server listens");
    plain.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.expect("it is sent");
    for stream in [&mut plain, &mut silent] {
        let mut read = Vec::new();
        let end = timeout(Duration::from_secs(5), stream.read_to_end(&mut read)).await;
        // A reset is an end as well.
        let _ = end.expect("the server closes the connection in time");
        assert!(!String::from_utf8_lossy(&read).contains("HTTP/1.1"));
    }
    assert!(server.stop().await.success());
    proof::tally(fresh.name, &test_name());
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_is_told_by_its_setting() {
    let fresh = databases::sqlite().await;
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let authority = Authority::new();
    let (chain, key) = authority.certify(one.path());
    let (_, foreign) = authority.certify(other.path());
    let open = other.path().join("open.pem");
    fs::copy(&key, &open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let no_key = other.path().join("no-key.pem");
    fs::copy(&chain, &no_key).unwrap();
    fs::set_permissions(&no_key, fs::Permissions::from_mode(0o600)).unwrap();
    let nowhere = one.path().join("nowhere.pem");
    for (chain, key, told) in [
        (Some(&chain), None, "TELLER_TLS_CERT needs TELLER_TLS_KEY"),
        (None, Some(&key), "TELLER_TLS_KEY needs TELLER_TLS_CERT"),
        (Some(&nowhere), Some(&key), "TELLER_TLS_CERT: "),
        (Some(&key), Some(&key), "has no certificate"),
        (Some(&chain), Some(&nowhere), "TELLER_TLS_KEY: "),
        (Some(&chain), Some(&no_key), "has no private key"),
        (Some(&chain), Some(&open), "chmod o="),
        (Some(&chain), Some(&foreign), "TELLER_TLS_CERT and TELLER_TLS_KEY: "),
    ] {
        let mut command = teller(fresh.folder(), &fresh.url);
        for (name, file) in [("TELLER_TLS_CERT", chain), ("TELLER_TLS_KEY", key)] {
            if let Some(file) = file {
                command.env(name, file);
            }
        }
        let output = command.arg("serve").output().await.expect("it runs");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains(told), "{told}: {err}");
    }
    proof::tally(fresh.name, &test_name());
    fresh.remove().await;
}
