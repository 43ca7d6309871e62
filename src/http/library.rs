//! Which text a client means, and which texts may run here.

use std::{ops::Deref, sync::Arc};

use axum::http::StatusCode;

use super::{
    answer,
    answer::Rejection,
    parameters::Named,
    persisted::{Hash, Persisted},
    trusted::Trusted,
};
use crate::graphql::errors::{BAD_USER_INPUT, NOT_TRUSTED_DOCUMENT, PERSISTED_QUERY_NOT_FOUND};

/// The texts that clients may name.
#[derive(Debug, Clone)]
pub enum Library {
    /// Any document may run, and is known by its hash once it has.
    Open(Persisted),
    /// Only these may run.
    Trusted(Trusted),
}

impl Default for Library {
    fn default() -> Self {
        Self::Open(Persisted::default())
    }
}

/// A text as it came.
#[derive(Debug)]
pub enum Text {
    /// With the request.
    Sent(String),
    /// From the library.
    Kept(Arc<str>),
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Sent(text) => text,
            Self::Kept(text) => text,
        }
    }
}

/// A document to be read.
#[derive(Debug)]
pub struct Meant {
    /// Its text.
    pub text: Text,
    /// The hash under which it is to be kept once it has run.
    pub fresh: Option<Hash>,
}

impl Library {
    /// Finds the text that a client means.
    pub fn find(&self, named: Named) -> Result<Meant, Rejection> {
        match self {
            Self::Open(persisted) => find_open(persisted, named),
            Self::Trusted(trusted) => find_trusted(trusted, named),
        }
    }

    /// Keeps a text whose document was valid and ran.
    pub fn keep(&self, hash: Hash, text: &str) {
        if let Self::Open(persisted) = self {
            persisted.keep(hash, &text.into());
        }
    }
}

fn find_open(persisted: &Persisted, named: Named) -> Result<Meant, Rejection> {
    match named {
        Named::Text(text, None) => Ok(Meant { text: Text::Sent(text), fresh: None }),
        Named::Text(text, Some(hash)) => {
            if hash != Hash::of(&text) {
                let message = "extensions.persistedQuery.sha256Hash is not the hash of query.";
                return Err(Rejection::request(StatusCode::BAD_REQUEST, BAD_USER_INPUT, message));
            }
            let fresh = persisted.find(hash).is_none().then_some(hash);
            Ok(Meant { text: Text::Sent(text), fresh })
        }
        Named::Hash(hash) => match persisted.find(hash) {
            Some(text) => Ok(Meant { text: Text::Kept(text), fresh: None }),
            None => Err(unknown()),
        },
        Named::Id(_) => Err(unknown()),
    }
}

fn find_trusted(trusted: &Trusted, named: Named) -> Result<Meant, Rejection> {
    let found = match named {
        Named::Text(text, _) => trusted.has(&text).then_some(Text::Sent(text)),
        Named::Hash(hash) => trusted.find(&hash.to_string()).map(Text::Kept),
        Named::Id(name) => trusted.find(&name).map(Text::Kept),
    };
    let found = found.ok_or_else(|| {
        let message = "Only the documents that this server trusts may run here.";
        Rejection::document(vec![answer::error(NOT_TRUSTED_DOCUMENT, message, None)])
    })?;
    Ok(Meant { text: found, fresh: None })
}

/// The client is to send the text. Some tell this answer by its code, some by this very
/// message.
fn unknown() -> Rejection {
    let message = "PersistedQueryNotFound";
    Rejection::document(vec![answer::error(PERSISTED_QUERY_NOT_FOUND, message, None)])
}
