//! Second factors, and what they confirm.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};

use super::{
    errors,
    errors::{SecondFactorKind, UserError},
    request,
    scalars::DateTime,
    session::DonePayload,
    viewer,
};
use crate::{
    bank::{challenge, challenge::Reply, error::Failure, second_factor, second_factor::Factor},
    domain,
    types::{
        id::{ChallengeId, UserId},
        secret::Secret,
    },
};

/// A way in which a person can confirm that it is them.
///
/// That is a letter, until there is an authenticator: from then on the authenticator and the recovery codes alone.
#[derive(Debug, Clone, SimpleObject)]
pub struct SecondFactor {
    /// Which.
    kind: SecondFactorKind,
    /// Since when.
    confirmed_at: DateTime,
    /// Recovery codes not yet used.
    remaining: Option<i32>,
}

impl From<Factor> for SecondFactor {
    fn from(factor: Factor) -> Self {
        let remaining = factor.remaining.map(|count| i32::try_from(count).unwrap_or(i32::MAX));
        Self { kind: factor.kind.into(), confirmed_at: DateTime(factor.confirmed_at), remaining }
    }
}

/// The legacy dialects that know a password alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum PasswordDialect {
    /// The legacy dialect financelime.
    Financelime,
    /// The legacy dialect accounts.
    Accounts,
    /// The legacy dialect ewallet.
    Ewallet,
}

impl From<domain::second_factor::PasswordDialect> for PasswordDialect {
    fn from(dialect: domain::second_factor::PasswordDialect) -> Self {
        match dialect {
            domain::second_factor::PasswordDialect::Financelime => Self::Financelime,
            domain::second_factor::PasswordDialect::Accounts => Self::Accounts,
            domain::second_factor::PasswordDialect::Ewallet => Self::Ewallet,
        }
    }
}

impl From<PasswordDialect> for domain::second_factor::PasswordDialect {
    fn from(dialect: PasswordDialect) -> Self {
        match dialect {
            PasswordDialect::Financelime => Self::Financelime,
            PasswordDialect::Accounts => Self::Accounts,
            PasswordDialect::Ewallet => Self::Ewallet,
        }
    }
}

/// A code and what it is said to be of.
pub(super) fn reply(code: String, method: Option<SecondFactorKind>) -> Reply {
    Reply { code: Secret::new(code), method: method.map(Into::into) }
}

/// The second factors of a person whom the answer shows.
pub(super) async fn list(ctx: &Context<'_>, user: &ID) -> Result<Vec<SecondFactor>> {
    let Some(user) = UserId::from_wire(user) else {
        return Ok(Vec::new());
    };
    let found = second_factor::list(request::bank(ctx), user).await;
    let found = found.map_err(|failure| errors::query(ctx, failure))?;
    Ok(found.into_iter().map(Into::into).collect())
}

/// The legacy access of a person whom the answer shows.
pub(super) async fn legacy_access(ctx: &Context<'_>, user: &ID) -> Result<Vec<PasswordDialect>> {
    let Some(user) = UserId::from_wire(user) else {
        return Ok(Vec::new());
    };
    let found = second_factor::legacy_access(request::bank(ctx), user).await;
    let found = found.map_err(|failure| errors::query(ctx, failure))?;
    Ok(found.into_iter().map(Into::into).collect())
}

/// What an authenticator must know.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct BeginTotpPayload {
    /// The secret in base 32, to be typed.
    secret: Option<String>,
    /// The same as a link, to be shown as a picture.
    otpauth_url: Option<String>,
    /// Why it was refused.
    errors: Vec<UserError>,
}

/// The first code of an authenticator.
#[derive(Clone, InputObject)]
pub struct ConfirmTotpInput {
    /// The code that the authenticator shows.
    code: String,
}

/// What became of setting up an authenticator.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct ConfirmTotpPayload {
    /// Ten codes for who has lost the authenticator, each good once; they are shown only here.
    recovery_codes: Option<Vec<String>>,
    /// Why it was refused.
    errors: Vec<UserError>,
}

/// The end of an authenticator.
#[derive(Clone, InputObject)]
pub struct RemoveTotpInput {
    /// A code that the authenticator shows, or a recovery code.
    code: String,
}

/// New recovery codes.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct RecoveryCodesPayload {
    /// Ten codes for who has lost the authenticator, each good once; they are shown only here.
    recovery_codes: Option<Vec<String>>,
    /// Why it was refused.
    errors: Vec<UserError>,
}

/// The answer to a challenge of a risky step.
#[derive(Clone, InputObject)]
pub struct ConfirmChallengeInput {
    /// The challenge.
    challenge_id: ID,
    /// The code.
    code: String,
    /// Which second factor the code is of; what it looks like where nothing is said.
    method: Option<SecondFactorKind>,
}

/// Codes as they are shown once, or why there are none.
fn shown(
    ctx: &Context<'_>,
    codes: Result<Vec<Secret>, Failure>,
) -> Result<(Option<Vec<String>>, Vec<UserError>)> {
    Ok(match codes {
        Ok(codes) => {
            (Some(codes.iter().map(|code| code.expose().to_owned()).collect()), Vec::new())
        }
        Err(failure) => (None, errors::payload(ctx, failure)?),
    })
}

/// The mutations of second factors. All but `confirmChallenge` ask for a second factor that
/// was confirmed in this session within the last five minutes.
#[derive(Default)]
pub struct SecondFactorMutation;

#[Object]
impl SecondFactorMutation {
    /// Begins to set up an authenticator: SHA-1, six digits, 30 seconds. It counts from
    /// `confirmTotp` on, which must come within ten minutes.
    async fn begin_totp(&self, ctx: &Context<'_>) -> Result<BeginTotpPayload> {
        let viewer = viewer::bearer(ctx)?;
        Ok(match second_factor::begin_totp(request::bank(ctx), &viewer.permit).await {
            Ok(told) => BeginTotpPayload {
                secret: Some(told.secret.expose().to_owned()),
                otpauth_url: Some(told.url.expose().to_owned()),
                errors: Vec::new(),
            },
            Err(failure) => BeginTotpPayload {
                errors: errors::payload(ctx, failure)?,
                ..BeginTotpPayload::default()
            },
        })
    }

    /// Makes the authenticator the caller's second factor: codes by letter open nothing any
    /// more, and legacy access ends.
    async fn confirm_totp(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first code.")] input: ConfirmTotpInput,
    ) -> Result<ConfirmTotpPayload> {
        let viewer = viewer::bearer(ctx)?;
        let code = Secret::new(input.code);
        let codes = second_factor::confirm_totp(request::bank(ctx), &viewer.permit, &code).await;
        let (recovery_codes, errors) = shown(ctx, codes)?;
        Ok(ConfirmTotpPayload { recovery_codes, errors })
    }

    /// Removes the authenticator and the recovery codes, by a code of either; from then on codes
    /// come by letter.
    async fn remove_totp(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A code.")] input: RemoveTotpInput,
    ) -> Result<DonePayload> {
        let viewer = viewer::bearer(ctx)?;
        let code = Secret::new(input.code);
        let removed = second_factor::remove_totp(request::bank(ctx), &viewer.permit, &code).await;
        DonePayload::of(ctx, removed)
    }

    /// Gives ten new recovery codes; the old ones open nothing any more.
    async fn renew_recovery_codes(&self, ctx: &Context<'_>) -> Result<RecoveryCodesPayload> {
        let viewer = viewer::bearer(ctx)?;
        let codes = second_factor::renew_recovery_codes(request::bank(ctx), &viewer.permit).await;
        let (recovery_codes, errors) = shown(ctx, codes)?;
        Ok(RecoveryCodesPayload { recovery_codes, errors })
    }

    /// Answers the challenge of a `StepUpRequired`: for five minutes the risky steps of this
    /// session pass.
    async fn confirm_challenge(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The answer.")] input: ConfirmChallengeInput,
    ) -> Result<DonePayload> {
        let viewer = viewer::bearer(ctx)?;
        let id = ChallengeId::from_wire(&input.challenge_id);
        let reply = reply(input.code, input.method);
        let confirmed = challenge::confirm(request::bank(ctx), &viewer.permit, id, &reply).await;
        DonePayload::of(ctx, confirmed)
    }
}
