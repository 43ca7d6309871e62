//! TLS spoken by the server itself, in place of a proxy in front of it.

use std::path::PathBuf;

use crate::http::certificate::{Certificate, Files};

/// The files of the certificate as they are typed.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct TlsSettings {
    /// The certificate by which the server speaks TLS itself, and those that lead to one that clients know: a file in PEM, read again at SIGHUP and when it changes.
    #[arg(long, global = true, env = "TELLER_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert: a file in PEM; others must not be able to read it.
    #[arg(long, global = true, env = "TELLER_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

impl TlsSettings {
    /// TLS is spoken here.
    pub(super) const fn is_set(&self) -> bool {
        self.tls_cert.is_some() || self.tls_key.is_some()
    }

    /// The certificate, or what is wrong with it.
    pub(super) fn certificate(&self, faults: &mut Vec<String>) -> Option<Certificate> {
        match (&self.tls_cert, &self.tls_key) {
            (None, None) => None,
            (Some(chain), Some(key)) => {
                let read = Certificate::read(Files { chain: chain.clone(), key: key.clone() });
                read.map_err(|error| faults.push(error.to_string())).ok()
            }
            (Some(_), None) => {
                faults.push("TELLER_TLS_CERT needs TELLER_TLS_KEY: name its key's file".to_owned());
                None
            }
            (None, Some(_)) => {
                faults
                    .push("TELLER_TLS_KEY needs TELLER_TLS_CERT: name its certificate".to_owned());
                None
            }
        }
    }
}
