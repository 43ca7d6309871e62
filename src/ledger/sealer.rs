//! The sealer: chains what was committed, one of them in the whole cluster.
//!
//! It takes what it sees in `unsealed`, page by page. What it seals never changes again,
//! so it reads and hashes before it takes the writer; the short transaction that
//! follows numbers the page, chains it, moves the bank's folded sums and lets its rows
//! wait no longer. A movement that commits late is sealed late, never skipped.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    db::{
        error::{DbError, Transient},
        pool::Db,
        session::Session,
    },
    domain::seal::{self as domain, BEFORE_ALL, Entry, Place, SealKind, Subject},
    store::seal,
    types::{
        clock::Clock,
        id::{AccountId, TransactionId},
        money::Minor,
    },
};

/// What is sealed in one transaction at most: a power of two, for which there is one
/// prepared statement.
const PAGE: usize = 512;
/// How long the worker sleeps when it has seen everything.
const IDLE: Duration = Duration::from_millis(250);
/// How long it leaves alone what failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// The lock that one sealer of the cluster has while it writes.
const LOCK: &str = "teller sealer";

/// Why a page could not be sealed; nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// What waits is not there, and nothing else waits in front of what is.
    #[error("the {} {id} waits for its seal but is not there", .kind.noun())]
    Missing {
        /// What it is said to be.
        kind: SealKind,
        /// What is said to be there.
        id: Uuid,
    },
    /// A folded sum would leave 63 bits.
    #[error("the folded sum of the bank's account {} is too large", .0.uuid())]
    Overflow(AccountId),
}

impl Transient for SealError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_transient())
    }
}

/// What there is to seal, read and hashed.
#[derive(Debug, Default)]
struct Page {
    /// By id, in whose order they are numbered.
    subjects: BTreeMap<Uuid, Subject>,
    /// What each transaction moved on the bank's own accounts.
    moved: Vec<(TransactionId, AccountId, Minor)>,
}

/// Seals what was committed.
#[derive(Debug, Clone)]
pub struct Sealer {
    db: Db,
    clock: Arc<dyn Clock>,
}

impl Sealer {
    /// A sealer over a database.
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }

    /// Seals until it is told to stop, and ends then with the transaction that it is in.
    pub async fn work(self, mut stop: watch::Receiver<bool>) {
        let mut failing = false;
        while !*stop.borrow() {
            let pause = match self.seal_page().await {
                Ok(sealed) => {
                    if failing {
                        tracing::info!("sealing goes on");
                    }
                    failing = false;
                    if sealed == PAGE { Duration::ZERO } else { IDLE }
                }
                Err(error) => {
                    // Once, not every time that it is tried again.
                    if !failing {
                        tracing::error!(%error, "what was committed could not be sealed");
                    }
                    failing = true;
                    AFTER_FAILURE
                }
            };
            if !pause.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    // Whoever could tell to stop is gone: nobody is served any more.
                    told = stop.changed() => if told.is_err() { return },
                }
            }
        }
    }

    /// Seals all that waits, and tells how much it was.
    pub async fn seal_all(&self) -> Result<usize, SealError> {
        let mut all = 0;
        loop {
            let sealed = self.seal_page().await?;
            all += sealed;
            if sealed == 0 {
                return Ok(all);
            }
        }
    }

    /// Seals one page of what waits, and tells how much it was; nothing where another
    /// sealer is at work.
    pub async fn seal_page(&self) -> Result<usize, SealError> {
        let page = self.read().await?;
        if page.subjects.is_empty() {
            return Ok(0);
        }
        let page = &page;
        self.db.write_retrying(|s| Box::pin(self.write(s, page))).await
    }

    /// Reads and hashes what waits.
    async fn read(&self) -> Result<Page, SealError> {
        let mut s = self.db.read().await?;
        let waiting = seal::waiting(&mut s, i64::try_from(PAGE).unwrap_or(i64::MAX)).await?;
        let Some(first) = waiting.first() else {
            return Ok(Page::default());
        };
        let of_kind = |kind| {
            let of_it = waiting.iter().filter(move |waiting| waiting.kind == kind);
            of_it.map(|waiting| waiting.subject_id).collect::<Vec<Uuid>>()
        };
        let (mut transactions, mut entries, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        let ids = of_kind(SealKind::Transaction);
        if !ids.is_empty() {
            transactions = seal::transactions(&mut s, &ids).await?;
            entries = seal::entries(&mut s, &ids).await?;
        }
        let ids = of_kind(SealKind::Audit);
        if !ids.is_empty() {
            rows = seal::audit_rows(&mut s, &ids).await?;
        }
        let subjects = domain::gather(transactions, &entries, rows);
        if subjects.is_empty() {
            return Err(SealError::Missing { kind: first.kind, id: first.subject_id });
        }
        let of_the_bank = entries.iter().filter(|entry| !entry.customer);
        let moved = |entry: &Entry| (entry.transaction_id, entry.account_id, entry.amount);
        Ok(Page { subjects, moved: of_the_bank.map(moved).collect() })
    }

    /// Numbers, chains and writes a page.
    async fn write(&self, s: &mut Session, page: &Page) -> Result<usize, SealError> {
        if !s.try_lock(LOCK).await? {
            return Ok(0);
        }
        // Another process may have sealed some of it since it was read.
        let ids: Vec<Uuid> = page.subjects.keys().copied().collect();
        let still: BTreeSet<Uuid> = seal::still_waiting(s, &ids).await?.into_iter().collect();
        if still.is_empty() {
            return Ok(0);
        }
        let (mut sequence, mut previous, mut sealed_at) = (0, BEFORE_ALL, self.clock.now());
        if let Some(last) = seal::last(s).await? {
            (sequence, previous) = (last.sequence, last.hash.0);
            // It never goes back, whatever the clocks of several processes say.
            sealed_at = sealed_at.max(last.sealed_at);
        }
        let last = sequence;
        let mut hashes = Vec::with_capacity(still.len() * previous.len());
        for subject in still.iter().filter_map(|id| page.subjects.get(id)) {
            sequence += 1;
            previous = subject.seal(&previous, &Place { sequence, sealed_at });
            hashes.extend_from_slice(&previous);
        }
        let ids: Vec<Uuid> = still.iter().copied().collect();
        seal::insert(s, last, &ids, &hashes, sealed_at).await?;
        let moved = page.moved.iter().filter(|(id, ..)| still.contains(&id.uuid()));
        let moved = moved.map(|&(_, account, amount)| (account, amount));
        fold(s, moved, sequence).await?;
        Ok(ids.len())
    }
}

/// Moves the folded sums of the bank's own accounts, which nobody else writes.
async fn fold(
    s: &mut Session,
    moved: impl Iterator<Item = (AccountId, Minor)>,
    through_sequence: i64,
) -> Result<(), SealError> {
    let mut by_account: BTreeMap<AccountId, Vec<Minor>> = BTreeMap::new();
    for (account, amount) in moved {
        by_account.entry(account).or_default().push(amount);
    }
    if by_account.is_empty() {
        return Ok(());
    }
    let ids: Vec<AccountId> = by_account.keys().copied().collect();
    let folds: BTreeMap<AccountId, Minor> = seal::folds(s, &ids).await?.into_iter().collect();
    for (account, amounts) in by_account {
        let fold = folds.get(&account).copied().unwrap_or(Minor::ZERO);
        let sum = amounts.into_iter().try_fold(fold, Minor::plus);
        let sum = sum.ok_or(SealError::Overflow(account))?;
        seal::move_fold(s, account, through_sequence, sum).await?;
    }
    Ok(())
}
