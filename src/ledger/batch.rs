//! One batch of postings in one transaction of the database.
//!
//! The order of the locks is that of the house: keys, the persons who open an
//! account, accounts, bills, holds, reversed transactions, limits, and, with the last
//! statement, streams.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    books::{Books, card_limit},
    posting::{Answer, End, Opening, Posting},
};
use crate::{
    db::{error::DbError, session::Session},
    domain::{account::AccountKind, limit::CounterKey, posting::remaining, refusal::Refusal},
    store::{
        account,
        audit::{Act, DONE, NewAudit},
        card, entry,
        operation::{NewOperation, Operation},
        posting, savings, user,
    },
    types::{
        clock::{Clock, Instant},
        entropy::Entropy,
        id::{AccountId, AuditId, BillId, HoldId, SessionId, TransactionId, UserId},
        money::{Currency, Money},
    },
};

/// What became of one posting of a batch.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It is answered.
    Answered(Answer),
    /// Its key was that of an earlier posting of the batch, which was refused: it is
    /// to be tried in the next one.
    Again,
}

/// What a batch works with.
#[derive(Debug, Clone)]
pub struct Means {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub chance: Arc<dyn Entropy>,
    /// What accounts may be counted in.
    pub currencies: Vec<Currency>,
}

/// What is known of the key of a posting before it is decided.
enum KeyState {
    /// It has none, or it is claimed for it.
    Free,
    /// It made something before.
    Used(Operation),
    /// An earlier posting of the batch has the same key.
    Follows(usize),
}

/// Does all postings of a batch, in their order; the caller commits.
pub async fn run(
    s: &mut Session,
    postings: &[Posting],
    means: &Means,
) -> Result<Vec<Outcome>, DbError> {
    // By their keys, or by the ids of their transactions, which are there once.
    s.may_be_repeated();
    let keys = claim(s, postings, means.clock.now()).await?;
    let free: Vec<&Posting> = postings
        .iter()
        .zip(&keys)
        .filter(|(_, state)| matches!(state, KeyState::Free))
        .map(|(posting, _)| posting)
        .collect();
    let mut books = read(s, &free).await?;
    // Taken under the locks, so that it grows with the versions of the accounts.
    let now = means.clock.now();
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(postings.len());
    let mut audit = Vec::with_capacity(postings.len());
    let (mut openings, mut surplus) = (Vec::new(), Vec::new());
    for (posting, state) in postings.iter().zip(keys) {
        let answer = match state {
            KeyState::Free => match books.post(posting, now, means.chance.as_ref()) {
                Ok(moved) => {
                    openings.extend(&posting.opens);
                    Answer::Done(moved.map(Box::new))
                }
                Err(refusal) => {
                    surplus.extend(&posting.key);
                    Answer::Refused(refusal)
                }
            },
            KeyState::Used(operation) => repeated(posting, operation),
            KeyState::Follows(leader) => {
                let followed = follow(posting, &postings[leader], &outcomes[leader], now);
                let Some(answer) = followed else {
                    outcomes.push(Outcome::Again);
                    continue;
                };
                answer
            }
        };
        // A repeated answer is no new act.
        if !matches!(answer, Answer::Replayed(_)) {
            audit.push(noted(posting, &answer, now, means));
        }
        outcomes.push(Outcome::Answered(answer));
    }
    if !surplus.is_empty() {
        posting::release_keys(s, &surplus).await?;
    }
    for opening in openings {
        open(s, opening, now).await?;
    }
    let mut written = books.close();
    written.audit = audit;
    posting::write(s, &written).await?;
    Ok(outcomes)
}

/// Claims the keys of a batch in ascending order, each once.
async fn claim(
    s: &mut Session,
    postings: &[Posting],
    now: Instant,
) -> Result<Vec<KeyState>, DbError> {
    let mut leaders: BTreeMap<(Uuid, &str), usize> = BTreeMap::new();
    let mut states = Vec::with_capacity(postings.len());
    for (place, posting) in postings.iter().enumerate() {
        let Some(key) = &posting.key else {
            states.push(KeyState::Free);
            continue;
        };
        let leader = *leaders.entry((key.scope_id, &key.key)).or_insert(place);
        states.push(if leader == place { KeyState::Free } else { KeyState::Follows(leader) });
    }
    let sorted: Vec<&NewOperation> =
        leaders.values().filter_map(|&place| postings[place].key.as_ref()).collect();
    if sorted.is_empty() {
        return Ok(states);
    }
    let claimed = posting::claim(s, &sorted, now).await?;
    if claimed.len() == sorted.len() {
        return Ok(states);
    }
    let claimed: BTreeSet<Uuid> = claimed.into_iter().collect();
    let used: Vec<&NewOperation> =
        sorted.into_iter().filter(|key| !claimed.contains(&key.result_id)).collect();
    let found = posting::lookup_keys(s, &used).await?;
    if found.len() != used.len() {
        // One was swept between the two statements: the whole is begun again.
        return Err(DbError::Vanished);
    }
    for (scope_id, key, operation) in found {
        if let Some(&place) = leaders.get(&(scope_id, key.as_str())) {
            states[place] = KeyState::Used(operation);
        }
    }
    Ok(states)
}

/// The answer to a key that was used before.
fn repeated(posting: &Posting, before: Operation) -> Answer {
    let same = posting.key.as_ref().is_some_and(|key| key.fingerprint == before.fingerprint);
    if same { Answer::Replayed(before) } else { Answer::Refused(Refusal::IdempotencyConflict) }
}

/// The answer to a posting whose key an earlier one of the batch has; `None` where
/// that one was refused, and so made nothing.
fn follow(posting: &Posting, leader: &Posting, outcome: &Outcome, now: Instant) -> Option<Answer> {
    let made = |key: &NewOperation| Operation {
        fingerprint: key.fingerprint.clone(),
        result_kind: key.result_kind,
        result_id: key.result_id,
        created_at: now,
    };
    match outcome {
        Outcome::Answered(Answer::Done(_)) => Some(repeated(posting, made(leader.key.as_ref()?))),
        Outcome::Answered(Answer::Replayed(before)) => Some(repeated(posting, before.clone())),
        // A leader whose key belongs to another request says nothing of this one.
        Outcome::Answered(Answer::Refused(_)) | Outcome::Again => None,
    }
}

/// The row of the audit log.
fn noted(posting: &Posting, answer: &Answer, now: Instant, means: &Means) -> NewAudit {
    let opened = posting.opens.as_ref().map(|opening| opening.account_id.uuid());
    let moved = posting.movement.as_ref().map(|movement| movement.transaction_id.uuid());
    let (result, subject_id) = match answer {
        Answer::Done(_) | Answer::Replayed(_) => (DONE, opened.or(moved)),
        Answer::Refused(refusal) => (refusal.code(), None),
    };
    let audit_id = AuditId::generate(means.clock.as_ref(), means.chance.as_ref());
    let act: Act = posting.act.clone();
    NewAudit { audit_id, act, result, subject_id, at: now }
}

/// Locks what the postings touch, and reads their facts under the locks.
async fn read(s: &mut Session, postings: &[&Posting]) -> Result<Books, DbError> {
    let mut books = Books::default();
    count_accounts(s, postings, &mut books).await?;
    lock_accounts(s, postings, &mut books).await?;
    let bills: BTreeSet<BillId> =
        postings.iter().filter_map(|one| one.pays.map(|due| due.bill_id)).collect();
    if !bills.is_empty() {
        let bills: Vec<BillId> = bills.into_iter().collect();
        let found = posting::lock_bills(s, &bills).await?;
        books.bills = found.into_iter().map(|bill| (bill.bill_id, bill)).collect();
    }
    let holds: BTreeSet<HoldId> = postings.iter().filter_map(|one| one.captures).collect();
    if !holds.is_empty() {
        let holds: Vec<HoldId> = holds.into_iter().collect();
        let found = posting::lock_holds(s, &holds).await?;
        books.holds = found.into_iter().map(|hold| (hold.hold_id, hold)).collect();
    }
    let movements = postings.iter().filter_map(|posting| posting.movement.as_ref());
    let reversed: BTreeSet<TransactionId> = movements.filter_map(|one| one.reverses).collect();
    if !reversed.is_empty() {
        let ids: Vec<TransactionId> = reversed.into_iter().collect();
        posting::lock_transactions(s, &ids).await?;
        books.reversible = reversible(s, &ids).await?;
    }
    lock_limits(s, postings, &mut books).await?;
    // Asked under the locks, as it may have taken long to get them.
    let sessions: BTreeSet<SessionId> =
        postings.iter().filter_map(|posting| posting.session.map(|(id, _)| id)).collect();
    if !sessions.is_empty() {
        let ids: Vec<SessionId> = sessions.into_iter().collect();
        books.sessions = posting::sessions(s, &ids).await?.into_iter().collect();
    }
    Ok(books)
}

/// Locks the persons who open accounts, and counts what they have.
async fn count_accounts(
    s: &mut Session,
    postings: &[&Posting],
    books: &mut Books,
) -> Result<(), DbError> {
    let openings: Vec<&Opening> = postings.iter().filter_map(|one| one.opens.as_ref()).collect();
    let owners: BTreeSet<UserId> = openings.iter().map(|opening| opening.owner_id).collect();
    for owner in owners {
        user::lock(s, owner).await?;
    }
    let mut counts = HashMap::new();
    for opening in openings {
        let (owner, kind) = (opening.owner_id, opening.kind);
        if let Entry::Vacant(unknown) = counts.entry((owner, kind)) {
            unknown.insert(account::count_open(s, owner, kind).await?);
        }
    }
    books.counts = counts;
    Ok(())
}

/// Locks the customers' accounts of the movements in ascending order.
///
/// In any other order two opposite transfers would deadlock on PostgreSQL, which
/// costs a second each time.
async fn lock_accounts(
    s: &mut Session,
    postings: &[&Posting],
    books: &mut Books,
) -> Result<(), DbError> {
    let movements = || postings.iter().filter_map(|posting| posting.movement.as_ref());
    let ends = || movements().flat_map(|movement| [&movement.from, &movement.to]);
    let numbers: BTreeSet<&[u8]> = ends()
        .filter_map(|end| match end {
            End::Number { index, .. } => Some(index.as_slice()),
            _ => None,
        })
        .collect();
    if !numbers.is_empty() {
        let numbers: Vec<&[u8]> = numbers.into_iter().collect();
        books.numbers = posting::by_number(s, &numbers).await?.into_iter().collect();
    }
    let named = ends().filter_map(|end| match end {
        End::Account { named, .. } => Some(named.id),
        _ => None,
    });
    let ids: BTreeSet<AccountId> = named.chain(books.numbers.values().copied()).collect();
    if !ids.is_empty() {
        let ids: Vec<AccountId> = ids.into_iter().collect();
        let found = posting::lock_accounts(s, &ids).await?;
        books.customers = found.into_iter().map(|one| (one.account.account_id, one)).collect();
        name_savings(s, books).await?;
    }
    Ok(())
}

/// Reads what the savings goals among the accounts are called; nothing where there are none.
async fn name_savings(s: &mut Session, books: &mut Books) -> Result<(), DbError> {
    let customers = books.customers.values();
    let goals = customers.filter(|one| one.account.kind == AccountKind::Savings);
    let ids: Vec<AccountId> = goals.map(|one| one.account.account_id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    for found in savings::lookup_many(s, &ids).await? {
        if let Some(customer) = books.customers.get_mut(&found.account_id) {
            customer.savings = Some(found);
        }
    }
    Ok(())
}

/// Locks the counters of the limits that the postings may use.
async fn lock_limits(
    s: &mut Session,
    postings: &[&Posting],
    books: &mut Books,
) -> Result<(), DbError> {
    let mut keys: BTreeSet<CounterKey> = BTreeSet::new();
    for posting in postings {
        let Some(movement) = &posting.movement else {
            continue;
        };
        // What a card has of its own is asked only where it pays.
        if let End::Account { named, .. } = &movement.from
            && let Some((key, _)) = books.customers.get(&named.id).and_then(card_limit)
        {
            keys.insert(key);
        }
        let Some(allowance) = &posting.allowance else {
            continue;
        };
        for end in [&movement.from, &movement.to] {
            if let End::Account { named, .. } = end
                && let Some(customer) = books.customers.get(&named.id)
            {
                let currency = customer.account.balance.currency;
                keys.insert((allowance.subject.uuid(), allowance.kind, currency));
            }
        }
    }
    if !keys.is_empty() {
        let keys: Vec<CounterKey> = keys.into_iter().collect();
        books.limits = posting::lock_limits(s, &keys).await?.into_iter().collect();
    }
    Ok(())
}

/// What remains to be reversed of transactions that are locked.
async fn reversible(
    s: &mut Session,
    ids: &[TransactionId],
) -> Result<BTreeMap<TransactionId, Money>, DbError> {
    let found = entry::transactions(s, ids).await?;
    let reversals = entry::reversals(s, ids).await?;
    let remaining = |one: &entry::Transaction| {
        let of_it = reversals.iter().filter(|reversal| reversal.reverses == one.transaction_id);
        let left = remaining(one.kind, one.amount, of_it.map(|reversal| reversal.amount));
        Money::new(left, one.currency)
    };
    Ok(found.iter().map(|one| (one.transaction_id, remaining(one))).collect())
}

/// Opens an account whose posting was accepted.
async fn open(s: &mut Session, opening: &Opening, now: Instant) -> Result<(), DbError> {
    let id = opening.account_id;
    account::open(s, id, opening.owner_id, opening.kind, opening.currency, now).await?;
    if let Some(new) = &opening.card {
        card::insert(s, new).await?;
    }
    if let Some(new) = &opening.savings {
        savings::insert(s, id, new).await?;
    }
    Ok(())
}
