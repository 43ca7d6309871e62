//! The audit of the books: everything is computed again from the entries.

use uuid::Uuid;

use super::{context::Bank, error::Failure};
use crate::store::{
    books,
    books::{CHECKS, Figures},
};

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
    /// The first row that breaks it, with its noun.
    pub broken: Option<(&'static str, Uuid)>,
}

impl Report {
    /// Everything holds.
    pub fn holds(&self) -> bool {
        self.totals.iter().all(|&(_, total)| total == 0)
            && self.findings.iter().all(|finding| finding.broken.is_none())
    }
}

/// Computes every sum, balance and version again, in one snapshot.
pub async fn audit(bank: &Bank) -> Result<Report, Failure> {
    let mut s = bank.db.read().await?;
    let figures = books::figures(&mut s).await?;
    let totals = books::totals(&mut s).await?;
    let mut findings = Vec::with_capacity(CHECKS.len());
    for check in CHECKS {
        let broken = books::first_broken(&mut s, check).await?;
        let broken = broken.map(|id| (check.noun, id));
        findings.push(Finding { promise: check.promise, broken });
    }
    Ok(Report { figures, totals, findings })
}
