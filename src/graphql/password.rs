//! Passwords: lost, set anew, changed.

use async_graphql::{Context, InputObject, Object, Result};

use super::{
    errors::SecondFactorKind, request, second_factor::reply, session::DonePayload, viewer,
};
use crate::{
    bank::{
        password,
        password::{LostForm, ResetForm},
    },
    domain::session::Facade,
    types::secret::Secret,
};

/// What is given must match what is known of the person.
#[derive(Clone, InputObject)]
pub struct RequestPasswordResetInput {
    /// The person's email address.
    email: String,
    /// Their phone number.
    phone_number: Option<String>,
    /// Their social security number.
    social_security: Option<String>,
}

/// A new password. code and method: the second factor of a person who has TOTP; the emailed token alone does not pass it by.
#[derive(Clone, InputObject)]
pub struct ResetPasswordInput {
    /// The token of the newest letter, good once for 30 minutes.
    token: String,
    /// The password that is to be: 8 to 128 characters, none that everybody tries.
    new_password: String,
    /// A code of the authenticator, or a recovery code.
    code: Option<String>,
    /// Which of the two it is; what it looks like where nothing is said.
    method: Option<SecondFactorKind>,
}

/// A new password in place of the one that is known.
#[derive(Clone, InputObject)]
pub struct ChangePasswordInput {
    /// The password as it is.
    current_password: String,
    /// The password that is to be: 8 to 128 characters, none that everybody tries.
    new_password: String,
}

/// The mutations of passwords.
#[derive(Default)]
pub struct PasswordMutation;

#[Object]
impl PasswordMutation {
    /// Mails a token for a new password. The answer is the same whether or not there is such
    /// a person.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose password.")] input: RequestPasswordResetInput,
    ) -> Result<DonePayload> {
        let form = LostForm {
            email: input.email,
            phone_number: input.phone_number,
            social_security: input.social_security.map(Secret::new),
        };
        let (bank, visitor) = (request::bank(ctx), request::visitor(ctx));
        let sent = password::request_reset(bank, visitor, Facade::Graphql, &form).await;
        DonePayload::of(ctx, sent)
    }

    /// Sets a new password by the token of a letter; all sessions end. Of who has an
    /// authenticator it asks for a code as well: without one it answers `StepUpRequired`, and
    /// the token stays good.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token and the password.")] input: ResetPasswordInput,
    ) -> Result<DonePayload> {
        let form = ResetForm {
            token: Secret::new(input.token),
            new_password: Secret::new(input.new_password),
            reply: input.code.map(|code| reply(code, input.method)),
        };
        let (bank, visitor) = (request::bank(ctx), request::visitor(ctx));
        DonePayload::of(ctx, password::reset(bank, visitor, Facade::Graphql, &form).await)
    }

    /// Changes the caller's password; their other sessions end. Asks for a second factor that
    /// was confirmed in this session within the last five minutes.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Both passwords.")] input: ChangePasswordInput,
    ) -> Result<DonePayload> {
        let viewer = viewer::bearer(ctx)?;
        let current = Secret::new(input.current_password);
        let new = Secret::new(input.new_password);
        let changed = password::change(request::bank(ctx), &viewer.permit, &current, &new).await;
        DonePayload::of(ctx, changed)
    }
}
