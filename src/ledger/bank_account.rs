//! The bank's own accounts: one of each kind and currency.

use uuid::Builder;

use crate::{
    crypto::mac,
    domain::account::AccountKind,
    store::posting_rows::Text,
    types::{id::AccountId, money::Currency},
};

/// Names the bank's own account of a kind and currency: the same in every process and database.
pub fn id(kind: AccountKind, currency: Currency) -> AccountId {
    let hash = mac::sha256(format!("teller bank account {kind:?} {currency}").as_bytes());
    let (first, _) = hash.split_first_chunk().expect("a hash has 32 bytes");
    AccountId::from_uuid(Builder::from_custom_bytes(*first).into_uuid())
}

/// How a customer sees it.
pub fn text(kind: AccountKind, currency: Currency) -> Text {
    let label = kind.label().to_owned();
    Text { account_id: id(kind, currency), label, last4: None, party: None }
}
