//! card-bank from the first registration to the last call, and beside the other doors.

use serde_json::{Value, json};
use teller::http::limits::Limits;

use crate::support::{
    bank::{TestBank, each_database},
    cardbank::{COOKIE, GRANTED, Member, SINGLE, code, create, detail, message, temp},
    live::Door,
    people::{PASSWORD, Person, text},
    wire::Check,
};

fn post(path: &str, body: &str) -> Check {
    Check::new("POST", path).json(body)
}

#[tokio::test]
async fn somebody_lives_with_cardbank_and_the_letters_alone() {
    each_database(async |bank| {
        let up = r#"{"Status":"Server up and running"}"#;
        Check::new("GET", "/").expect(bank, 200, up).await;
        let ann = Member::join(bank, "ann", 1).await;
        let me = |cards: &str| format!(r#"{{"name":"ann","surname":"Lee","cards":[{cards}]}}"#);
        ann.call("GET", "/auth/me").expect(bank, 200, &me("")).await;
        ann.call("POST", "/auth/logout").expect(bank, 200, &message("Goodbye")).await;
        let ann = Member::sign_in(bank, "ann").await;
        let (main, spare) = (ann.card(bank).await, ann.card(bank).await);
        ann.call("GET", &format!("/card/{}", spare.last4())).expect(bank, 200, SINGLE).await;
        let body = format!(
            r#"{{"from_card_number":"{}","to_card_number":"{}","amount":50}}"#,
            spare.number, main.number
        );
        ann.send("POST", "/card/transfer", &body)
            .expect(bank, 200, r#"["Transferred 50.0"]"#)
            .await;
        let goal = r#"{"name":"Boat","goal":500}"#;
        let told = r#"{"id":{{int}},"name":"Boat","goal":500.0,"balance":200.0}"#;
        let goal = ann.send("POST", "/savings/create", goal).expect(bank, 200, told).await;
        let goal = goal.part(0);
        let aside = |amount: &str| {
            format!(r#"{{"amount":{amount},"saving_account_id":{goal},"card_id":{}}}"#, main.id)
        };
        ann.send("POST", "/savings/topUp", &aside("25"))
            .expect(bank, 200, &message("Top up for 25.0"))
            .await;
        let list = format!(
            r#"[{{"id":{goal},"name":"Boat","balance":225.0,"goal":500.0,"remain":275.0}}]"#
        );
        ann.call("GET", "/savings/").expect(bank, 200, &list).await;
        ann.send("POST", "/savings/decrease", &aside("225"))
            .expect(bank, 200, &message("Decreased by 225.0"))
            .await;
        let deleted = format!(r#"{{"status":"deleted","saving_account_id":{goal}}}"#);
        ann.send("DELETE", "/savings/delete", &format!(r#"{{"saving_account_id":{goal}}}"#))
            .expect(bank, 200, &deleted)
            .await;
        pays_a_bill(bank, &ann, &main.number).await;
        let history = ann
            .send("POST", "/card/history", &format!(r#"{{"card_number":"{}"}}"#, main.number))
            .expect(bank, 200, "{{all}}")
            .await;
        let history = history.answer.json();
        let kinds = history["history"].as_array().expect("a list").iter();
        let kinds: Vec<&str> = kinds.filter_map(|line| line["transfer_type"].as_str()).collect();
        assert_eq!(kinds, ["BILL", "SAVINGS_WITHDRAW", "SAVINGS_TOPUP", "TRANSFER"]);
        let deleted = format!(r#"{{"status":"deleted","card_number":"{}"}}"#, spare.number);
        ann.send("DELETE", "/card/delete", &format!(r#"{{"card_number":"{}"}}"#, spare.number))
            .expect(bank, 200, &deleted)
            .await;
        let ann = loses_a_password(bank, ann).await;
        let card = format!(r#"{{"balance":280.0,"last4":"{}"}}"#, main.last4());
        ann.call("GET", "/auth/me").expect(bank, 200, &me(&card)).await;
        let swept = message("Removed 0 expired unverified users.");
        Check::new("DELETE", "/cleanup-unverified").expect(bank, 200, &swept).await;
        ann.call("POST", "/auth/logout").expect(bank, 200, &message("Goodbye")).await;
        bank.audit().await;
    })
    .await;
}

/// A password is lost, and set by the letter.
async fn loses_a_password(bank: &TestBank, ann: Member) -> Member {
    let email = ann.email.as_str();
    post("/auth/reset", &temp("ann", 1)).expect(bank, 200, &message("Email sended")).await;
    let letters = bank.letters(email).await;
    let html = &letters.last().expect("a letter").html;
    let (_, token) = html.split_once("reset?token=").expect("a link");
    let body = format!(r#"{{"token":"{}","new_password":"a fresh horse on it"}}"#, &token[..43]);
    Check::new("PATCH", "/auth/reset")
        .json(&body)
        .expect(bank, 200, &message("Password changed"))
        .await;
    let login = format!(r#"{{"email":"{email}","password":"a fresh horse on it"}}"#);
    post("/auth/2fa/request", &login).expect(bank, 200, &message("Request sended")).await;
    let code = code(bank, email).await;
    let got = post("/auth/2fa/confirm", &format!(r#"{{"email":"{email}","twofa_code":"{code}"}}"#))
        .gets("set-cookie", COOKIE)
        .expect(bank, 200, GRANTED)
        .await;
    Member { cookie: got.cookie("authorization"), ..ann }
}

async fn pays_a_bill(bank: &TestBank, ann: &Member, number: &str) {
    let bill = r#"{"name":"Rent","amount":20,"due_date":"2026-12-01T12:00:00"}"#;
    let told = r#"{"id":{{int}},"name":"Rent","amount":20.0,"due_date":"2026-12-01T12:00:00","paid":false}"#;
    let made = ann.send("POST", "/bills/create", bill).expect(bank, 200, told).await;
    let id = made.part(0);
    let pay = format!(r#"{{"bill_id":{id},"card_number":"{number}"}}"#);
    let told = format!(r#"{{"status":"paid","bill_id":{id},"remaining_card_balance":280.0}}"#);
    ann.send("POST", "/bills/pay", &pay).expect(bank, 200, &told).await;
    let list = format!(
        r#"[{{"id":{id},"name":"Rent","amount":20.0,"due_date":"2026-12-01T12:00:00","paid":true}}]"#
    );
    ann.call("GET", "/bills").expect(bank, 200, &list).await;
}

#[tokio::test]
async fn register_with_and_without_its_slash_reaches_each_its_own_dialect() {
    each_database(async |bank| {
        let sent = message("Mail has been send");
        let of_fintract = |name: &str| {
            format!(
                r#"{{"email":"{name}@example.org","username":"{name}","name":"{name} Lee","user_type":"CUSTOMER","password":"{PASSWORD}","password2":"{PASSWORD}","phone":"1234567"}}"#
            )
        };
        let required = r#"{"email":["This field is required."]{{all}}}"#;
        let missing = r#"{"detail":[{"type":"missing","loc":["body","phone_number"]{{all}}}]}"#;
        post("/auth/register", &temp("ann", 1)).expect(bank, 200, &sent).await;
        post("/auth/register/", &of_fintract("fin")).expect(bank, 201, "{{all}}").await;
        post("/auth/register", &of_fintract("other")).expect(bank, 422, missing).await;
        post("/auth/register/", "{}").expect(bank, 400, required).await;
        // A client of card-bank that relied on being led on is known by its body.
        post("/auth/register/", &temp("bob", 2)).expect(bank, 200, &sent).await;
        let taken = detail("User already exists");
        post("/auth/register/", &temp("bob", 2)).expect(bank, 409, &taken).await;
        let both = temp("eve", 3).replace('{', "{\"username\":\"eve\",");
        post("/auth/register/", &both).expect(bank, 400, "{{all}}").await;
        // Below its own prefix each has both spellings.
        post("/compat/card-bank/auth/register/", &temp("dan", 4)).expect(bank, 200, &sent).await;
        let path = "/compat/fintract/auth/register";
        post(path, &of_fintract("gil")).expect(bank, 201, "{{all}}").await;
        let path = "/compat/fintract/auth/register/";
        post(path, &temp("hal", 5)).expect(bank, 400, "{{all}}").await;
        let letters = bank.letters("bob@example.org").await;
        let subjects: Vec<&str> = letters.iter().map(|letter| letter.subject.as_str()).collect();
        assert_eq!(subjects, ["Email Verification"]);
        let code = code(bank, "bob@example.org").await;
        post("/auth/verify-email/", &create("bob", 2, &code)).expect(bank, 200, GRANTED).await;
    })
    .await;
}

#[tokio::test]
async fn lists_answer_the_same_with_and_without_a_slash() {
    each_database(async |bank| {
        let ann = Member::join(bank, "ann", 1).await;
        ann.card(bank).await;
        ann.send("POST", "/savings/create/", r#"{"name":"Boat","goal":500}"#)
            .expect(bank, 200, "{{all}}")
            .await;
        ann.send("POST", "/bills/create/", r#"{"name":"x","amount":1,"due_date":"2026-06-30"}"#)
            .expect(bank, 200, "{{all}}")
            .await;
        let nobody = detail("Not a valid token");
        for path in ["/card", "/savings", "/bills", "/auth/me"] {
            let told = ann.call("GET", path).expect(bank, 200, "{{all}}").await.answer.text();
            assert!(told.len() > 20, "{path}: {told}");
            for twin in [
                format!("{path}/"),
                format!("/compat/card-bank{path}"),
                format!("/compat/card-bank{path}/"),
            ] {
                ann.call("GET", &twin).gets_no("location").expect(bank, 200, &told).await;
                Check::new("GET", &twin).gets_no("location").expect(bank, 401, &nobody).await;
            }
        }
    })
    .await;
}

const BALANCES: &str = "subscription ($ids: [ID!]) { balanceChanged(accountIds: $ids) {
    balance { posted { amount } } } }";

/// What a socket is told of a balance.
async fn hears(socket: &mut crate::support::live::Socket, amount: &str) {
    let told = socket.next().await;
    assert_eq!(told["balanceChanged"]["balance"]["posted"]["amount"], amount, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_has_the_same_money_at_every_door() {
    each_database(async |bank| {
        let ann = Member::join(bank, "ann", 1).await;
        let card = ann.card(bank).await;
        let person = Person { email: ann.email.clone(), token: String::new(), id: String::new() };
        let token = bank.sign_in(&person).await;
        let person = Person { token: token.clone(), ..person };
        let cards = "{ cards { id last4 legacyId balance { posted { amount } } } }";
        let cards = bank.run(Some(&token), cards, Value::Null).await;
        let shown = &cards["cards"][0];
        assert_eq!(
            (&shown["last4"], &shown["legacyId"].to_string()),
            (&json!(card.last4()), &card.id)
        );
        let id = text(&shown["id"]);
        // Topped up by GraphQL, and its balance live on a socket.
        let door = Door::open(&bank.bank, Limits::default()).await;
        let mut socket = door.enter(&token).await;
        socket.subscribe("b", BALANCES, json!({ "ids": [id] })).await;
        hears(&mut socket, "50.00").await;
        bank.top_up(&person, "k", &id, "25.50").await;
        hears(&mut socket, "75.50").await;
        // A bill of card-bank, paid there.
        let bill = r#"{"name":"Rent","amount":20.25,"due_date":"2026-12-01"}"#;
        let made = ann.send("POST", "/bills/create", bill).expect(bank, 200, "{{all}}").await;
        let bill_id = made.answer.json()["id"].clone();
        let pay = format!(r#"{{"bill_id":{bill_id},"card_number":"{}"}}"#, card.number);
        let told =
            format!(r#"{{"status":"paid","bill_id":{bill_id},"remaining_card_balance":55.25}}"#);
        ann.send("POST", "/bills/pay", &pay).expect(bank, 200, &told).await;
        hears(&mut socket, "55.25").await;
        let history = "{ history(first: 1) { nodes { kind amount { amount } direction
            counterparty { label } account { id } } }
            bills(first: 5) { nodes { legacyId status } } }";
        let history = bank.run(Some(&token), history, Value::Null).await;
        assert_eq!(
            history["history"]["nodes"],
            json!([{ "kind": "BILL_PAYMENT", "amount": { "amount": "20.25" }, "direction": "OUT",
                "counterparty": { "label": "Rent" }, "account": { "id": id } }]),
        );
        let paid = json!([{ "legacyId": bill_id, "status": "PAID" }]);
        assert_eq!(history["bills"]["nodes"], paid);
        tops_up_a_wallet(bank, &person).await;
        assert!(door.close().await);
        sessions(bank, &ann, &token).await;
        bank.audit().await;
    })
    .await;
}

/// An ewallet top-up shows in GraphQL's wallet.
async fn tops_up_a_wallet(bank: &TestBank, person: &Person) {
    let token = Some(person.token.as_str());
    let access = json!({ "dialect": "EWALLET", "enabled": true });
    bank.mutate(token, "setLegacyAccess", "user { id }", access).await;
    let body = format!(r#"{{"email":"{}","password":"{PASSWORD}"}}"#, person.email);
    let got = post("/token/auth", &body).expect(bank, 200, "{{all}}").await;
    post("/api/topup", r#"{"amount":7}"#)
        .header("cookie", &format!("access_token_cookie={}", got.cookie("access_token_cookie")))
        .header("x-csrf-token", &got.cookie("csrf_access_token"))
        .header("location", "Jakarta")
        .header("ip-address", "10.1.2.3")
        .expect(bank, 200, "{\"msg\":\"transaction success.\"}\n")
        .await;
    let wallet = "{ wallet { balance { posted { amount } } } }";
    let wallet = bank.run(token, wallet, Value::Null).await;
    assert_eq!(wallet["wallet"]["balance"]["posted"]["amount"], "7.00");
}

/// Every session stands in GraphQL's list, and ends from there.
async fn sessions(bank: &TestBank, ann: &Member, token: &str) {
    let query = "{ sessions { id facade current } }";
    let list = bank.run(Some(token), query, Value::Null).await;
    let all = list["sessions"].as_array().expect("a list");
    let mut facades: Vec<&str> = all.iter().filter_map(|one| one["facade"].as_str()).collect();
    facades.sort_unstable();
    assert_eq!(facades, ["CARD_BANK", "EWALLET", "GRAPHQL"], "{list}");
    let of_cardbank = all.iter().find(|one| one["facade"] == "CARD_BANK").expect("it is there");
    ann.call("GET", "/auth/me").expect(bank, 200, "{{all}}").await;
    let id = json!({ "sessionId": of_cardbank["id"] });
    bank.mutate(Some(token), "revokeSession", "sessionId", id).await;
    let ended = detail("Could not validate credentials");
    ann.call("GET", "/auth/me").expect(bank, 401, &ended).await;
}
