//! People: registration, codes, second factors, and what is told to strangers.

use chrono::Duration;
use serde_json::{Value, json};

use crate::support::{
    bank::{TestBank, each_database},
    people::{PASSWORD, codes, proof, registration, text},
};

#[tokio::test(flavor = "multi_thread")]
async fn register_answers_the_same_whether_or_not_a_person_is_known() {
    each_database(async |bank| {
        let first = bank.register(registration("ann", 1)).await;
        let ann = {
            let code = bank.code("ann@example.org").await;
            bank.verify_email(proof("ann", &code)).await
        };
        assert_eq!(ann["errors"], json!([]));
        let mut again = registration("ann", 9);
        again["email"] = json!("Ann@Example.org");
        let second = bank.register(again).await;
        assert_eq!(second["errors"], first["errors"]);
        assert!(second["registrationExpiresAt"].is_string());
        let letters = bank.letters("ann@example.org").await;
        assert_eq!(letters.last().unwrap().subject, "You already have an account");
        // Guessing at the code of a known person ends as it does for anybody.
        let mut told = Vec::new();
        for _ in 0..6 {
            told.extend(codes(&bank.verify_email(proof("ann", "000000")).await));
        }
        bank.register(registration("new", 8)).await;
        let mut expected = Vec::new();
        for _ in 0..6 {
            expected.extend(codes(&bank.verify_email(proof("new", "000000")).await));
        }
        assert_eq!(told, expected, "{}", bank.database);
        assert_eq!(told.last().unwrap(), "TOO_MANY_ATTEMPTS");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_code_as_the_sixth_guess_is_refused() {
    each_database(async |bank| {
        bank.register(registration("ann", 1)).await;
        let code = bank.code("ann@example.org").await;
        let wrong = if code == "000000" { "111111" } else { "000000" };
        for _ in 0..5 {
            assert_eq!(codes(&bank.verify_email(proof("ann", wrong)).await), ["BAD_CODE"]);
        }
        let sixth = bank.verify_email(proof("ann", &code)).await;
        assert_eq!(codes(&sixth), ["TOO_MANY_ATTEMPTS"]);
        assert_eq!(sixth["accessToken"], Value::Null);

        bank.join("bob", 2).await;
        let asked = bank.login("bob@example.org", PASSWORD).await;
        let id = text(&asked["challenge"]["id"]);
        let code = bank.code("bob@example.org").await;
        let wrong = if code == "000000" { "111111" } else { "000000" };
        for _ in 0..5 {
            assert_eq!(codes(&bank.confirm_login(&id, wrong).await), ["BAD_CODE"]);
        }
        assert_eq!(codes(&bank.confirm_login(&id, &code).await), ["TOO_MANY_ATTEMPTS"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_in_its_time_for_what_asked_for_it() {
    each_database(async |bank| {
        bank.register(registration("ann", 1)).await;
        let code = bank.code("ann@example.org").await;
        bank.wait(Duration::hours(24));
        assert_eq!(codes(&bank.verify_email(proof("ann", &code)).await), ["CODE_EXPIRED"]);
        bank.join("bob", 2).await;
        let first = text(&bank.login("bob@example.org", PASSWORD).await["challenge"]["id"]);
        let first_code = bank.code("bob@example.org").await;
        let second = text(&bank.login("bob@example.org", PASSWORD).await["challenge"]["id"]);
        let refused = bank.confirm_login(&second, &first_code).await;
        assert_eq!(codes(&refused), ["BAD_CODE"], "the code of another login");
        assert_eq!(codes(&bank.confirm_login(&first, &first_code).await), ["BAD_CODE"], "replaced");
        let second_code = bank.code("bob@example.org").await;
        bank.wait(Duration::minutes(10));
        assert_eq!(codes(&bank.confirm_login(&second, &second_code).await), ["CODE_EXPIRED"]);
        assert_eq!(codes(&bank.confirm_login("challenge_x", "1").await), ["BAD_CODE"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_code_makes_one_customer_however_often_it_is_sent_at_once() {
    each_database(async |bank| {
        bank.register(registration("ann", 1)).await;
        let code = bank.code("ann@example.org").await;
        let send = || bank.verify_email(proof("ann", &code));
        let answers = tokio::join!(send(), send(), send());
        let made = [&answers.0, &answers.1, &answers.2];
        let made = made.iter().filter(|answer| answer["user"].is_object()).count();
        assert_eq!(made, 1, "{}: {answers:?}", bank.database);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_form_is_told_at_once() {
    each_database(async |bank| {
        let refused = bank
            .register(json!({ "email": "ann", "phoneNumber": "1", "socialSecurity": "" }))
            .await;
        assert_eq!(codes(&refused), ["INVALID_INPUT"; 3]);
        assert_eq!(refused["errors"][0]["path"], json!(["input", "email"]));
        assert_eq!(
            refused["errors"][0]["message"],
            "email must be an email address such as ann@example.org."
        );
        bank.register(registration("ann", 1)).await;
        let code = bank.code("ann@example.org").await;
        let mut input = proof("ann", &code);
        for (field, value) in [
            ("firstName", json!("")),
            ("dateOfBirth", json!("2999-01-01")),
            ("password", json!("password123")),
        ] {
            input[field] = value;
        }
        input["address"]["city"] = json!("a\nb");
        let refused = bank.verify_email(input).await;
        let paths: Vec<String> = refused["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| {
                error["path"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .skip(1)
                    .map(text)
                    .collect::<Vec<_>>()
                    .join(".")
            })
            .collect();
        assert_eq!(paths, ["firstName", "dateOfBirth", "address.city", "password"]);
        let made = bank.verify_email(proof("ann", &code)).await;
        assert_eq!(made["errors"], json!([]), "a faulty form costs no guess");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_or_social_security_number_is_of_one_customer() {
    each_database(async |bank| {
        bank.join("ann", 1).await;
        for (name, field, value, path) in [
            ("bob", "phoneNumber", json!("+1 (202) 555-0001"), "phoneNumber"),
            ("eve", "socialSecurity", json!("078 05 0001"), "socialSecurity"),
        ] {
            let mut input = registration(name, 2);
            input[field] = value;
            assert_eq!(bank.register(input).await["errors"], json!([]));
            let code = bank.code(&format!("{name}@example.org")).await;
            let refused = bank.verify_email(proof(name, &code)).await;
            assert_eq!(codes(&refused), ["ALREADY_EXISTS"], "{}", bank.database);
            assert_eq!(refused["errors"][0]["path"], json!(["input", path]));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_address_are_told_alike() {
    each_database(async |bank| {
        bank.join("ann", 1).await;
        let wrong = bank.login("ann@example.org", "not the password").await;
        let unknown = bank.login("nobody@example.org", PASSWORD).await;
        let nonsense = bank.login("nonsense", PASSWORD).await;
        assert_eq!(codes(&wrong), ["BAD_CREDENTIALS"]);
        assert_eq!((&wrong, &wrong), (&unknown, &nonsense));
        assert_eq!(bank.letters("ann@example.org").await.len(), 1, "no code goes out");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_answers_with_the_person_who_signed_in_whoever_sent_it() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        bank.create_card(&ann, json!({})).await;
        let bob = bank.join("bob", 2).await;
        let bobs = text(&bank.create_card(&bob, json!({})).await["card"]["id"]);
        for sender in [None, Some(ann.token.as_str())] {
            let asked = bank.login(&bob.email, PASSWORD).await;
            let code = bank.code(&bob.email).await;
            // The next root field is the bearer's again.
            let next = "createCard { card { id history { nodes { account { id } } } } }";
            let next = if sender.is_some() { next } else { "" };
            let query = format!(
                "mutation ($input: ConfirmLoginInput!) {{
                    confirmLogin(input: $input) {{ user {{ id
                        cards {{ id history {{ totalCount }} }} wallet {{ id }}
                        sessions {{ current }} history {{ nodes {{ account {{ id }} }} }} }} }}
                    {next} }}"
            );
            let input = json!({ "challengeId": asked["challenge"]["id"], "code": code });
            let answer = bank.run(sender, &query, json!({ "input": input })).await;
            let user = &answer["confirmLogin"]["user"];
            assert_eq!(user["id"], bob.id, "{answer}");
            assert_eq!(user["cards"], json!([{ "id": bobs, "history": { "totalCount": 1 } }]));
            assert_eq!(user["history"]["nodes"][0]["account"]["id"], bobs);
            assert!(user["wallet"]["id"].is_string());
            if sender.is_some() {
                let made = &answer["createCard"]["card"];
                assert_eq!(made["history"]["nodes"][0]["account"]["id"], made["id"], "{answer}");
            }
        }
        let cards = bank.run(Some(&ann.token), "{ cards { id } }", json!({})).await;
        assert_eq!(cards["cards"].as_array().map(Vec::len), Some(2), "ann made the second card");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_logins_at_once_one_code_is_good() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let login = || bank.login(&ann.email, PASSWORD);
        let asked = tokio::join!(login(), login(), login(), login());
        let ids = [asked.0, asked.1, asked.2, asked.3].map(|asked| text(&asked["challenge"]["id"]));
        let letters = bank.letters(&ann.email).await;
        let digits =
            |text: &str| text.lines().map(str::trim).find(|l| l.len() == 6).map(str::to_owned);
        let sent: Vec<String> = letters.iter().skip(1).filter_map(|l| digits(&l.text)).collect();
        assert_eq!(sent.len(), 4);
        let mut entered = 0;
        for id in &ids {
            for code in &sent {
                entered +=
                    usize::from(bank.confirm_login(id, code).await["accessToken"].is_string());
            }
        }
        assert_eq!(entered, 1, "{}", bank.database);
    })
    .await;
}

async fn card(bank: &TestBank) -> (crate::support::people::Person, String) {
    let ann = bank.join("ann", 1).await;
    let id = text(&bank.create_card(&ann, json!({})).await["card"]["id"]);
    (ann, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_revealed_to_who_confirmed_a_second_factor_lately() {
    each_database(async |bank| {
        let (ann, id) = card(bank).await;
        let shown = bank.reveal(&ann, &id).await;
        let details = &shown["details"];
        let number = text(&details["number"]);
        assert!(number.len() == 16 && number.starts_with("99991"), "{number}");
        assert_eq!(text(&details["cvv"]).len(), 3);
        assert_eq!(details["expirationDate"], "11/31");
        assert_eq!(bank.reveal(&ann, &id).await["details"], *details, "the same each time");
        let query = "mutation ($id: ID!) { logout { ok }
            revealCard(input: { cardId: $id }) { details { number } errors { code } } }";
        let eve = bank.join("eve", 7).await;
        let eves = text(&bank.create_card(&eve, json!({})).await["card"]["id"]);
        let answer = bank.post(Some(&eve.token), query, json!({ "id": eves })).await.json();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
        bank.wait(Duration::minutes(5));
        let query = "mutation ($id: ID!) { revealCard(input: { cardId: $id }) { details { number }
            errors { __typename code ... on StepUpRequired { challenge { id methods sentTo } } } } }";
        let refused = bank.run(Some(&ann.token), query, json!({ "id": id })).await;
        let refused = &refused["revealCard"];
        assert_eq!(refused["details"], Value::Null);
        assert_eq!(refused["errors"][0]["__typename"], "StepUpRequired");
        assert_eq!(refused["errors"][0]["code"], "STEP_UP_REQUIRED");
        let challenge = &refused["errors"][0]["challenge"];
        assert!(text(&challenge["id"]).starts_with("challenge_"));
        let letters = bank.letters(&ann.email).await;
        assert_eq!(letters.last().unwrap().subject, "Confirm it is you");
        let code = bank.code(&ann.email).await;
        let misused = bank.confirm_login(&text(&challenge["id"]), &code).await;
        assert_eq!(codes(&misused), ["BAD_CODE"], "a step-up's code opens no session");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_at_most_twenty_cards_and_a_key_makes_one() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let first = bank.create_card(&ann, json!({ "idempotencyKey": "c" })).await;
        let again = bank.create_card(&ann, json!({ "idempotencyKey": "c" })).await;
        assert_eq!((&again["replayed"], &again["card"]), (&json!(true), &first["card"]));
        let other =
            bank.create_card(&ann, json!({ "idempotencyKey": "c", "currency": "EUR" })).await;
        assert_eq!(codes(&other), ["IDEMPOTENCY_CONFLICT"]);
        let unknown = bank.create_card(&ann, json!({ "currency": "JPY" })).await;
        assert_eq!(codes(&unknown), ["INVALID_INPUT"], "a currency that the bank does not keep");
        let made =
            futures_util::future::join_all((0..22).map(|_| bank.create_card(&ann, json!({}))))
                .await;
        let refused = made.iter().filter(|payload| codes(payload) == ["TOO_MANY"]).count();
        assert_eq!(refused, 3, "{}: 19 of 22 are left", bank.database);
        let cards = bank.run(Some(&ann.token), "{ cards { id } }", json!({})).await;
        assert_eq!(cards["cards"].as_array().unwrap().len(), 20);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_lies_in_clear_in_the_database() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let plastic = bank.card(&ann).await;
        bank.login(&ann.email, PASSWORD).await;
        bank.register(registration("bob", 2)).await;
        let waiting = bank.code(&ann.email).await;
        let secrets = [
            plastic.number.as_str(),
            "078050001",
            "078-05-0001",
            PASSWORD,
            waiting.as_str(),
            ann.token.as_str(),
        ];
        let dump = bank.fresh.everything().await;
        assert!(dump.len() > 10_000, "the dump has {} bytes", dump.len());
        assert!(contains(&dump, b"ann@example.org"), "what is not secret is found");
        for secret in secrets {
            assert!(!contains(&dump, secret.as_bytes()), "{}: {secret}", bank.database);
        }
    })
    .await;
}

fn contains(dump: &[u8], part: &[u8]) -> bool {
    dump.windows(part.len()).any(|window| window == part)
}
