//! The posting engine: gathers what waits, commits it together, answers each by itself.
//!
//! There is no timer: a batch is whatever waits when the one before it is done, so
//! a lone client waits for nobody, and many pay one commit together.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Mutex, mpsc, oneshot},
    time::sleep,
};

use super::{
    batch,
    batch::{Means, Outcome},
    figures::Figures,
    posting::{Answer, LedgerError, Opening, Posting},
    single,
};
use crate::{
    db::{error::DbError, pool::Db},
    domain::account::AccountKind,
    store::{
        entry,
        operation::{Operation, ResultKind},
    },
    types::{clock::Clock, depth::Depth, entropy::Entropy, money::Currency},
};

/// Postings of one batch at most.
const BATCH_MAX: usize = 256;
/// How often it is asked whether all is done, at a stop.
const LOOK: Duration = Duration::from_millis(5);

/// A posting that waits, with whom to tell.
struct Job {
    posting: Posting,
    tell: Tell,
}

/// Whom to tell, counted as open until they were told.
struct Tell {
    to: oneshot::Sender<Result<Answer, LedgerError>>,
    _open: Arc<()>,
}

/// How much the engine takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Postings that may wait; one more is refused as too many.
    pub waiting: usize,
    /// Batches that are committed side by side. More than one helps only where the
    /// accounts of the batches differ and the database has processors to spare.
    pub batches: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { waiting: 4_096, batches: 1 }
    }
}

/// A mark that every posting shares which was taken and not answered yet.
#[derive(Debug, Default)]
struct Open(Arc<()>);

/// The one door through which money moves.
#[derive(Debug, Clone)]
pub struct Ledger {
    queue: mpsc::Sender<Job>,
    open: Arc<Open>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

impl Ledger {
    /// A ledger over a database, for these currencies. Its workers end when the last clone is dropped.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Entropy>,
        currencies: Vec<Currency>,
        capacity: Capacity,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(capacity.waiting.max(1));
        let waiting = Arc::new(Mutex::new(waiting));
        let figures = Figures::begin();
        for _ in 0..capacity.batches.max(1) {
            let (clock, chance) = (Arc::clone(&clock), Arc::clone(&chance));
            let means = Means { clock, chance, currencies: currencies.clone() };
            tokio::spawn(work(db.clone(), means, figures.clone(), Arc::clone(&waiting)));
        }
        Self { queue, open: Arc::default() }
    }

    /// How many wait for a batch.
    pub fn queue_depth(&self) -> Depth {
        let most = self.queue.max_capacity();
        Depth { waiting: most - self.queue.capacity(), most }
    }

    /// Does what the posting says, whole or not at all; the answer comes after the commit.
    ///
    /// Once it was taken it is done even if nobody waits for the answer any more.
    pub async fn post(&self, posting: Posting) -> Result<Answer, LedgerError> {
        let (to, told) = oneshot::channel();
        let tell = Tell { to, _open: Arc::clone(&self.open.0) };
        self.queue.try_send(Job { posting, tell }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => LedgerError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => LedgerError::Lost,
        })?;
        told.await.map_err(|_| LedgerError::Lost)?
    }

    /// Waits until everything that was taken is done, also what nobody waits for any more.
    pub async fn emptied(&self) {
        while Arc::strong_count(&self.open.0) > 1 {
            sleep(LOOK).await;
        }
    }
}

/// Takes batches until nobody can send any more.
async fn work(db: Db, means: Means, figures: Figures, waiting: Arc<Mutex<mpsc::Receiver<Job>>>) {
    loop {
        let mut jobs = Vec::new();
        let taken = waiting.lock().await.recv_many(&mut jobs, BATCH_MAX).await;
        if taken == 0 {
            return;
        }
        // In a task of its own, so that a panic costs one batch its answers and not
        // the bank its ledger.
        let done = tokio::spawn(commit(db.clone(), means.clone(), figures.clone(), jobs)).await;
        if let Err(error) = done {
            tracing::error!(%error, "a batch of postings panicked");
        }
    }
}

/// Commits a batch and answers everybody.
async fn commit(db: Db, means: Means, figures: Figures, jobs: Vec<Job>) {
    let began = Instant::now();
    let (postings, tells): (Vec<Posting>, Vec<_>) =
        jobs.into_iter().map(|job| (job.posting, job.tell)).unzip();
    let alone = match postings.as_slice() {
        [posting] => single::post(&db, posting, &means).await,
        _ => None,
    };
    let answers = match alone {
        Some(answer) => vec![Ok(answer)],
        None => settle(&db, &means, &postings).await,
    };
    figures.note(&answers, began.elapsed());
    carried(&postings);
    for (tell, answer) in tells.into_iter().zip(answers) {
        // Whoever went away is not told; the key knows.
        let _ = tell.to.send(answer);
    }
}

/// Says in the log which requests a batch carried, so that one can be followed to its commit.
fn carried(postings: &[Posting]) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        let requests = postings.iter().filter_map(|posting| posting.act.request_id.as_deref());
        let requests = requests.collect::<Vec<_>>().join(" ");
        tracing::debug!(size = postings.len(), requests, "a batch was answered");
    }
}

/// Does postings together, and again those that waited for the key of one of them that
/// was refused; gives each its answer, in their order.
pub async fn settle(
    db: &Db,
    means: &Means,
    postings: &[Posting],
) -> Vec<Result<Answer, LedgerError>> {
    let mut answers = attempt(db, means, postings).await;
    let mut open: Vec<usize> =
        (0..postings.len()).filter(|&place| answers[place].is_none()).collect();
    while !open.is_empty() {
        let round: Vec<Posting> = open.iter().map(|&place| postings[place].clone()).collect();
        let told = attempt(db, means, &round).await;
        for (&place, told) in open.iter().zip(told) {
            answers[place] = told;
        }
        open.retain(|&place| answers[place].is_none());
    }
    answers.into_iter().map(|answer| answer.unwrap_or(Err(LedgerError::Lost))).collect()
}

/// One round: all postings together, or, where the database will not have that, one by
/// one, so that one of them never spoils its neighbours.
async fn attempt(
    db: &Db,
    means: &Means,
    postings: &[Posting],
) -> Vec<Option<Result<Answer, LedgerError>>> {
    let error = match together(db, means, postings).await {
        Ok(outcomes) => return outcomes.into_iter().map(answered).collect(),
        Err(error) => error,
    };
    // Nobody could say for as long as it was asked whether it was done.
    if error.is_unavailable() || error.is_unsure() {
        let error = Arc::new(error);
        let told = |_: &Posting| Some(Err(LedgerError::Db(Arc::clone(&error))));
        return postings.iter().map(told).collect();
    }
    if let [posting] = postings {
        let told = found(db, posting, means).await.ok_or_else(|| LedgerError::Db(Arc::new(error)));
        return vec![Some(told)];
    }
    tracing::warn!(%error, size = postings.len(), "a batch failed: one by one");
    let mut all = Vec::with_capacity(postings.len());
    let mut gone: Option<Arc<DbError>> = None;
    for posting in postings {
        if let Some(error) = &gone {
            // Nobody waits for each of them to find out that the database is away.
            all.push(Some(Err(LedgerError::Db(Arc::clone(error)))));
            continue;
        }
        all.push(match together(db, means, std::slice::from_ref(posting)).await {
            Ok(mut outcomes) => outcomes.pop().and_then(answered),
            Err(error) => {
                let error = Arc::new(error);
                let away = error.is_unavailable() || error.is_unsure();
                gone = away.then(|| Arc::clone(&error));
                let made = if gone.is_none() { found(db, posting, means).await } else { None };
                Some(made.ok_or(LedgerError::Db(error)))
            }
        });
    }
    all
}

/// The answer to a posting without a key that is in the books already: it was committed by
/// a transaction whose answer was lost, and could not be written a second time.
async fn found(db: &Db, posting: &Posting, means: &Means) -> Option<Answer> {
    let movement = posting.movement.as_ref().filter(|_| posting.key.is_none())?;
    let mut s = db.read().await.ok()?;
    let known = entry::transactions(&mut s, &[movement.transaction_id]).await.ok()?;
    known.first()?;
    let (result_kind, result_id) = match &posting.opens {
        None => (ResultKind::Transaction, movement.transaction_id.uuid()),
        Some(Opening { kind: AccountKind::Card, account_id, .. }) => {
            (ResultKind::Card, account_id.uuid())
        }
        Some(Opening { kind: AccountKind::Savings, account_id, .. }) => {
            (ResultKind::Savings, account_id.uuid())
        }
        // What else is opened has a key, or is asked for again by whoever needs it.
        Some(_) => return None,
    };
    let created_at = means.clock.now();
    Some(Answer::Replayed(Operation {
        fingerprint: Vec::new(),
        result_kind,
        result_id,
        created_at,
    }))
}

/// One transaction, and some more where the database says that they may succeed.
async fn together(db: &Db, means: &Means, postings: &[Posting]) -> Result<Vec<Outcome>, DbError> {
    db.write_retrying(|s| Box::pin(batch::run(s, postings, means))).await
}

/// The answer of an outcome; none where it is to be tried again.
fn answered(outcome: Outcome) -> Option<Result<Answer, LedgerError>> {
    match outcome {
        Outcome::Answered(answer) => Some(Ok(answer)),
        Outcome::Again => None,
    }
}
