//! The whole life of a person with the bank, from the first letter to the closed door.

use axum::http::StatusCode;
use chrono::Duration;
use serde_json::{Value, json};
use teller::domain::user::UserRole;

use crate::support::{
    bank::{TestBank, each_database},
    people::{PASSWORD, Person, codes, text},
};

const NEW: &str = "seven white herons";

/// Signs in with a code that is found once the challenge is there; the token.
async fn enter(
    bank: &TestBank,
    email: &str,
    password: &str,
    code: impl AsyncFnOnce() -> String,
) -> String {
    let asked = bank.login(email, password).await;
    assert_eq!(asked["errors"], json!([]), "{asked}");
    let id = text(&asked["challenge"]["id"]);
    let entered = bank.confirm_login(&id, &code().await).await;
    assert_eq!(entered["errors"], json!([]), "{}: {entered}", bank.database);
    text(&entered["accessToken"])
}

async fn status(bank: &TestBank, token: &str) -> StatusCode {
    bank.post(Some(token), "{ me { id } }", json!({})).await.status
}

/// The sessions of a person: how many, and the id of one that is not the current.
async fn sessions(bank: &TestBank, token: &str) -> (usize, Value) {
    let seen = bank.run(Some(token), "{ sessions { id current } }", json!({})).await;
    let all = seen["sessions"].as_array().expect("a list").clone();
    let other = all.iter().find(|one| one["current"] == false).map(|one| one["id"].clone());
    (all.len(), other.unwrap_or_default())
}

/// A person asks to leave, staff confirm it, and every door is closed.
async fn leave(bank: &TestBank, ann: &Person, address: &str) {
    let me = Some(ann.token.as_str());
    let staff = bank.join("eve", 9).await;
    bank.promote(&staff, UserRole::BankAdmin).await;
    let asked = bank.mutate(me, "requestDeactivation", "user { status }", Value::Null).await;
    assert_eq!(asked["user"]["status"], "DEACTIVATION_REQUESTED", "{asked}");
    assert_eq!(status(bank, &ann.token).await, StatusCode::OK, "until it is confirmed");
    let customer = json!({ "customerId": bank.customer_id(ann).await });
    let query = "mutation ($input: CustomerRefInput!) { confirmDeactivation(input: $input) {
        user { status } errors { code } } }";
    let left = bank.run(Some(&staff.token), query, json!({ "input": customer })).await;
    let gone = json!({ "user": { "status": "DEACTIVATED" }, "errors": [] });
    assert_eq!(left["confirmDeactivation"], gone, "{}", bank.database);
    assert_eq!(status(bank, &ann.token).await, StatusCode::UNAUTHORIZED, "{}", bank.database);
    assert_eq!(codes(&bank.login(address, NEW).await), ["BAD_CREDENTIALS"]);
    let letters = bank.letters(address).await.len();
    bank.done(None, "requestPasswordReset", json!({ "email": address })).await;
    assert_eq!(bank.letters(address).await.len(), letters, "no token for who has left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_comes_stays_through_every_loss_and_leaves() {
    each_database(async |bank| {
        // Register, verify, and sign in by a mailed code.
        let ann = bank.join("ann", 1).await;
        let token = enter(bank, &ann.email, PASSWORD, async || bank.code(&ann.email).await).await;
        let ann = Person { token, ..ann };
        assert_eq!(status(bank, &ann.token).await, StatusCode::OK);

        // An authenticator takes the place of letters.
        let phone = bank.enrol(&ann).await;
        bank.wait(Duration::seconds(30));
        enter(bank, &ann.email, PASSWORD, async || bank.shown(&phone)).await;

        // It is lost: a recovery code opens the door, and a new phone takes its place.
        let code = phone.codes[0].clone();
        let token = enter(bank, &ann.email, PASSWORD, async || code).await;
        let remove = json!({ "code": phone.codes[1] });
        bank.done(Some(&token), "removeTotp", remove).await;
        let ann = Person { token, ..ann };
        let phone = bank.enrol(&ann).await;
        bank.wait(Duration::seconds(30));

        // The password is lost, too: the letter alone does not do.
        bank.done(None, "requestPasswordReset", json!({ "email": ann.email })).await;
        let letter = bank.letters(&ann.email).await.pop().expect("a letter");
        let lost = letter.text.lines().map(str::trim).find(|line| line.len() == 43);
        let mut reset = json!({ "token": lost, "newPassword": NEW });
        let asked = bank.mutate(None, "resetPassword", "ok", reset.clone()).await;
        assert_eq!(codes(&asked), ["STEP_UP_REQUIRED"]);
        reset["code"] = json!(bank.shown(&phone));
        bank.done(None, "resetPassword", reset).await;
        assert_eq!(status(bank, &ann.token).await, StatusCode::UNAUTHORIZED, "{}", bank.database);
        assert_eq!(codes(&bank.login(&ann.email, PASSWORD).await), ["BAD_CREDENTIALS"]);

        // Three devices; two are ended from the first.
        let mut tokens = Vec::new();
        for _ in 0..3 {
            bank.wait(Duration::seconds(30));
            tokens.push(enter(bank, &ann.email, NEW, async || bank.shown(&phone)).await);
        }
        let ann = Person { token: tokens[0].clone(), ..ann };
        let me = Some(ann.token.as_str());
        let (count, other) = sessions(bank, &ann.token).await;
        assert_eq!(count, 3, "{}", bank.database);
        let revoke = json!({ "sessionId": other });
        let ended = bank.mutate(me, "revokeSession", "sessionId", revoke).await;
        assert_eq!(ended, json!({ "sessionId": other, "errors": [] }));
        let ended = bank.mutate(me, "revokeOtherSessions", "revoked", Value::Null).await;
        assert_eq!(ended["revoked"], 1);
        for token in &tokens[1..] {
            assert_eq!(status(bank, token).await, StatusCode::UNAUTHORIZED, "{}", bank.database);
        }

        // Another address.
        let new = "ann.new@example.org";
        let input = json!({ "newEmail": new, "password": NEW });
        bank.done(me, "requestEmailChange", input).await;
        let input = json!({ "code": bank.code(new).await });
        let changed = bank.mutate(me, "confirmEmailChange", "user { email }", input).await;
        assert_eq!(changed, json!({ "user": { "email": new }, "errors": [] }));
        let told = bank.subjects("ann@example.org").await;
        for subject in [
            "An authenticator was set up",
            "A recovery code was used",
            "Your authenticator was removed",
            "Your password was changed",
            "Your email address was changed",
        ] {
            assert!(told.iter().any(|one| one == subject), "{subject} in {told:?}");
        }

        leave(bank, &ann, new).await;
        bank.audit().await;
    })
    .await;
}
