//! Leaving the bank: asked for, confirmed, taken back, and being forgotten.

use chrono::Duration;
use serde_json::{Value, json};
use teller::{
    bank::{leaving, leaving::Meanwhile, permit::Visitor, session},
    domain::{session::Facade, user::UserRole},
};

use crate::support::{
    bank::{TestBank, each_database},
    people::{PASSWORD, Person, codes, text},
};

const REQUEST: &str = "mutation { requestDeactivation { user { status } errors { code } } }";

async fn by_staff(bank: &TestBank, by: &Person, name: &str, number: &str) -> Value {
    let query = format!(
        "mutation ($id: String!) {{ {name}(input: {{ customerId: $id }}) {{
            user {{ status email sessions {{ id }} }} errors {{ code }} }} }}"
    );
    bank.run(Some(&by.token), &query, json!({ "id": number })).await[name].take()
}

async fn delete(bank: &TestBank, who: &Person, password: &str) -> Value {
    let query = "mutation ($password: String!) {
        deleteAccount(input: { password: $password }) { ok errors { __typename code } } }";
    let variables = json!({ "password": password });
    bank.run(Some(&who.token), query, variables).await["deleteAccount"].take()
}

/// Ann, and somebody of the bank's staff.
async fn people(bank: &TestBank) -> (Person, Person) {
    let ann = bank.join("ann", 1).await;
    let eve = bank.join("eve", 2).await;
    bank.promote(&eve, UserRole::BankAdmin).await;
    (ann, eve)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_to_leave_stays_until_staff_confirm_and_comes_back_by_staff_alone() {
    each_database(async |bank| {
        let (ann, eve) = people(bank).await;
        let number = bank.customer_id(&ann).await;
        let early = by_staff(bank, &eve, "confirmDeactivation", &number).await;
        assert_eq!(codes(&early), ["CONFLICT"], "nobody is put out who has not asked");
        for _ in 0..2 {
            let asked = bank.run(Some(&ann.token), REQUEST, Value::Null).await;
            let status = &asked["requestDeactivation"]["user"]["status"];
            assert_eq!(status, "DEACTIVATION_REQUESTED", "{asked}");
        }
        let other = Person { token: bank.sign_in(&ann).await, ..ann.clone() };
        let asked = bank.login(&ann.email, PASSWORD).await;
        let confirmed = by_staff(bank, &eve, "confirmDeactivation", &number).await;
        assert_eq!(confirmed["user"]["status"], "DEACTIVATED", "{confirmed}");
        assert_eq!(confirmed["user"]["sessions"], json!([]), "they have ended");
        let again = by_staff(bank, &eve, "confirmDeactivation", &number).await;
        assert_eq!(again["user"]["status"], "DEACTIVATED", "{again}");
        for token in [&ann.token, &other.token] {
            let refused = bank.post(Some(token), "{ me { email } }", Value::Null).await;
            assert_eq!(refused.status, 401, "{}", bank.database);
        }
        let letters = bank.letters(&ann.email).await;
        let subjects: Vec<&str> = letters.iter().map(|letter| letter.subject.as_str()).collect();
        assert!(subjects.ends_with(&["Your account is deactivated"]), "{subjects:?}");
        let told = subjects.iter().filter(|s| **s == "You asked to close your account").count();
        assert_eq!(told, 1, "{subjects:?}");
        assert_eq!(codes(&bank.login(&ann.email, PASSWORD).await), ["BAD_CREDENTIALS"]);
        let code = letters.iter().rev().find_map(|letter| {
            let line = letter.text.lines().map(str::trim).find(|line| line.len() == 6)?;
            (letter.subject == "Your login code").then(|| line.to_owned())
        });
        let id = text(&asked["challenge"]["id"]);
        let late = bank.confirm_login(&id, &code.expect("a code was mailed")).await;
        assert_eq!(codes(&late), ["BAD_CODE"], "a login that was under way");
        let back = by_staff(bank, &eve, "reactivateCustomer", &number).await;
        assert_eq!(back["user"]["status"], "ACTIVE", "{back}");
        let token = bank.sign_in(&ann).await;
        let me = bank.run(Some(&token), "{ me { status } }", Value::Null).await;
        assert_eq!(me["me"]["status"], "ACTIVE");
        let refused = bank.post(Some(&ann.token), "{ me { email } }", Value::Null).await;
        assert_eq!(refused.status, 401, "what has ended stays so");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_are_put_out_by_platform_administrators_alone_and_nobody_by_themselves() {
    each_database(async |bank| {
        let (_, eve) = people(bank).await;
        let max = bank.join("max", 3).await;
        bank.promote(&max, UserRole::PlatformAdmin).await;
        let eves = bank.customer_id(&eve).await;
        let maxs = bank.customer_id(&max).await;
        for staff in [&eve, &max] {
            bank.run(Some(&staff.token), REQUEST, Value::Null).await;
        }
        for (by, number) in [(&eve, &eves), (&eve, &maxs), (&max, &maxs)] {
            for name in ["confirmDeactivation", "reactivateCustomer"] {
                let refused = by_staff(bank, by, name, number).await;
                assert_eq!(codes(&refused), ["FORBIDDEN"], "{name}: {refused}");
            }
        }
        let done = by_staff(bank, &max, "confirmDeactivation", &eves).await;
        assert_eq!(done["user"]["status"], "DEACTIVATED", "{done}");
        let refused = bank.post(Some(&eve.token), "{ me { email } }", Value::Null).await;
        assert_eq!(refused.status, 401);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialect_may_bar_at_once_whoever_asks_to_leave_until_staff_reactivate() {
    each_database(async |bank| {
        let (ann, eve) = people(bank).await;
        let number = bank.customer_id(&ann).await;
        let visitor = Visitor {
            ip_address: "127.0.0.1".to_owned(),
            user_agent: None,
            request_id: "r".to_owned(),
        };
        let permit = session::authenticate(&bank.bank, Facade::Graphql, &ann.token, &visitor);
        let permit = permit.await.expect("she is signed in");
        let asked = leaving::request(&bank.bank, &permit, Meanwhile::Barred).await;
        asked.expect("she may leave");
        let refused = bank.post(Some(&ann.token), "{ me { email } }", Value::Null).await;
        assert_eq!(refused.status, 401);
        assert_eq!(codes(&bank.login(&ann.email, PASSWORD).await), ["BAD_CREDENTIALS"]);
        let back = by_staff(bank, &eve, "reactivateCustomer", &number).await;
        assert_eq!(back["user"]["status"], "ACTIVE", "{back}");
        bank.sign_in(&ann).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_money_is_not_deleted_nor_one_without_the_password_or_a_second_factor() {
    each_database(async |bank| {
        let (ann, eve) = people(bank).await;
        let card = bank.card(&ann).await;
        assert_eq!(codes(&delete(bank, &ann, PASSWORD).await), ["ACCOUNT_NOT_EMPTY"]);
        let bob = bank.join("bob", 3).await;
        let to = bank.card(&bob).await;
        bank.pay(&ann, "p", &card.id, &to.number, "50.00").await;
        let overdraft = "mutation ($id: ID!) {
            setOverdraftLimit(input: { accountId: $id, limit: \"5\" }) { errors { code } } }";
        bank.run(Some(&eve.token), overdraft, json!({ "id": card.id })).await;
        let place = "mutation ($id: ID!) { placeHold(input: { idempotencyKey: \"h\",
            card: { accountId: $id }, amount: \"1\", merchant: \"Shop\" }) { errors { code } } }";
        let held = bank.run(Some(&eve.token), place, json!({ "id": card.id })).await;
        assert_eq!(held["placeHold"]["errors"], json!([]));
        assert_eq!(codes(&delete(bank, &ann, PASSWORD).await), ["ACCOUNT_NOT_EMPTY"], "a hold");
        bank.wait(Duration::days(8));
        teller::bank::hold::expire(&bank.bank).await.expect("it expires");
        let ann = Person { token: bank.sign_in(&ann).await, ..ann };
        assert_eq!(codes(&delete(bank, &ann, "another password").await), ["BAD_CREDENTIALS"]);
        bank.wait(Duration::minutes(6));
        let stale = delete(bank, &ann, PASSWORD).await;
        assert_eq!(codes(&stale), ["STEP_UP_REQUIRED"], "{stale}");
        let eve = Person { token: bank.sign_in(&eve).await, ..eve };
        assert_eq!(codes(&delete(bank, &eve, PASSWORD).await), ["FORBIDDEN"], "staff");
        let me = bank.run(Some(&ann.token), "{ me { email } }", Value::Null).await;
        assert_eq!(me["me"]["email"], json!(ann.email), "nothing was done");
        bank.audit().await;
    })
    .await;
}

/// A goal and a bill with names that tell whose they were, and everything spent in the end.
async fn put_aside(bank: &TestBank, who: &Person, card: &str, others: &str) {
    let goal = "mutation { createSavings(input: { name: \"annabella's boat\", goal: \"500\" }) {
        savings { id } errors { code } } }";
    let made = bank.run(Some(&who.token), goal, Value::Null).await;
    let id = &made["createSavings"]["savings"]["id"];
    let withdraw = "mutation ($input: MoveSavingsInput!) {
        withdrawSavings(input: $input) { errors { code } } }";
    let input = json!({ "idempotencyKey": "w", "savingsId": id, "cardId": card,
        "amount": "200" });
    let moved = bank.run(Some(&who.token), withdraw, json!({ "input": input })).await;
    assert_eq!(moved["withdrawSavings"]["errors"], json!([]), "{moved}");
    for (name, amount) in [("annabella's rent", "150"), ("annabella's lessons", "20")] {
        let bill = "mutation ($input: CreateBillInput!) {
            createBill(input: $input) { bill { id } errors { code } } }";
        let input = json!({ "name": name, "amount": amount, "dueAt": "2026-12-01T00:00:00Z" });
        let made = bank.run(Some(&who.token), bill, json!({ "input": input })).await;
        if amount == "150" {
            let pay = "mutation ($input: PayBillInput!) {
                payBill(input: $input) { errors { code } } }";
            let input = json!({ "idempotencyKey": "rent", "fromAccountId": card,
                "billId": made["createBill"]["bill"]["id"] });
            let paid = bank.run(Some(&who.token), pay, json!({ "input": input })).await;
            assert_eq!(paid["payBill"]["errors"], json!([]), "{paid}");
        }
    }
    assert_eq!(bank.pay(who, "rest", card, others, "50").await["errors"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_forgotten_the_books_hold_and_the_address_registers_again() {
    each_database(async |bank| {
        let ann = bank.join("annabella", 1).await;
        let card = bank.card(&ann).await;
        let bob = bank.join("bob", 2).await;
        let to = bank.card(&bob).await;
        let input = json!({ "idempotencyKey": "p", "fromAccountId": card.id,
            "to": { "cardNumber": to.number }, "amount": "50.00", "note": "written by annabella" });
        assert_eq!(bank.transfer(&ann, input).await["errors"], json!([]));
        put_aside(bank, &ann, &card.id, &to.number).await;
        bank.login(&ann.email, PASSWORD).await;
        let number = bank.customer_id(&ann).await;
        let gone = delete(bank, &ann, PASSWORD).await;
        assert_eq!((&gone["ok"], &gone["errors"]), (&json!(true), &json!([])), "{gone}");
        let refused = bank.post(Some(&ann.token), "{ me { email } }", Value::Null).await;
        assert_eq!(refused.status, 401);
        assert_eq!(codes(&bank.login(&ann.email, PASSWORD).await), ["BAD_CREDENTIALS"]);
        let letters = bank.letters(&ann.email).await;
        let subjects: Vec<&str> = letters.iter().map(|letter| letter.subject.as_str()).collect();
        assert_eq!(subjects, ["Your account is deleted"], "no code waits any more");
        let paid = bank.pay(&bob, "b", &to.id, &card.number, "1").await;
        assert_eq!(codes(&paid), ["NOT_FOUND"], "a card that is closed");
        let history = "{ history(first: 1) { nodes { amount { amount } note
            counterparty { label last4 } } } }";
        let seen = bank.run(Some(&bob.token), history, Value::Null).await;
        let entry = &seen["history"]["nodes"][0];
        assert_eq!(entry["amount"]["amount"], "50.00", "what others have stays: {seen}");
        assert_eq!(entry["note"], Value::Null, "but not what the person wrote");
        let max = bank.join("max", 3).await;
        bank.promote(&max, UserRole::PlatformAdmin).await;
        let look = "query ($id: String!) { customer(customerId: $id) { email } }";
        let found = bank.run(Some(&max.token), look, json!({ "id": number })).await;
        assert_eq!(found["customer"], Value::Null);
        if bank.database == "postgres" {
            let rows = String::from_utf8_lossy(&bank.fresh.rows().await).into_owned();
            for trace in ["annabella", "+12025550001"] {
                assert!(!rows.contains(trace), "{trace} is still known");
            }
        }
        bank.seal().await;
        bank.audit().await;
        let back = bank.join("annabella", 1).await;
        assert_ne!(back.id, ann.id, "the address, phone and number register again");
        let cards = bank.run(Some(&back.token), "{ cards { id } }", Value::Null).await;
        assert_eq!(cards["cards"], json!([]));
    })
    .await;
}
