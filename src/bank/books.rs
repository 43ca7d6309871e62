//! The audit of the books: everything is computed again from the entries, and the chain
//! of seals from the rows that it covers.

use std::fmt::{Display, Formatter};

use uuid::Uuid;

use super::{context::Bank, error::Failure};
use crate::{
    domain::seal::SealKind,
    ledger::{chain, chain::Break},
    store::{
        books,
        books::{CHECKS, Figures},
    },
};

/// What must hold of the chain.
const CHAIN: &str = "every seal follows from its rows and the seal before it";

/// What the audit found.
#[derive(Debug, Clone)]
pub struct Report {
    /// How much there is.
    pub figures: Figures,
    /// The sum of all entries in each currency; each must be zero.
    pub totals: Vec<(String, i64)>,
    /// What was asked, in order.
    pub findings: Vec<Finding>,
}

/// One promise of the books and whether it holds.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What must hold, as a sentence.
    pub promise: &'static str,
    /// The first row that breaks it.
    pub broken: Option<BrokenRow>,
}

/// A row that breaks a promise, as people find it: `account 0190…`, or
/// `seal 17, transaction 0190…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenRow {
    /// A row of a table, with the noun that says which.
    Of(&'static str, Uuid),
    /// A seal, with what it is of; without it where the seal is missing or unreadable.
    Seal(i64, Option<(SealKind, Uuid)>),
}

impl Display for BrokenRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Of(noun, id) => write!(f, "{noun} {id}"),
            Self::Seal(sequence, Some((kind, id))) => {
                write!(f, "seal {sequence}, {} {id}", kind.noun())
            }
            Self::Seal(sequence, None) => {
                write!(f, "seal {sequence}, which is missing or unreadable")
            }
        }
    }
}

impl From<Break> for BrokenRow {
    fn from(found: Break) -> Self {
        Self::Seal(found.sequence, found.subject)
    }
}

impl Report {
    /// Everything holds.
    pub fn holds(&self) -> bool {
        self.totals.iter().all(|&(_, total)| total == 0)
            && self.findings.iter().all(|finding| finding.broken.is_none())
    }
}

/// Computes every sum, balance, version and seal again, in one snapshot.
pub async fn audit(bank: &Bank) -> Result<Report, Failure> {
    let mut s = bank.db.read().await?;
    // All rows are wanted, and in no order.
    s.allow_scans().await?;
    let figures = books::figures(&mut s).await?;
    let totals = books::totals(&mut s).await?;
    let mut findings = Vec::with_capacity(CHECKS.len());
    for check in CHECKS {
        let broken = books::first_broken(&mut s, check).await?;
        let broken = broken.map(|id| BrokenRow::Of(check.noun, id));
        findings.push(Finding { promise: check.promise, broken });
    }
    let broken = chain::first_break(&mut s).await?.map(BrokenRow::from);
    findings.push(Finding { promise: CHAIN, broken });
    Ok(Report { figures, totals, findings })
}
