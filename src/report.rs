//! The report of an audit, as people read it.

use std::io::Write;

use crate::{
    bank::books::Report,
    types::money::{Currency, Minor, Money},
};

/// Shows what an audit found, a line for each promise.
pub fn show(out: &mut impl Write, report: &Report) -> std::io::Result<()> {
    let figures = report.figures;
    writeln!(
        out,
        "{} accounts, {} transactions, {} entries, {} idempotency keys, {} seals, {} unsealed",
        figures.accounts,
        figures.transactions,
        figures.entries,
        figures.keys,
        figures.seals,
        figures.unsealed
    )?;
    for (code, total) in &report.totals {
        let shown = Currency::parse(code).map_or_else(
            || total.to_string(),
            |currency| Money::new(Minor(*total), currency).to_string(),
        );
        let verdict = if *total == 0 { "ok    " } else { "BROKEN" };
        writeln!(out, "{verdict} the sum of all entries in {code} is {shown}")?;
    }
    for finding in &report.findings {
        match finding.broken {
            None => writeln!(out, "ok     {}", finding.promise)?,
            Some(row) => writeln!(out, "BROKEN {}: first at {row}", finding.promise)?,
        }
    }
    if let Some(damage) = &report.damage {
        writeln!(out, "BROKEN the database file is whole: {damage}")?;
    }
    let verdict = if report.holds() { "The books hold." } else { "The books do not hold." };
    writeln!(out, "{verdict}")
}
