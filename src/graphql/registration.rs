//! Becoming a customer.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use super::{
    errors,
    errors::UserError,
    handover, request,
    scalars::{Date, DateTime},
    session::DonePayload,
    sign_in::{AuthPayload, DeviceInput},
};
use crate::{
    bank::registration::{self, Form, Proof},
    domain::{
        session::Facade,
        user::{AddressForm, ProfileForm},
    },
    types::secret::Secret,
};

/// Always the same answer: a person who is known already gets a letter that says so.
#[derive(Clone, InputObject)]
pub struct RegisterInput {
    /// The email address that the code is sent to.
    email: String,
    /// The phone number, 7 to 15 digits.
    phone_number: String,
    /// The social security number.
    social_security: String,
}

/// What became of a registration.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct RegisterPayload {
    /// When the code in the letter stops being good.
    registration_expires_at: Option<DateTime>,
    /// Why it was refused.
    errors: Vec<UserError>,
}

/// Where a person lives.
#[derive(Debug, Clone, InputObject)]
pub struct AddressInput {
    /// Street and number.
    line: String,
    /// City.
    city: String,
    /// State, province or region.
    state: String,
    /// Post code.
    post_code: String,
    /// Country.
    country: Option<String>,
}

impl From<AddressInput> for AddressForm {
    fn from(input: AddressInput) -> Self {
        let AddressInput { line, city, state, post_code, country } = input;
        Self { line, city, state, post_code, country }
    }
}

/// What a person says once the code has come. `ALREADY_EXISTS` for a phone or social security number that another customer has is told here, behind the emailed code.
#[derive(Clone, InputObject)]
pub struct VerifyEmailInput {
    /// The email address that registered.
    email: String,
    /// The code from the letter.
    code: String,
    /// First name.
    first_name: String,
    /// Last name.
    last_name: String,
    /// Day of birth.
    date_of_birth: Date,
    /// Where they live.
    address: AddressInput,
    /// The password that they choose: 8 to 128 characters, none that everybody tries.
    password: String,
    /// The device in their hand.
    device: Option<DeviceInput>,
    /// Sets the tokens as cookies instead of showing them.
    #[graphql(default_with = "Some(false)")]
    use_cookies: Option<bool>,
}

/// Whose code is sent again.
#[derive(Clone, InputObject)]
pub struct ResendVerificationInput {
    /// The email address that registered.
    email: String,
}

/// The mutations that make a customer.
#[derive(Default)]
pub struct RegistrationMutation;

#[Object]
impl RegistrationMutation {
    /// Asks for an account. The code to go on with goes out by letter.
    async fn register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who asks.")] input: RegisterInput,
    ) -> Result<RegisterPayload> {
        let form = Form {
            email: input.email,
            phone_number: input.phone_number,
            social_security: Secret::new(input.social_security),
        };
        match registration::register(request::bank(ctx), request::visitor(ctx), &form).await {
            Ok(expires_at) => Ok(RegisterPayload {
                registration_expires_at: Some(DateTime(expires_at)),
                errors: Vec::new(),
            }),
            Err(failure) => {
                let errors = errors::payload(ctx, failure)?;
                Ok(RegisterPayload { errors, ..RegisterPayload::default() })
            }
        }
    }

    /// Sends a fresh code for a registration that waits; the older one is void then. Always the same answer: a person who is known already gets a letter that says so.
    async fn resend_verification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose code.")] input: ResendVerificationInput,
    ) -> Result<DonePayload> {
        let (bank, visitor) = (request::bank(ctx), request::visitor(ctx));
        DonePayload::of(ctx, registration::resend(bank, visitor, &input.email).await)
    }

    /// Sends the code back with the rest, and signs in: the letter counts as second factor.
    async fn verify_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code and who sends it.")] input: VerifyEmailInput,
    ) -> Result<AuthPayload> {
        let use_cookies = input.use_cookies == Some(true);
        if let Some(errors) = handover::refuse_cookies(ctx, use_cookies) {
            return Ok(AuthPayload::refused(errors));
        }
        let address = input.address.into();
        let profile = ProfileForm {
            first_name: input.first_name,
            last_name: input.last_name,
            date_of_birth: input.date_of_birth.0,
            address,
        };
        let proof = Proof {
            email: input.email,
            code: Secret::new(input.code),
            profile,
            password: Secret::new(input.password),
            device: DeviceInput::read(input.device, None),
        };
        let (bank, visitor) = (request::bank(ctx), request::visitor(ctx));
        match registration::verify_email(bank, visitor, Facade::Graphql, &proof).await {
            Ok(signed_in) => Ok(AuthPayload::entered(ctx, signed_in, use_cookies)),
            Err(failure) => Ok(AuthPayload::refused(errors::payload(ctx, failure)?)),
        }
    }
}
