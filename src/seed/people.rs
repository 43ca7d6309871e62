//! Who the demo people are, and how they become customers.

use crate::{
    bank::{
        card::{self, CardView},
        context::Bank,
        error::{Broken, Failure},
        inbox, outbox,
        permit::{Permit, Visitor},
        registration,
        registration::{Form, Proof},
        session::SignedIn,
        transfer,
        transfer::TopUp,
    },
    domain::{
        account::{AccountKind, AccountRef},
        session::Facade,
        user::{AddressForm, ProfileForm},
    },
    store::session::Device,
    types::{money::DecimalText, secret::Secret},
};

/// The password of all demo people.
pub const PASSWORD: &str = "demo people love cranes";
/// How often a letter is asked for that a server beside us was faster to take.
const TRIES: usize = 5;

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

/// What a demo person is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A year of salaries, bills, savings and payments, of so many whole units a month.
    Year {
        /// The salary.
        salary: i64,
    },
    /// The first sign-in of a client of this legacy dialect.
    Dialect(&'static str),
}

/// A demo person, and what for.
#[derive(Debug, Clone, Copy)]
pub struct Demo {
    /// The person.
    pub person: Person<'static>,
    /// What for.
    pub purpose: Purpose,
}

const fn demo(texts: [&'static str; 5], purpose: Purpose) -> Demo {
    let [email, first_name, last_name, phone, social_security] = texts;
    Demo { person: Person { email, first_name, last_name, phone, social_security }, purpose }
}

/// All demo people.
pub const ALL: [Demo; 8] = [
    demo(
        ["ann@example.org", "Ann", "Lee", "+12025550123", "078-05-1120"],
        Purpose::Year { salary: 3_200 },
    ),
    demo(
        ["bob@example.org", "Bob", "Ray", "+12025550124", "219-09-9999"],
        Purpose::Year { salary: 2_650 },
    ),
    demo(
        ["cleo@example.org", "Cleo", "Fox", "+12025550125", "457-55-5462"],
        Purpose::Year { salary: 2_900 },
    ),
    demo(
        ["card-bank@example.org", "Carla", "Diaz", "+12025550131", "078-05-1131"],
        Purpose::Dialect("card-bank"),
    ),
    demo(
        ["fintract@example.org", "Felix", "Tran", "+12025550132", "078-05-1132"],
        Purpose::Dialect("fintract"),
    ),
    demo(
        ["financelime@example.org", "Fiona", "Lim", "+12025550133", "078-05-1133"],
        Purpose::Dialect("financelime"),
    ),
    demo(
        ["accounts@example.org", "Alma", "Cole", "+12025550134", "078-05-1134"],
        Purpose::Dialect("accounts"),
    ),
    demo(
        ["ewallet@example.org", "Evan", "Wall", "+12025550135", "078-05-1135"],
        Purpose::Dialect("ewallet"),
    ),
];

/// Who the demo people are to the bank: somebody at its own machine.
pub fn visitor() -> Visitor {
    Visitor { ip_address: "127.0.0.1".to_owned(), user_agent: None, request_id: "seed".to_owned() }
}

/// What they have in their hand.
pub fn device() -> Device {
    Device { platform: Some("teller seed".to_owned()), ..Device::default() }
}

/// An amount that is written here.
pub fn decimal(text: &str) -> DecimalText {
    DecimalText::parse(text).expect("amounts of our own are decimals")
}

/// Makes a customer of a person, by the code that is captured.
pub async fn admit(bank: &Bank, person: &Person<'_>) -> Result<SignedIn, Failure> {
    for _ in 0..TRIES {
        register(bank, person).await?;
        outbox::drain(bank).await?;
        // A server beside us may have taken the letter first, and thrown it away as an old one.
        if let Some(signed_in) = prove(bank, person).await? {
            return Ok(signed_in);
        }
    }
    Err(Broken::Inconsistent("a letter was not captured").into())
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

/// Sends the captured code back; `None` where there is none.
async fn prove(bank: &Bank, person: &Person<'_>) -> Result<Option<SignedIn>, Failure> {
    let letters = inbox::list(bank, Some(person.email)).await?;
    let code = letters.last().and_then(|newest| {
        let mut lines = newest.letter.text.lines().map(str::trim);
        lines.find(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()))
    });
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
        device: device(),
    };
    registration::verify_email(bank, &visitor(), Facade::Graphql, &proof).await.map(Some)
}

/// Sends the captured code back, and gives the new customer a card and a salary;
/// `None` where they are a customer already.
pub async fn settle(
    bank: &Bank,
    person: &Person<'_>,
    salary: &str,
) -> Result<Option<(Permit, CardView)>, Failure> {
    let Some(signed_in) = prove(bank, person).await? else {
        return Ok(None);
    };
    let permit = signed_in.permit;
    let card = card::create(bank, &permit, None, Some("seed-card")).await?.thing;
    let account = AccountRef { kind: AccountKind::Card, id: card.account.account_id };
    let top_up = TopUp {
        key: Some("seed-salary".to_owned()),
        account: Some(account),
        amount: decimal(salary),
        note: Some("Salary".to_owned()),
        claim: None,
    };
    transfer::top_up(bank, &permit, &top_up).await?;
    Ok(Some((permit, card)))
}
