//! What ends a measurement early.

use crate::{
    app::AppError, bank::error::Failure, config::checked::ConfigError, db::error::DbError,
};

/// Nothing could be measured, or what was measured cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The bank that is measured could not be opened.
    #[error(transparent)]
    App(#[from] AppError),
    /// The settings of the bank that is measured.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A database failed.
    #[error("the database failed: {0}")]
    Db(#[from] DbError),
    /// A socket, a file or a process.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// Somebody did something else than was expected of them.
    #[error("{0}")]
    Unexpected(String),
    /// A signal came.
    #[error("it was interrupted")]
    Interrupted,
}

impl From<Failure> for BenchError {
    fn from(failure: Failure) -> Self {
        Self::App(failure.into())
    }
}

/// Says what was tried when the system refused it.
pub fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> BenchError {
    move |source| BenchError::Io { what, source }
}

/// Somebody did something else than was expected of them.
pub fn unexpected(sentence: impl Into<String>) -> BenchError {
    BenchError::Unexpected(sentence.into())
}
