//! Demo people for the sandbox, made through the same use cases as everybody.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::{
    bank::{
        bill,
        bill::Charge,
        card::{self, CardView},
        context::{Bank, PostOffice},
        error::{Broken, Failure},
        inbox, outbox,
        permit::{Permit, Visitor},
        registration,
        registration::{Form, Proof},
        savings,
        savings::Wish,
        second_factor, transfer,
        transfer::{Aside, Payment, Target, TopUp},
    },
    domain::{
        account::{AccountKind, AccountRef},
        refusal::Refusal,
        second_factor::PasswordDialect,
        session::Facade,
        user::{AddressForm, ProfileForm},
    },
    store::session::Device,
    types::{money::DecimalText, secret::Secret},
};

/// The password of all demo people.
pub const PASSWORD: &str = "demo people love cranes";

/// A person who is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Person<'p> {
    /// Their address.
    pub email: &'p str,
    /// First name.
    pub first_name: &'p str,
    /// Last name.
    pub last_name: &'p str,
    /// Phone number.
    pub phone: &'p str,
    /// Social security number.
    pub social_security: &'p str,
}

/// All demo people.
pub const PEOPLE: [Person<'static>; 2] = [
    Person {
        email: "ann@example.org",
        first_name: "Ann",
        last_name: "Lee",
        phone: "+12025550123",
        social_security: "078-05-1120",
    },
    Person {
        email: "bob@example.org",
        first_name: "Bob",
        last_name: "Ray",
        phone: "+12025550124",
        social_security: "219-09-9999",
    },
];

/// What became of a demo person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seeded {
    /// They are new.
    Made,
    /// They were there before.
    Known,
}

/// Makes the demo people who are not there yet, and lets the new ones pay each other.
/// Programs that know a password alone may sign them in.
///
/// Their letters are captured and never sent, as their addresses are examples.
pub async fn run(bank: &Bank) -> Result<Vec<(Person<'static>, Seeded)>, Failure> {
    if !bank.rules.sandbox {
        let reason = "Demo people are for the sandbox: run without --production.";
        return Err(Refusal::Forbidden { reason }.into());
    }
    let post_office = PostOffice {
        captures: true,
        smtp: None,
        frontend_url: None,
        wake: Arc::new(Notify::new()),
    };
    let bank = Bank { post_office, ..bank.clone() };
    let mut told = Vec::new();
    let mut made: Vec<(Permit, CardView)> = Vec::new();
    for person in PEOPLE {
        match admit(&bank, &person).await? {
            Some(new) => {
                for dialect in PasswordDialect::ALL {
                    second_factor::set_legacy_access(&bank, &new.0, dialect, true).await?;
                }
                put_aside(&bank, &new).await?;
                owe(&bank, &new).await?;
                made.push(new);
                told.push((person, Seeded::Made));
            }
            None => told.push((person, Seeded::Known)),
        }
    }
    if let [(ann, ann_card), (_, bob_card)] = made.as_slice() {
        let payment = Payment {
            key: Some("seed-lunch".to_owned()),
            from: Some(card_ref(ann_card)),
            to: Target::Account(Some(card_ref(bob_card))),
            amount: decimal("12.50"),
            note: Some("Lunch".to_owned()),
        };
        transfer::pay(&bank, ann, &payment).await?;
    }
    Ok(told)
}

/// Gives a demo person a savings goal with some money of their card in it.
async fn put_aside(bank: &Bank, (permit, card): &(Permit, CardView)) -> Result<(), Failure> {
    let wish = Wish {
        name: "Bicycle".to_owned(),
        goal: decimal("900.00"),
        currency: None,
        key: Some("seed-goal".to_owned()),
    };
    let goal = savings::create(bank, permit, &wish).await?.thing;
    let aside = Aside {
        key: Some("seed-goal-money".to_owned()),
        savings: Some(goal.account.account_id),
        card: Some(card.account.account_id),
        amount: decimal("75.00"),
    };
    transfer::top_up_savings(bank, permit, &aside).await?;
    Ok(())
}

/// Gives a demo person a bill that is paid, one that is due and one that is overdue.
async fn owe(bank: &Bank, (permit, card): &(Permit, CardView)) -> Result<(), Failure> {
    let bills = [("Power", "48.20", -20), ("Rent", "650.00", 9), ("Library", "3.50", -2)];
    for (name, amount, days) in bills {
        let charge = Charge {
            name: name.to_owned(),
            amount: decimal(amount),
            due_at: bank.now() + chrono::Duration::days(days),
            currency: None,
            key: Some(format!("seed-bill-{name}")),
        };
        let made = bill::create(bank, permit, &charge).await?.thing.bill_id;
        if name == "Power" {
            bill::pay(bank, permit, Some("seed-power"), Some(made), Some(card_ref(card))).await?;
        }
    }
    Ok(())
}

fn card_ref(card: &CardView) -> AccountRef {
    AccountRef { kind: AccountKind::Card, id: card.account.account_id }
}

fn decimal(text: &str) -> DecimalText {
    DecimalText::parse(text).expect("amounts of our own are decimals")
}

async fn admit(bank: &Bank, person: &Person<'_>) -> Result<Option<(Permit, CardView)>, Failure> {
    register(bank, person).await?;
    outbox::drain(bank).await?;
    settle(bank, person, "2500.00").await
}

/// Asks for an account; the letter with the code waits in the outbox then.
pub async fn register(bank: &Bank, person: &Person<'_>) -> Result<(), Failure> {
    let form = Form {
        email: person.email.to_owned(),
        phone_number: person.phone.to_owned(),
        social_security: Secret::new(person.social_security),
    };
    registration::register_unlimited(bank, &form).await?;
    Ok(())
}

/// Sends the captured code back, and gives the new customer a card and a salary;
/// `None` where they are a customer already.
pub async fn settle(
    bank: &Bank,
    person: &Person<'_>,
    salary: &str,
) -> Result<Option<(Permit, CardView)>, Failure> {
    let letters = inbox::list(bank, Some(person.email)).await?;
    let newest = letters.last().ok_or(Broken::Inconsistent("a letter was not captured"))?;
    let code = newest
        .letter
        .text
        .lines()
        .map(str::trim)
        .find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()));
    // A customer's letter has no code: it says that they are one already.
    let Some(code) = code else {
        return Ok(None);
    };
    let address = AddressForm {
        line: "1 Main Street".to_owned(),
        city: "Springfield".to_owned(),
        state: "Oregon".to_owned(),
        post_code: "97477".to_owned(),
        country: Some("USA".to_owned()),
    };
    let proof = Proof {
        email: person.email.to_owned(),
        code: Secret::new(code),
        profile: ProfileForm {
            first_name: person.first_name.to_owned(),
            last_name: person.last_name.to_owned(),
            date_of_birth: chrono::NaiveDate::from_ymd_opt(1990, 4, 1).expect("a day"),
            address,
        },
        password: Secret::new(PASSWORD),
        device: Device { platform: Some("teller seed".to_owned()), ..Device::default() },
    };
    let visitor = Visitor {
        ip_address: "127.0.0.1".to_owned(),
        user_agent: None,
        request_id: "seed".to_owned(),
    };
    let permit = registration::verify_email(bank, &visitor, Facade::Graphql, &proof).await?.permit;
    let card = card::create(bank, &permit, None, Some("seed-card")).await?.thing;
    let top_up = TopUp {
        key: Some("seed-salary".to_owned()),
        account: Some(card_ref(&card)),
        amount: decimal(salary),
        note: Some("Salary".to_owned()),
        claim: None,
    };
    transfer::top_up(bank, &permit, &top_up).await?;
    Ok(Some((permit, card)))
}
