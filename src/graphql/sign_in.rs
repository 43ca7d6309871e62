//! Signing in with two factors.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::{
    errors,
    errors::{Challenge, SecondFactorKind, UserError},
    handover,
    handover::RefreshCookie,
    request,
    scalars::DateTime,
    second_factor::reply,
    session::{DonePayload, Session},
    user::User,
    viewer,
};
use crate::{
    bank::{error::Failure, refresh, session::SignedIn, sign_in},
    domain::{refusal::Refusal, session::Facade},
    store::session::Device,
    types::{id::ChallengeId, secret::Secret},
};

/// What a client says of its device.
#[derive(Debug, Clone, Default, InputObject)]
pub struct DeviceInput {
    /// What it is, such as "Firefox on Linux".
    platform: Option<String>,
    /// The language it speaks, such as "en".
    language: Option<String>,
    /// Where its clock is, such as "Europe/Berlin".
    timezone: Option<String>,
    /// The width of its screen in pixels.
    width: Option<i32>,
    /// The height of its screen in pixels.
    height: Option<i32>,
}

impl DeviceInput {
    /// The device of a client that may name itself.
    pub(super) fn read(input: Option<Self>, client_id: Option<String>) -> Device {
        let input = input.unwrap_or_default();
        Device {
            platform: input.platform,
            language: input.language,
            timezone: input.timezone,
            screen_width: input.width.map(Into::into),
            screen_height: input.height.map(Into::into),
            client_id,
        }
    }
}

/// What a person says to sign in.
#[derive(Clone, InputObject)]
pub struct LoginInput {
    /// Their email address.
    email: String,
    /// Their password.
    password: String,
    /// The device in their hand.
    device: Option<DeviceInput>,
    /// The client program's own name for itself.
    client_id: Option<String>,
}

/// What became of the first step.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct LoginPayload {
    /// The question for the second factor.
    challenge: Option<Challenge>,
    /// Why it was refused.
    errors: Vec<UserError>,
}

/// The answer to a login's challenge.
#[derive(Clone, InputObject)]
pub struct ConfirmLoginInput {
    /// The challenge.
    challenge_id: ID,
    /// The code.
    code: String,
    /// Which second factor the code is of; what it looks like where nothing is said.
    method: Option<SecondFactorKind>,
    /// Sets the tokens as cookies instead of showing them.
    #[graphql(default_with = "Some(false)")]
    use_cookies: Option<bool>,
}

/// What became of a sign-in.
///
/// Without useCookies the tokens stand here. With it they are set as HttpOnly cookies and stand here as null, and csrfToken is what the X-CSRF-Token header must carry.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct AuthPayload {
    /// The person.
    user: Option<User>,
    /// The new session.
    session: Option<Session>,
    /// Opens this API for ten minutes, as Authorization: Bearer.
    access_token: Option<String>,
    /// Gets the next access token.
    refresh_token: Option<String>,
    /// What the X-CSRF-Token header must carry; only with cookies.
    csrf_token: Option<String>,
    /// When the access token stops opening anything.
    access_expires_at: Option<DateTime>,
    /// Why it was refused.
    errors: Vec<UserError>,
}

impl AuthPayload {
    /// A sign-in that went well; from here on the answer is viewed by the person.
    pub(super) fn entered(ctx: &Context<'_>, signed_in: SignedIn, use_cookies: bool) -> Self {
        let csrf = if use_cookies { handover::set_cookies(ctx, &signed_in) } else { None };
        let by_cookie = csrf.is_some();
        let show = |secret: &Secret| (!by_cookie).then(|| secret.expose().to_owned());
        let tokens = &signed_in.tokens;
        let current = signed_in.permit.session_id;
        viewer::enter(ctx, signed_in.permit);
        Self {
            user: Some(signed_in.user.into()),
            session: Some(Session::show(signed_in.session, current)),
            access_token: show(&tokens.access),
            refresh_token: tokens.refresh.as_ref().and_then(show),
            csrf_token: csrf.map(|csrf| csrf.expose().to_owned()),
            access_expires_at: Some(DateTime(tokens.access_expires_at)),
            errors: Vec::new(),
        }
    }

    /// A sign-in that was refused.
    pub(super) fn refused(errors: Vec<UserError>) -> Self {
        Self { errors, ..Self::default() }
    }
}

/// The refresh token, where no cookie carries it.
#[derive(Clone, InputObject)]
pub struct RefreshSessionInput {
    /// The latest refresh token of the session. Without it the refresh cookie is used, and the answer sets new cookies.
    refresh_token: Option<String>,
}

/// Which login.
#[derive(Clone, InputObject)]
pub struct ResendLoginCodeInput {
    /// The login's challenge.
    challenge_id: ID,
}

/// The mutations that sign a person in.
#[derive(Default)]
pub struct SignInMutation;

#[Object]
impl SignInMutation {
    /// The first step of signing in: the password. A code goes out by letter, unless the
    /// person has an authenticator: then a code of it, or a recovery code, is the second step.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who signs in.")] input: LoginInput,
    ) -> Result<LoginPayload> {
        let form = sign_in::Form {
            email: input.email,
            password: Secret::new(input.password),
            device: DeviceInput::read(input.device, input.client_id),
            role: None,
        };
        let (bank, visitor) = (request::bank(ctx), request::visitor(ctx));
        match sign_in::log_in(bank, visitor, Facade::Graphql, &form).await {
            Ok(asked) => Ok(LoginPayload { challenge: Some(asked.into()), errors: Vec::new() }),
            Err(failure) => {
                Ok(LoginPayload { challenge: None, errors: errors::payload(ctx, failure)? })
            }
        }
    }

    /// The second step of signing in: the code.
    async fn confirm_login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The answer.")] input: ConfirmLoginInput,
    ) -> Result<AuthPayload> {
        let use_cookies = input.use_cookies == Some(true);
        if let Some(errors) = handover::refuse_cookies(ctx, use_cookies) {
            return Ok(AuthPayload::refused(errors));
        }
        let id = ChallengeId::from_wire(&input.challenge_id);
        let reply = reply(input.code, input.method);
        let (bank, visitor) = (request::bank(ctx), request::visitor(ctx));
        match sign_in::confirm(bank, visitor, Facade::Graphql, id, &reply).await {
            Ok(signed_in) => Ok(AuthPayload::entered(ctx, signed_in, use_cookies)),
            Err(failure) => Ok(AuthPayload::refused(errors::payload(ctx, failure)?)),
        }
    }

    /// Sends a fresh code for a login that waits for one; the old code opens nothing any more,
    /// and there are no more guesses than before. The code is good for ten minutes, but not
    /// beyond half an hour after the login.
    async fn resend_login_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which login.")] input: ResendLoginCodeInput,
    ) -> Result<DonePayload> {
        let id = ChallengeId::from_wire(&input.challenge_id);
        let sent = sign_in::resend(request::bank(ctx), request::visitor(ctx), id).await;
        DonePayload::of(ctx, sent)
    }

    /// Renews the access of a session. The refresh token is spent and its successor given; a spent one that comes again within 30 seconds gets the same successor as long as that is unused, and ends the session otherwise.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The refresh token, where no cookie carries it.")] input: Option<
            RefreshSessionInput,
        >,
    ) -> Result<AuthPayload> {
        let given = input.and_then(|input| input.refresh_token);
        let (token, by_cookie) = match (given, handover::refresh_cookie(ctx)) {
            (Some(token), _) => (Secret::new(token), false),
            (None, RefreshCookie::Proven(token)) => (token, true),
            (None, RefreshCookie::Unproven) => {
                let errors = errors::payload(ctx, handover::UNPROVEN.into())?;
                return Ok(AuthPayload::refused(errors));
            }
            (None, RefreshCookie::Absent) => {
                let reason = "must be there, as no refresh cookie came with the request";
                return Ok(AuthPayload::refused(errors::invalid("refreshToken", reason)));
            }
        };
        let (bank, visitor) = (request::bank(ctx), request::visitor(ctx));
        match refresh::refresh(bank, visitor, Facade::Graphql, &token).await {
            Ok(signed_in) => Ok(AuthPayload::entered(ctx, signed_in, by_cookie)),
            Err(failure) => {
                if by_cookie && matches!(failure, Failure::Refused(Refusal::BadRefreshToken { .. }))
                {
                    handover::drop_cookies(ctx);
                }
                Ok(AuthPayload::refused(errors::payload(ctx, failure)?))
            }
        }
    }
}
