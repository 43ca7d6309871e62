//! The audit of the books: everything is computed again from the entries, and the chain
//! of seals from the rows that it covers.

use std::fmt::{Display, Formatter};

use uuid::Uuid;

use super::{context::Bank, error::Failure};
use crate::{
    db::copy::Depth,
    domain::seal::SealKind,
    ledger::{chain, chain::Break},
    store::{
        books,
        books::{AT_START, BALANCES, CHECKS, Figures},
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
    /// What is wrong with the database's file, where it is a file of ours.
    pub damage: Option<String>,
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
            && self.damage.is_none()
    }
}

/// Computes every sum, balance, version and seal again, in one snapshot.
pub async fn audit(bank: &Bank) -> Result<Report, Failure> {
    let damage = bank.db.damage(Depth::Whole).await?;
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
    Ok(Report { figures, totals, findings, damage })
}

/// Reads every page of the database's file while the bank is served already, and comes
/// back where one is damaged.
pub async fn rot(bank: Bank) -> String {
    match bank.db.damage(Depth::Pages).await {
        Ok(Some(damage)) => return format!("the database file is damaged: {damage}"),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the database file could not be looked over"),
    }
    std::future::pending().await
}

/// What is wrong with the bank at its start, so that no money may be served: with the pages
/// of what balances are made of, and with the balances themselves. It costs a look at each
/// account, whatever happened on it, and is quick enough for every start.
pub async fn unsound(bank: &Bank) -> Result<Option<String>, Failure> {
    if let Some(damage) = bank.db.damage(Depth::Tables(BALANCES)).await? {
        return Ok(Some(format!("the database file is damaged: {damage}")));
    }
    let mut s = bank.db.read().await?;
    s.allow_scans().await?;
    for check in AT_START {
        if let Some(id) = books::first_broken(&mut s, check).await? {
            let row = BrokenRow::Of(check.noun, id);
            return Ok(Some(format!("this does not hold: {}, first at {row}", check.promise)));
        }
    }
    let currency = books::unbalanced_currency(&mut s).await?;
    Ok(currency.map(|code| format!("all balances in {code} together are not zero")))
}
