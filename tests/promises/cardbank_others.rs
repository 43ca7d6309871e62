//! card-bank and what others do: the bank's staff, other doors, authenticators, and whoever
//! looks into the database.

use serde_json::{Value, json};
use teller::{bank::context::Rules, domain::user::UserRole};

use crate::support::{
    bank::{TestBank, each_database, each_database_with, sandbox_rules},
    cardbank::{COOKIE, GRANTED, Member, Plastic, SINGLE, code, create, detail, message, temp},
    people::{PASSWORD, Person, codes, text},
    wire::Check,
};

/// The same person over GraphQL, with what names their newest card there.
async fn graphql(bank: &TestBank, member: &Member) -> (Person, String) {
    let nobody = Person { email: member.email.clone(), token: String::new(), id: String::new() };
    let token = bank.sign_in(&nobody).await;
    let cards = bank.run(Some(&token), "{ cards { id } }", Value::Null).await;
    let newest = cards["cards"].as_array().and_then(|cards| cards.last());
    let id = newest.map_or_else(String::new, |card| text(&card["id"]));
    (Person { token, ..nobody }, id)
}

/// A mutation that must be done.
async fn done(bank: &TestBank, who: &Person, field: &str, fields: &str, input: Value) -> Value {
    let payload = bank.ask(who, field, fields, input).await;
    assert_eq!(codes(&payload), Vec::<String>::new(), "{field}: {payload}");
    payload
}

fn history(who: &Member, card: &Plastic) -> Check {
    who.send("POST", "/card/history", &format!(r#"{{"card_number":"{}"}}"#, card.number))
}

fn line(direction: &str, from: [&str; 2], to: [&str; 2], kind: &str, amount: &str) -> String {
    format!(
        r#"{{"direction":"{direction}","from":"{}","from_card_number":{},"to":"{}","to_card_number":{},"transfer_type":"{kind}","amount":{amount},"time":"{{{{time}}}}"}}"#,
        from[0], from[1], to[0], to[1]
    )
}

#[tokio::test]
async fn cardbank_tells_what_staff_and_other_accounts_did_on_a_card() {
    each_database(async |bank| {
        let (ann, bob) = (Member::join(bank, "ann", 1).await, Member::join(bank, "bob", 2).await);
        let card = ann.card(bank).await;
        let (person, id) = graphql(bank, &ann).await;
        let eve = bank.join("eve", 3).await;
        bank.promote(&eve, UserRole::BankAdmin).await;
        let deposit = json!({ "idempotencyKey": "d", "accountId": id, "amount": "5.00",
            "reference": "Salary" });
        done(bank, &eve, "recordDeposit", "transaction { id }", deposit).await;
        let place = json!({ "idempotencyKey": "h", "card": { "accountId": id }, "amount": "3.00",
            "merchant": "Shop" });
        let hold = done(bank, &eve, "placeHold", "hold { id }", place).await;
        let capture = json!({ "idempotencyKey": "c", "holdId": hold["hold"]["id"],
            "amount": "2.00" });
        let bought = done(bank, &eve, "captureHold", "transaction { id }", capture).await;
        let back = json!({ "idempotencyKey": "r", "transactionId": bought["transaction"]["id"],
            "amount": "1.00", "reason": "A mistake" });
        done(bank, &eve, "reverseTransaction", "transaction { id }", back).await;
        // From the person's own wallet, and from somebody else's savings.
        let wallet = bank.run(Some(&person.token), "{ wallet { id } }", Value::Null).await;
        let wallet = text(&wallet["wallet"]["id"]);
        bank.top_up(&person, "t", &wallet, "9.00").await;
        let pay = |key: &str, from: &str, amount: &str| {
            json!({ "idempotencyKey": key, "fromAccountId": from, "amount": amount,
                "to": { "cardNumber": card.number } })
        };
        let paid = bank.transfer(&person, pay("w", &wallet, "4.00")).await;
        assert_eq!(codes(&paid), Vec::<String>::new(), "{paid}");
        bob.send("POST", "/savings/create", r#"{"name":"Boat","goal":500}"#)
            .expect(bank, 200, "{{all}}")
            .await;
        let (other, _) = graphql(bank, &bob).await;
        let savings = bank.run(Some(&other.token), "{ savings { id } }", Value::Null).await;
        let savings = text(&savings["savings"][0]["id"]);
        let paid = bank.transfer(&other, pay("s", &savings, "6.00")).await;
        assert_eq!(codes(&paid), Vec::<String>::new(), "{paid}");
        let own = format!("\"{}\"", card.number);
        let me = ["ann Lee", own.as_str()];
        let told = [
            line("in", ["bob Lee", "null"], me, "TRANSFER", "6.0"),
            line("in", ["ann Lee", "null"], me, "TRANSFER", "4.0"),
            line("in", ["Shop", "null"], me, "INCOME", "1.0"),
            line("out", me, ["Shop", "null"], "PURCHASE", "2.0"),
            line("in", ["Cash", "null"], me, "INCOME", "5.0"),
        ];
        let told = format!(r#"{{"history":[{}]}}"#, told.join(","));
        history(&ann, &card).expect(bank, 200, &told).await;
        bank.audit().await;
    })
    .await;
}

#[tokio::test]
async fn cardbank_moves_no_money_of_who_waits_for_staff() {
    each_database(async |bank| {
        let body = format!(
            r#"{{"email":"fin@example.org","username":"fin","name":"Fin Lee","user_type":"CUSTOMER","password":"{PASSWORD}","password2":"{PASSWORD}","phone":"1234567"}}"#
        );
        Check::new("POST", "/auth/register/").json(&body).expect(bank, 201, "{{all}}").await;
        let fin = Member::sign_in(bank, "fin").await;
        let told =
            detail("The bank's staff have not approved you yet: until then no money moves.");
        fin.call("POST", "/card/create").expect(bank, 403, &told).await;
        let wish = r#"{"name":"Boat","goal":500}"#;
        fin.send("POST", "/savings/create", wish).expect(bank, 403, &told).await;
        fin.call("GET", "/savings").expect(bank, 200, "[]").await;
        let approve = "UPDATE users SET approved_at = created_at WHERE email_key = 'fin@example.org'";
        bank.fresh.raw(approve).await.expect("they are approved");
        let fin = Member::sign_in(bank, "fin").await;
        let made = fin.call("POST", "/card/create").expect(bank, 200, SINGLE).await;
        assert_eq!([made.part(0), made.part(1)], ["Fin", "Lee"]);
    })
    .await;
}

#[tokio::test]
async fn an_authenticator_answers_at_cardbank_in_place_of_a_letter() {
    each_database(async |bank| {
        let ann = Member::join(bank, "ann", 1).await;
        let (person, _) = graphql(bank, &ann).await;
        let phone = bank.enrol(&person).await;
        bank.wait(chrono::Duration::seconds(30));
        let letters = bank.letters(&ann.email).await.len();
        let login = format!(r#"{{"email":"{}","password":"{PASSWORD}"}}"#, ann.email);
        Check::new("POST", "/auth/2fa/request")
            .json(&login)
            .expect(bank, 200, &message("Request sended"))
            .await;
        assert_eq!(bank.letters(&ann.email).await.len(), letters, "no code goes out");
        let answer =
            format!(r#"{{"email":"{}","twofa_code":"{}"}}"#, ann.email, bank.shown(&phone));
        Check::new("POST", "/auth/2fa/confirm")
            .json(&answer)
            .gets("set-cookie", COOKIE)
            .expect(bank, 200, GRANTED)
            .await;
        // A letter alone sets no password of theirs.
        Check::new("POST", "/auth/reset")
            .json(&temp("ann", 1))
            .expect(bank, 200, &message("Email sended"))
            .await;
        let letters = bank.letters(&ann.email).await;
        let html = &letters.last().expect("a letter").html;
        let (_, token) = html.split_once("reset?token=").expect("a link");
        let body =
            format!(r#"{{"token":"{}","new_password":"a fresh horse on it"}}"#, &token[..43]);
        Check::new("PATCH", "/auth/reset")
            .json(&body)
            .expect(bank, 401, &detail("Reset token is not valid"))
            .await;
    })
    .await;
}

#[tokio::test]
async fn in_production_cardbank_gives_nothing_and_knows_no_page_of_developers() {
    let rules = Rules { sandbox: false, funding_open: false, ..sandbox_rules() };
    each_database_with(rules, async |bank| {
        let ann = Member::join(bank, "ann", 1).await;
        let empty = SINGLE.replace("50.0", "0.0");
        ann.call("POST", "/card/create").expect(bank, 200, &empty).await;
        let told = r#"{"id":{{int}},"name":"Boat","goal":500.0,"balance":0.0}"#;
        let wish = r#"{"name":"Boat","goal":500}"#;
        ann.send("POST", "/savings/create", wish).expect(bank, 200, told).await;
        for developers in ["http://localhost:5173", "http://127.0.0.1:5173"] {
            ann.call("POST", "/card/create")
                .header("origin", developers)
                .gets_no("access-control-allow-origin")
                .expect(bank, 403, &detail("Origin not allowed"))
                .await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_code_makes_one_customer_whoever_is_faster() {
    each_database(async |bank| {
        Check::new("POST", "/auth/register")
            .json(&temp("ann", 1))
            .expect(bank, 200, "{{all}}")
            .await;
        let code = code(bank, "ann@example.org").await;
        let body = create("ann", 1, &code);
        let send = async || {
            let request = TestBank::request(axum::http::Method::POST, "/auth/verify-email")
                .header("content-type", "application/json");
            let request = request.body(axum::body::Body::from(body.clone())).expect("a request");
            bank.send(request).await.status.as_u16()
        };
        let (one, two, three) = tokio::join!(send(), send(), send());
        let mut statuses = [one, two, three];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 406, 406], "{}", bank.database);
    })
    .await;
}

#[tokio::test]
async fn nothing_secret_of_cardbank_lies_in_the_database_in_the_clear() {
    each_database(async |bank| {
        let register = Check::new("POST", "/auth/register").json(&temp("bob", 2));
        register.expect(bank, 200, "{{all}}").await;
        let waiting = code(bank, "bob@example.org").await;
        let ann = Member::join(bank, "ann", 1).await;
        let card = ann.card(bank).await;
        let shown = ann.call("GET", "/card").expect(bank, 200, "{{all}}").await.answer.json();
        assert_eq!(shown[0]["number"], json!(card.number));
        let login = format!(r#"{{"email":"{}","password":"{PASSWORD}"}}"#, ann.email);
        Check::new("POST", "/auth/2fa/request").json(&login).expect(bank, 200, "{{all}}").await;
        let open = code(bank, &ann.email).await;
        Check::new("POST", "/auth/reset").json(&temp("ann", 1)).expect(bank, 200, "{{all}}").await;
        let letters = bank.letters(&ann.email).await;
        let html = &letters.last().expect("a letter").html;
        let (_, token) = html.split_once("reset?token=").expect("a link");
        let everything = bank.fresh.everything().await;
        let (_, signature) = ann.cookie.rsplit_once('.').expect("three parts");
        for (what, secret) in [
            ("a card's number", card.number.as_str()),
            ("a code that waits", &waiting),
            ("a code of a login", &open),
            ("a token of a link", &token[..43]),
            ("a cookie", signature),
            ("a password", PASSWORD),
            ("a social security number", "078050001"),
        ] {
            let secret = secret.as_bytes();
            let found = everything.windows(secret.len()).any(|part| part == secret);
            assert!(!found, "{}: {what}", bank.database);
        }
    })
    .await;
}
