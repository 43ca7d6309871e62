//! The posting engine: takes postings and answers each by itself.

use std::{collections::BTreeMap, sync::Arc};

use super::posting::{Answer, LedgerError, Moved, Movement, Opening, Posting};
use crate::{
    db::{
        error::{DbError, Transient},
        pool::Db,
        session::Session,
    },
    domain::{
        posting::{Decision, Leg, Standing, decide},
        refusal::Refusal,
    },
    store::{
        account, card,
        operation::{self, NewOperation, Operation},
        posting::{self, Side},
        session, user,
    },
    types::{
        clock::{Clock, Instant},
        entropy,
        entropy::Entropy,
        id::AccountId,
    },
};

/// The one door through which money moves.
#[derive(Debug, Clone)]
pub struct Ledger {
    db: Db,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// Why a transaction is given up; whatever it had written is rolled back.
enum Stop {
    Refused(Refusal),
    Replayed(Operation),
    Db(DbError),
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Transient for Stop {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_transient())
    }
}

impl Ledger {
    /// A ledger over a database.
    pub fn new(db: Db, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { db, clock, entropy }
    }

    /// Does what the posting says, whole or not at all; the answer comes after the commit.
    pub async fn post(&self, posting: Posting) -> Result<Answer, LedgerError> {
        let posting = &posting;
        let outcome = self.db.write_retrying(|s| Box::pin(self.run(s, posting))).await;
        match outcome {
            Ok(moved) => Ok(Answer::Done(moved)),
            Err(Stop::Refused(refusal)) => Ok(Answer::Refused(refusal)),
            Err(Stop::Replayed(operation)) => Ok(Answer::Replayed(operation)),
            Err(Stop::Db(error)) => Err(error.into()),
        }
    }

    async fn run(&self, s: &mut Session, posting: &Posting) -> Result<Option<Moved>, Stop> {
        let now = self.clock.now();
        if let Some(key) = &posting.key {
            claim(s, key, now).await?;
        }
        if let Some(opening) = &posting.opens {
            open(s, opening, now).await?;
        }
        let Some(movement) = &posting.movement else {
            require_session(s, posting, now).await?;
            return Ok(None);
        };
        let legs = movement.legs()?;
        let standings = lock(s, &legs).await?;
        // Asked under the locks, as it may have taken long to get them.
        require_session(s, posting, now).await?;
        let decision = decide(&legs, &standings, now)?;
        Ok(Some(self.write(s, movement, decision).await?))
    }

    async fn write(
        &self,
        s: &mut Session,
        movement: &Movement,
        decision: Decision,
    ) -> Result<Moved, Stop> {
        let id = movement.transaction_id;
        let posted_at = decision.posted_at;
        for line in &decision.lines {
            if let Some(after) = &line.after {
                account::write(s, line.leg.account_id, after, posted_at).await?;
            }
            let salt: [u8; 16] = entropy::bytes(self.entropy.as_ref());
            posting::insert_entry(s, id, line, posted_at, &salt).await?;
        }
        posting::insert_transaction(s, id, movement.kind, posted_at).await?;
        let note = movement.note.as_deref();
        posting::insert_text(s, id, Side::From, &movement.from.text, note).await?;
        posting::insert_text(s, id, Side::To, &movement.to.text, note).await?;
        Ok(Moved { transaction_id: id, posted_at, lines: decision.lines })
    }
}

/// Claims the key, or finds out what it made before.
async fn claim(s: &mut Session, key: &NewOperation, now: Instant) -> Result<(), Stop> {
    if operation::claim(s, key, now).await? {
        return Ok(());
    }
    let Some(found) = operation::lookup(s, key.scope_id, &key.key).await? else {
        // It was swept between the two statements: the whole is begun again.
        return Err(Stop::Db(DbError::Vanished));
    };
    if found.fingerprint == key.fingerprint {
        Err(Stop::Replayed(found))
    } else {
        Err(Refusal::IdempotencyConflict.into())
    }
}

/// Opens an account, unless the person has as many as are allowed.
async fn open(s: &mut Session, opening: &Opening, now: Instant) -> Result<(), Stop> {
    user::lock(s, opening.owner_id).await?;
    let count = account::count_open(s, opening.owner_id, opening.kind).await?;
    if count >= opening.limit {
        return Err(Refusal::TooMany { noun: opening.noun, limit: opening.limit }.into());
    }
    let id = opening.account_id;
    account::open(s, id, opening.owner_id, opening.kind, opening.currency, now).await?;
    if let Some(new) = &opening.card {
        card::insert(s, new).await?;
    }
    Ok(())
}

/// The session that asks must still be alive.
async fn require_session(s: &mut Session, posting: &Posting, now: Instant) -> Result<(), Stop> {
    let Some((session_id, user_id)) = posting.session else {
        return Ok(());
    };
    let facts = session::facts(s, session_id, user_id).await?;
    let alive = facts.is_some_and(|facts| facts.is_alive(now));
    if alive { Ok(()) } else { Err(Refusal::SessionEnded.into()) }
}

/// Locks the customers' accounts in ascending order and tells how they stand then.
///
/// In any other order two opposite transfers would deadlock on PostgreSQL, which
/// costs a second each time.
async fn lock(s: &mut Session, legs: &[Leg]) -> Result<BTreeMap<AccountId, Standing>, Stop> {
    let customers = legs.iter().filter(|leg| leg.customer);
    let sorted: BTreeMap<_, _> = customers.map(|leg| (leg.account_id, leg.currency)).collect();
    let mut standings = BTreeMap::new();
    for (id, currency) in sorted {
        if let Some(standing) = account::lock(s, id, currency).await? {
            standings.insert(id, standing);
        }
    }
    Ok(standings)
}
