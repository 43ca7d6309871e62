//! What becomes of an operation: its success, what it says itself, or what the bank says.

use super::{answer::Answer, call::Call, door::Fault};
use crate::{bank::error::Failure, domain::refusal::Refusal};

/// Why an operation gives no documented success.
#[derive(Debug)]
pub enum No {
    /// It is said already.
    Said(Answer),
    /// The bank says it.
    Failed(Failure),
}

impl From<Answer> for No {
    fn from(answer: Answer) -> Self {
        Self::Said(answer)
    }
}

impl From<Failure> for No {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The answer of an operation, whatever became of it: the dialect has its own words for a
/// refusal and for what is wrong with us, which is logged here.
pub fn settle(
    call: &Call,
    outcome: Result<Answer, No>,
    refused: impl FnOnce(&Refusal) -> Answer,
    fault: impl FnOnce(Fault) -> Answer,
) -> Answer {
    match outcome {
        Ok(answer) | Err(No::Said(answer)) => answer,
        Err(No::Failed(Failure::Refused(refusal))) => {
            let code = refusal.code();
            metrics::counter!("teller_refusals_total", "face" => "legacy", "code" => code)
                .increment(1);
            refused(&refusal)
        }
        Err(No::Failed(Failure::Broken(failure))) => {
            call.log(&failure);
            fault(match (failure.is_unsure(), call.acts) {
                (true, true) => Fault::OutcomeUnknown,
                // What only reads may be asked again.
                (true, false) => Fault::TooSlow,
                (false, _) => Fault::Broken,
            })
        }
    }
}
