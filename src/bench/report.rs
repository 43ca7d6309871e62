//! What was measured: rows with their peers and targets, as a table or as JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::figures::median;

/// What a row must reach.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// The ratio to the peer is at least this.
    RatioFrom(f64),
    /// The ratio to the peer is at most this.
    RatioTo(f64),
    /// The ratio to the peer is below this.
    RatioBelow(f64),
    /// The figure itself is below this.
    FigureBelow(f64),
    /// The figure itself is at least this.
    FigureFrom(f64),
}

/// Another peer of the same round, which no target speaks of.
#[derive(Debug, Clone, Serialize)]
pub struct Beside {
    /// Who it is.
    pub peer: &'static str,
    /// Its figure; none where it could not run.
    pub figure: Option<f64>,
    /// The row's figure over the peer's, the median of the rounds.
    pub ratio: Option<f64>,
    /// Its figure of each round.
    pub rounds: Vec<f64>,
    /// Why there is none.
    pub note: Option<String>,
}

/// One line of the table.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    /// Its name for programs.
    pub name: String,
    /// What was measured.
    pub what: String,
    /// What came out, the median of the rounds; none where it cannot be measured yet.
    pub figure: Option<f64>,
    /// What it is counted in.
    pub unit: &'static str,
    /// Against whom.
    pub peer: Option<&'static str>,
    /// What the peer reached.
    pub peer_figure: Option<f64>,
    /// The figure over the peer's, the median of the rounds' own ratios.
    pub ratio: Option<f64>,
    /// What it must reach.
    pub target: Option<String>,
    /// Whether it did; none where nothing is judged.
    pub held: Option<bool>,
    /// The figure of each round.
    pub rounds: Vec<f64>,
    /// The peer's figure of each round.
    pub peer_rounds: Vec<f64>,
    /// The other peers.
    pub beside: Vec<Beside>,
    /// What else is to be known.
    pub note: Option<String>,
}

/// The ratios of rounds that both did.
fn ratios(ours: &[f64], theirs: &[f64]) -> Option<f64> {
    let each: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b.max(f64::EPSILON)).collect();
    (!each.is_empty()).then(|| median(&each))
}

fn figure(rounds: &[f64]) -> Option<f64> {
    (!rounds.is_empty()).then(|| median(rounds))
}

impl Row {
    /// A row with the figures of its rounds.
    pub fn new(name: impl Into<String>, what: impl Into<String>, unit: &'static str) -> Self {
        Self { name: name.into(), what: what.into(), unit, ..Self::default() }
    }

    /// What came out, round by round.
    #[must_use]
    pub fn measured(mut self, rounds: Vec<f64>) -> Self {
        self.figure = figure(&rounds);
        self.rounds = rounds;
        self
    }

    /// What the peer reached in the same rounds.
    #[must_use]
    pub fn against(mut self, peer: &'static str, rounds: Vec<f64>) -> Self {
        self.peer = Some(peer);
        self.peer_figure = figure(&rounds);
        self.ratio = ratios(&self.rounds, &rounds);
        self.peer_rounds = rounds;
        self
    }

    /// What another peer reached in the same rounds, or why it could not run.
    #[must_use]
    pub fn beside(mut self, peer: &'static str, rounds: &[f64], note: Option<&str>) -> Self {
        self.beside.push(Beside {
            peer,
            figure: figure(rounds),
            ratio: ratios(&self.rounds, rounds),
            rounds: rounds.to_vec(),
            note: note.map(str::to_owned),
        });
        self
    }

    /// What it must reach; a quick run says so and judges nothing.
    #[must_use]
    pub fn target(mut self, target: Target, quick: bool) -> Self {
        let (said, held) = match target {
            Target::RatioFrom(least) => {
                (format!("at least {least} times"), self.ratio.map(|ratio| ratio >= least))
            }
            Target::RatioTo(most) => {
                (format!("at most {most} times"), self.ratio.map(|ratio| ratio <= most))
            }
            Target::RatioBelow(bound) => {
                (format!("under {bound} times"), self.ratio.map(|ratio| ratio < bound))
            }
            Target::FigureFrom(least) => {
                let held = self.figure.map(|figure| figure >= least);
                (format!("at least {least:.0} {}", self.unit), held)
            }
            Target::FigureBelow(bound) => {
                (format!("under {bound} {}", self.unit), self.figure.map(|figure| figure < bound))
            }
        };
        self.target = Some(said);
        self.held = held.filter(|_| !quick);
        self
    }

    /// What else is to be known.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        let note = note.into();
        self.note = Some(match self.note {
            Some(before) => format!("{before}; {note}"),
            None => note,
        });
        self
    }

    /// The same with a note, where there is one.
    #[must_use]
    pub fn noted(self, note: Option<String>) -> Self {
        match note {
            Some(note) => self.note(note),
            None => self,
        }
    }
}

/// The rows of one table that a transfer leaves.
#[derive(Debug, Clone, Serialize)]
pub struct RowsWritten {
    /// Whose transfers.
    pub who: &'static str,
    /// How many transfers were counted.
    pub transfers: u64,
    /// Rows of each table for each transfer.
    pub tables: Vec<(&'static str, f64)>,
    /// All of them.
    pub all: f64,
}

/// What `teller audit` found in a database after the load.
#[derive(Debug, Clone, Serialize)]
pub struct Audit {
    /// Whose database.
    pub who: &'static str,
    /// The books hold.
    pub holds: bool,
    /// What it said.
    pub told: String,
}

/// Everything that one run found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// When it began.
    pub date: String,
    /// Processor, cores, memory, system.
    pub machine: String,
    /// Which Teller.
    pub teller: String,
    /// Which database, and how it keeps what it acknowledged.
    pub database: String,
    /// Which `pgbench`.
    pub pgbench: Option<String>,
    /// The seed of the load.
    pub seed: u64,
    /// Tiny numbers: nothing is judged.
    pub quick: bool,
    /// People, each with one card.
    pub people: u32,
    /// Rounds in which everybody took their turn, and the seconds of each load.
    pub rounds: usize,
    /// How long each load of each round lasted.
    pub seconds: f64,
    /// The table.
    pub rows: Vec<Row>,
    /// What a transfer leaves in the database, ours and the peer's.
    pub rows_written: Vec<RowsWritten>,
    /// The books after the load.
    pub audits: Vec<Audit>,
}

/// Three digits are more than such a figure deserves.
fn show(figure: f64) -> String {
    let size = figure.abs();
    if size >= 100.0 {
        format!("{figure:.0}")
    } else if size >= 10.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.2}")
    }
}

fn cells(row: &Row) -> [String; 6] {
    let unit = row.unit;
    let ours = row.figure.map_or_else(|| "not yet".to_owned(), |f| format!("{} {unit}", show(f)));
    let peer = match (row.peer, row.peer_figure) {
        (Some(peer), Some(figure)) => format!("{} {peer}", show(figure)),
        (Some(peer), None) => format!("no {peer}"),
        (None, _) => "-".to_owned(),
    };
    let held = match (row.held, row.target.is_some()) {
        (Some(true), _) => "held",
        (Some(false), _) => "MISSED",
        (None, true) => "not judged",
        (None, false) => "-",
    };
    let dash = || "-".to_owned();
    [
        row.what.clone(),
        ours,
        peer,
        row.ratio.map_or_else(dash, show),
        row.target.clone().unwrap_or_else(dash),
        held.to_owned(),
    ]
}

impl Report {
    /// Writes everything for people.
    pub fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "Teller    {}", self.teller)?;
        writeln!(out, "machine   {}", self.machine)?;
        writeln!(out, "database  {}", self.database)?;
        writeln!(out, "pgbench   {}", self.pgbench.as_deref().unwrap_or("none"))?;
        writeln!(
            out,
            "run       {}, seed {}, {} people with a card each, {} rounds of {} s a load\n",
            self.date, self.seed, self.people, self.rounds, self.seconds
        )?;
        self.print_table(out)?;
        for row in &self.rows {
            for beside in &row.beside {
                let (figure, ratio) = (beside.figure.map(show), beside.ratio.map(show));
                let (figure, ratio) = (figure.unwrap_or("-".into()), ratio.unwrap_or("-".into()));
                let note = beside.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
                let peer = beside.peer;
                writeln!(out, "  {}: beside {peer} {figure}, ratio {ratio}{note}", row.what)?;
            }
            if let Some(note) = &row.note {
                writeln!(out, "  {}: {note}", row.what)?;
            }
        }
        writeln!(out)?;
        for written in &self.rows_written {
            let tables: Vec<String> =
                written.tables.iter().map(|(table, rows)| format!("{table} {rows:.2}")).collect();
            let (who, all, tables) = (written.who, written.all, tables.join(", "));
            writeln!(out, "{who}: {all:.2} new rows a transfer ({tables})")?;
        }
        for audit in &self.audits {
            let verdict = if audit.holds { "the books hold" } else { "THE BOOKS DO NOT HOLD" };
            writeln!(out, "{}: {verdict} after the load", audit.who)?;
        }
        Ok(())
    }

    fn print_table(&self, out: &mut impl Write) -> io::Result<()> {
        let heads = ["what", "figure", "peer", "ratio", "target", "held"].map(str::to_owned);
        let lines: Vec<[String; 6]> =
            std::iter::once(heads).chain(self.rows.iter().map(cells)).collect();
        let width = |column: usize| {
            lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0)
        };
        let widths: [usize; 6] = std::array::from_fn(width);
        for (number, cells) in lines.iter().enumerate() {
            let padded: Vec<String> =
                cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            writeln!(out, "| {} |", padded.join(" | "))?;
            if number == 0 {
                let rule: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
                writeln!(out, "|{}|", rule.join("|"))?;
            }
        }
        writeln!(out)
    }
}
