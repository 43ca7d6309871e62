//! Second factors of a test's people: authenticators, and any mutation by its name.

use serde_json::{Value, json};
use teller::types::clock::Clock as _;
use totp_rs::{Builder, Secret};

use super::{
    bank::TestBank,
    people::{PASSWORD, Person, text},
};

/// Everything that an error may say.
const ERRORS: &str = "errors { __typename code message path
    ... on StepUpRequired { challenge { id methods sentTo expiresAt } } }";

/// An authenticator in a person's hand, with the codes for when it is lost.
#[derive(Debug, Clone)]
pub struct Phone {
    /// The secret in base 32.
    pub secret: String,
    /// The recovery codes.
    pub codes: Vec<String>,
}

/// A mutation by its name, with its input and what to show of its payload.
pub fn document(field: &str, shows: &str, with_input: bool) -> String {
    let (first, rest) = field.split_at(1);
    let ty = format!("{}{rest}Input", first.to_uppercase());
    if with_input {
        format!("mutation ($input: {ty}!) {{ {field}(input: $input) {{ {shows} {ERRORS} }} }}")
    } else {
        format!("mutation {{ {field} {{ {shows} {ERRORS} }} }}")
    }
}

impl TestBank {
    /// Runs a mutation that takes an input, or none where it is null; its payload.
    pub async fn mutate(
        &self,
        token: Option<&str>,
        field: &str,
        shows: &str,
        input: Value,
    ) -> Value {
        let query = document(field, shows, !input.is_null());
        self.run(token, &query, json!({ "input": input })).await[field].take()
    }

    /// Runs a mutation that answers whether it was done; it must have been.
    pub async fn done(&self, token: Option<&str>, field: &str, input: Value) {
        let payload = self.mutate(token, field, "ok", input).await;
        assert_eq!(payload, json!({ "ok": true, "errors": [] }), "{}: {field}", self.database);
    }

    /// What an authenticator shows now.
    pub fn shown(&self, phone: &Phone) -> String {
        let secret = Secret::try_from_base32(&phone.secret).expect("a secret in base 32");
        let totp = Builder::new().with_secret(secret).build().expect("a usable secret");
        let seconds = u64::try_from(self.clock.now().timestamp()).expect("after 1970");
        totp.generate(seconds).to_string()
    }

    /// Sets up an authenticator.
    pub async fn enrol(&self, person: &Person) -> Phone {
        let token = Some(person.token.as_str());
        let begun = self.mutate(token, "beginTotp", "secret otpauthUrl", Value::Null).await;
        assert_eq!(begun["errors"], json!([]), "{begun}");
        let mut phone = Phone { secret: text(&begun["secret"]), codes: Vec::new() };
        let input = json!({ "code": self.shown(&phone) });
        let confirmed = self.mutate(token, "confirmTotp", "recoveryCodes", input).await;
        assert_eq!(confirmed["errors"], json!([]), "{confirmed}");
        let codes = confirmed["recoveryCodes"].as_array().expect("recovery codes");
        phone.codes = codes.iter().map(text).collect();
        phone
    }

    /// The challenge of a login with the right password.
    pub async fn challenge(&self, person: &Person) -> String {
        text(&self.login(&person.email, PASSWORD).await["challenge"]["id"])
    }

    /// Confirms the second factor of a session by letter, so that risky steps pass.
    pub async fn step_up(&self, person: &Person, token: &str) {
        let refused = self.mutate(Some(token), "beginTotp", "secret", Value::Null).await;
        let id = &refused["errors"][0]["challenge"]["id"];
        let input = json!({ "challengeId": id, "code": self.code(&person.email).await });
        self.done(Some(token), "confirmChallenge", input).await;
    }

    /// The subjects of the letters to an address, oldest first.
    pub async fn subjects(&self, to: &str) -> Vec<String> {
        self.letters(to).await.into_iter().map(|letter| letter.subject).collect()
    }

    /// What a person sees of themselves that a risky step could change.
    pub async fn me(&self, token: &str) -> Value {
        let query = "{ me { email username firstName lastName phoneNumber emailVerified
            address { line city country } secondFactors { kind remaining } legacyAccess } }";
        self.run(Some(token), query, json!({})).await["me"].take()
    }
}
