//! financelime: how its clients come in, stay and leave.

use chrono::Duration;
use serde_json::{Value, json};
use teller::bank::operator;

use crate::support::{
    bank::{TestBank, each_database},
    financelime::{
        BAD_PARAMETERS, BAD_REFRESH_TOKEN, CREATE, JSON, LIST, PASSWORD, REFRESH, REMOVE, RESET,
        TOKENS, UNAUTHORIZED, USER_NOT_FOUND, ask_reset, call, create, enter, join, link, newest,
        password, post, remove, renew, with,
    },
    people::text,
    wire::Check,
};

#[tokio::test]
async fn financelime_signs_in_only_whom_it_may_and_writes_to_them() {
    each_database(async |bank| {
        let email = "ann@example.org";
        let made = join(bank, email).await;
        let device = json!({
            "email": "ANN@example.org", "password": made, "clientID": "PWA_v0.0.1",
            "device": {
                "height": 1920, "language": "en-US", "platform": "Linux x86_64",
                "timezone": "2", "width": 1060,
            },
        });
        let got = post(CREATE, &device).gets("content-type", JSON).expect(bank, 200, TOKENS).await;
        let letter = newest(bank, email).await;
        assert_eq!(letter.subject, "You are logged into your account");
        for part in ["Linux x86_64", "127.0.0.1", "2026-11-21T10:00:00", "(UTC)", PASSWORD] {
            assert!(letter.text.contains(part), "{part}: {}", letter.text);
        }
        let shown =
            r#"[{"sessionID":"{{hex:64}}","updatedAt":"{{time}}","platform":"Linux x86_64"}]"#;
        let list = with(got.part(1), "GET", LIST).expect(bank, 200, shown).await;
        assert_eq!(list.part(0), got.part(0));
        create(email, "wrong password").expect(bank, 404, USER_NOT_FOUND).await;
        create("nobody@example.org", &made).expect(bank, 404, USER_NOT_FOUND).await;
        create("no address", &made).expect(bank, 404, USER_NOT_FOUND).await;
        // Nobody is let in by a password alone who never allowed it.
        let bob = bank.join("bob", 2).await;
        let theirs = crate::support::people::PASSWORD;
        create(&bob.email, theirs).expect(bank, 404, USER_NOT_FOUND).await;
        wrong_sign_ins(bank, email, &made).await;
        operator::deactivate(&bank.bank, email).await.expect("the person leaves");
        create(email, &made).expect(bank, 404, USER_NOT_FOUND).await;
        post(PASSWORD, &json!({ "email": email })).expect(bank, 404, USER_NOT_FOUND).await;
        with(got.part(1), "GET", LIST).expect(bank, 401, UNAUTHORIZED).await;
        renew(got.part(2)).expect(bank, 404, USER_NOT_FOUND).await;
    })
    .await;
}

async fn wrong_sign_ins(bank: &TestBank, email: &str, made: &str) {
    let long = "x".repeat(256);
    for body in [
        json!({ "email": email }),
        json!({ "password": made }),
        json!({ "email": "a@", "password": made }),
        json!({ "email": long, "password": made }),
        json!({ "email": email, "password": "ab" }),
        json!({ "email": email, "password": long }),
        json!({ "email": 1, "password": made }),
        json!({ "email": email, "password": ["x"] }),
        json!({ "email": email, "password": made, "clientID": 1 }),
        json!({ "email": email, "password": made, "device": "Linux" }),
        json!({ "email": email, "password": made, "device": { "platform": 1 } }),
        json!({ "email": email, "password": made, "device": { "height": "1" } }),
        json!({ "email": email, "password": made, "device": { "width": 1.5 } }),
        json!({ "email": email, "password": made, "device": { "language": {} } }),
        json!({ "email": email, "password": made, "device": { "timezone": 2 } }),
    ] {
        post(CREATE, &body).expect(bank, 400, BAD_PARAMETERS).await;
    }
}

#[tokio::test]
async fn financelime_takes_its_own_access_tokens_alone() {
    each_database(async |bank| {
        let email = "ann@example.org";
        let made = join(bank, email).await;
        let got = enter(bank, email, &made).await;
        let access = got.part(1).to_owned();
        let shown = r#"[{"sessionID":"{{hex:64}}","updatedAt":"{{time}}","platform":""}]"#;
        for value in
            [format!("bearer {access}"), format!("Bearer {access}"), format!("BEARER  {access}")]
        {
            let check = call("GET", LIST).header("authorization", &value);
            check.expect(bank, 200, shown).await;
        }
        let bob = bank.join("bob", 2).await;
        let ewallet = json!({ "email": email, "password": made });
        let ewallet = Check::new("POST", "/token/auth")
            .json(&ewallet.to_string())
            .expect(bank, 200, "{\"msg\":\"login success.\"}\n")
            .await
            .cookie("access_token_cookie");
        for value in [
            access.clone(),
            format!("JWT {access}"),
            format!("bearer {access} x"),
            "bearer".to_owned(),
            format!("bearer {}", got.part(2)),
            format!("bearer {}", bob.token),
            format!("bearer {ewallet}"),
            format!("bearer {access}x"),
        ] {
            let check = call("GET", LIST).header("authorization", &value);
            check.gets("content-type", JSON).expect(bank, 401, UNAUTHORIZED).await;
        }
        let query = "{ me { email } }";
        let answer = bank.post(Some(&access), query, Value::Null).await;
        assert_eq!(answer.status.as_u16(), 401, "it opens no other door");
        bank.wait(Duration::minutes(15));
        with(&access, "GET", LIST).expect(bank, 401, UNAUTHORIZED).await;
    })
    .await;
}

#[tokio::test]
async fn financelime_renews_a_session_by_tokens_that_are_good_once() {
    each_database(async |bank| {
        let email = "ann@example.org";
        let made = join(bank, email).await;
        let first = enter(bank, email, &made).await;
        let (id, spent) = (first.part(0).to_owned(), first.part(2).to_owned());
        bank.wait(Duration::days(29));
        let second = renew(&spent).gets("content-type", JSON).expect(bank, 200, TOKENS).await;
        assert_eq!(second.part(0), id, "a session keeps its name");
        assert_ne!(second.part(2), spent);
        with(second.part(1), "GET", LIST)
            .expect(
                bank,
                200,
                r#"[{"sessionID":"{{hex:64}}","updatedAt":"{{time}}","platform":""}]"#,
            )
            .await;
        // Whose answer was lost gets the same again for a moment.
        let again = renew(&spent).expect(bank, 200, TOKENS).await;
        assert_eq!(again.part(2), second.part(2));
        for body in ["{", "[]", r#"{"refreshToken":1}"#, r#"{"refreshToken":{}}"#] {
            call("PUT", REFRESH).json(body).expect(bank, 400, BAD_PARAMETERS).await;
        }
        call("PUT", REFRESH).body("text/plain", "{}").expect(bank, 400, BAD_PARAMETERS).await;
        call("PUT", REFRESH).json("{}").expect(bank, 400, BAD_REFRESH_TOKEN).await;
        let bob = bank.join("bob", 2).await;
        for other in ["", "nonsense", "a.b.c", bob.token.as_str()] {
            renew(other).expect(bank, 400, BAD_REFRESH_TOKEN).await;
        }
        renew(second.part(1)).expect(bank, 404, USER_NOT_FOUND).await;
        let third = renew(second.part(2)).expect(bank, 200, TOKENS).await;
        // A token that was spent long ago means that two have it.
        bank.wait(Duration::seconds(31));
        renew(&spent).expect(bank, 404, USER_NOT_FOUND).await;
        renew(third.part(2)).expect(bank, 404, USER_NOT_FOUND).await;
        with(third.part(1), "GET", LIST).expect(bank, 401, UNAUTHORIZED).await;
        let left = enter(bank, email, &made).await;
        bank.wait(Duration::days(30));
        renew(left.part(2)).expect(bank, 400, BAD_REFRESH_TOKEN).await;
    })
    .await;
}

#[tokio::test]
async fn financelime_removes_a_session_whose_access_lives_on_for_its_quarter_of_an_hour() {
    each_database(async |bank| {
        let email = "ann@example.org";
        let made = join(bank, email).await;
        let (one, two) = (enter(bank, email, &made).await, enter(bank, email, &made).await);
        let (access, other) = (one.part(1).to_owned(), two.part(1).to_owned());
        let both = r#"[{"sessionID":"{{hex:64}}","updatedAt":"{{time}}","platform":""},{"sessionID":"{{hex:64}}","updatedAt":"{{time}}","platform":""}]"#;
        let alone = r#"[{"sessionID":"{{hex:64}}","updatedAt":"{{time}}","platform":""}]"#;
        let list = with(&access, "GET", LIST).expect(bank, 200, both).await;
        assert_eq!((list.part(0), list.part(2)), (one.part(0), two.part(0)));
        for body in ["{", "[]", "", r#"{"sessionID":1}"#] {
            remove(&access, body).expect(bank, 400, BAD_PARAMETERS).await;
        }
        with(&access, "DELETE", REMOVE).expect(bank, 400, BAD_PARAMETERS).await;
        // What is nobody's, or another person's, is as good as gone.
        let stranger = join(bank, "eve@example.org").await;
        let stranger = enter(bank, "eve@example.org", &stranger).await;
        for id in [stranger.part(0), "nonsense", &"0".repeat(64)] {
            let body = json!({ "sessionID": id }).to_string();
            remove(&access, &body).gets_no("content-type").expect(bank, 204, "").await;
        }
        with(stranger.part(1), "GET", LIST).expect(bank, 200, alone).await;
        renew(stranger.part(2)).expect(bank, 200, TOKENS).await;
        let body = json!({ "sessionID": two.part(0) }).to_string();
        remove(&access, &body).expect(bank, 204, "").await;
        remove(&access, &body).expect(bank, 204, "").await;
        with(&access, "GET", LIST).expect(bank, 200, alone).await;
        renew(two.part(2)).expect(bank, 404, USER_NOT_FOUND).await;
        // Without a name it is the session that asks, and asking again is no fault.
        let nobody = r#"{"sessionID":null}"#;
        for body in ["{}", nobody, r#"{"sessionID":""}"#] {
            remove(&access, body).expect(bank, 204, "").await;
        }
        for token in [&access, &other] {
            with(token, "GET", LIST).expect(bank, 200, "[]").await;
        }
        renew(one.part(2)).expect(bank, 404, USER_NOT_FOUND).await;
        bank.wait(Duration::minutes(15));
        with(&access, "GET", LIST).expect(bank, 401, UNAUTHORIZED).await;
        remove(&access, "{}").expect(bank, 401, UNAUTHORIZED).await;
        let log = bank.audit_log().await;
        let revoked = log.iter().filter(|(action, _)| action == "revokeSession").count();
        assert_eq!(revoked, 2, "{log:?}");
    })
    .await;
}

#[tokio::test]
async fn what_ends_all_sessions_ends_the_access_of_removed_ones_at_once() {
    each_database(async |bank| {
        let email = "ann@example.org";
        let made = join(bank, email).await;
        let removed = enter(bank, email, &made).await;
        remove(removed.part(1), "{}").expect(bank, 204, "").await;
        with(removed.part(1), "GET", LIST).expect(bank, 200, "[]").await;
        let open = enter(bank, email, &made).await;
        ask_reset(bank, email).await;
        let path = link(&newest(bank, email).await);
        Check::new("GET", &path).expect(bank, 200, RESET).await;
        for token in [removed.part(1), open.part(1)] {
            with(token, "GET", LIST).expect(bank, 401, UNAUTHORIZED).await;
        }
        let made = password(&newest(bank, email).await);
        let removed = enter(bank, email, &made).await;
        remove(removed.part(1), "{}").expect(bank, 204, "").await;
        operator::deactivate(&bank.bank, email).await.expect("the person leaves");
        with(removed.part(1), "GET", LIST).expect(bank, 401, UNAUTHORIZED).await;
        operator::reactivate(&bank.bank, email).await.expect("the person comes back");
        with(removed.part(1), "GET", LIST).expect(bank, 401, UNAUTHORIZED).await;
    })
    .await;
}

#[tokio::test]
async fn graphql_shows_the_sessions_of_financelime_and_ends_them_at_once() {
    each_database(async |bank| {
        let email = "ann@example.org";
        let made = join(bank, email).await;
        let removed = enter(bank, email, &made).await;
        remove(removed.part(1), "{}").expect(bank, 204, "").await;
        let device = json!({
            "email": email, "password": made, "clientID": "PWA_v0.0.1",
            "device": { "platform": "Linux x86_64" },
        });
        let open = post(CREATE, &device).expect(bank, 200, TOKENS).await;
        let asked = bank.login(email, &made).await;
        let code = bank.code(email).await;
        let confirmed = bank.confirm_login(&text(&asked["challenge"]["id"]), &code).await;
        let token = text(&confirmed["accessToken"]);
        let query = "{ sessions { facade platform clientId } }";
        let shown = bank.run(Some(&token), query, Value::Null).await;
        let theirs = json!({
            "facade": "FINANCELIME", "platform": "Linux x86_64", "clientId": "PWA_v0.0.1",
        });
        let all = shown["sessions"].as_array().expect("a list");
        assert_eq!((all.len(), &all[1]), (2, &theirs), "a removed one is gone: {shown}");
        with(removed.part(1), "GET", LIST)
            .expect(
                bank,
                200,
                r#"[{"sessionID":"{{hex:64}}","updatedAt":"{{time}}","platform":"Linux x86_64"}]"#,
            )
            .await;
        let end = "mutation { revokeOtherSessions { revoked errors { code } } }";
        let ended = bank.run(Some(&token), end, Value::Null).await;
        assert_eq!(ended["revokeOtherSessions"]["revoked"], 1, "{ended}");
        for token in [open.part(1), removed.part(1)] {
            with(token, "GET", LIST).expect(bank, 401, UNAUTHORIZED).await;
        }
        renew(open.part(2)).expect(bank, 404, USER_NOT_FOUND).await;
    })
    .await;
}
