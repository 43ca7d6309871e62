//! What a person may move in a day.

use async_graphql::{Enum, SimpleObject};

use super::{money::Money, scalars::DateTime};
use crate::domain::limit;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum LimitKind {
    /// What a person pays to others.
    Transfer,
    /// What a person brings in from outside.
    TopUp,
    /// What is spent from a card: payments to others and purchases.
    CardSpending,
}

impl From<limit::LimitKind> for LimitKind {
    fn from(kind: limit::LimitKind) -> Self {
        match kind {
            limit::LimitKind::Transfer => Self::Transfer,
            limit::LimitKind::TopUp => Self::TopUp,
            limit::LimitKind::CardSpending => Self::CardSpending,
        }
    }
}

/// How long a limit counts before it begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum LimitWindow {
    /// A day in UTC.
    Day,
    /// A month in UTC.
    Month,
}

/// What may be moved in a window of time, and what is left of it.
#[expect(clippy::struct_field_names, reason = "the schema names the amount as the type")]
#[derive(Debug, Clone, SimpleObject)]
pub struct Limit {
    /// What is limited.
    kind: LimitKind,
    /// How long it counts.
    window: LimitWindow,
    /// How much may be moved.
    limit: Money,
    /// What is left.
    remaining: Money,
    /// When it begins anew.
    resets_at: DateTime,
}

impl From<limit::Limit> for Limit {
    fn from(limit: limit::Limit) -> Self {
        Self {
            kind: limit.kind.into(),
            window: LimitWindow::Day,
            limit: limit.limit.into(),
            remaining: limit.remaining.into(),
            resets_at: DateTime(limit.resets_at),
        }
    }
}
