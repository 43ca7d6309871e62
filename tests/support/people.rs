//! People who live in a test's bank, and what they do over GraphQL.

use serde_json::{Value, json};
use teller::{
    bank::{
        operator,
        permit::{Permit, Visitor},
        session,
    },
    domain::{session::Facade, user::UserRole},
};

use super::bank::TestBank;

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery staple";

const REGISTER: &str = "mutation ($input: RegisterInput!) {
    register(input: $input) { registrationExpiresAt errors { __typename code message path } } }";

const VERIFY: &str = "mutation ($input: VerifyEmailInput!) {
    verifyEmail(input: $input) {
        user { id email emailVerified firstName customerId legacyId }
        session { id current facade ipAddress platform userAgent }
        accessToken refreshToken csrfToken accessExpiresAt
        errors { __typename code message path } } }";

const CREATE_CARD: &str = "mutation ($input: CreateCardInput) {
    createCard(input: $input) {
        card { id last4 maskedNumber balance { posted { amount currency } version } }
        replayed errors { __typename code message path } } }";

const REVEAL: &str = "mutation ($id: ID!) {
    revealCard(input: { cardId: $id }) {
        details { number expirationDate cvv } errors { __typename code message path } } }";

const TOP_UP: &str = "mutation ($input: TopUpInput!) {
    topUp(input: $input) {
        transaction { id } account { id balance { posted { amount } version } }
        replayed errors { __typename code message path } } }";

const TRANSFER: &str = "mutation ($input: TransferInput!) {
    transfer(input: $input) {
        transaction { id kind amount { amount currency } note postedAt
            from { label last4 account { id } } to { label last4 account { id } } }
        account { id balance { posted { amount } available { amount } version } }
        counterAccount { id balance { posted { amount } } }
        replayed
        errors { __typename code message path
            ... on InsufficientFunds { available { amount } shortBy { amount } } } } }";

const LOGIN: &str = "mutation ($input: LoginInput!) {
    login(input: $input) {
        challenge { id methods sentTo expiresAt } errors { __typename code message path } } }";

const CONFIRM: &str = "mutation ($input: ConfirmLoginInput!) {
    confirmLogin(input: $input) {
        user { id } session { id } accessToken refreshToken
        errors { __typename code message path } } }";

/// A signed-in person.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their address.
    pub email: String,
    /// Opens the API as them.
    pub token: String,
    /// Their id.
    pub id: String,
}

/// A card of a person, with its number.
#[derive(Debug, Clone)]
pub struct Plastic {
    /// Its id.
    pub id: String,
    /// All sixteen digits.
    pub number: String,
}

/// The registration of the `index`th person, whose phone and number nobody else has.
pub fn registration(name: &str, index: u32) -> Value {
    json!({
        "email": format!("{name}@example.org"),
        "phoneNumber": format!("+1202555{index:04}"),
        "socialSecurity": format!("078-05-{index:04}"),
    })
}

/// The proof of a person, with the code from the letter.
pub fn proof(name: &str, code: &str) -> Value {
    json!({
        "email": format!("{name}@example.org"),
        "code": code,
        "firstName": name,
        "lastName": "Lee",
        "dateOfBirth": "1990-04-01",
        "address": {
            "line": "1 Main Street", "city": "Springfield", "state": "Oregon",
            "postCode": "97477", "country": "USA",
        },
        "password": PASSWORD,
        "device": { "platform": "promises" },
    })
}

/// The input of a payment to a card.
fn payment(key: &str, from: &str, number: &str, amount: &str) -> Value {
    let to = json!({ "cardNumber": number });
    json!({ "idempotencyKey": key, "fromAccountId": from, "to": to, "amount": amount })
}

impl TestBank {
    /// Asks for an account.
    pub async fn register(&self, input: Value) -> Value {
        self.run(None, REGISTER, json!({ "input": input })).await["register"].take()
    }

    /// Sends the code back.
    pub async fn verify_email(&self, input: Value) -> Value {
        self.run(None, VERIFY, json!({ "input": input })).await["verifyEmail"].take()
    }

    /// Makes a customer who is signed in.
    pub async fn join(&self, name: &str, index: u32) -> Person {
        self.register(registration(name, index)).await;
        let email = format!("{name}@example.org");
        let code = self.code(&email).await;
        let payload = self.verify_email(proof(name, &code)).await;
        assert_eq!(payload["errors"], json!([]), "{payload}");
        Person { email, token: text(&payload["accessToken"]), id: text(&payload["user"]["id"]) }
    }

    /// Gives a person a role, as `teller user` does.
    pub async fn promote(&self, person: &Person, role: UserRole) {
        let set = operator::set_role(&self.bank, &person.email, role).await;
        set.expect("the role is set");
    }

    /// A customer's number.
    pub async fn customer_id(&self, person: &Person) -> String {
        let me = self.run(Some(&person.token), "{ me { customerId } }", Value::Null).await;
        text(&me["me"]["customerId"])
    }

    /// Makes a card; the payload of the mutation.
    pub async fn create_card(&self, person: &Person, input: Value) -> Value {
        let variables = json!({ "input": input });
        self.run(Some(&person.token), CREATE_CARD, variables).await["createCard"].take()
    }

    /// The permit of a person who is signed in, for what is asked of the bank itself.
    pub async fn permit(&self, person: &Person) -> Permit {
        let visitor = Visitor {
            ip_address: "127.0.0.1".to_owned(),
            user_agent: None,
            request_id: "a test".to_owned(),
        };
        let permit = session::authenticate(&self.bank, Facade::Graphql, &person.token, &visitor);
        permit.await.expect("a person who is signed in")
    }

    /// Makes a card and reads its number.
    pub async fn card(&self, person: &Person) -> Plastic {
        let payload = self.create_card(person, Value::Null).await;
        assert_eq!(payload["errors"], json!([]), "{payload}");
        let id = text(&payload["card"]["id"]);
        let number = text(&self.reveal(person, &id).await["details"]["number"]);
        Plastic { id, number }
    }

    /// Signs a person in again; the new token.
    pub async fn sign_in(&self, person: &Person) -> String {
        let asked = self.login(&person.email, PASSWORD).await;
        let code = self.code(&person.email).await;
        let confirmed = self.confirm_login(&text(&asked["challenge"]["id"]), &code).await;
        text(&confirmed["accessToken"])
    }

    /// Shows what stands on a card; the payload of the mutation.
    pub async fn reveal(&self, person: &Person, card_id: &str) -> Value {
        let variables = json!({ "id": card_id });
        self.run(Some(&person.token), REVEAL, variables).await["revealCard"].take()
    }

    /// Runs a mutation of one argument `input`; its payload with these fields and its errors.
    pub async fn ask(&self, who: &Person, field: &str, fields: &str, input: Value) -> Value {
        let kind = match field {
            "topUpSavings" | "withdrawSavings" => "MoveSavings".to_owned(),
            "closeSavings" => "SavingsRef".to_owned(),
            "freezeCard" => "CardRef".to_owned(),
            "cancelBill" => "BillRef".to_owned(),
            "releaseHold" => "HoldRef".to_owned(),
            "confirmDeactivation" => "CustomerRef".to_owned(),
            _ => format!("{}{}", field[..1].to_uppercase(), &field[1..]),
        };
        let query = format!(
            "mutation ($input: {kind}Input!) {{ {field}(input: $input) {{ {fields}
                errors {{ __typename code message path }} }} }}"
        );
        self.run(Some(&who.token), &query, json!({ "input": input })).await[field].take()
    }

    /// Pays money in from outside; the payload of the mutation.
    pub async fn top_up(&self, person: &Person, key: &str, account: &str, amount: &str) -> Value {
        let input = json!({ "idempotencyKey": key, "accountId": account, "amount": amount });
        let variables = json!({ "input": input });
        self.run(Some(&person.token), TOP_UP, variables).await["topUp"].take()
    }

    /// Pays to a card by its number; the payload of the mutation.
    pub async fn pay(
        &self,
        person: &Person,
        key: &str,
        from: &str,
        number: &str,
        amount: &str,
    ) -> Value {
        self.transfer(person, payment(key, from, number, amount)).await
    }

    /// Pays to a card by its number; the whole answer, whatever it is.
    pub async fn pay_raw(
        &self,
        person: &Person,
        key: &str,
        from: &str,
        number: &str,
        amount: &str,
    ) -> Value {
        let variables = json!({ "input": payment(key, from, number, amount) });
        self.post(Some(&person.token), TRANSFER, variables).await.json()
    }

    /// Pays; the payload of the mutation.
    pub async fn transfer(&self, person: &Person, input: Value) -> Value {
        let variables = json!({ "input": input });
        self.run(Some(&person.token), TRANSFER, variables).await["transfer"].take()
    }

    /// The first step of a sign-in; the payload of the mutation.
    pub async fn login(&self, email: &str, password: &str) -> Value {
        let variables = json!({ "input": { "email": email, "password": password } });
        self.run(None, LOGIN, variables).await["login"].take()
    }

    /// The second step of a sign-in; the payload of the mutation.
    pub async fn confirm_login(&self, challenge_id: &str, code: &str) -> Value {
        let variables = json!({ "input": { "challengeId": challenge_id, "code": code } });
        self.run(None, CONFIRM, variables).await["confirmLogin"].take()
    }

    /// The posted balance of the person's card, as text.
    pub async fn posted(&self, person: &Person, card_id: &str) -> String {
        let query = "query ($id: ID!) { card(by: { id: $id }) { balance { posted { amount } } } }";
        let data = self.run(Some(&person.token), query, json!({ "id": card_id })).await;
        text(&data["card"]["balance"]["posted"]["amount"])
    }
}

/// A JSON string as text.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The codes of a payload's errors.
pub fn codes(payload: &Value) -> Vec<String> {
    let errors = payload["errors"].as_array().unwrap_or_else(|| panic!("no errors: {payload}"));
    errors.iter().map(|error| text(&error["code"])).collect()
}
