//! People who use the bank by card-bank alone: its calls, and the letters.

use super::{
    bank::TestBank,
    people::PASSWORD,
    wire::{Check, Got},
};

/// The cookie that signs somebody in.
pub const COOKIE: &str =
    "authorization={{jwt}}; HttpOnly; Max-Age=2700; Path=/; SameSite=none; Secure";
/// What a sign-in says.
pub const GRANTED: &str = r#"{"message":"Access granted"}"#;

/// `{"detail":"…"}`
pub fn detail(told: &str) -> String {
    format!(r#"{{"detail":"{told}"}}"#)
}

/// `{"message":"…"}`
pub fn message(told: &str) -> String {
    format!(r#"{{"message":"{told}"}}"#)
}

/// What must be nobody's, of the `index`th person.
pub fn temp(name: &str, index: u32) -> String {
    format!(
        r#"{{"email":"{name}@example.org","phone_number":"+1202555{index:04}","social_security":"078-05-{index:04}"}}"#
    )
}

/// Everything that the `index`th person says with the code.
pub fn create(name: &str, index: u32, code: &str) -> String {
    format!(
        r#"{{"first_name":"{name}","last_name":"Lee","email":"{name}@example.org","phone_number":"+1202555{index:04}","date_of_birth":"1990-04-01","social_security":"078-05-{index:04}","address":"1 Main Street","city":"Springfield","state":"Oregon","post_code":"97477","password":"{PASSWORD}","verification_code":"{code}"}}"#
    )
}

/// The code of the newest letter to an address, as a program of card-bank finds it.
pub async fn code(bank: &TestBank, to: &str) -> String {
    let letters = bank.letters(to).await;
    let newest = letters.last().unwrap_or_else(|| panic!("no letter to {to}"));
    let found = newest.html.split_once("<div class=\"code\">");
    let found = found.and_then(|(_, rest)| rest.split_once("</div>"));
    found.unwrap_or_else(|| panic!("no code in {}", newest.html)).0.to_owned()
}

/// A person who is signed in.
pub struct Member {
    /// Their address.
    pub email: String,
    /// What their browser keeps.
    pub cookie: String,
}

/// A card as it was made.
pub struct Plastic {
    /// Its integer for an id.
    pub id: String,
    /// All sixteen digits.
    pub number: String,
}

impl Plastic {
    /// Its last four digits.
    pub fn last4(&self) -> &str {
        &self.number[12..]
    }
}

impl Member {
    fn of(name: &str, got: &Got) -> Self {
        Self { email: format!("{name}@example.org"), cookie: got.cookie("authorization") }
    }

    /// Becomes a customer.
    pub async fn join(bank: &TestBank, name: &str, index: u32) -> Self {
        Check::new("POST", "/auth/register")
            .json(&temp(name, index))
            .expect(bank, 200, &message("Mail has been send"))
            .await;
        let code = code(bank, &format!("{name}@example.org")).await;
        let got = Check::new("POST", "/auth/verify-email")
            .json(&create(name, index, &code))
            .gets("set-cookie", COOKIE)
            .expect(bank, 200, GRANTED)
            .await;
        Self::of(name, &got)
    }

    /// Signs a person of whichever door in here.
    pub async fn sign_in(bank: &TestBank, name: &str) -> Self {
        let email = format!("{name}@example.org");
        Check::new("POST", "/auth/2fa/request")
            .json(&format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#))
            .expect(bank, 200, &message("Request sended"))
            .await;
        let code = code(bank, &email).await;
        let got = Check::new("POST", "/auth/2fa/confirm")
            .json(&format!(r#"{{"email":"{email}","twofa_code":"{code}"}}"#))
            .gets("set-cookie", COOKIE)
            .expect(bank, 200, GRANTED)
            .await;
        Self::of(name, &got)
    }

    /// A call of theirs.
    pub fn call(&self, method: &str, path: &str) -> Check {
        Check::new(method, path).header("cookie", &format!("authorization={}", self.cookie))
    }

    /// A call of theirs with a body.
    pub fn send(&self, method: &str, path: &str, body: &str) -> Check {
        self.call(method, path).json(body)
    }

    /// Makes a card.
    pub async fn card(&self, bank: &TestBank) -> Plastic {
        let got = self.call("POST", "/card/create").expect(bank, 200, SINGLE).await;
        let number = got.part(2).to_owned();
        let list = self.call("GET", "/card").expect(bank, 200, "{{all}}").await;
        let list = list.answer.json();
        let made = list.as_array().expect("a list").iter().find(|card| card["number"] == number);
        let id = made.expect("the card is listed")["card_id"].to_string();
        Plastic { id, number }
    }
}

/// A new card by itself.
pub const SINGLE: &str = r#"{"cardholer_name":"{{text}}","cardholer_surname":"{{text}}","number":"{{digits:16}}","expiration_date":"11/31","cvv":"{{digits:3}}","balance":50.0}"#;
