//! How a use case fails: refused, which a person can act on, or broken.

use std::{fmt, sync::Arc};

use crate::{
    crypto::{password::PasswordError, seal::SealError},
    db::error::{DbError, Transient},
    domain::{fault::Faults, refusal::Refusal},
    ledger::posting::LedgerError,
};

/// When to come again where the database or the hashing pool cannot be asked.
const RETRY_AFTER_SECONDS: u32 = 2;

/// Why a use case did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// A business "no".
    Refused(Refusal),
    /// Something is wrong with us; it is logged once with an id, and shown as that id only.
    Broken(Broken),
}

/// What is wrong with us.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The database said something unforeseen.
    #[error("the database failed: {0}")]
    Db(#[source] Arc<DbError>),
    /// The books could not be written.
    #[error(transparent)]
    Ledger(LedgerError),
    /// A sealed value does not open.
    #[error("a sealed value does not open: {0}")]
    Seal(#[from] SealError),
    /// The hashing pool failed.
    #[error("a password could not be hashed: {0}")]
    Password(#[source] PasswordError),
    /// What was done could not be read back.
    #[error("what was done could not be read back")]
    Unread,
    /// What is stored contradicts itself.
    #[error("what is stored contradicts itself: {0}")]
    Inconsistent(&'static str),
}

impl Broken {
    /// What was asked may have been done all the same: nobody may be told that it is safe to
    /// send it again.
    pub fn is_unsure(&self) -> bool {
        match self {
            Self::Db(error) | Self::Ledger(LedgerError::Db(error)) => error.is_unsure(),
            Self::Ledger(LedgerError::Lost) | Self::Unread => true,
            Self::Ledger(LedgerError::Overloaded)
            | Self::Seal(_)
            | Self::Password(_)
            | Self::Inconsistent(_) => false,
        }
    }
}

/// The outcome of a look at what was just done: where it cannot be had nobody is told to come
/// again, as the deed would be done twice.
pub fn read_back<T>(read: Result<T, Failure>) -> Result<T, Failure> {
    match read {
        Err(Failure::Refused(Refusal::Overloaded { .. })) => Err(Broken::Unread.into()),
        other => other,
    }
}

impl Failure {
    /// What must be unique was taken by another transaction at the same instant.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Broken(Broken::Db(error)) if error.is_duplicate())
    }
}

/// Without what a database tells of the rows that it refused: people's data stands there.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused: {refusal:?}"),
            Self::Broken(broken) => broken.fmt(f),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Arc::new(error).into()
    }
}

impl From<Arc<DbError>> for Failure {
    fn from(error: Arc<DbError>) -> Self {
        if error.is_unavailable() {
            tracing::warn!(%error, "the database cannot be asked");
            Self::Refused(Refusal::Overloaded { retry_after_seconds: RETRY_AFTER_SECONDS })
        } else {
            Self::Broken(Broken::Db(error))
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Db(error) if error.is_unavailable() => {
                tracing::warn!(%error, "the database cannot be asked");
                Self::Refused(Refusal::Overloaded { retry_after_seconds: RETRY_AFTER_SECONDS })
            }
            LedgerError::Overloaded => {
                Self::Refused(Refusal::Overloaded { retry_after_seconds: RETRY_AFTER_SECONDS })
            }
            LedgerError::Db(_) | LedgerError::Lost => Self::Broken(Broken::Ledger(error)),
        }
    }
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Overloaded => {
                Self::Refused(Refusal::Overloaded { retry_after_seconds: RETRY_AFTER_SECONDS })
            }
            PasswordError::Broken(_) => Self::Broken(Broken::Password(error)),
        }
    }
}

impl Transient for Failure {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Broken(Broken::Db(error)) if error.is_transient())
    }
}

/// Takes what was read well, or refuses with every fault that was noted.
pub fn unless_faulty<T>(read: Option<T>, faults: Faults) -> Result<T, Failure> {
    match (read, faults.into_list()) {
        (Some(value), list) if list.is_empty() => Ok(value),
        (_, list) => Err(Refusal::Invalid(list).into()),
    }
}
