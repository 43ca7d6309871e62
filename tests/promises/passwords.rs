//! Passwords: lost and set anew, changed, and hashed anew.

use std::sync::Arc;

use argon2::{Argon2, Params, PasswordHasher as _, password_hash::phc::PasswordHash};
use axum::http::StatusCode;
use chrono::Duration;
use serde_json::{Value, json};
use teller::bank::{
    context::{Bank, PostOffice},
    password,
    password::LostForm,
    permit::Visitor,
};
use tokio::sync::Notify;

use crate::support::{
    bank::{TestBank, each_database},
    people::{PASSWORD, Person, codes, proof, registration, text},
};

const NEW: &str = "seven white herons";

async fn ask(bank: &TestBank, input: Value) -> Value {
    bank.mutate(None, "requestPasswordReset", "ok", input).await
}

/// The token of the newest letter to an address.
async fn token(bank: &TestBank, to: &str) -> String {
    let letters = bank.letters(to).await;
    let newest = letters.last().expect("a letter");
    assert_eq!(newest.subject, "Set a new password");
    let line = newest.text.lines().map(str::trim).find(|line| line.len() == 43);
    line.unwrap_or_else(|| panic!("no token in {}", newest.text)).to_owned()
}

async fn reset(bank: &TestBank, input: Value) -> Value {
    bank.mutate(None, "resetPassword", "ok", input).await
}

async fn is_open(bank: &TestBank, token: &str) -> bool {
    bank.post(Some(token), "{ me { id } }", json!({})).await.status == StatusCode::OK
}

async fn lost(bank: &TestBank, email: &str) -> String {
    assert_eq!(ask(bank, json!({ "email": email })).await, json!({ "ok": true, "errors": [] }));
    token(bank, email).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_password_is_set_anew_once_by_the_letter_and_all_sessions_end() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let other = bank.sign_in(&ann).await;
        let pending = bank.challenge(&ann).await;
        let pending_code = bank.code(&ann.email).await;
        let known = ask(bank, json!({ "email": "Ann@Example.org" })).await;
        let letters = bank.letters(&ann.email).await.len();
        let unknown = ask(bank, json!({ "email": "nobody@example.org" })).await;
        assert_eq!(known, unknown, "{}", bank.database);
        assert_eq!(known, json!({ "ok": true, "errors": [] }));
        assert_eq!(bank.letters("nobody@example.org").await.len(), 0);
        assert_eq!(bank.letters("").await.len(), 0, "a letter to nobody goes nowhere");
        assert_eq!(bank.letters(&ann.email).await.len(), letters);
        let token = token(bank, &ann.email).await;
        let weak = reset(bank, json!({ "token": token, "newPassword": "ann@example.org" })).await;
        assert_eq!(codes(&weak), ["INVALID_INPUT"]);
        assert_eq!(weak["errors"][0]["path"], json!(["input", "newPassword"]));
        let input = json!({ "token": token, "newPassword": NEW });
        let send = || reset(bank, input.clone());
        let answers = tokio::join!(send(), send(), send());
        let done = [&answers.0, &answers.1, &answers.2];
        let done = done.iter().filter(|answer| answer["ok"] == true).count();
        assert_eq!(done, 1, "{}: {answers:?}", bank.database);
        let again = reset(bank, input).await;
        assert_eq!((codes(&again), &again["ok"]), (vec!["BAD_CODE".into()], &json!(false)));
        assert_eq!(again["errors"][0]["path"], json!(["input", "token"]));
        for token in [&ann.token, &other] {
            assert!(!is_open(bank, token).await, "{}", bank.database);
        }
        let late = bank.confirm_login(&pending, &pending_code).await;
        assert_eq!(codes(&late), ["BAD_CODE"], "a login that began with the old password");
        let subjects = bank.subjects(&ann.email).await;
        assert_eq!(subjects.last().unwrap(), "Your password was changed");
        assert_eq!(codes(&bank.login(&ann.email, PASSWORD).await), ["BAD_CREDENTIALS"]);
        assert!(bank.login(&ann.email, NEW).await["challenge"]["id"].is_string());
        let unknown = reset(bank, json!({ "token": "nonsense", "newPassword": NEW })).await;
        assert_eq!(codes(&unknown), ["BAD_CODE"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_for_half_an_hour_and_a_newer_one_replaces_it() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let first = lost(bank, &ann.email).await;
        let second = lost(bank, &ann.email).await;
        let replaced = reset(bank, json!({ "token": first, "newPassword": NEW })).await;
        assert_eq!(codes(&replaced), ["BAD_CODE"]);
        bank.wait(Duration::minutes(30));
        let late = reset(bank, json!({ "token": second, "newPassword": NEW })).await;
        assert_eq!(codes(&late), ["CODE_EXPIRED"], "{}", bank.database);
        let third = lost(bank, &ann.email).await;
        bank.wait(Duration::minutes(30) - Duration::seconds(1));
        let done = reset(bank, json!({ "token": third, "newPassword": NEW })).await;
        assert_eq!(done["ok"], true);
        let fourth = lost(bank, &ann.email).await;
        let entered = Person { token: sign_in_with(bank, &ann, NEW).await, ..ann.clone() };
        let change = json!({ "currentPassword": NEW, "newPassword": "nine black storks" });
        bank.done(Some(&entered.token), "changePassword", change).await;
        let stale = reset(bank, json!({ "token": fourth, "newPassword": PASSWORD })).await;
        assert_eq!(codes(&stale), ["BAD_CODE"], "a changed password ends what was lost");
    })
    .await;
}

async fn sign_in_with(bank: &TestBank, person: &Person, password: &str) -> String {
    let asked = bank.login(&person.email, password).await;
    let code = bank.code(&person.email).await;
    let entered = bank.confirm_login(&text(&asked["challenge"]["id"]), &code).await;
    text(&entered["accessToken"])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_of_a_person_must_be_theirs_and_nobody_is_told() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let bob = bank.join("bob", 2).await;
        let (his, hers) = (registration("bob", 2), registration("ann", 1));
        let before = bank.letters(&ann.email).await.len();
        for (field, value) in [
            ("phoneNumber", &his["phoneNumber"]),
            ("socialSecurity", &his["socialSecurity"]),
            ("phoneNumber", &json!("+12025550009")),
        ] {
            let mut input = json!({ "email": ann.email });
            input[field] = value.clone();
            assert_eq!(ask(bank, input).await, json!({ "ok": true, "errors": [] }), "{field}");
        }
        assert_eq!(bank.letters(&ann.email).await.len(), before, "{}", bank.database);
        assert_eq!(bank.letters(&bob.email).await.len(), 1);
        let right = json!({ "email": ann.email, "phoneNumber": "+1 (202) 555-0001",
            "socialSecurity": hers["socialSecurity"] });
        ask(bank, right).await;
        assert_eq!(bank.letters(&ann.email).await.len(), before + 1);
        let faulty = json!({ "email": "ann", "phoneNumber": "1", "socialSecurity": "?" });
        assert_eq!(codes(&ask(bank, faulty).await), ["INVALID_INPUT"; 3]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_alone_does_not_pass_an_authenticator_by() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let phone = bank.enrol(&ann).await;
        bank.wait(Duration::seconds(30));
        let token = lost(bank, &ann.email).await;
        let bare = json!({ "token": token, "newPassword": NEW });
        for _ in 0..7 {
            let asked = reset(bank, bare.clone()).await;
            assert_eq!(codes(&asked), ["STEP_UP_REQUIRED"], "{}", bank.database);
            let challenge = &asked["errors"][0]["challenge"];
            assert_eq!(challenge["methods"], json!(["TOTP", "RECOVERY_CODE"]));
        }
        let with = |code: &str, method: Value| {
            json!({ "token": token, "newPassword": NEW, "code": code, "method": method })
        };
        let mailed = reset(bank, with("123456", json!("EMAIL"))).await;
        assert_eq!(codes(&mailed), ["INVALID_INPUT"]);
        assert_eq!(codes(&reset(bank, with("nothing", Value::Null)).await), ["BAD_CODE"]);
        assert_eq!(codes(&bank.login(&ann.email, NEW).await), ["BAD_CREDENTIALS"]);
        let done = reset(bank, with(&bank.shown(&phone), Value::Null)).await;
        assert_eq!(done["ok"], true, "{done}");
        assert!(!is_open(bank, &ann.token).await);
        let asked = bank.login(&ann.email, NEW).await;
        assert_eq!(asked["challenge"]["methods"], json!(["TOTP", "RECOVERY_CODE"]));
        // Five wrong codes make a token void, also for the right one.
        let token = lost(bank, &ann.email).await;
        let with = |code: &str| json!({ "token": token, "newPassword": PASSWORD, "code": code });
        for _ in 0..5 {
            assert_eq!(codes(&reset(bank, with("nothing")).await), ["BAD_CODE"]);
        }
        let sixth = reset(bank, with(&phone.codes[0])).await;
        assert_eq!(codes(&sixth), ["TOO_MANY_ATTEMPTS"], "{}", bank.database);
        let token = lost(bank, &ann.email).await;
        let input = json!({ "token": token, "newPassword": PASSWORD, "code": phone.codes[0] });
        assert_eq!(reset(bank, input).await["ok"], true, "a recovery code is a second factor");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_the_other_sessions_and_is_told() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let other = bank.sign_in(&ann).await;
        let change = async |current: &str, new: &str| {
            let input = json!({ "currentPassword": current, "newPassword": new });
            bank.mutate(Some(&ann.token), "changePassword", "ok", input).await
        };
        assert_eq!(codes(&change("not the password", NEW).await), ["BAD_CREDENTIALS"]);
        assert!(is_open(bank, &other).await);
        let subjects = bank.subjects(&ann.email).await;
        assert!(!subjects.contains(&"Your password was changed".to_owned()), "{subjects:?}");
        bank.wait(Duration::minutes(6));
        assert_eq!(codes(&change(PASSWORD, NEW).await), ["STEP_UP_REQUIRED"]);
        bank.step_up(&ann, &ann.token).await;
        assert_eq!(change(PASSWORD, NEW).await["ok"], true, "{}", bank.database);
        assert!(is_open(bank, &ann.token).await, "the session that did it stays");
        assert!(!is_open(bank, &other).await, "{}", bank.database);
        let subjects = bank.subjects(&ann.email).await;
        assert_eq!(subjects.last().unwrap(), "Your password was changed");
        assert_eq!(codes(&bank.login(&ann.email, PASSWORD).await), ["BAD_CREDENTIALS"]);
        assert!(bank.login(&ann.email, NEW).await["challenge"].is_object());
        let log = bank.audit_log().await;
        for result in ["BAD_CREDENTIALS", "DONE"] {
            let wanted = ("changePassword".to_owned(), result.to_owned());
            assert!(log.contains(&wanted), "{wanted:?} in {log:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_for_a_password_are_the_same_wherever_it_is_set() {
    each_database(async |bank| {
        let ann = bank.join("annabelle", 1).await;
        let token = lost(bank, &ann.email).await;
        bank.register(registration("leonardo", 2)).await;
        let code = bank.code("leonardo@example.org").await;
        for (hers, his) in [
            ("short", "short"),
            ("password123", "password123"),
            ("T.E.L.L.E.R.", "t e l l e r "),
            ("Annabelle@Example.org", "leonardo@example.org"),
            ("ANNA-BELLE", "Leo.Nardo"),
            ("annabelle lee", "leonardo_lee"),
        ] {
            let input = json!({ "currentPassword": PASSWORD, "newPassword": hers });
            let changed = bank.mutate(Some(&ann.token), "changePassword", "ok", input).await;
            let set = reset(bank, json!({ "token": token, "newPassword": hers })).await;
            let mut input = proof("leonardo", &code);
            input["password"] = json!(his);
            let verified = bank.verify_email(input).await;
            for payload in [changed, set, verified] {
                assert_eq!(codes(&payload), ["INVALID_INPUT"], "{}: {hers}", bank.database);
            }
        }
        let long = "x".repeat(129);
        let set = reset(bank, json!({ "token": token, "newPassword": long })).await;
        assert_eq!(codes(&set), ["INVALID_INPUT"]);
        assert_eq!(reset(bank, json!({ "token": token, "newPassword": NEW })).await["ok"], true);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_hashes_a_password_anew_where_the_parameters_have_risen() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let weak = Params::new(8 * 1024, 1, 1, None).expect("parameters that Argon2 takes");
        let argon2 = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, weak);
        let salt = b"0123456789abcdef";
        let hash: PasswordHash = argon2
            .hash_password_with_salt(PASSWORD.as_bytes(), salt)
            .expect("a password is hashed");
        let hash = hash.to_string();
        let sql = format!("UPDATE users SET password_hash = '{hash}'");
        bank.fresh.raw(&sql).await.expect("the hash is written");
        let kept = async || {
            let mut s = bank.bank.db.read().await.expect("the database is read");
            let sql = "SELECT password_hash FROM users";
            s.query(sql).scalar::<String>().await.expect("the hash is read").expect("a person")
        };
        assert_eq!(codes(&bank.login(&ann.email, "not the password").await), ["BAD_CREDENTIALS"]);
        assert_eq!(kept().await, hash, "a wrong password changes nothing");
        assert!(bank.login(&ann.email, PASSWORD).await["challenge"].is_object());
        let fresh = kept().await;
        assert!(fresh.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{fresh}");
        assert!(bank.login(&ann.email, PASSWORD).await["challenge"].is_object());
        assert_eq!(kept().await, fresh, "{}: once", bank.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_leads_to_the_front_end_where_there_is_one() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let post_office = PostOffice {
            frontend_url: Some("https://bank.example.org/".to_owned()),
            wake: Arc::new(Notify::new()),
            ..bank.bank.post_office.clone()
        };
        let linking = Bank { post_office, ..bank.bank.clone() };
        let visitor = Visitor {
            ip_address: "127.0.0.1".to_owned(),
            user_agent: None,
            request_id: "promise".to_owned(),
        };
        let form = LostForm { email: ann.email.clone(), phone_number: None, social_security: None };
        let facade = teller::domain::session::Facade::Graphql;
        password::request_reset(&linking, &visitor, facade, &form).await.expect("it is sent");
        let letter = bank.letters(&ann.email).await.pop().expect("a letter");
        let (_, rest) = letter
            .text
            .split_once("https://bank.example.org/reset-password#token=")
            .unwrap_or_else(|| panic!("no link in {}", letter.text));
        let token = rest.split_whitespace().next().expect("a token");
        assert!(letter.html.contains(&format!("#token={token}\"")), "{}", letter.html);
        assert!(!letter.subject.contains(token));
        assert_eq!(reset(bank, json!({ "token": token, "newPassword": NEW })).await["ok"], true);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_code_token_or_secret_of_a_second_factor_lies_in_clear_in_the_database() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let bob = bank.join("bob", 2).await;
        let phone = bank.enrol(&ann).await;
        ask(bank, json!({ "email": ann.email })).await;
        let lost = token(bank, &ann.email).await;
        bank.login(&bob.email, PASSWORD).await;
        let code = bank.code(&bob.email).await;
        let dump = bank.fresh.everything().await;
        assert!(dump.windows(15).any(|window| window == b"ann@example.org"));
        let raw = totp_rs::Secret::try_from_base32(&phone.secret).expect("base 32");
        let mut secrets: Vec<Vec<u8>> = phone
            .codes
            .iter()
            .flat_map(|code| [code.clone(), code.replace('-', "")])
            .chain([lost, code, phone.secret.clone()])
            .map(String::into_bytes)
            .collect();
        secrets.push(raw.as_bytes().to_vec());
        for secret in secrets {
            let found = dump.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{}: {}", bank.database, String::from_utf8_lossy(&secret));
        }
    })
    .await;
}
