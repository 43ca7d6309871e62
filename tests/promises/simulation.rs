//! The ledger's core against a model, through crashes and failures between any two
//! steps of the database. Everything comes from one seed: a failure prints it, and
//! the same seed plays the same run again.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::json;
use teller::{
    db::fault::{self, Plan, Strike},
    domain::account::AccountStatus,
    ledger::{
        batch::Means,
        engine,
        posting::{Answer, LedgerError, Posting},
    },
    types::{entropy::Entropy, id},
};

use crate::support::{
    bank::{SeededEntropy, TestBank, sandbox_rules, test_name},
    chance::Chance,
    databases,
    model::{Expected, Model},
    proof,
};

/// Operations of one world; a larger run is made of several, each with a fresh database.
const WORLD: usize = 50_000;
/// Operations that are handed to the ledger together, at most.
const BATCH_MAX: u64 = 24;
/// The step at which a fault strikes, at most: few batches take more of them.
const STEPS_MAX: u32 = 16;

/// What a run did.
#[derive(Debug, Default)]
struct Tally {
    operations: usize,
    crashes: usize,
    failures: usize,
    accepted: usize,
    refused: usize,
    replayed: usize,
    codes: BTreeSet<&'static str>,
}

struct World {
    bank: TestBank,
    model: Model,
    chance: Chance,
    means: Means,
    seed: u64,
}

impl World {
    async fn open(seed: u64) -> Self {
        let bank = TestBank::with_rules(databases::sqlite().await, sandbox_rules()).await;
        let chance = Chance::new(seed);
        let mut people = Vec::new();
        for (index, name) in [(1, "ann"), (2, "bob"), (3, "eve")] {
            let person = bank.join(name, index).await;
            let session = "{ sessions { id } me { id } }";
            let found = bank.run(Some(&person.token), session, json!({})).await;
            let uuid = |wire: &serde_json::Value| {
                id::split(wire.as_str().expect("an id")).expect("an id of ours").1
            };
            people.push((uuid(&found["sessions"][0]["id"]), uuid(&found["me"]["id"])));
        }
        // A day passes now and then, and a world sees more of them than a session lasts.
        let lasting = "UPDATE sessions SET expires_at = '2999-01-01T00:00:00+00:00',
            refresh_expires_at = '2999-01-01T00:00:00+00:00'";
        bank.fresh.raw(lasting).await.expect("the sessions last");
        let model = Model::new(&people);
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
        let clock = Arc::clone(&bank.clock);
        let currencies = bank.bank.rules.currencies.clone();
        let means = Means { clock, chance: entropy, currencies };
        Self { bank, model, chance, means, seed }
    }

    /// Hands postings to the ledger, perhaps with a fault; gives back what is to be sent
    /// again, as a client does that was left without an answer.
    async fn settle(&mut self, mut postings: Vec<Posting>, tally: &mut Tally) -> Vec<Posting> {
        let plan = match self.chance.below(8) {
            0 => Some(Plan::new(self.chance.small(STEPS_MAX), Strike::Crash)),
            1 => Some(Plan::new(self.chance.small(STEPS_MAX), Strike::Fail)),
            _ => None,
        };
        if plan.is_some() {
            // So that all of them are one transaction, done or not done together.
            let mut keys = BTreeSet::new();
            postings.retain(|posting| match &posting.key {
                Some(key) => keys.insert((key.scope_id, key.key.clone())),
                None => true,
            });
        }
        let db = self.bank.bank.db.clone();
        let work = engine::settle(&db, &self.means, &postings);
        let answers = match &plan {
            None => Some(work.await),
            Some(plan) => fault::planned(Arc::clone(plan), work).await,
        };
        let Some(answers) = answers else {
            tally.crashes += 1;
            return self.after_a_crash(postings).await;
        };
        if plan.is_some_and(|plan| plan.struck()) {
            tally.failures += 1;
            if let [Err(error)] = answers.as_slice() {
                // Alone there is nobody to be spared: it failed, and nothing was done.
                assert!(matches!(error, LedgerError::Db(_)), "seed {}: {error}", self.seed);
                return postings;
            }
        }
        self.compare(&postings, answers, tally);
        Vec::new()
    }

    /// The answers are lost, and perhaps the deeds: the books tell. What has a key is
    /// sent again either way.
    async fn after_a_crash(&mut self, postings: Vec<Posting>) -> Vec<Posting> {
        let mut done = false;
        for posting in &postings {
            done |= self.model.stands(&self.bank, posting).await;
        }
        if !done {
            return postings;
        }
        let now = self.bank.bank.now();
        for posting in &postings {
            self.model.apply(posting, now);
        }
        postings.into_iter().filter(|posting| posting.key.is_some()).collect()
    }

    /// The answers must be the model's. A posting that waited for the key of one that was
    /// refused comes after all others.
    fn compare(
        &mut self,
        postings: &[Posting],
        answers: Vec<Result<Answer, LedgerError>>,
        tally: &mut Tally,
    ) {
        let now = self.bank.bank.now();
        let mut open: Vec<(&Posting, Result<Answer, LedgerError>)> =
            postings.iter().zip(answers).collect();
        while !open.is_empty() {
            let mut refused = BTreeSet::new();
            let mut later = Vec::new();
            for (posting, answer) in open {
                let key = posting.key.as_ref().map(|key| (key.scope_id, key.key.clone()));
                if key.as_ref().is_some_and(|key| refused.contains(key)) {
                    later.push((posting, answer));
                    continue;
                }
                let expected = self.model.apply(posting, now);
                if let (Expected::Refused(_), Some(key)) = (&expected, key) {
                    refused.insert(key);
                }
                self.judge(posting, &expected, answer, tally);
            }
            open = later;
        }
    }

    fn judge(
        &self,
        posting: &Posting,
        expected: &Expected,
        answer: Result<Answer, LedgerError>,
        tally: &mut Tally,
    ) {
        let seed = self.seed;
        let answer = answer.unwrap_or_else(|error| panic!("seed {seed}: {error}: {posting:?}"));
        tally.operations += 1;
        let same = match (expected, &answer) {
            (Expected::Done, Answer::Done(_)) => {
                tally.accepted += 1;
                true
            }
            (Expected::Replayed(id), Answer::Replayed(before)) => {
                tally.replayed += 1;
                *id == before.result_id
            }
            (Expected::Refused(code), Answer::Refused(refusal)) => {
                tally.refused += 1;
                tally.codes.insert(code);
                *code == refusal.code()
            }
            _ => false,
        };
        assert!(same, "seed {seed}: expected {expected:?}, got {answer:?} for {posting:#?}");
    }

    /// What is done beside the ledger: accounts freeze and thaw, a day passes.
    async fn meddle(&mut self) {
        if self.chance.below(2) == 0 {
            self.model.bill(&self.bank, &mut self.chance, &self.means).await;
        }
        let Some(account) = self.model.any_account(&mut self.chance) else {
            return;
        };
        let status =
            if self.chance.below(3) == 0 { AccountStatus::Frozen } else { AccountStatus::Active };
        self.model.set_status(&self.bank, account, status).await;
        if self.chance.below(20) == 0 {
            self.bank.wait(chrono::Duration::days(1));
        } else {
            self.bank.wait(chrono::Duration::microseconds(i64::from(self.chance.small(1_000))));
        }
    }
}

async fn run(seed: u64, operations: usize, tally: &mut Tally) {
    let mut world = World::open(seed).await;
    let until = tally.operations + operations;
    let mut round = 0_u32;
    while tally.operations < until {
        let size = 1 + world.chance.below(BATCH_MAX);
        let mut postings = Vec::new();
        for _ in 0..size {
            postings.push(world.model.draw(&mut world.chance, &world.means));
        }
        while !postings.is_empty() {
            postings = world.settle(postings, tally).await;
        }
        world.meddle().await;
        round += 1;
        if round.is_multiple_of(500) {
            world.model.compare(&world.bank, seed).await;
        }
    }
    world.model.compare(&world.bank, seed).await;
    world.bank.audit().await;
    world.bank.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_does_what_its_model_does_through_crashes_at_any_step() {
    let operations = proof::sized(6_000, 1_000_000);
    let mut tally = Tally::default();
    let mut seed = proof::seed();
    println!("the simulation's first seed is {seed}");
    while tally.operations < operations {
        let left = operations - tally.operations;
        run(seed, left.min(WORLD), &mut tally).await;
        seed += 1;
    }
    proof::tally("sqlite", &test_name());
    let figure = format!(
        "{} operations, {} crashes, {} failures: {} accepted, {} refused, {} replayed; 0 violations",
        tally.operations,
        tally.crashes,
        tally.failures,
        tally.accepted,
        tally.refused,
        tally.replayed
    );
    let covered = [
        "INSUFFICIENT_FUNDS",
        "ACCOUNT_FROZEN",
        "CURRENCY_MISMATCH",
        "SAME_ACCOUNT",
        "IDEMPOTENCY_CONFLICT",
        "ALREADY_REVERSED",
        "BILL_NOT_PAYABLE",
        "TOO_MANY",
        "LIMIT_EXCEEDED",
        "NOT_FOUND",
        "INVALID_INPUT",
    ];
    let missing: Vec<_> = covered.iter().filter(|code| !tally.codes.contains(*code)).collect();
    let held = missing.is_empty() && tally.crashes > 0 && tally.failures > 0;
    proof::record("F22 deterministic simulation of the ledger", "0 violations", &figure, held);
    assert!(held, "never seen: {missing:?}: {figure}");
}
