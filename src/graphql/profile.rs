//! What a person changes of themselves: their profile and their address.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result};

use super::{
    registration::AddressInput, request, second_factor::PasswordDialect, session::DonePayload,
    user::UserPayload, viewer,
};
use crate::{
    bank::{
        email, profile,
        profile::{Change, Form},
        second_factor,
    },
    types::secret::Secret,
};

/// Another email address.
#[derive(Clone, InputObject)]
pub struct RequestEmailChangeInput {
    /// The address that is to be; a code goes there.
    new_email: String,
    /// The caller's password.
    password: String,
}

/// The proof of another email address.
#[derive(Clone, InputObject)]
pub struct ConfirmEmailChangeInput {
    /// The code of the letter to the new address.
    code: String,
}

/// What is absent stays; null clears where the field may be null.
#[derive(Clone, InputObject)]
pub struct UpdateProfileInput {
    /// The name that the person chooses: 3 to 64 letters, digits, dots, hyphens and underscores.
    username: MaybeUndefined<String>,
    /// First name.
    first_name: MaybeUndefined<String>,
    /// Last name.
    last_name: MaybeUndefined<String>,
    /// Phone number, 7 to 15 digits.
    phone_number: MaybeUndefined<String>,
    /// Where the person lives.
    address: MaybeUndefined<AddressInput>,
}

/// Whether a program may sign in with a password alone.
#[derive(Clone, InputObject)]
pub struct SetLegacyAccessInput {
    /// The legacy dialect that it speaks.
    dialect: PasswordDialect,
    /// It may.
    enabled: bool,
}

fn change<T, U>(input: MaybeUndefined<T>, read: impl Fn(T) -> U) -> Change<U> {
    match input {
        MaybeUndefined::Undefined => Change::Stays,
        MaybeUndefined::Null => Change::Clears,
        MaybeUndefined::Value(value) => Change::Becomes(read(value)),
    }
}

/// The mutations by which a person changes themselves.
#[derive(Default)]
pub struct ProfileMutation;

#[Object]
impl ProfileMutation {
    /// Mails a code to another address of the caller's. The answer is the same where the
    /// address is somebody's already. Asks for a second factor that was confirmed in this
    /// session within the last five minutes.
    async fn request_email_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which address.")] input: RequestEmailChangeInput,
    ) -> Result<DonePayload> {
        let viewer = viewer::bearer(ctx)?;
        let (bank, password) = (request::bank(ctx), Secret::new(input.password));
        let asked = email::request_change(bank, &viewer.permit, &input.new_email, &password).await;
        DonePayload::of(ctx, asked)
    }

    /// Makes the new address the caller's own, by the code that was asked for in this session;
    /// the old address is told.
    async fn confirm_email_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code.")] input: ConfirmEmailChangeInput,
    ) -> Result<UserPayload> {
        let viewer = viewer::bearer(ctx)?;
        let code = Secret::new(input.code);
        let changed = email::confirm_change(request::bank(ctx), &viewer.permit, &code).await;
        UserPayload::show(ctx, changed)
    }

    /// Changes what the caller says of themselves. Another phone number asks for a second
    /// factor that was confirmed in this session within the last five minutes.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: UpdateProfileInput,
    ) -> Result<UserPayload> {
        let viewer = viewer::bearer(ctx)?;
        let text = |text: String| text;
        let form = Form {
            username: change(input.username, text),
            first_name: change(input.first_name, text),
            last_name: change(input.last_name, text),
            phone_number: change(input.phone_number, text),
            address: change(input.address, Into::into),
        };
        let changed = profile::update(request::bank(ctx), &viewer.permit, &form).await;
        UserPayload::show(ctx, changed)
    }

    /// Lets programs of a legacy dialect sign in with the caller's password alone, or no more.
    /// Asks for a second factor that was confirmed in this session within the last five minutes.
    async fn set_legacy_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which dialect, and whether it may.")] input: SetLegacyAccessInput,
    ) -> Result<UserPayload> {
        let viewer = viewer::bearer(ctx)?;
        let (bank, dialect) = (request::bank(ctx), input.dialect.into());
        let set = second_factor::set_legacy_access(bank, &viewer.permit, dialect, input.enabled);
        UserPayload::show(ctx, set.await)
    }
}
