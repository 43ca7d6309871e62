//! Where a simulation lets the work on the database fail or die, between any two steps.
//!
//! Nothing is planned outside of [`planned`], and then a step costs one look.

use std::{
    future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::sync::Notify;

use super::error::DbError;

tokio::task_local! {
    static PLAN: Arc<Plan>;
}

/// What happens at the step at which a plan strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// The step fails as if the database had said no.
    Fail,
    /// The work ends there without a word, as if the process had been killed.
    Crash,
}

/// One fault at one step.
#[derive(Debug)]
pub struct Plan {
    first: u32,
    left: AtomicU32,
    strike: Strike,
    crashed: Notify,
}

impl Plan {
    /// Strikes once, at the step after `steps` others. A statement is one step, and so
    /// are the moment before a commit and the moment after it.
    pub fn new(steps: u32, strike: Strike) -> Arc<Self> {
        let first = steps.saturating_add(1);
        Arc::new(Self { first, left: AtomicU32::new(first), strike, crashed: Notify::new() })
    }

    /// Strikes never; [`Self::taken`] tells how many steps the work took.
    pub fn counting() -> Arc<Self> {
        Self::new(u32::MAX, Strike::Fail)
    }

    /// How many steps were taken so far.
    pub fn taken(&self) -> u32 {
        self.first.saturating_sub(self.left.load(Ordering::SeqCst))
    }

    /// It has struck.
    pub fn struck(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

/// Does the work under a plan; `None` where it crashed.
pub async fn planned<T>(plan: Arc<Plan>, work: impl Future<Output = T>) -> Option<T> {
    let watched = Arc::clone(&plan);
    let either = async move {
        tokio::select! {
            biased;
            () = watched.crashed.notified() => None,
            done = work => Some(done),
        }
    };
    PLAN.scope(plan, either).await
}

/// The moment after a commit, at which the work can only die: it cannot fail any more.
pub(super) async fn after_commit() {
    let crashes = PLAN.try_with(|plan| plan.strike == Strike::Crash).unwrap_or(false);
    if crashes {
        let never = step().await;
        debug_assert!(never.is_ok(), "a crash does not come back");
    }
}

/// One step of the work.
pub(super) async fn step() -> Result<(), DbError> {
    let Ok(plan) = PLAN.try_with(Arc::clone) else {
        return Ok(());
    };
    let before = plan.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
    match (before, plan.strike) {
        (Ok(1), Strike::Fail) => Err(DbError::Planned),
        (Ok(1), Strike::Crash) => {
            plan.crashed.notify_one();
            future::pending().await
        }
        _ => Ok(()),
    }
}
