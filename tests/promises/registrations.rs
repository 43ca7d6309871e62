//! Registrations that wait for their code, and what others can do to them.

use axum::{
    body::Body,
    http::{Method, header},
};
use chrono::Duration;
use futures_util::future::join_all;
use serde_json::{Value, json};
use teller::{bank::sweep, mail::letter::Letter};

use crate::support::{
    bank::{Answer, TestBank, each_database},
    financelime,
    people::{PASSWORD, codes, proof, registration},
};

const RESEND: &str = "mutation ($email: String!) {
    resendVerification(input: { email: $email }) { ok errors { code message path } } }";

/// Somebody who registers ann's address with a phone and a number of their own.
fn with_anns_address(index: u32) -> Value {
    let mut input = registration("stranger", index);
    input["email"] = json!("ann@example.org");
    input
}

async fn resend(bank: &TestBank, email: &str) -> Answer {
    bank.post(None, RESEND, json!({ "email": email })).await
}

fn code_of(letter: &Letter) -> String {
    let digits = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
    letter.text.lines().map(str::trim).find(digits).expect("a code").to_owned()
}

fn wrong(codes: &[&str]) -> String {
    let all = (0..10).map(|digit| digit.to_string().repeat(6));
    all.into_iter().find(|guess| !codes.contains(&guess.as_str())).expect("a wrong code")
}

async fn phone(bank: &TestBank, payload: &Value) -> Value {
    let token = payload["accessToken"].as_str().unwrap_or_else(|| panic!("{payload}"));
    bank.run(Some(token), "{ me { phoneNumber } }", json!({})).await["me"]["phoneNumber"].take()
}

async fn waiting(bank: &TestBank) -> i64 {
    let mut s = bank.bank.db.read().await.expect("the database is read");
    let counted = s.query("SELECT COUNT(*) FROM registrations").scalar().await;
    counted.expect("the registrations are counted").unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_registers_an_address_cannot_make_its_owners_code_void() {
    each_database(async |bank| {
        bank.register(registration("ann", 1)).await;
        for index in 5..10 {
            assert_eq!(bank.register(with_anns_address(index)).await["errors"], json!([]));
        }
        let letters = bank.letters("ann@example.org").await;
        assert_eq!(letters.len(), 6);
        assert!(letters[0].text.contains("phone number that ends in 0001"), "{}", letters[0].text);
        assert!(letters[1].text.contains("phone number that ends in 0005"), "{}", letters[1].text);
        assert_eq!(waiting(bank).await, 3, "{}: and no crowd of them waits", bank.database);
        let made = bank.verify_email(proof("ann", &code_of(&letters[0]))).await;
        assert_eq!(made["errors"], json!([]));
        assert_eq!(phone(bank, &made).await, "+12025550001");
        let others = bank.verify_email(proof("ann", &code_of(&letters[1]))).await;
        assert_eq!(codes(&others), ["BAD_CODE"], "what else waited went with it");
        assert_eq!(waiting(bank).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_comes_after_strangers_registers_as_well() {
    each_database(async |bank| {
        for index in 5..9 {
            bank.register(with_anns_address(index)).await;
        }
        bank.register(registration("ann", 1)).await;
        let first = bank.code("ann@example.org").await;
        bank.register(registration("ann", 1)).await;
        let code = bank.code("ann@example.org").await;
        if first != code {
            let old = bank.verify_email(proof("ann", &first)).await;
            assert_eq!(codes(&old), ["BAD_CODE"], "asked again, the older code is void");
        }
        let made = bank.verify_email(proof("ann", &code)).await;
        assert_eq!(phone(bank, &made).await, "+12025550001", "{}", bank.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_registrations_of_an_address_give_no_guess_more() {
    each_database(async |bank| {
        bank.register(registration("ann", 1)).await;
        bank.register(with_anns_address(5)).await;
        let letters = bank.letters("ann@example.org").await;
        let sent = [code_of(&letters[0]), code_of(&letters[1])];
        let wrong = wrong(&[&sent[0], &sent[1]]);
        for _ in 0..5 {
            assert_eq!(codes(&bank.verify_email(proof("ann", &wrong)).await), ["BAD_CODE"]);
        }
        for code in &sent {
            let sixth = bank.verify_email(proof("ann", code)).await;
            assert_eq!(codes(&sixth), ["TOO_MANY_ATTEMPTS"], "{}", bank.database);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_sent_again_is_fresh_and_gives_no_guess_more() {
    each_database(async |bank| {
        bank.register(registration("ann", 1)).await;
        let first = bank.code("ann@example.org").await;
        let guess = async |code: &str| codes(&bank.verify_email(proof("ann", code)).await);
        for _ in 0..3 {
            assert_eq!(guess(&wrong(&[&first])).await, ["BAD_CODE"]);
        }
        assert_eq!(resend(bank, "Ann@Example.org").await.status, 200);
        let second = bank.code("ann@example.org").await;
        if first != second {
            assert_eq!(guess(&first).await, ["BAD_CODE"], "the older code is void");
        }
        for _ in 0..=usize::from(first == second) {
            assert_eq!(guess(&wrong(&[&first, &second])).await, ["BAD_CODE"]);
        }
        assert_eq!(guess(&second).await, ["TOO_MANY_ATTEMPTS"], "{}", bank.database);
        resend(bank, "ann@example.org").await;
        let third = bank.code("ann@example.org").await;
        let made = bank.verify_email(proof("ann", &third)).await;
        assert_eq!(made["errors"], json!([]), "where all were used up it begins anew");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_again_answers_the_same_whether_or_not_a_person_is_known() {
    each_database(async |bank| {
        bank.join("ann", 1).await;
        bank.register(registration("ann", 9)).await;
        bank.register(registration("bob", 2)).await;
        let mut told = Vec::new();
        for name in ["ann", "bob", "nobody"] {
            let email = format!("{name}@example.org");
            let before = bank.letters(&email).await.len();
            told.push(resend(bank, &email).await.text());
            let after = bank.letters(&email).await;
            let more = after.len() - before;
            let newest = after.last().map(|letter| letter.subject.as_str());
            match name {
                "ann" => assert_eq!((more, newest), (1, Some("You already have an account"))),
                "bob" => assert_eq!((more, newest), (1, Some("Verify your email address"))),
                _ => assert_eq!(more, 0, "nobody is written to for nothing"),
            }
        }
        let same = r#"{"data":{"resendVerification":{"ok":true,"errors":[]}},"extensions":{"cost":{"requested":12,"limit":1000}}}"#;
        assert_eq!(told, vec![same; 3]);
        let nonsense = resend(bank, "nonsense").await.json();
        let errors = &nonsense["data"]["resendVerification"]["errors"];
        assert_eq!(errors[0]["path"], json!(["input", "email"]));
        assert_eq!(bank.letters("").await.len(), 0, "what is no letter is not captured");
        for _ in 0..9 {
            resend(bank, "nobody@example.org").await;
        }
        let limited = resend(bank, "nobody@example.org").await.json();
        assert_eq!(limited["data"]["resendVerification"]["errors"][0]["code"], "RATE_LIMITED");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_waits_for_a_day_and_is_then_removed() {
    each_database(async |bank| {
        bank.register(registration("ann", 1)).await;
        bank.wait(Duration::hours(24) - Duration::seconds(1));
        assert_eq!(sweep::sweep(&bank.bank).await.expect("it sweeps").registrations, 0);
        bank.wait(Duration::seconds(1));
        assert_eq!(sweep::sweep(&bank.bank).await.expect("it sweeps").registrations, 1);
        assert_eq!(waiting(bank).await, 0);
        bank.register(registration("ann", 1)).await;
        let code = bank.code("ann@example.org").await;
        assert_eq!(bank.verify_email(proof("ann", &code)).await["errors"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_register_one_phone_the_first_to_send_a_code_back_has_it() {
    each_database(async |bank| {
        bank.register(registration("ann", 1)).await;
        let mut typo = registration("anm", 2);
        typo["phoneNumber"] = json!("+12025550001");
        bank.register(typo).await;
        let code = bank.code("anm@example.org").await;
        assert_eq!(bank.verify_email(proof("anm", &code)).await["errors"], json!([]));
        let code = bank.code("ann@example.org").await;
        let second = bank.verify_email(proof("ann", &code)).await;
        assert_eq!(codes(&second), ["ALREADY_EXISTS"], "{}", bank.database);
        assert_eq!(second["errors"][0]["path"], json!(["input", "phoneNumber"]));
    })
    .await;
}

/// Sends the same kind of registration many times at once to a door that reserves; the statuses.
async fn at_once(bank: &TestBank, bodies: Vec<(&str, String)>) -> Vec<u16> {
    let asked = bodies.into_iter().map(|(path, body)| {
        let request = TestBank::request(Method::POST, path)
            .header("request-id", "K7800-H7625-Z5852-N1693-K1972")
            .header(header::CONTENT_TYPE, "application/json");
        bank.send(request.body(Body::from(body)).expect("a request"))
    });
    let mut statuses: Vec<u16> =
        join_all(asked).await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn of_registrations_at_once_with_something_in_common_exactly_one_is_taken() {
    each_database(async |bank| {
        financelime::invited(bank).await;
        let body = |email: &str, phone: u32, number: u32| {
            format!(
                r#"{{"email":"{email}@example.org","phone_number":"+1202555{phone:04}","social_security":"078-05-{number:04}"}}"#
            )
        };
        for round in 1..=4_u32 {
            let base = round * 100;
            let name = format!("r{round}");
            let of_email = (0..6).map(|n| body(&name, base + n, base + n));
            let of_phone = (10..16).map(|n| body(&format!("{name}p{n}"), base + 10, base + n));
            let of_number = (20..26).map(|n| body(&format!("{name}n{n}"), base + n, base + 20));
            for bodies in [of_email.collect::<Vec<_>>(), of_phone.collect(), of_number.collect()] {
                let bodies = bodies.into_iter().map(|body| ("/auth/register", body)).collect();
                let statuses = at_once(bank, bodies).await;
                assert_eq!(statuses, [200, 409, 409, 409, 409, 409], "{}", bank.database);
            }
            // The address is one at all doors.
            let email = format!("{name}x@example.org");
            let accounts = format!(
                r#"{{"email":"{email}","password":"{PASSWORD}","password2":"{PASSWORD}"}}"#
            );
            let financelime = format!(
                r#"{{"email":"{email}","inviteCode":"testInviteCode","language":"en"}}"#
            );
            let cardbank = body(&format!("{name}x"), base + 30, base + 30);
            let statuses = at_once(bank, vec![
                ("/auth/register", cardbank),
                ("/v1/user/signup", financelime),
                ("/api/auth/signup/", accounts),
            ])
            .await;
            let taken = statuses.iter().filter(|&&status| status < 300).count();
            assert_eq!(taken, 1, "{}: {statuses:?}", bank.database);
        }
    })
    .await;
}
