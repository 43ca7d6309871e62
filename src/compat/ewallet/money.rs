//! Money into the wallet and out of it to a bank outside.

use axum::http::{HeaderMap, StatusCode};

use super::{
    errors::{MOVEMENT, msg},
    person::permit,
    token::body,
};
use crate::{
    bank::{
        account, transfer,
        transfer::{Remittance, TopUp},
    },
    compat::wire::{
        answer::Answer, call::Call, doors::Doors, idempotency, json::Json, outcome::No,
    },
    domain::account::OutsideBank,
    store::posting_rows::Claim,
    types::money::DecimalText,
};

/// The longest thing that a client says of where it is.
pub const CLAIM_MAX: usize = 255;
/// How much is kept of what a program calls itself.
const USER_AGENT_MAX: usize = 50;
/// Digits of the largest amount.
pub const DIGITS_MAX: u32 = 13;

fn failed() -> No {
    Answer::from(MOVEMENT).into()
}

/// What a client says in a header: something, and not too much.
fn said(headers: &HeaderMap, name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(name)?.as_bytes()).trim().to_owned();
    let fits = !text.is_empty() && text.chars().count() <= CLAIM_MAX;
    fits.then_some(text)
}

fn claim(headers: &HeaderMap) -> Option<Claim> {
    let program = headers.get("user-agent").map(|value| String::from_utf8_lossy(value.as_bytes()));
    let user_agent = program.map(|text| text.chars().take(USER_AGENT_MAX).collect());
    let (ip_address, location) = (said(headers, "ip-address")?, said(headers, "location")?);
    Some(Claim { ip_address, location, user_agent })
}

/// A whole number of units, more than none.
fn amount(body: &Json) -> Option<DecimalText> {
    let Some(Json::Number(digits)) = body.get("amount") else {
        return None;
    };
    let whole =
        digits.len() <= DIGITS_MAX as usize && digits.bytes().all(|byte| byte.is_ascii_digit());
    let some = digits.bytes().any(|byte| byte != b'0');
    (whole && some).then(|| DecimalText::parse(digits)).flatten()
}

/// `POST /api/topup`
pub async fn top_up(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = permit(doors, call).await?;
    let claim = claim(&call.headers).ok_or_else(failed)?;
    let key = idempotency::key(&call.headers).map_err(|_| failed())?;
    let amount = body(call).as_ref().and_then(amount).ok_or_else(failed)?;
    let account = account::wallet(&doors.bank, &permit).await?;
    let note = Some("topup".to_owned());
    let asked = TopUp { key, account, amount, note, claim: Some(claim) };
    transfer::top_up(&doors.bank, &permit, &asked).await?;
    Ok(msg(StatusCode::OK, "transaction success."))
}

/// `POST /api/transfer`
pub async fn transfer(doors: &Doors, call: &Call) -> Result<Answer, No> {
    let permit = permit(doors, call).await?;
    let claim = claim(&call.headers).ok_or_else(failed)?;
    let key = idempotency::key(&call.headers).map_err(|_| failed())?;
    let body = body(call).ok_or_else(failed)?;
    let amount = amount(&body).ok_or_else(failed)?;
    let code = body.get("code").and_then(Json::as_text).unwrap_or_default();
    let to = OutsideBank::ALL.into_iter().find(|bank| bank.code() == code).ok_or_else(failed)?;
    let from = account::wallet(&doors.bank, &permit).await?;
    let asked = Remittance { key, from, to, amount, claim: Some(claim) };
    transfer::remit(&doors.bank, &permit, &asked).await?;
    Ok(msg(StatusCode::OK, "transaction success."))
}
