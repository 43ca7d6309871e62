//! Single entries and transactions, as their person sees them.

use std::collections::BTreeMap;

use super::{context::Bank, error::Failure, permit::Permit};
use crate::{
    db::session::Session,
    ledger::posting::Moved,
    store::{
        entry,
        entry::{Entry, Position, Reversal, SideText, Transaction},
        posting_rows::{Side, Text},
    },
    types::{
        clock::Instant,
        id::{AccountId, TransactionId},
        money::Money,
    },
};

/// One entry of one of the caller's accounts.
pub async fn own_entry(
    bank: &Bank,
    permit: &Permit,
    transaction_id: TransactionId,
    account_id: AccountId,
) -> Result<Option<Entry>, Failure> {
    let mut s = bank.db.read().await?;
    Ok(entry::one(&mut s, transaction_id, account_id, permit.user_id).await?)
}

/// The caller's own entries of transactions, in no particular order.
pub async fn own_entries(
    bank: &Bank,
    permit: &Permit,
    ids: &[TransactionId],
) -> Result<Vec<Entry>, Failure> {
    let mut s = bank.db.alone().await?;
    Ok(entry::of_transactions(&mut s, permit.user_id, ids).await?)
}

/// What some of the caller's accounts had at instants; `None` where one was opened later.
///
/// An instant to come gives what they have now. One look-up an account, however long
/// its history is.
pub async fn balances_at(
    bank: &Bank,
    permit: &Permit,
    keys: &[(AccountId, Instant)],
) -> Result<Vec<((AccountId, Instant), Money)>, Failure> {
    let mut by_instant: BTreeMap<Instant, Vec<AccountId>> = BTreeMap::new();
    for &(id, at) in keys {
        by_instant.entry(at).or_default().push(id);
    }
    // One instant is one statement, which sees one state of the books by itself.
    let one = by_instant.len() == 1;
    let mut s = if one { bank.db.alone().await? } else { bank.db.read().await? };
    let mut all = Vec::with_capacity(keys.len());
    for (at, ids) in by_instant {
        // Beyond these the two databases do not agree on what an instant is.
        let known = at.clamp(Position::FIRST, Position::LAST);
        for found in entry::balances_at(&mut s, permit.user_id, &ids, known).await? {
            all.push(((found.account_id, at), Money::new(found.posted, found.currency)));
        }
    }
    Ok(all)
}

/// What takes these transactions back, the oldest first; they must be known to be the caller's.
pub async fn reversals(bank: &Bank, ids: &[TransactionId]) -> Result<Vec<Reversal>, Failure> {
    Ok(entry::reversals(&mut bank.db.alone().await?, ids).await?)
}

/// A transaction with what its sides are called.
#[derive(Debug, Clone)]
pub struct TransactionView {
    /// The transaction.
    pub transaction: Transaction,
    /// Both sides.
    pub sides: Vec<SideText>,
}

impl TransactionView {
    /// A movement that was made just now.
    pub fn of(moved: Moved) -> Self {
        let Moved { transaction_id, kind, reverses, posted_at, amount, note, from, to } = moved;
        let Money { minor: amount, currency } = amount;
        let transaction =
            Transaction { transaction_id, kind, reverses, posted_at, amount, currency };
        let side = |side, text: Text| SideText {
            transaction_id,
            side,
            account_id: text.account_id,
            label: text.label,
            last4: text.last4,
            note: note.clone(),
        };
        Self { transaction, sides: vec![side(Side::From, from.text), side(Side::To, to.text)] }
    }
}

/// The transactions among these that touch an account of the caller, in no particular order.
pub async fn own_transactions(
    bank: &Bank,
    permit: &Permit,
    ids: &[TransactionId],
) -> Result<Vec<TransactionView>, Failure> {
    let mut s = bank.db.read().await?;
    let own = entry::touching(&mut s, permit.user_id, ids).await?;
    views(&mut s, &own).await
}

/// Transactions as staff see them who have just made them.
pub(super) async fn of_staff(
    bank: &Bank,
    ids: &[TransactionId],
) -> Result<Vec<TransactionView>, Failure> {
    views(&mut bank.db.read().await?, ids).await
}

async fn views(s: &mut Session, ids: &[TransactionId]) -> Result<Vec<TransactionView>, Failure> {
    let found = entry::transactions(s, ids).await?;
    let sides = entry::sides(s, ids).await?;
    let view = |transaction: Transaction| {
        let of_it = |side: &&SideText| side.transaction_id == transaction.transaction_id;
        let sides = sides.iter().filter(of_it).cloned().collect();
        TransactionView { transaction, sides }
    };
    Ok(found.into_iter().map(view).collect())
}
