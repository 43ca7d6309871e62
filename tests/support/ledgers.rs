//! What must hold of the books after any fault: every order acknowledged once, each key
//! moved once, no cent lost or made.

use tokio::process::Command;

use super::{
    crowd::{Crowd, Done, MORE},
    load::{
        OPENING, OVERLOADED, Order, Payer, SILENCE, Tally, audit, balances, beyond, expected,
        missing, off,
    },
    server::Server,
};

/// What was counted after the faults; all of it must be nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Harm {
    /// Cents by which the cards are off.
    pub cents: i64,
    /// Acknowledged transfers that their payer cannot see.
    pub missing: usize,
    /// Movements beyond one for each key.
    pub surplus: i64,
    /// Errors that clients were told, but for silence, for being told to come later, and
    /// for being told that it took too long.
    pub errors: usize,
}

/// What a table of proofs says is to be reached.
pub const NO_HARM: &str = "0 cents lost or made, 0 acknowledged transfers missing, 0 movements \
    beyond one a key, 0 errors";

impl Harm {
    /// Counts on a server what became of all orders, `more` cents being on each card beyond
    /// its opening credit. At most `seen` of them are looked up one by one.
    pub async fn count(
        server: &Server,
        auditor: Command,
        payers: &[Payer],
        done: &[Done],
        tally: &Tally,
        more: i64,
        seen: usize,
    ) -> Self {
        let step = done.len().div_ceil(seen.max(1)).max(1);
        let some: Vec<(Order, String)> =
            done.iter().step_by(step).map(|one| (one.order.clone(), one.id.clone())).collect();
        let missing = missing(server, payers, &some).await;
        let orders = done.iter().map(|one| &one.order);
        let wanted = expected(payers.len(), OPENING + more, orders);
        let cents = off(&balances(server, payers).await, &wanted);
        // Each person has an opening, and a top-up where there is more on the card.
        let own = payers.len() * if more > 0 { 2 } else { 1 };
        let surplus = beyond(audit(auditor).await, done.len() + own);
        let errors = tally.others(&[SILENCE, OVERLOADED, "TIMEOUT"]);
        Self { cents, missing, surplus, errors }
    }

    /// Lets a crowd that was gathered end what it has begun, counts, and stops the server;
    /// with how many orders there were.
    pub async fn after(crowd: Crowd, server: Server, auditor: Command) -> (Self, usize) {
        let (payers, tally) = (crowd.payers.clone(), crowd.tally.clone());
        let done = crowd.disperse().await;
        let harm = Self::count(&server, auditor, &payers, &done, &tally, MORE, usize::MAX).await;
        assert!(server.stop().await.success());
        (harm, done.len())
    }

    /// Adds what became of other books.
    pub fn add(&mut self, other: &Self) {
        self.cents += other.cents;
        self.missing += other.missing;
        // Too many of one must not hide that another lacks some.
        self.surplus += other.surplus.abs();
        self.errors += other.errors;
    }

    /// The figures in the order of [`NO_HARM`].
    pub fn figures(&self) -> String {
        format!("{}, {}, {}, {}", self.cents, self.missing, self.surplus, self.errors)
    }
}
