//! Everybody and everything that the table of bad input names.

use std::collections::BTreeMap;

use image::ImageFormat;
use serde_json::{Value, json};

use super::{
    bank::TestBank,
    factors::Phone,
    people::{PASSWORD, Person, registration, text},
    uploads::picture,
};

/// Everybody and everything that the table names.
pub struct World {
    /// The people, by the names of the callers.
    pub people: BTreeMap<&'static str, Person>,
    things: BTreeMap<&'static str, String>,
}

impl World {
    /// The input with all things in their places.
    pub fn fill(&self, input: &mut Value) {
        match input {
            Value::String(word) => {
                if let Some(name) = word.strip_prefix('$') {
                    let thing = self.things.get(name);
                    *word = thing.unwrap_or_else(|| panic!("no ${name} in the world")).clone();
                }
            }
            Value::Array(all) => all.iter_mut().for_each(|one| self.fill(one)),
            Value::Object(all) => all.values_mut().for_each(|one| self.fill(one)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Makes a thing by a mutation, and gives its id.
async fn make(bank: &TestBank, who: &Person, field: &str, (thing, input): (&str, Value)) -> String {
    let payload = bank.ask(who, field, &format!("{thing} {{ id }}"), input).await;
    assert_eq!(payload["errors"], json!([]), "{field}: {payload}");
    text(&payload[thing]["id"])
}

async fn card(bank: &TestBank, who: &Person, currency: &str) -> String {
    make(bank, who, "createCard", ("card", json!({ "currency": currency }))).await
}

async fn goal(bank: &TestBank, who: &Person, currency: &str) -> String {
    let input = json!({ "name": "Trip", "goal": "300", "currency": currency });
    make(bank, who, "createSavings", ("savings", input)).await
}

async fn bill(bank: &TestBank, who: &Person, amount: &str) -> String {
    let input = json!({ "name": "Rent", "amount": amount, "dueAt": "2026-12-01T00:00:00Z" });
    make(bank, who, "createBill", ("bill", input)).await
}

/// A session that can be renewed.
async fn renew(bank: &TestBank, bob: &Person, things: &mut BTreeMap<&'static str, String>) {
    let asked = bank.login(&bob.email, PASSWORD).await;
    let code = bank.code(&bob.email).await;
    let entered = bank.confirm_login(&text(&asked["challenge"]["id"]), &code).await;
    things.insert("refresh", text(&entered["refreshToken"]));
    things.insert("access", text(&entered["accessToken"]));
}

/// A world in which every mutation has something to be right and something to be wrong with.
pub async fn world(bank: &TestBank) -> World {
    let mut things = BTreeMap::new();
    let mut people = with_factors(bank, &mut things).await;
    let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
    let staff = bank.join("eve", 3).await;
    let role = "UPDATE users SET role = 'BANK_ADMIN' WHERE email_key = 'eve@example.org'";
    bank.fresh.raw(role).await.expect("the role is set");
    things.insert("password", PASSWORD.to_owned());
    things.insert("key", "fresh".to_owned());
    for name in ["card", "card.other", "card.empty", "frozen", "closed"] {
        things.insert(name, card(bank, &ann, "USD").await);
    }
    things.insert("euro", card(bank, &ann, "EUR").await);
    things.insert("bob.card", card(bank, &bob, "USD").await);
    for (name, currency) in
        [("goal", "USD"), ("goal.closed", "USD"), ("goal.empty", "USD"), ("goal.euro", "EUR")]
    {
        things.insert(name, goal(bank, &ann, currency).await);
    }
    things.insert("bob.goal", goal(bank, &bob, "USD").await);
    let dear = [("bill", "1"), ("bill.other", "1"), ("bill.paid", "1"), ("bill.cancelled", "1")];
    for (name, amount) in dear.into_iter().chain([("bill.dear", "500000")]) {
        things.insert(name, bill(bank, &ann, amount).await);
    }
    things.insert("bob.bill", bill(bank, &bob, "1").await);
    let image = picture(4, 4, ImageFormat::Png);
    let paper = b"a paper".as_slice();
    for (name, who, content) in
        [("image", &ann, &*image), ("paper", &ann, paper), ("bob.image", &bob, &*image)]
    {
        things.insert(name, bank.upload(who, name, content).await.id);
    }
    spend(bank, &ann, &bob, &staff, &mut things).await;
    for (name, who) in [("session.other", &ann), ("bob.session", &bob)] {
        let token = bank.sign_in(who).await;
        let found = bank.run(Some(&token), "{ sessions { id current } }", Value::Null).await;
        let sessions = found["sessions"].as_array().expect("sessions").iter();
        let current = sessions.into_iter().find(|one| one["current"] == true);
        things.insert(name, text(&current.expect("the new session")["id"]));
    }
    renew(bank, &bob, &mut things).await;
    sign_in(bank, &mut things).await;
    people.insert("kate", bank.join("kate", 11).await);
    for (name, who) in [("bob.number", &bob), ("staff.number", &staff)] {
        things.insert(name, bank.customer_id(who).await);
    }
    leave(bank, &staff, &mut things).await;
    let input = json!({ "newEmail": "ann.new@example.org", "password": PASSWORD });
    bank.done(Some(&ann.token), "requestEmailChange", input).await;
    things.insert("email.code", bank.code("ann.new@example.org").await);
    people.extend([("ann", ann), ("staff", staff)]);
    World { people, things }
}

/// Somebody asks to leave, somebody has left, and somebody is above the staff.
async fn leave(bank: &TestBank, staff: &Person, things: &mut BTreeMap<&'static str, String>) {
    for (name, index) in [("leaving", 12), ("left", 13)] {
        let who = bank.join(name, index).await;
        let number = bank.customer_id(&who).await;
        let shows = "user { id }";
        bank.mutate(Some(&who.token), "requestDeactivation", shows, Value::Null).await;
        if name == "left" {
            let input = json!({ "customerId": number });
            bank.ask(staff, "confirmDeactivation", shows, input).await;
            things.insert("left.number", number);
        } else {
            things.insert("leaving.number", number);
        }
    }
    let boss = bank.join("boss", 14).await;
    things.insert("boss.number", bank.customer_id(&boss).await);
    let role = "UPDATE users SET role = 'PLATFORM_ADMIN' WHERE email_key = 'boss@example.org'";
    bank.fresh.raw(role).await.expect("the role is set");
}

/// People with authenticators, and one who has to confirm a step.
async fn with_factors(
    bank: &TestBank,
    things: &mut BTreeMap<&'static str, String>,
) -> BTreeMap<&'static str, Person> {
    let ivan = bank.join("ivan", 5).await;
    // Until the second factor of the registration counts no more.
    bank.wait(chrono::Duration::minutes(6));
    let refused = bank.mutate(Some(&ivan.token), "beginTotp", "secret", Value::Null).await;
    things.insert("step", text(&refused["errors"][0]["challenge"]["id"]));
    things.insert("step.code", bank.code(&ivan.email).await);
    let (gina, hans) = (bank.join("gina", 6).await, bank.join("hans", 7).await);
    let begun = bank.mutate(Some(&gina.token), "beginTotp", "secret", Value::Null).await;
    let phone = Phone { secret: text(&begun["secret"]), codes: Vec::new() };
    things.insert("totp.code", bank.shown(&phone));
    bank.enrol(&hans).await;
    let jane = bank.join("jane", 8).await;
    things.insert("jane.code", bank.enrol(&jane).await.codes.remove(0));
    BTreeMap::from([("ivan", ivan), ("gina", gina), ("hans", hans), ("jane", jane)])
}

/// Moves money, so that there is something to be taken back, used up, paid and ended.
async fn spend(
    bank: &TestBank,
    ann: &Person,
    bob: &Person,
    staff: &Person,
    things: &mut BTreeMap<&'static str, String>,
) {
    let at = |name: &str| things[name].clone();
    let (card, bobs) = (at("card"), at("bob.card"));
    bank.top_up(ann, "used", &card, "100").await;
    bank.top_up(bob, "used", &bobs, "1").await;
    let mut transfers = Vec::new();
    for key in ["first", "second"] {
        let input = json!({
            "idempotencyKey": key, "fromAccountId": card, "to": { "accountId": bobs }, "amount": "3",
        });
        transfers.push(text(&bank.transfer(ann, input).await["transaction"]["id"]));
    }
    for name in ["goal.closed", "goal.empty"] {
        let input = json!({
            "idempotencyKey": name, "savingsId": at(name), "cardId": card, "amount": "200",
        });
        bank.ask(ann, "withdrawSavings", "transaction { id }", input).await;
    }
    make(bank, ann, "closeSavings", ("savings", json!({ "savingsId": at("goal.closed") }))).await;
    make(bank, ann, "cancelBill", ("bill", json!({ "billId": at("bill.cancelled") }))).await;
    let pay = json!({ "idempotencyKey": "p", "billId": at("bill.paid"), "fromAccountId": card });
    make(bank, ann, "payBill", ("bill", pay)).await;
    for name in ["closed", "card.empty"] {
        let empty = json!({
            "idempotencyKey": name, "fromAccountId": at(name), "to": { "accountId": card },
            "amount": "50",
        });
        bank.transfer(ann, empty).await;
    }
    let (_, frozen) = teller::types::id::split(&at("frozen")).expect("an id");
    let (_, closed) = teller::types::id::split(&at("closed")).expect("an id");
    let mut s = bank.bank.db.write().await.expect("the database is written");
    for (id, status) in [(frozen, "FROZEN"), (closed, "CLOSED")] {
        let sql = "UPDATE balances SET status = $2 WHERE account_id = $1";
        s.query(sql).bind(id).bind(status).execute().await.expect("the status is set");
    }
    s.commit().await.expect("the status is kept");
    let mistake = json!({
        "idempotencyKey": "used", "transactionId": transfers[1], "reason": "A mistake",
    });
    let reversal = make(bank, staff, "reverseTransaction", ("transaction", mistake)).await;
    things.insert("reversal", reversal);
    things.insert("reversed", transfers.remove(1));
    things.insert("transaction", transfers.remove(0));
    for name in ["hold", "hold.other", "hold.ended"] {
        let asked = json!({
            "idempotencyKey": name, "card": { "accountId": card }, "amount": "2", "merchant": "Shop",
        });
        things.insert(name, make(bank, staff, "placeHold", ("hold", asked)).await);
    }
    let ended = json!({ "holdId": things["hold.ended"] });
    make(bank, staff, "releaseHold", ("hold", ended)).await;
}

/// Somebody is about to become a customer, and somebody to sign in.
async fn sign_in(bank: &TestBank, things: &mut BTreeMap<&'static str, String>) {
    bank.register(registration("carl", 4)).await;
    things.insert("carl.code", bank.code("carl@example.org").await);
    let asked = bank.login("bob@example.org", PASSWORD).await;
    things.insert("challenge", text(&asked["challenge"]["id"]));
    things.insert("challenge.code", bank.code("bob@example.org").await);
    let fred = bank.join("fred", 10).await;
    things.insert("challenge.again", bank.challenge(&fred).await);
    bank.done(None, "requestPasswordReset", json!({ "email": fred.email })).await;
    let letters = bank.letters(&fred.email).await;
    let newest = &letters.last().expect("a letter").text;
    let token = newest.lines().map(str::trim).find(|line| line.len() == 43);
    things.insert("reset", token.expect("a token").to_owned());
}
