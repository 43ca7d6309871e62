//! TLS: the certificate that this server shows, read again when it was renewed.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The files of a certificate, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate, and those that lead from it to one that clients know.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A certificate cannot be used: a sentence that begins with its setting.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The file of the certificates.
    #[error("TELLER_TLS_CERT: {}: {reason}", file.display())]
    Chain {
        /// Where it is said to be.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file of the key.
    #[error("TELLER_TLS_KEY: {}: {reason}", file.display())]
    Key {
        /// Where it is said to be.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Both can be read, and are no pair.
    #[error("TELLER_TLS_CERT and TELLER_TLS_KEY: {0}")]
    Pair(rustls::Error),
}

/// What tells one state of the files from another.
type Stamp = [Option<(u64, i64, i64, u64)>; 2];

/// The certificate as it was read last. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Certificate {
    files: Files,
    shown: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Certificate {
    /// Reads a certificate and its key, which others must not be able to read.
    pub fn read(files: Files) -> Result<Self, CertificateError> {
        let shown = Arc::new(RwLock::new(read(&files)?));
        Ok(Self { files, shown })
    }

    /// What begins the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&shown))
    }

    /// Reads the files again. Connections that are open go on as they are; where the files
    /// cannot be used, so does everything.
    pub fn renew(&self) -> Result<(), CertificateError> {
        let fresh = read(&self.files)?;
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Reads the files again at SIGHUP, and when they have changed.
    pub async fn work(self) {
        let mut told = signal(SignalKind::hangup()).expect("the runtime handles signals");
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = stamp(&self.files);
        loop {
            let asked = tokio::select! {
                _ = told.recv() => true,
                _ = look.tick() => false,
            };
            let found = stamp(&self.files);
            if !asked && found == seen {
                continue;
            }
            seen = found;
            match self.renew() {
                Ok(()) => tracing::info!("the TLS certificate was read again"),
                Err(error) => tracing::error!(%error, "the TLS certificate stays as it was"),
            }
        }
    }
}

fn stamp(files: &Files) -> Stamp {
    let of = |file: &Path| {
        let about = fs::metadata(file).ok()?;
        Some((about.ino(), about.mtime(), about.mtime_nsec(), about.len()))
    };
    [of(&files.chain), of(&files.key)]
}

fn read(files: &Files) -> Result<Arc<ServerConfig>, CertificateError> {
    let wrong_chain = |reason: String| {
        let file = files.chain.clone();
        CertificateError::Chain { file, reason }
    };
    let wrong_key = |reason: String| CertificateError::Key { file: files.key.clone(), reason };
    let chain = fs::read(&files.chain).map_err(|error| wrong_chain(error.to_string()))?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
    let chain = chain.map_err(|error| wrong_chain(format!("is no PEM: {error}")))?;
    if chain.is_empty() {
        return Err(wrong_chain("has no certificate".to_owned()));
    }
    let key = read_key(&files.key).map_err(|error| wrong_key(error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&key);
    let key = key.map_err(|error| wrong_key(format!("has no private key in PEM: {error}")))?;
    let provider = Arc::new(ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(CertificateError::Pair)?.with_no_client_auth();
    let mut shown = builder.with_single_cert(chain, key).map_err(CertificateError::Pair)?;
    shown.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(shown))
}

/// Reads a key that not everybody on the machine may read.
fn read_key(file: &Path) -> io::Result<Vec<u8>> {
    let mode = fs::metadata(file)?.permissions().mode();
    if mode & 0o007 != 0 {
        let reason = "everybody on this machine may use it: take that away with chmod o=";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    fs::read(file)
}
