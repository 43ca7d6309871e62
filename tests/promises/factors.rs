//! Second factors: what a code opens, how often one may guess, and which steps ask anew.

use chrono::Duration;
use serde_json::{Value, json};
use teller::{bank::context::Bank, ledger::engine::Capacity};

use crate::support::{
    bank::{TestBank, each_database, reassemble},
    factors::{Phone, document},
    people::{PASSWORD, Person, codes, text},
};

async fn enrolled(bank: &TestBank) -> (Person, Phone) {
    let ann = bank.join("ann", 1).await;
    let phone = bank.enrol(&ann).await;
    // The step of the first code is spent.
    bank.wait(Duration::seconds(30));
    (ann, phone)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticator_takes_the_place_of_letters() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let token = Some(ann.token.as_str());
        let access = json!({ "dialect": "EWALLET", "enabled": true });
        bank.mutate(token, "setLegacyAccess", "user { id }", access).await;
        let before = bank.me(&ann.token).await;
        assert_eq!(before["secondFactors"], json!([{ "kind": "EMAIL", "remaining": null }]));
        assert_eq!(before["legacyAccess"], json!(["EWALLET"]));
        let mailed = bank.challenge(&ann).await;
        let mailed_code = bank.code(&ann.email).await;
        let phone = bank.enrol(&ann).await;
        assert_eq!(phone.codes.len(), 10);
        let me = bank.me(&ann.token).await;
        let factors = json!([{ "kind": "TOTP", "remaining": null },
            { "kind": "RECOVERY_CODE", "remaining": 10 }]);
        assert_eq!((&me["secondFactors"], &me["legacyAccess"]), (&factors, &json!([])));
        let refused = bank.confirm_login(&mailed, &mailed_code).await;
        assert_eq!(codes(&refused), ["BAD_CODE"], "a letter that went out before");
        bank.wait(Duration::seconds(30));
        let letters = bank.letters(&ann.email).await.len();
        let asked = bank.login(&ann.email, PASSWORD).await;
        assert_eq!(asked["challenge"]["methods"], json!(["TOTP", "RECOVERY_CODE"]));
        assert_eq!(asked["challenge"]["sentTo"], Value::Null);
        assert_eq!(bank.letters(&ann.email).await.len(), letters, "no code goes out");
        let subjects = bank.subjects(&ann.email).await;
        assert!(subjects.contains(&"An authenticator was set up".to_owned()), "{subjects:?}");
        let id = &asked["challenge"]["id"];
        let input = json!({ "challengeId": id, "code": "123456", "method": "EMAIL" });
        let refused = bank.mutate(None, "confirmLogin", "accessToken", input).await;
        assert_eq!(codes(&refused), ["INVALID_INPUT"]);
        assert_eq!(refused["errors"][0]["path"], json!(["input", "method"]));
        let resent = bank.mutate(None, "resendLoginCode", "ok", json!({ "challengeId": id })).await;
        assert_eq!(codes(&resent), ["CONFLICT"]);
        let entered = bank.confirm_login(&text(id), &bank.shown(&phone)).await;
        assert_eq!(entered["errors"], json!([]), "{}", bank.database);
        let again = bank.mutate(token, "beginTotp", "secret", Value::Null).await;
        assert_eq!((codes(&again), &again["secret"]), (vec!["CONFLICT".into()], &Value::Null));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_step_is_taken_once_whatever_for_and_by_whichever_process() {
    each_database(async |bank| {
        let (ann, phone) = enrolled(bank).await;
        let code = bank.shown(&phone);
        let first = bank.challenge(&ann).await;
        assert_eq!(bank.confirm_login(&first, &code).await["errors"], json!([]));
        let second = bank.challenge(&ann).await;
        assert_eq!(codes(&bank.confirm_login(&second, &code).await), ["BAD_CODE"]);
        let other = reassemble(bank, bank.fresh.open().await, 7, Capacity::default());
        assert_eq!(codes(&confirm_at(&other, &ann.token, &second, &code).await), ["BAD_CODE"]);
        let removed = bank.mutate(Some(&ann.token), "removeTotp", "ok", json!({ "code": code }));
        assert_eq!(codes(&removed.await), ["BAD_CODE"], "it opens no other step either");
        bank.wait(Duration::seconds(30));
        let next = bank.shown(&phone);
        let send = || bank.confirm_login(&second, &next);
        let answers = tokio::join!(send(), send(), send());
        let entered = [&answers.0, &answers.1, &answers.2];
        let entered = entered.iter().filter(|answer| answer["accessToken"].is_string()).count();
        assert_eq!(entered, 1, "{}: {answers:?}", bank.database);
        // An older step is not taken after a newer one, though it is beside the present one.
        let third = bank.challenge(&ann).await;
        assert_eq!(codes(&bank.confirm_login(&third, &code).await), ["BAD_CODE"]);
        other.db.close().await;
    })
    .await;
}

/// Answers a login at another process of the bank.
async fn confirm_at(bank: &Bank, token: &str, challenge: &str, code: &str) -> Value {
    let query = document("confirmLogin", "accessToken", true);
    let variables = json!({ "input": { "challengeId": challenge, "code": code } });
    let answer = TestBank::post_to(TestBank::router_over(bank), token, &query, variables).await;
    answer.json()["data"]["confirmLogin"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_is_good_once_and_its_use_is_told() {
    each_database(async |bank| {
        let (ann, phone) = enrolled(bank).await;
        let code = phone.codes[3].to_uppercase().replace('-', " ");
        let id = bank.challenge(&ann).await;
        let entered = bank.confirm_login(&id, &code).await;
        assert_eq!(entered["errors"], json!([]), "{}", bank.database);
        let id = bank.challenge(&ann).await;
        assert_eq!(codes(&bank.confirm_login(&id, &code).await), ["BAD_CODE"]);
        let input = json!({ "challengeId": id, "code": phone.codes[4], "method": "TOTP" });
        let misnamed = bank.mutate(None, "confirmLogin", "accessToken", input).await;
        assert_eq!(codes(&misnamed), ["BAD_CODE"]);
        let me = bank.me(&ann.token).await;
        assert_eq!(me["secondFactors"][1]["remaining"], 9);
        let letter = bank.letters(&ann.email).await.pop().expect("a letter");
        assert_eq!(letter.subject, "A recovery code was used");
        assert!(letter.text.contains("Not used yet: 9."), "{}", letter.text);
        let token = Some(ann.token.as_str());
        let renewed = bank.mutate(token, "renewRecoveryCodes", "recoveryCodes", Value::Null).await;
        assert_eq!(renewed["recoveryCodes"].as_array().map(Vec::len), Some(10));
        assert_eq!(codes(&bank.confirm_login(&id, &phone.codes[5]).await), ["BAD_CODE"], "old");
        let fresh = text(&renewed["recoveryCodes"][0]);
        assert_eq!(bank.confirm_login(&id, &fresh).await["errors"], json!([]));
        // What is kept of them is not they.
        let kept = "SELECT COUNT(*) FROM recovery_codes";
        let mut s = bank.bank.db.read().await.unwrap();
        assert_eq!(s.query(kept).scalar::<i64>().await.unwrap(), Some(10));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_void_a_challenge_after_a_restart_and_at_another_process_too() {
    each_database(async |bank| {
        let (ann, phone) = enrolled(bank).await;
        let bob = bank.join("bob", 2).await;
        for (person, methods) in [
            (&bob, vec!["EMAIL"; 5]),
            (&ann, vec!["RECOVERY_CODE", "TOTP", "RECOVERY_CODE", "TOTP", "RECOVERY_CODE"]),
        ] {
            let id = bank.challenge(person).await;
            let right = if person.email == ann.email {
                bank.shown(&phone)
            } else {
                bank.code(&person.email).await
            };
            let wrong = if right == "000000" { "111111" } else { "000000" };
            let before = reassemble(bank, bank.fresh.open().await, 3, Capacity::default());
            for (guess, method) in methods.iter().enumerate() {
                let query = document("confirmLogin", "accessToken", true);
                let input = json!({ "challengeId": id, "code": wrong, "method": method });
                let variables = json!({ "input": input });
                // Some here, some at another process that ends afterwards.
                let at = if guess % 2 == 0 { &bank.bank } else { &before };
                let router = TestBank::router_over(at);
                let answer =
                    TestBank::post_to(router, &person.token, &query, variables).await.json();
                assert_eq!(codes(&answer["data"]["confirmLogin"]), ["BAD_CODE"], "{method}");
            }
            before.db.close().await;
            let after = reassemble(bank, bank.fresh.open().await, 4, Capacity::default());
            for at in [&after, &bank.bank] {
                let sixth = confirm_at(at, &person.token, &id, &right).await;
                assert_eq!(codes(&sixth), ["TOO_MANY_ATTEMPTS"], "{}", bank.database);
                assert_eq!(sixth["accessToken"], Value::Null);
            }
            after.db.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_of_an_authenticator_are_counted_over_all_challenges() {
    each_database(async |bank| {
        let (ann, phone) = enrolled(bank).await;
        let wrong = "000000";
        assert_ne!(bank.shown(&phone), wrong, "the seed gives another code");
        for _ in 0..5 {
            let id = bank.challenge(&ann).await;
            assert_eq!(codes(&bank.confirm_login(&id, wrong).await), ["BAD_CODE"]);
        }
        let id = bank.challenge(&ann).await;
        let rests = bank.confirm_login(&id, &bank.shown(&phone)).await;
        assert_eq!(codes(&rests), ["TOO_MANY_ATTEMPTS"], "a fresh challenge helps nobody");
        let token = Some(ann.token.as_str());
        let removed = bank.mutate(token, "removeTotp", "ok", json!({ "code": bank.shown(&phone) }));
        assert_eq!(codes(&removed.await), ["TOO_MANY_ATTEMPTS"]);
        assert_eq!(bank.confirm_login(&id, &phone.codes[0]).await["errors"], json!([]), "a way in");
        bank.wait(Duration::minutes(15));
        let id = bank.challenge(&ann).await;
        let entered = bank.confirm_login(&id, &bank.shown(&phone)).await;
        assert_eq!(
            entered["errors"],
            json!([]),
            "{}: it rests in time, not for ever",
            bank.database
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_opens_what_it_was_made_for_where_it_was_made() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let other = bank.sign_in(&ann).await;
        bank.wait(Duration::minutes(6));
        let refused = bank.mutate(Some(&ann.token), "beginTotp", "secret", Value::Null).await;
        assert_eq!(codes(&refused), ["STEP_UP_REQUIRED"]);
        let asked = &refused["errors"][0]["challenge"];
        assert_eq!(
            (&asked["methods"], &asked["sentTo"]),
            (&json!(["EMAIL"]), &json!("a•••@example.org"))
        );
        let (id, code) = (text(&asked["id"]), bank.code(&ann.email).await);
        let input = json!({ "challengeId": id, "code": code });
        let elsewhere = bank.mutate(Some(&other), "confirmChallenge", "ok", input.clone()).await;
        assert_eq!(codes(&elsewhere), ["BAD_CODE"], "another session of the same person");
        let bob = bank.join("bob", 2).await;
        let theirs = bank.mutate(Some(&bob.token), "confirmChallenge", "ok", input.clone()).await;
        assert_eq!(codes(&theirs), ["BAD_CODE"], "another person");
        assert_eq!(codes(&bank.confirm_login(&id, &code).await), ["BAD_CODE"], "not a login");
        let login = bank.challenge(&ann).await;
        let login_code = bank.code(&ann.email).await;
        let misused = json!({ "challengeId": login, "code": login_code });
        let misused = bank.mutate(Some(&ann.token), "confirmChallenge", "ok", misused).await;
        assert_eq!(codes(&misused), ["BAD_CODE"], "a login is no step-up");
        bank.done(Some(&ann.token), "confirmChallenge", input.clone()).await;
        let again = bank.mutate(Some(&ann.token), "confirmChallenge", "ok", input).await;
        assert_eq!(codes(&again), ["BAD_CODE"], "once");
        let begun = bank.mutate(Some(&ann.token), "beginTotp", "secret", Value::Null).await;
        assert!(begun["secret"].is_string(), "{}", bank.database);
        let begun = bank.mutate(Some(&other), "beginTotp", "secret", Value::Null).await;
        assert_eq!(codes(&begun), ["STEP_UP_REQUIRED"], "it was confirmed in one session");
        let asked = begun["errors"][0]["challenge"]["id"].clone();
        let code = bank.code(&ann.email).await;
        bank.wait(Duration::minutes(10));
        let token = bank.sign_in(&ann).await;
        let late = json!({ "challengeId": asked, "code": code });
        let late = bank.mutate(Some(&token), "confirmChallenge", "ok", late).await;
        assert_eq!(codes(&late), ["BAD_CODE"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_ups_code_expires_after_ten_minutes() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        bank.wait(Duration::minutes(6));
        let refused = bank.mutate(Some(&ann.token), "beginTotp", "secret", Value::Null).await;
        let id = &refused["errors"][0]["challenge"]["id"];
        let input = json!({ "challengeId": id, "code": bank.code(&ann.email).await });
        // The access token would expire first: the clock is set back for it alone.
        let permit = permit(bank, &ann.token).await;
        bank.wait(Duration::minutes(10));
        let reply = teller::bank::challenge::Reply {
            code: teller::types::secret::Secret::new(text(&input["code"])),
            method: None,
        };
        let id = teller::types::id::ChallengeId::from_wire(&text(id));
        let late = teller::bank::challenge::confirm(&bank.bank, &permit, id, &reply).await;
        let told = format!("{late:?}");
        assert!(told.contains("CodeExpired"), "{told}");
    })
    .await;
}

async fn permit(bank: &TestBank, token: &str) -> teller::bank::permit::Permit {
    let visitor = teller::bank::permit::Visitor {
        ip_address: "127.0.0.1".to_owned(),
        user_agent: None,
        request_id: "promise".to_owned(),
    };
    let facade = teller::domain::session::Facade::Graphql;
    let found = teller::bank::session::authenticate(&bank.bank, facade, token, &visitor).await;
    found.expect("the token is good")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_login_code_voids_the_old_one_and_gives_no_guess_more() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let id = bank.challenge(&ann).await;
        let old = bank.code(&ann.email).await;
        let wrong = if old == "000000" { "111111" } else { "000000" };
        for _ in 0..3 {
            assert_eq!(codes(&bank.confirm_login(&id, wrong).await), ["BAD_CODE"]);
        }
        bank.wait(Duration::minutes(9));
        let input = json!({ "challengeId": id });
        bank.done(None, "resendLoginCode", input.clone()).await;
        let fresh = bank.code(&ann.email).await;
        assert_ne!(fresh, old);
        assert_eq!(codes(&bank.confirm_login(&id, &old).await), ["BAD_CODE"], "the fourth");
        bank.wait(Duration::minutes(9));
        let mut late = bank.challenge(&bank.join("bob", 2).await).await;
        assert_eq!(
            bank.confirm_login(&id, &fresh).await["errors"],
            json!([]),
            "the fifth, in time"
        );
        for minutes in [9, 9, 9, 9] {
            bank.wait(Duration::minutes(minutes));
            let sent = bank.mutate(None, "resendLoginCode", "ok", json!({ "challengeId": late }));
            late = if codes(&sent.await).is_empty() { late } else { String::new() };
        }
        assert_eq!(late, "", "{}: a login does not wait for ever", bank.database);
        let unknown = bank.mutate(None, "resendLoginCode", "ok", input).await;
        assert_eq!(codes(&unknown), ["NOT_FOUND"], "it was answered");
        let id = bank.challenge(&ann).await;
        for _ in 0..5 {
            bank.confirm_login(&id, "none").await;
        }
        let sent = bank.mutate(None, "resendLoginCode", "ok", json!({ "challengeId": id })).await;
        assert_eq!(codes(&sent), ["TOO_MANY_ATTEMPTS"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_risky_step_asks_for_a_fresh_second_factor_and_changes_nothing_without() {
    each_database(async |bank| {
        let (ann, phone) = enrolled(bank).await;
        let card = text(&bank.create_card(&ann, json!({})).await["card"]["id"]);
        bank.wait(Duration::minutes(6));
        let before = bank.me(&ann.token).await;
        let letters = bank.letters(&ann.email).await.len();
        let code = bank.shown(&phone);
        let other = "another password by far";
        let steps = [
            ("revealCard", json!({ "cardId": card }), "CardRef"),
            ("changePassword", json!({ "currentPassword": PASSWORD, "newPassword": other }), ""),
            (
                "requestEmailChange",
                json!({ "newEmail": "new@example.org", "password": PASSWORD }),
                "",
            ),
            ("beginTotp", Value::Null, ""),
            ("confirmTotp", json!({ "code": code }), ""),
            ("removeTotp", json!({ "code": code }), ""),
            ("renewRecoveryCodes", Value::Null, ""),
            ("setLegacyAccess", json!({ "dialect": "EWALLET", "enabled": true }), ""),
            ("updateProfile", json!({ "username": "x-y-z", "phoneNumber": "+12025559999" }), ""),
            ("updateProfile", json!({ "phoneNumber": null }), ""),
            ("deleteAccount", json!({ "password": PASSWORD }), ""),
        ];
        let mut asked = Value::Null;
        for (field, input, ty) in steps {
            let mut query = document(field, "__typename", !input.is_null());
            if !ty.is_empty() {
                query = query.replace("RevealCardInput", &format!("{ty}Input"));
            }
            let answer = bank.run(Some(&ann.token), &query, json!({ "input": input })).await;
            let payload = &answer[field];
            assert_eq!(codes(payload), ["STEP_UP_REQUIRED"], "{}: {field}", bank.database);
            let challenge = &payload["errors"][0]["challenge"];
            assert_eq!(challenge["methods"], json!(["TOTP", "RECOVERY_CODE"]), "{field}");
            asked = challenge["id"].clone();
        }
        assert_eq!(bank.me(&ann.token).await, before);
        assert_eq!(bank.letters(&ann.email).await.len(), letters);
        assert_eq!(bank.letters("new@example.org").await.len(), 0);
        let token = Some(ann.token.as_str());
        bank.done(token, "confirmChallenge", json!({ "challengeId": asked, "code": code })).await;
        bank.wait(Duration::seconds(30));
        bank.done(token, "removeTotp", json!({ "code": bank.shown(&phone) })).await;
        let me = bank.me(&ann.token).await;
        assert_eq!(me["secondFactors"], json!([{ "kind": "EMAIL", "remaining": null }]));
        let subjects = bank.subjects(&ann.email).await;
        assert_eq!(subjects.last().unwrap(), "Your authenticator was removed");
        let asked = bank.login(&ann.email, PASSWORD).await;
        assert_eq!(asked["challenge"]["methods"], json!(["EMAIL"]), "letters open again");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticator_is_confirmed_in_time_and_within_five_codes() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let token = Some(ann.token.as_str());
        let confirm = async |code: &str| {
            codes(
                &bank.mutate(token, "confirmTotp", "recoveryCodes", json!({ "code": code })).await,
            )
        };
        assert_eq!(confirm("123456").await, ["CONFLICT"], "none was begun");
        let begin = async || {
            let begun = bank.mutate(token, "beginTotp", "secret", Value::Null).await;
            Phone { secret: text(&begun["secret"]), codes: Vec::new() }
        };
        let phone = begin().await;
        let wrong = if bank.shown(&phone) == "000000" { "111111" } else { "000000" };
        for _ in 0..5 {
            assert_eq!(confirm(wrong).await, ["BAD_CODE"]);
        }
        assert_eq!(confirm(&bank.shown(&phone)).await, ["CONFLICT"], "{}", bank.database);
        assert_eq!(bank.me(&ann.token).await["secondFactors"][0]["kind"], "EMAIL");
        let phone = begin().await;
        bank.wait(Duration::minutes(10));
        let fresh = Person { token: bank.sign_in(&ann).await, ..ann.clone() };
        let late = bank.mutate(
            Some(&fresh.token),
            "confirmTotp",
            "recoveryCodes",
            json!({ "code": bank.shown(&phone) }),
        );
        assert_eq!(codes(&late.await), ["CONFLICT"], "too late");
        assert_eq!(bank.enrol(&fresh).await.codes.len(), 10);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_has_one_guess_at_most() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let c = "challengeId: \"challenge_x\", code: \"1\"";
        let guesses = [
            format!("confirmLogin(input: {{ {c} }}) {{ errors {{ code }} }}"),
            format!("confirmChallenge(input: {{ {c} }}) {{ ok }}"),
            "confirmTotp(input: { code: \"1\" }) { errors { code } }".to_owned(),
            "removeTotp(input: { code: \"1\" }) { ok }".to_owned(),
            "confirmEmailChange(input: { code: \"1\" }) { errors { code } }".to_owned(),
            "resetPassword(input: { token: \"1\", newPassword: \"1\" }) { ok }".to_owned(),
            "changePassword(input: { currentPassword: \"1\", newPassword: \"1\" }) { ok }"
                .to_owned(),
            "requestEmailChange(input: { newEmail: \"1\", password: \"1\" }) { ok }".to_owned(),
            "deleteAccount(input: { password: \"1\" }) { ok }".to_owned(),
        ];
        for (index, one) in guesses.iter().enumerate() {
            let other = &guesses[(index + 1) % guesses.len()];
            for (a, b) in [(one, one), (one, other)] {
                let query =
                    format!("mutation {{ a: {a} ...F }} fragment F on Mutation {{ b: {b} }}");
                let answer = bank.post(Some(&ann.token), &query, json!({})).await.json();
                let code = &answer["errors"][0]["extensions"]["code"];
                assert_eq!(code, "COST_EXCEEDED", "{query}: {answer}");
            }
        }
    })
    .await;
}
