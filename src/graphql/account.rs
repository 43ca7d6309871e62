//! What all accounts have in common: kinds, states, and their ids on the wire.

use async_graphql::{Enum, ID};

use crate::{
    domain::{account, account::AccountRef},
    types::{id, id::AccountId},
};

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AccountKind {
    /// A card.
    Card,
    /// A savings goal.
    Savings,
    /// The e-wallet.
    Wallet,
}

/// What may happen with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AccountStatus {
    /// Everything.
    Active,
    /// Money may come in, none may go out.
    Frozen,
    /// Nothing any more.
    Closed,
}

impl From<account::AccountStatus> for AccountStatus {
    fn from(status: account::AccountStatus) -> Self {
        match status {
            account::AccountStatus::Active => Self::Active,
            account::AccountStatus::Frozen => Self::Frozen,
            account::AccountStatus::Closed => Self::Closed,
        }
    }
}

/// What stands before the underscore in the id of each kind.
const PREFIXES: [(&str, AccountKind); 3] = [
    ("card", AccountKind::Card),
    ("savings", AccountKind::Savings),
    ("wallet", AccountKind::Wallet),
];

/// The id of an account as clients see it: `card_01h4…`.
pub fn to_wire(kind: AccountKind, account_id: AccountId) -> ID {
    let prefix = PREFIXES.iter().find(|&&(_, known)| known == kind).map_or("", |&(p, _)| p);
    format!("{prefix}_{}", id::encode(account_id.uuid())).into()
}

impl From<AccountKind> for account::AccountKind {
    fn from(kind: AccountKind) -> Self {
        match kind {
            AccountKind::Card => Self::Card,
            AccountKind::Savings => Self::Savings,
            AccountKind::Wallet => Self::Wallet,
        }
    }
}

/// The account that an id names, of whichever kind; `None` where it names none.
pub fn from_wire(wire: &ID) -> Option<AccountRef> {
    let (prefix, uuid) = id::split(wire)?;
    let (_, kind) = PREFIXES.iter().find(|&&(known, _)| known == prefix)?;
    Some(AccountRef { kind: (*kind).into(), id: AccountId::from_uuid(uuid) })
}

/// The savings goal that an id names; `None` where it names none.
pub fn savings_from_wire(wire: &ID) -> Option<AccountId> {
    let (prefix, uuid) = id::split(wire)?;
    (prefix == "savings").then(|| AccountId::from_uuid(uuid))
}

/// The card that an id names; `None` where it names none.
pub fn card_from_wire(wire: &ID) -> Option<AccountId> {
    let (prefix, uuid) = id::split(wire)?;
    (prefix == "card").then(|| AccountId::from_uuid(uuid))
}
