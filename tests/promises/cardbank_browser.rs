//! card-bank in a real browser: whose pages its cookie serves, and where its links lead.

use serde_json::{Value, json};

use crate::support::{
    bank::test_name,
    databases,
    people::{PASSWORD, text},
    programs::Pages,
    proof,
    server::{Server, teller},
};

const FRESH: &str = "a fresh horse on a battery";

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_allowed_origin_signs_in_by_cardbank_and_another_cannot() {
    for fresh in databases::both().await {
        let mut pages = Pages::start("cardbank.mjs");
        let origins = pages.told().await;
        let mut command = teller(fresh.folder(), &fresh.url);
        command.env("TELLER_FRONTEND_URL", text(&origins["allowed"]));
        let server = Server::start_with(&mut command).await;
        let asked = json!({ "api": server.url, "password": PASSWORD, "fresh": FRESH });
        pages.tell(&asked).await;
        judge(&pages.told().await, &text(&origins["allowed"]), &server.url);
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

/// What the two pages could do, and what came of the letter.
fn judge(done: &Value, front: &str, api: &str) {
    let is = |step: &str, status: u16, body: Value| {
        assert_eq!(done[step], json!({ "status": status, "body": body }), "{step}: {done}");
    };
    is("registered", 200, json!({ "message": "Mail has been send" }));
    is("made", 200, json!({ "message": "Access granted" }));
    is("nobody", 401, json!({ "detail": "Not a valid token" }));
    is("asked", 200, json!({ "message": "Request sended" }));
    is("entered", 200, json!({ "message": "Access granted" }));
    let me = json!({ "name": "Ann", "surname": "Lee", "cards": [] });
    is("me", 200, me.clone());
    assert_eq!(done["script"], "", "no script reads the cookie");
    let kept = json!([{ "name": "authorization", "path": "/", "httpOnly": true, "secure": true,
        "sameSite": "None" }]);
    assert_eq!(done["kept"], kept);
    for blocked in ["read", "make", "signIn", "logOut"] {
        assert_eq!(done["tries"][blocked], json!({ "failed": "TypeError" }), "{blocked}: {done}");
    }
    assert_eq!(done["tries"]["blind"], json!({ "type": "opaque", "body": "" }), "{done}");
    is("after", 200, me);
    assert_eq!(done["card"]["status"], 200, "{done}");
    assert_eq!(done["cards"]["body"].as_array().map(Vec::len), Some(1), "{done}");
    is("out", 200, json!({ "message": "Goodbye" }));
    is("gone", 401, json!({ "detail": "Not a valid token" }));
    assert_eq!(done["cookies"], json!([]));
    is("lost", 200, json!({ "message": "Email sended" }));
    assert!(text(&done["link"]).starts_with(&format!("{front}/reset?token=")), "{done}");
    assert_eq!(done["told"], "Password changed. You can close this page and sign in.", "{done}");
    assert_eq!(done["address"], format!("{api}/compat/card-bank/reset"), "the token is gone");
    assert_eq!(done["complaints"], json!([]));
    is("again", 200, json!({ "message": "Request sended" }));
}
