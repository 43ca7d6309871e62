//! What a person changes of themselves: profile, address, legacy access.

use chrono::Duration;
use serde_json::{Value, json};

use crate::support::{
    bank::{TestBank, each_database},
    people::{PASSWORD, Person, codes, text},
};

async fn update(bank: &TestBank, person: &Person, input: Value) -> Value {
    bank.mutate(Some(&person.token), "updateProfile", "user { id username }", input).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_absent_stays_and_null_clears() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let before = bank.me(&ann.token).await;
        assert_eq!(update(bank, &ann, json!({})).await["errors"], json!([]));
        assert_eq!(bank.me(&ann.token).await, before, "nothing was said");
        let named = update(bank, &ann, json!({ "username": "The.Crane", "lastName": "Ray" })).await;
        assert_eq!(named["user"]["username"], "The.Crane");
        let me = bank.me(&ann.token).await;
        assert_eq!((&me["firstName"], &me["lastName"]), (&json!("ann"), &json!("Ray")));
        assert_eq!(
            (&me["address"], &me["phoneNumber"]),
            (&before["address"], &before["phoneNumber"])
        );
        let address =
            json!({ "line": "2 Side Street", "city": "Bonn", "state": "NRW", "postCode": "53111" });
        update(bank, &ann, json!({ "address": address })).await;
        let me = bank.me(&ann.token).await;
        assert_eq!(
            me["address"],
            json!({ "line": "2 Side Street", "city": "Bonn", "country": null })
        );
        let cleared = json!({ "username": null, "firstName": null, "lastName": null,
            "phoneNumber": null, "address": null });
        assert_eq!(update(bank, &ann, cleared).await["errors"], json!([]));
        let me = bank.me(&ann.token).await;
        for field in ["username", "firstName", "lastName", "phoneNumber", "address"] {
            assert_eq!(me[field], Value::Null, "{}: {field}", bank.database);
        }
        let subjects = bank.subjects(&ann.email).await;
        assert_eq!(subjects.last().unwrap(), "Your phone number was changed");
        let faulty = json!({ "username": "a b", "firstName": "", "phoneNumber": "1",
            "address": { "line": "", "city": "x", "state": "x", "postCode": "x" } });
        let refused = update(bank, &ann, faulty).await;
        assert_eq!(codes(&refused), ["INVALID_INPUT"; 4]);
        assert_eq!(refused["errors"][3]["path"], json!(["input", "address", "line"]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_a_reserved_phone_number_are_of_one_person() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let bob = bank.join("bob", 2).await;
        assert_eq!(update(bank, &ann, json!({ "username": "Crane" })).await["errors"], json!([]));
        let taken = update(bank, &bob, json!({ "username": "cRANE", "lastName": "Gone" })).await;
        assert_eq!(codes(&taken), ["ALREADY_EXISTS"]);
        assert_eq!(taken["errors"][0]["path"], json!(["input", "username"]));
        let taken = update(bank, &bob, json!({ "phoneNumber": "+1 202 555 0001" })).await;
        assert_eq!(codes(&taken), ["ALREADY_EXISTS"], "{}", bank.database);
        assert_eq!(bank.me(&bob.token).await["lastName"], "Lee", "all or nothing");
        update(bank, &ann, json!({ "phoneNumber": null, "username": "crane" })).await;
        let free = update(bank, &bob, json!({ "phoneNumber": "+1 202 555 0001" })).await;
        assert_eq!(free["errors"], json!([]), "ann has given it up");
        // Somebody with a number that is a contact only: it reserves nothing and disturbs nobody.
        let eve = bank.join("eve", 3).await;
        let sql = "UPDATE users SET social_security = NULL, social_security_index = NULL,
            phone_key = NULL WHERE email_key = 'eve@example.org'";
        bank.fresh.raw(sql).await.expect("eve came by a dialect");
        let shared = update(bank, &eve, json!({ "phoneNumber": "+12025550077" })).await;
        assert_eq!(shared["errors"], json!([]));
        let reserved = update(bank, &bob, json!({ "phoneNumber": "+12025550077" })).await;
        assert_eq!(reserved["errors"], json!([]), "{}", bank.database);
        let race = |person| update(bank, person, json!({ "username": "only-one" }));
        let (one, two) = tokio::join!(race(&ann), race(&bob));
        let mut told = [codes(&one), codes(&two)];
        told.sort();
        assert_eq!(told, [vec![], vec!["ALREADY_EXISTS".to_owned()]], "{}", bank.database);
    })
    .await;
}

async fn ask(bank: &TestBank, token: &str, email: &str, password: &str) -> Value {
    let input = json!({ "newEmail": email, "password": password });
    bank.mutate(Some(token), "requestEmailChange", "ok", input).await
}

async fn confirm(bank: &TestBank, token: &str, code: &str) -> Value {
    let input = json!({ "code": code });
    bank.mutate(Some(token), "confirmEmailChange", "user { email emailVerified }", input).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_changes_by_a_code_that_went_there_and_the_old_one_is_told() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let other = bank.sign_in(&ann).await;
        let new = "ann.new@example.org";
        assert_eq!(
            codes(&ask(bank, &ann.token, new, "not the password").await),
            ["BAD_CREDENTIALS"]
        );
        assert_eq!(codes(&ask(bank, &ann.token, "ann", PASSWORD).await), ["INVALID_INPUT"]);
        assert_eq!(
            codes(&ask(bank, &ann.token, "Ann@example.org", PASSWORD).await),
            ["INVALID_INPUT"]
        );
        assert_eq!(codes(&confirm(bank, &ann.token, "123456").await), ["BAD_CODE"], "none waits");
        assert_eq!(ask(bank, &ann.token, new, PASSWORD).await, json!({ "ok": true, "errors": [] }));
        let code = bank.code(new).await;
        assert_eq!(bank.me(&ann.token).await["email"], "ann@example.org", "not before the code");
        assert_eq!(codes(&confirm(bank, &other, &code).await), ["BAD_CODE"], "another session");
        bank.mutate(None, "requestPasswordReset", "ok", json!({ "email": ann.email })).await;
        let lost = bank.letters(&ann.email).await.pop().expect("a letter");
        let lost = lost.text.lines().map(str::trim).find(|line| line.len() == 43);
        let lost = lost.expect("a token").to_owned();
        let changed = confirm(bank, &ann.token, &code).await;
        assert_eq!(changed["user"], json!({ "email": new, "emailVerified": true }), "{changed}");
        assert_eq!(codes(&confirm(bank, &ann.token, &code).await), ["BAD_CODE"], "once");
        let notice = bank.letters("ann@example.org").await.pop().expect("a letter");
        assert_eq!(notice.subject, "Your email address was changed");
        assert!(notice.text.contains("a•••@example.org"), "{}", notice.text);
        let stale = json!({ "token": lost, "newPassword": "seven white herons" });
        let stale = bank.mutate(None, "resetPassword", "ok", stale).await;
        assert_eq!(codes(&stale), ["BAD_CODE"], "a token that went to the old address");
        assert_eq!(codes(&bank.login("ann@example.org", PASSWORD).await), ["BAD_CREDENTIALS"]);
        let asked = bank.login("ANN.new@example.org", PASSWORD).await;
        let code = bank.code(new).await;
        let entered = bank.confirm_login(&text(&asked["challenge"]["id"]), &code).await;
        assert_eq!(entered["errors"], json!([]), "{}", bank.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_somebodys_is_asked_for_with_the_same_answer() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let bob = bank.join("bob", 2).await;
        let free = ask(bank, &ann.token, "free@example.org", PASSWORD).await;
        let taken = ask(bank, &ann.token, &bob.email, PASSWORD).await;
        assert_eq!(free, taken);
        let letter = bank.letters(&bob.email).await.pop().expect("a letter");
        assert_eq!(letter.subject, "This email address is in use");
        let code = bank.code("free@example.org").await;
        assert_eq!(codes(&confirm(bank, &ann.token, &code).await), ["BAD_CODE"], "replaced");
        // Two who ask for one address while it is free: the second to confirm is refused.
        let (hers, his) = ("shared@example.org", "Shared@example.org");
        ask(bank, &ann.token, hers, PASSWORD).await;
        let first = bank.code(hers).await;
        bank.wait(Duration::seconds(1));
        ask(bank, &bob.token, his, PASSWORD).await;
        let second = bank.code(hers).await;
        assert_eq!(confirm(bank, &bob.token, &second).await["errors"], json!([]));
        assert_eq!(codes(&confirm(bank, &ann.token, &first).await), ["ALREADY_EXISTS"]);
        assert_eq!(bank.me(&ann.token).await["email"], "ann@example.org", "{}", bank.database);
        let other = ask(bank, &ann.token, "late@example.org", PASSWORD).await;
        assert_eq!(other["ok"], true);
        let late = bank.code("late@example.org").await;
        for _ in 0..5 {
            assert_eq!(codes(&confirm(bank, &ann.token, "none").await), ["BAD_CODE"]);
        }
        assert_eq!(codes(&confirm(bank, &ann.token, &late).await), ["TOO_MANY_ATTEMPTS"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy_access_is_set_by_who_confirmed_a_second_factor_and_is_told() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let set = async |dialect: &str, enabled: bool| {
            let input = json!({ "dialect": dialect, "enabled": enabled });
            let shows = "user { legacyAccess }";
            let payload = bank.mutate(Some(&ann.token), "setLegacyAccess", shows, input).await;
            payload["user"]["legacyAccess"].clone()
        };
        assert_eq!(bank.me(&ann.token).await["legacyAccess"], json!([]), "none by GraphQL");
        assert_eq!(set("FINANCELIME", true).await, json!(["FINANCELIME"]));
        assert_eq!(set("ACCOUNTS", true).await, json!(["ACCOUNTS", "FINANCELIME"]));
        let letters = bank.letters(&ann.email).await.len();
        assert_eq!(set("ACCOUNTS", true).await, json!(["ACCOUNTS", "FINANCELIME"]));
        assert_eq!(bank.letters(&ann.email).await.len(), letters, "nothing was changed");
        assert_eq!(set("ACCOUNTS", false).await, json!(["FINANCELIME"]), "{}", bank.database);
        let letter = bank.letters(&ann.email).await.pop().expect("a letter");
        assert_eq!(letter.subject, "Access of legacy programs was changed");
        assert!(letter.text.contains("accounts may not sign in"), "{}", letter.text);
    })
    .await;
}
