//! card-bank and the numbers of other people's cards: who sees them, and how many may be tried.

use axum::{
    body::Body,
    http::{Method, header},
};
use chrono::Duration;
use serde_json::{Value, json};
use teller::{
    bank::context::Rules,
    domain::attempt::{Allowance, Allowances},
    types::text::CardNumber,
};

use crate::support::{
    bank::{TestBank, each_database, each_database_with, sandbox_rules},
    cardbank::{Member, Plastic, detail},
    people::{Person, codes, text},
    wire::Check,
};

const NO_CARD: &str = r#"{"detail":"Card not found"}"#;
const NO_USER: &str = r#"{"detail":"User not found"}"#;
const THROTTLED: &str = r#"{"detail":"Request was throttled."}"#;

/// The same person over GraphQL, with what names their first card there.
async fn graphql(bank: &TestBank, member: &Member) -> (Person, String) {
    let nobody = Person { email: member.email.clone(), token: String::new(), id: String::new() };
    let token = bank.sign_in(&nobody).await;
    let cards = bank.run(Some(&token), "{ cards { id } }", Value::Null).await;
    let id = text(&cards["cards"][0]["id"]);
    (Person { token, ..nobody }, id)
}

/// A number that a card could have, and none has.
fn nobodys(number: u64) -> String {
    let number = CardNumber::complete(&format!("99990{number:010}")).expect("fifteen digits");
    number.expose().to_owned()
}

fn transfer(from: &str, to: &str, amount: &str) -> String {
    format!(r#"{{"from_card_number":"{from}","to_card_number":"{to}","amount":{amount}}}"#)
}

fn pay(who: &Member, from: &str, to: &str) -> Check {
    who.send("POST", "/card/transfer", &transfer(from, to, "0.01"))
}

#[tokio::test]
async fn cardbank_shows_a_receivers_number_only_to_who_paid_it_by_that_number() {
    each_database(async |bank| {
        let (ann, bob) = (Member::join(bank, "ann", 1).await, Member::join(bank, "bob", 2).await);
        let (card, of_bob) = (ann.card(bank).await, bob.card(bank).await);
        let ((person, id), (_, id_of_bob)) = (graphql(bank, &ann).await, graphql(bank, &bob).await);
        let mut keys = 0..;
        let mut by = async |to: Value| {
            let key = keys.next().expect("a number").to_string();
            let input = json!({ "idempotencyKey": key, "fromAccountId": id, "amount": "1.00",
                "to": to });
            let paid = bank.transfer(&person, input).await;
            assert_eq!(codes(&paid), Vec::<String>::new(), "{paid}");
        };
        by(json!({ "accountId": id_of_bob })).await;
        by(json!({ "cardNumber": of_bob.number })).await;
        // One that waits for nobody may go another way.
        bank.wait(Duration::seconds(2));
        by(json!({ "accountId": id_of_bob })).await;
        pay(&ann, &card.number, &of_bob.number).expect(bank, 200, "{{all}}").await;
        let history =
            ann.send("POST", "/card/history", &format!(r#"{{"card_number":"{}"}}"#, card.number));
        let told = history.expect(bank, 200, "{{all}}").await.answer.json();
        let shown: Vec<String> = told["history"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|line| text(&line["to_card_number"]))
            .collect();
        let (whole, masked) = (of_bob.number.clone(), format!("************{}", of_bob.last4()));
        assert_eq!(shown, [whole.clone(), masked.clone(), whole, masked], "{}", bank.database);
    })
    .await;
}

fn few(tries: i64, minutes: i64) -> Allowance {
    Allowance { tries, window: Duration::minutes(minutes) }
}

fn limited() -> Rules {
    let allowances = Allowances {
        card_number: few(3, 15),
        card_number_address: few(5, 15),
        ..Allowances::SANDBOX
    };
    Rules { allowances, ..sandbox_rules() }
}

#[tokio::test]
async fn who_tries_card_numbers_is_stopped_soon_and_learns_nothing_more() {
    each_database_with(limited(), async |bank| {
        let (ann, bob) = (Member::join(bank, "ann", 1).await, Member::join(bank, "bob", 2).await);
        let (card, of_bob) = (ann.card(bank).await, bob.card(bank).await);
        let (person, id) = graphql(bank, &ann).await;
        let (_, id_of_bob) = graphql(bank, &bob).await;
        // Without a card of one's own nothing is told of others', nor counted.
        for number in 0..5 {
            let unknown = nobodys(number);
            for to in [of_bob.number.as_str(), &unknown] {
                pay(&ann, &unknown, to).expect(bank, 406, NO_CARD).await;
            }
        }
        let by_graphql = async |key: &str, to: Value| {
            let input = json!({ "idempotencyKey": key, "fromAccountId": id, "amount": "0.01",
                "to": to });
            codes(&bank.transfer(&person, input).await)
        };
        for number in 0..2 {
            pay(&ann, &card.number, &nobodys(number)).expect(bank, 406, NO_USER).await;
        }
        // What has not the form of a number tells nothing, and is not counted.
        pay(&ann, &card.number, "x").expect(bank, 406, NO_USER).await;
        assert_eq!(by_graphql("a", json!({ "cardNumber": nobodys(2) })).await, ["NOT_FOUND"]);
        for to in [nobodys(3), of_bob.number.clone()] {
            pay(&ann, &card.number, &to)
                .gets("retry-after", "{{int}}")
                .expect(bank, 429, THROTTLED)
                .await;
            assert_eq!(by_graphql("b", json!({ "cardNumber": to })).await, ["RATE_LIMITED"]);
        }
        let by_id = by_graphql("c", json!({ "accountId": id_of_bob })).await;
        assert_eq!(by_id, Vec::<String>::new(), "who names an account tries no number");
        // Others of the same address have what it has left.
        for number in 4..6 {
            pay(&bob, &of_bob.number, &nobodys(number)).expect(bank, 406, NO_USER).await;
        }
        pay(&bob, &of_bob.number, &card.number).expect(bank, 429, THROTTLED).await;
        bank.wait(Duration::minutes(16));
        let (ann, bob) = (Member::sign_in(bank, "ann").await, Member::sign_in(bank, "bob").await);
        pay(&ann, &card.number, &of_bob.number).expect(bank, 200, "{{all}}").await;
        pay(&bob, &of_bob.number, &card.number).expect(bank, 200, "{{all}}").await;
        let log = bank.audit_log().await;
        let count = |result: &str| {
            log.iter().filter(|(act, said)| act == "transfer" && said == result).count()
        };
        assert_eq!((count("NOT_FOUND"), count("RATE_LIMITED")), (5, 5), "{}", bank.database);
        bank.audit().await;
    })
    .await;
}

#[tokio::test]
async fn numbers_that_are_tried_at_once_are_counted_together() {
    each_database_with(limited(), async |bank| {
        let (ann, bob) = (Member::join(bank, "ann", 1).await, Member::join(bank, "bob", 2).await);
        let (card, of_bob) = (ann.card(bank).await, bob.card(bank).await);
        let send = |to: String| {
            let body = transfer(&card.number, &to, "50.01");
            let request = TestBank::request(Method::POST, "/card/transfer")
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::COOKIE, format!("authorization={}", ann.cookie));
            bank.send(request.body(Body::from(body)).expect("a request"))
        };
        let asked = (0..20).map(|number| send(nobodys(number)));
        let answers = futures_util::future::join_all(asked).await;
        let unknown = answers.iter().filter(|answer| answer.status == 406).count();
        assert!((1..=3).contains(&unknown), "{}: {unknown} were told", bank.database);
        let known = send(of_bob.number.clone()).await;
        assert_eq!(known.status, 429, "{}: {}", bank.database, known.text());
    })
    .await;
}

/// What was left behind: a card that was closed, one that is open, one of somebody else's,
/// a goal that was deleted and a bill that was paid.
struct Old {
    closed: Plastic,
    open: Plastic,
    of_bob: Plastic,
    goal: String,
    bill: String,
}

/// A call, and the same of something that never was.
type Twin = (&'static str, &'static str, String, String);

fn aside(amount: &str, savings: &str, card: &str) -> String {
    format!(r#"{{"amount":{amount},"saving_account_id":{savings},"card_id":{card}}}"#)
}

fn settle(bill: &str, card: &str) -> String {
    format!(r#"{{"bill_id":{bill},"card_number":"{card}"}}"#)
}

fn number(card: &str) -> String {
    format!(r#"{{"card_number":"{card}"}}"#)
}

fn goal_body(goal: &str) -> String {
    format!(r#"{{"saving_account_id":{goal}}}"#)
}

async fn leave_behind(bank: &TestBank, ann: &Member, bob: &Member) -> Old {
    let (closed, open, of_bob) = (ann.card(bank).await, ann.card(bank).await, bob.card(bank).await);
    let body = transfer(&closed.number, &open.number, "50");
    ann.send("POST", "/card/transfer", &body).expect(bank, 200, "{{all}}").await;
    let goal = r#"{"name":"Boat","goal":500}"#;
    let goal = ann.send("POST", "/savings/create", goal).expect(bank, 200, "{{all}}").await;
    let goal = goal.answer.json()["id"].to_string();
    let empty = aside("200", &goal, &open.id);
    ann.send("POST", "/savings/decrease", &empty).expect(bank, 200, "{{all}}").await;
    let bill = r#"{"name":"Rent","amount":3,"due_date":"2026-12-01"}"#;
    let bill = ann.send("POST", "/bills/create", bill).expect(bank, 200, "{{all}}").await;
    let bill = bill.answer.json()["id"].to_string();
    let paid = settle(&bill, &open.number);
    ann.send("POST", "/bills/pay", &paid).expect(bank, 200, "{{all}}").await;
    for (path, body) in
        [("/card/delete", number(&closed.number)), ("/savings/delete", goal_body(&goal))]
    {
        ann.send("DELETE", path, &body).expect(bank, 200, "{{all}}").await;
    }
    Old { closed, open, of_bob, goal, bill }
}

/// What the one asks whose they were.
fn asked_by_ann(old: &Old, never: &str) -> Vec<Twin> {
    vec![
        (
            "POST",
            "/card/transfer",
            transfer(&old.closed.number, never, "1"),
            transfer(never, never, "1"),
        ),
        ("POST", "/card/history", number(&old.closed.number), number(never)),
        ("DELETE", "/savings/delete", goal_body(&old.goal), goal_body("77777")),
        (
            "POST",
            "/savings/topUp",
            aside("1", &old.goal, &old.open.id),
            aside("1", "77777", &old.open.id),
        ),
        (
            "POST",
            "/savings/topUp",
            aside("999999", &old.goal, &old.closed.id),
            aside("999999", &old.goal, "77777"),
        ),
        (
            "POST",
            "/savings/topUp",
            aside("1", "77777", &old.closed.id),
            aside("1", "77777", "77777"),
        ),
        (
            "POST",
            "/savings/decrease",
            aside("1", "77777", &old.closed.id),
            aside("1", "77777", "77777"),
        ),
        (
            "POST",
            "/savings/decrease",
            aside("999999", &old.goal, &old.open.id),
            aside("999999", "77777", &old.open.id),
        ),
        ("POST", "/bills/pay", settle(&old.bill, &old.closed.number), settle(&old.bill, never)),
    ]
}

/// What somebody else asks.
fn asked_by_bob(old: &Old, never: &str) -> Vec<Twin> {
    vec![
        (
            "POST",
            "/card/transfer",
            transfer(&old.closed.number, &old.of_bob.number, "1"),
            transfer(never, &old.of_bob.number, "1"),
        ),
        (
            "POST",
            "/card/transfer",
            transfer(&old.of_bob.number, &old.closed.number, "1"),
            transfer(&old.of_bob.number, never, "1"),
        ),
        ("POST", "/card/history", number(&old.closed.number), number(never)),
        ("DELETE", "/card/delete", number(&old.closed.number), number(never)),
        ("DELETE", "/savings/delete", goal_body(&old.goal), goal_body("77777")),
        (
            "POST",
            "/savings/topUp",
            aside("1", &old.goal, &old.of_bob.id),
            aside("1", "77777", &old.of_bob.id),
        ),
        (
            "POST",
            "/savings/decrease",
            aside("1", &old.goal, &old.closed.id),
            aside("1", "77777", "77777"),
        ),
        (
            "POST",
            "/bills/pay",
            settle(&old.bill, &old.of_bob.number),
            settle("77777", &old.of_bob.number),
        ),
    ]
}

#[tokio::test]
async fn what_was_closed_or_is_anothers_is_answered_at_cardbank_as_what_never_was() {
    each_database(async |bank| {
        let (ann, bob) = (Member::join(bank, "ann", 1).await, Member::join(bank, "bob", 2).await);
        let old = leave_behind(bank, &ann, &bob).await;
        // Each with the same that never was; who asks, and what is said.
        let never = nobodys(1);
        for (who, twins) in [(&ann, asked_by_ann(&old, &never)), (&bob, asked_by_bob(&old, &never))]
        {
            for (method, path, closed, never) in twins {
                let of_never = who.send(method, path, &never).expect_any(bank).await;
                let status = of_never.status.as_u16();
                assert!([403, 406].contains(&status), "{path}: {}", of_never.text());
                who.send(method, path, &closed).expect(bank, status, &of_never.text()).await;
            }
        }
        bank.audit().await;
    })
    .await;
}

#[tokio::test]
async fn cardbank_has_words_of_its_own_where_a_second_factor_is_asked_for() {
    each_database(async |bank| {
        let ann = Member::join(bank, "ann", 1).await;
        let (card, other) = (ann.card(bank).await, ann.card(bank).await);
        let body = transfer(&card.number, &other.number, "9000000.10");
        let told = detail("This step needs a second factor, which cannot be given here.");
        ann.send("POST", "/card/transfer", &body).expect(bank, 403, &told).await;
    })
    .await;
}
