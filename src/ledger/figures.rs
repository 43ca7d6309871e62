//! What the ledger counts of its batches.

use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

use super::posting::{Answer, LedgerError};

/// The counters, found by their names once.
#[derive(Clone)]
pub struct Figures {
    postings: Histogram,
    seconds: Histogram,
    done: Counter,
    replayed: Counter,
    refused: Counter,
    failed: Counter,
}

impl Figures {
    /// The counters of this process.
    pub fn begin() -> Self {
        let became =
            |answer: &'static str| counter!("teller_ledger_postings_total", "answer" => answer);
        Self {
            postings: histogram!("teller_ledger_batch_postings"),
            seconds: histogram!("teller_ledger_batch_seconds"),
            done: became("done"),
            replayed: became("replayed"),
            refused: became("refused"),
            failed: became("failed"),
        }
    }

    /// Notes a batch that was answered.
    pub fn note(&self, answers: &[Result<Answer, LedgerError>], taken: Duration) {
        self.postings.record(f64::from(u32::try_from(answers.len()).unwrap_or(u32::MAX)));
        self.seconds.record(taken);
        let mut counts = [0_u64; 4];
        for answer in answers {
            let place = match answer {
                Ok(Answer::Done(_)) => 0,
                Ok(Answer::Replayed(_)) => 1,
                Ok(Answer::Refused(_)) => 2,
                Err(_) => 3,
            };
            counts[place] += 1;
        }
        let counters = [&self.done, &self.replayed, &self.refused, &self.failed];
        for (counter, count) in counters.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
            counter.increment(count);
        }
    }
}
