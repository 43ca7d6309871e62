//! The way of a lone client: one transfer in one call.
//!
//! A batch of one costs a client who is alone nine round trips to PostgreSQL, which
//! is more than the writing itself. So a transfer that waits for nobody is handed to
//! one function of the database, which does it or leaves everything as it was. It
//! knows no reasons: whatever is in the way is asked again as a batch.

use super::{
    batch::Means,
    books::text_of,
    posting::{Answer, End, Moved, MovedEnd, Movement, Posting, Sum},
};
use crate::{
    db::{error::DbError, pool::Db},
    domain::{account::AccountKind, amount, limit::LimitKind, posting::TransactionKind},
    store::{
        posting,
        posting::{Customer, Transfer},
    },
    types::{
        entropy,
        id::AuditId,
        money::{Currency, Money},
    },
};

/// What the function of the database is told, where the posting is of the kind that it does.
fn transfer(posting: &Posting, means: &Means) -> Option<Transfer> {
    let alone = posting.opens.is_none()
        && posting.pays.is_none()
        && posting.captures.is_none()
        && posting.claim.is_none();
    let plain = posting.trusted && alone;
    let movement = posting.movement.as_ref().filter(|movement| {
        plain && movement.kind == TransactionKind::Transfer && movement.reverses.is_none()
    })?;
    let (key, (session_id, user_id)) = (posting.key.clone()?, posting.session?);
    let allowance = posting.allowance?;
    let fits = allowance.kind == LimitKind::Transfer && allowance.subject == user_id;
    let Movement { from, to, sum, .. } = movement;
    let (End::Account { named: from, owner, .. }, End::Account { named: to, .. }) = (from, to)
    else {
        return None;
    };
    let cards = from.kind == AccountKind::Card && to.kind == AccountKind::Card;
    if !(fits && cards && *owner == Some(user_id) && from.id != to.id) {
        return None;
    }
    let Sum::Text(text) = sum else {
        return None;
    };
    let sum = |&currency: &Currency| {
        let minor = amount::positive("amount", text, currency).ok()?;
        Some((currency, minor, allowance.minor(currency)))
    };
    Some(Transfer {
        transaction_id: movement.transaction_id,
        audit_id: AuditId::generate(means.clock.as_ref(), means.chance.as_ref()),
        at: means.clock.now(),
        key,
        act: posting.act.clone(),
        user_id,
        session_id,
        from: from.id,
        to: to.id,
        note: movement.note.clone(),
        sums: means.currencies.iter().filter_map(sum).collect(),
        salts: [entropy::bytes(means.chance.as_ref()), entropy::bytes(means.chance.as_ref())],
    })
}

/// Does a posting in one call; `None` where it has to be asked as a batch.
///
/// After a failure it is not known whether it was done: its key, which it always has,
/// tells when it is asked again.
pub async fn post(db: &Db, posting: &Posting, means: &Means) -> Option<Answer> {
    if let Db::Sqlite { .. } = db {
        // There a round trip costs nothing.
        return None;
    }
    let asked = transfer(posting, means)?;
    let mut alone = db.alone().await.ok()?;
    let done: Result<Vec<Customer>, DbError> = posting::transfer(&mut alone, &asked).await;
    let both = match done {
        Ok(both) => both,
        Err(error) => {
            if !error.is_in_the_usual_way() {
                tracing::warn!(%error, "a transfer in one call failed: as a batch");
            }
            return None;
        }
    };
    let [from, to]: [Customer; 2] = both.try_into().ok()?;
    let posted_at = from.last_posted_at?;
    let currency = from.account.balance.currency;
    let amount = asked.sums.iter().find(|sum| sum.0 == currency)?.1;
    let end = |customer: Customer| {
        let text = text_of(&customer);
        MovedEnd { text, customer: Some(customer) }
    };
    Some(Answer::Done(Some(Box::new(Moved {
        transaction_id: asked.transaction_id,
        kind: TransactionKind::Transfer,
        reverses: None,
        posted_at,
        amount: Money::new(amount, currency),
        note: asked.note,
        from: end(from),
        to: end(to),
    }))))
}
