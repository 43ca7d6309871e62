//! The sandbox's amounts that provoke an error, where a person names one.

use super::{
    act, challenge,
    context::Bank,
    error::{Broken, Failure},
    permit::Permit,
};
use crate::{
    domain::{refusal::Refusal, rehearsal, rehearsal::Provoked},
    types::money::DecimalText,
};

/// When to come again, where an amount says that the server is busy.
const RETRY_AFTER_SECONDS: u32 = 2;

/// Does what the amount provokes; nothing in production, and nothing where it means money.
pub(super) async fn play(
    bank: &Bank,
    permit: &Permit,
    action: &'static str,
    amount: &DecimalText,
) -> Result<(), Failure> {
    let magic = if bank.rules.sandbox { rehearsal::of(amount) } else { None };
    let Some(magic) = magic else { return Ok(()) };
    let outcome = provoke(bank, permit, magic.provoked).await;
    act::audited(bank, permit.act(action), outcome).await
}

async fn provoke(bank: &Bank, permit: &Permit, provoked: Provoked) -> Result<(), Failure> {
    Err(match provoked {
        Provoked::Refusal(code) => {
            let refusal = rehearsal::refuse(code, bank.now(), bank.rules.default_currency());
            refusal.ok_or(Broken::Inconsistent("an amount provokes what nobody knows"))?.into()
        }
        Provoked::StepUp => challenge::step_up(bank, permit).await?.into(),
        Provoked::Overloaded => {
            Refusal::Overloaded { retry_after_seconds: RETRY_AFTER_SECONDS }.into()
        }
        // Whoever asked is told that it took too long, and this is dropped.
        Provoked::Timeout => std::future::pending().await,
        Provoked::Internal => Broken::Inconsistent("an amount asked for this error").into(),
    })
}
