//! Leaving the bank.

use async_graphql::{Context, InputObject, Object, Result};

use super::{errors, handover, request, session::DonePayload, user::UserPayload, viewer};
use crate::{
    bank::{leaving, leaving::Meanwhile},
    types::secret::Secret,
};

/// Who wants to be forgotten says so with their password.
#[derive(Clone, InputObject)]
pub struct DeleteAccountInput {
    /// The password.
    password: String,
}

/// The mutations of leaving.
#[derive(Default)]
pub struct LeavingMutation;

#[Object]
impl LeavingMutation {
    /// Asks the bank to let the caller go. They stay signed in, and their money moves as before,
    /// until staff confirm it (`confirmDeactivation`).
    async fn request_deactivation(&self, ctx: &Context<'_>) -> Result<UserPayload> {
        let viewer = viewer::bearer(ctx)?;
        let bank = request::bank(ctx);
        let asked = leaving::request(bank, &viewer.permit, Meanwhile::Stays).await;
        UserPayload::show(ctx, asked)
    }

    /// Forgets the caller for good: names, addresses, numbers, notes and devices. The books stay,
    /// with numbers alone, so no account may have money or an open hold
    /// (`ACCOUNT_NOT_EMPTY`). A second factor must have been confirmed in this session within the
    /// last five minutes; else it answers `StepUpRequired`. The address can register again.
    async fn delete_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password.")] input: DeleteAccountInput,
    ) -> Result<DonePayload> {
        let viewer = viewer::bearer(ctx)?;
        let password = Secret::new(input.password);
        match leaving::delete(request::bank(ctx), &viewer.permit, &password).await {
            Ok(()) => {
                viewer::leave(ctx);
                handover::clear_cookies(ctx);
                Ok(DonePayload { ok: true, errors: Vec::new() })
            }
            Err(failure) => Ok(DonePayload { ok: false, errors: errors::payload(ctx, failure)? }),
        }
    }
}
