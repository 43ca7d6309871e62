//! What happened on a card, for clients that show names and whole numbers.
//!
//! A number of somebody else's stands in full only where the caller gave it to the movement.

use std::collections::HashMap;

use super::{card, context::Bank, error::Failure, permit::Permit};
use crate::{
    domain::{account::AccountKind, posting::TransactionKind},
    store::{card_history, card_history::Row},
    types::{
        clock::Instant,
        id::{AccountId, UserId},
        money::{Minor, Money},
        text::CardNumber,
    },
};

/// The most that is told at once.
const MOST: i64 = 1_000;

/// The number of a card in a movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Number {
    /// In full.
    Whole(CardNumber),
    /// Its last four digits.
    Last4(String),
}

/// One side of a movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// What it is.
    pub kind: AccountKind,
    /// It is the caller's own.
    pub own: bool,
    /// How the other side saw it.
    pub label: String,
    /// The person's name as it was; none of the bank's own, and of who has left.
    pub party: Option<String>,
    /// Its number, for a card.
    pub number: Option<Number>,
}

/// One movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Money came in.
    pub incoming: bool,
    /// How much.
    pub amount: Money,
    /// What it was.
    pub kind: TransactionKind,
    /// When.
    pub posted_at: Instant,
    /// Where the money left.
    pub from: Side,
    /// Where it arrived.
    pub to: Side,
}

/// The newest movements of a card that must be known to be the caller's, newest first; at
/// most a thousand, and none of its opening credit.
pub async fn of_card(bank: &Bank, permit: &Permit, id: AccountId) -> Result<Vec<Line>, Failure> {
    let mut s = bank.db.read().await?;
    let rows = card_history::newest(&mut s, id, MOST).await?;
    drop(s);
    let mut numbers = HashMap::new();
    rows.into_iter().map(|row| line(bank, permit, &mut numbers, row)).collect()
}

/// One side as it was read.
struct Read {
    id: AccountId,
    kind: AccountKind,
    owner: Option<UserId>,
    label: String,
    party: Option<String>,
    last4: Option<String>,
    sealed: Option<Vec<u8>>,
}

fn line(
    bank: &Bank,
    permit: &Permit,
    numbers: &mut HashMap<AccountId, CardNumber>,
    row: Row,
) -> Result<Line, Failure> {
    let incoming = row.amount.is_positive();
    // Who paid it by its number has named it; by an account's id nobody learns a number.
    let named = !incoming && row.to_named;
    let mut side = |read: Read, given: bool| -> Result<Side, Failure> {
        let own = read.owner == Some(permit.user_id);
        let number = match (read.sealed, read.last4) {
            (Some(sealed), _) if own || given => {
                let known = numbers.get(&read.id).cloned();
                let number = match known {
                    Some(number) => number,
                    None => card::open_number(bank, read.id, &sealed)?,
                };
                numbers.insert(read.id, number.clone());
                Some(Number::Whole(number))
            }
            (Some(_), Some(last4)) => Some(Number::Last4(last4)),
            (Some(_), None) | (None, _) => None,
        };
        let Read { kind, label, party, .. } = read;
        Ok(Side { kind, own, label, party, number })
    };
    let from = Read {
        id: row.from_id,
        kind: row.from_kind,
        owner: row.from_owner,
        label: row.from_label,
        party: row.from_party,
        last4: row.from_last4,
        sealed: row.from_number,
    };
    let to = Read {
        id: row.to_id,
        kind: row.to_kind,
        owner: row.to_owner,
        label: row.to_label,
        party: row.to_party,
        last4: row.to_last4,
        sealed: row.to_number,
    };
    let (from, to) = (side(from, false)?, side(to, named)?);
    let amount = row.amount.magnitude().unwrap_or(Minor::ZERO);
    let amount = Money::new(amount, row.currency);
    Ok(Line { incoming, amount, kind: row.kind, posted_at: row.posted_at, from, to })
}
