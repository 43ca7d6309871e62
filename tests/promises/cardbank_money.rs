//! card-bank: cards, savings and bills, and every byte that their clients get.

use serde_json::{Value, json};

use crate::support::{
    bank::{TestBank, each_database},
    cardbank::{Member, Plastic, SINGLE, detail, message},
    people::{PASSWORD, Person, codes, text},
    wire::Check,
};

const NO_CARD: &str = r#"{"detail":"Card not found"}"#;
const NO_USER: &str = r#"{"detail":"User not found"}"#;
const NO_SAVINGS: &str = r#"{"detail":"Saving account not found"}"#;
const NO_FUNDS: &str = r#"{"detail":"Not enough funds"}"#;
const OTHER_REQUEST: &str = r#"{"detail":"Idempotency key was used with another request"}"#;

/// The same person over GraphQL.
async fn graphql(bank: &TestBank, member: &Member) -> Person {
    let nobody = Person { email: member.email.clone(), token: String::new(), id: String::new() };
    let token = bank.sign_in(&nobody).await;
    Person { token, ..nobody }
}

fn transfer(from: &str, to: &str, amount: &str) -> String {
    format!(r#"{{"from_card_number":"{from}","to_card_number":"{to}","amount":{amount}}}"#)
}

fn number(number: &str) -> String {
    format!(r#"{{"card_number":"{number}"}}"#)
}

fn aside(amount: &str, savings: &str, card: &str) -> String {
    format!(r#"{{"amount":{amount},"saving_account_id":{savings},"card_id":{card}}}"#)
}

fn listed(card: &Plastic, name: &str, balance: &str) -> String {
    format!(
        r#"{{"card_id":{},"number":"{}","cardholder_name":"{name}","cardholder_surname":"Lee","expiration_date":"11/31","cvv":"{{{{digits:3}}}}","balance":{balance}}}"#,
        card.id, card.number
    )
}

#[tokio::test]
async fn cardbank_makes_shows_and_deletes_cards() {
    each_database(async |bank| {
        let ann = Member::join(bank, "ann", 1).await;
        let bob = Member::join(bank, "bob", 2).await;
        ann.call("GET", "/card").expect(bank, 406, NO_USER).await;
        ann.call("GET", "/card/0443").expect(bank, 406, NO_CARD).await;
        let (first, second) = (ann.card(bank).await, ann.card(bank).await);
        assert_ne!(first.number, second.number);
        let of_bob = bob.card(bank).await;
        let both = [listed(&first, "ann", "50.0"), listed(&second, "ann", "50.0")].join(",");
        let list = ann.call("GET", "/card").expect(bank, 200, &format!("[{both}]")).await;
        let cvv = list.part(0).to_owned();
        let me = format!(
            r#"{{"name":"ann","surname":"Lee","cards":[{{"balance":50.0,"last4":"{}"}},{{"balance":50.0,"last4":"{}"}}]}}"#,
            first.last4(), second.last4()
        );
        ann.call("GET", "/auth/me").expect(bank, 200, &me).await;
        let path = format!("/card/{}", first.last4());
        let shown = ann.call("GET", &path).expect(bank, 200, SINGLE).await;
        assert_eq!([shown.part(0), shown.part(1)], ["ann", "Lee"]);
        assert_eq!([shown.part(2), shown.part(3)], [first.number.as_str(), cvv.as_str()]);
        for path in ["/card/abcd", "/card/12345", "/card/%20", "/card/..."] {
            ann.call("GET", path).expect(bank, 406, NO_CARD).await;
        }
        let of_another = format!("/card/{}", of_bob.last4());
        ann.call("GET", &of_another).expect(bank, 406, NO_CARD).await;
        // Of two with the same digits the newest is meant.
        bank.fresh.raw("UPDATE cards SET last4 = '7777'").await.expect("they are the same");
        let newest = ann.call("GET", "/card/7777").expect(bank, 200, SINGLE).await;
        assert_eq!(newest.part(2), second.number);
        for of_none in [&of_bob.number, "9999100000000000", "x", ""] {
            ann.send("DELETE", "/card/delete", &number(of_none)).expect(bank, 406, NO_CARD).await;
        }
        let full = detail("Cannot delete card with non-zero balance");
        ann.send("DELETE", "/card/delete", &number(&first.number)).expect(bank, 403, &full).await;
        ann.send("POST", "/card/transfer", &transfer(&first.number, &second.number, "50"))
            .expect(bank, 200, r#"["Transferred 50.0"]"#)
            .await;
        let deleted = format!(r#"{{"status":"deleted","card_number":"{}"}}"#, first.number);
        ann.send("DELETE", "/card/delete", &number(&first.number)).expect(bank, 200, &deleted).await;
        ann.send("DELETE", "/card/delete", &number(&first.number)).expect(bank, 406, NO_CARD).await;
        ann.send("POST", "/card/history", &number(&first.number)).expect(bank, 406, NO_CARD).await;
        let left = format!("[{}]", listed(&second, "ann", "100.0"));
        ann.call("GET", "/card").expect(bank, 200, &left).await;
        // What was shown is in the audit log.
        let shown = bank.audit_log().await.into_iter().filter(|(act, _)| act == "revealCard");
        assert!(shown.count() >= 8, "each time");
        bank.audit().await;
    })
    .await;
}

#[tokio::test]
async fn cardbank_shows_a_card_of_graphql_and_no_secret_of_a_frozen_one() {
    each_database(async |bank| {
        let ann = Member::join(bank, "ann", 1).await;
        let person = graphql(bank, &ann).await;
        // Other currencies are not told of: a float says none.
        bank.create_card(&person, json!({ "currency": "EUR" })).await;
        ann.call("GET", "/card").expect(bank, 406, NO_USER).await;
        let card = bank.card(&person).await;
        let list = ann.call("GET", "/card").expect(bank, 200, "{{all}}").await.answer.json();
        let card_id = list[0]["card_id"].to_string();
        let made = Plastic { id: card_id, number: card.number.clone() };
        let told = format!("[{}]", listed(&made, "ann", "50.0"));
        ann.call("GET", "/card").expect(bank, 200, &told).await;
        let input = json!({ "cardId": card.id });
        let frozen = bank.ask(&person, "freezeCard", "card { id }", input).await;
        assert_eq!(codes(&frozen), Vec::<String>::new(), "{frozen}");
        let hidden = told
            .replace(&card.number, &format!("************{}", made.last4()))
            .replace("{{digits:3}}", "***");
        ann.call("GET", "/card").expect(bank, 200, &hidden).await;
        let other = ann.card(bank).await;
        let told = detail("The account is frozen: no money may leave it.");
        let body = transfer(&card.number, &other.number, "1");
        ann.send("POST", "/card/transfer", &body).expect(bank, 403, &told).await;
        ann.send("DELETE", "/card/delete", &number(&card.number)).expect(bank, 403, &told).await;
        let body = transfer(&other.number, &card.number, "1");
        ann.send("POST", "/card/transfer", &body).expect(bank, 200, r#"["Transferred 1.0"]"#).await;
    })
    .await;
}

#[tokio::test]
async fn cardbank_moves_money_from_card_to_card_once() {
    each_database(async |bank| {
        let (ann, bob) = (Member::join(bank, "ann", 1).await, Member::join(bank, "bob", 2).await);
        let (card, other) = (ann.card(bank).await, ann.card(bank).await);
        let of_bob = bob.card(bank).await;
        let unknown = "9999100000000000";
        for (from, to, status, told) in [
            (card.number.as_str(), unknown, 406, NO_USER),
            (unknown, unknown, 406, NO_CARD),
            ("x", "y", 406, NO_CARD),
            (unknown, of_bob.number.as_str(), 406, NO_CARD),
            (&of_bob.number, &card.number, 406, NO_CARD),
            (&card.number, &card.number, 400, r#"{"detail":"Cannot transfer to the same card"}"#),
            (&card.number, &of_bob.number, 403, NO_FUNDS),
        ] {
            let body = transfer(from, to, "50.01");
            ann.send("POST", "/card/transfer", &body).expect(bank, status, told).await;
        }
        let pay = |amount: &str| {
            let body = transfer(&card.number, &of_bob.number, amount);
            ann.send("POST", "/card/transfer", &body)
        };
        for (amount, told) in [("10", "10.0"), ("\" 1.5 \"", "1.5"), ("0.25", "0.25"), ("1e0", "1.0")]
        {
            pay(amount).expect(bank, 200, &format!(r#"["Transferred {told}"]"#)).await;
        }
        // A key makes it once; without one it is done each time.
        let keyed = |key: &str, amount: &str| pay(amount).header("idempotency-key", key);
        for amount in ["2", "2.00", "\"2\""] {
            keyed("rent", amount).expect(bank, 200, r#"["Transferred 2.0"]"#).await;
        }
        keyed("rent", "3").expect(bank, 409, OTHER_REQUEST).await;
        for bad in ["", &"k".repeat(256), "\u{e9}"] {
            keyed(bad, "2").expect(bank, 400, &detail("Idempotency-Key is not valid")).await;
        }
        let me = |balances: [&str; 2]| {
            format!(
                r#"{{"name":"ann","surname":"Lee","cards":[{{"balance":{},"last4":"{}"}},{{"balance":{},"last4":"{}"}}]}}"#,
                balances[0], card.last4(), balances[1], other.last4()
            )
        };
        ann.call("GET", "/auth/me").expect(bank, 200, &me(["35.25", "50.0"])).await;
        // The first answer comes again, even once the card is gone.
        let rest = transfer(&card.number, &other.number, "35.25");
        let all = || {
            let call = ann.send("POST", "/card/transfer", &rest);
            call.header("idempotency-key", "all of it")
        };
        all().expect(bank, 200, r#"["Transferred 35.25"]"#).await;
        ann.send("DELETE", "/card/delete", &number(&card.number)).expect(bank, 200, "{{all}}").await;
        all().expect(bank, 200, r#"["Transferred 35.25"]"#).await;
        keyed("rent", "2").expect(bank, 200, r#"["Transferred 2.0"]"#).await;
        pay("1").expect(bank, 406, NO_CARD).await;
        let back = transfer(&of_bob.number, &card.number, "1");
        bob.send("POST", "/card/transfer", &back).expect(bank, 406, NO_USER).await;
        beyond(bank, &ann, &other, &of_bob).await;
        bank.audit().await;
    })
    .await;
}

/// Beyond what its owner has set, and into another currency, nothing goes.
async fn beyond(bank: &TestBank, ann: &Member, other: &Plastic, of_bob: &Plastic) {
    let person = graphql(bank, ann).await;
    let euro = bank.create_card(&person, json!({ "currency": "EUR" })).await;
    let euro = text(&euro["card"]["id"]);
    let euro = text(&bank.reveal(&person, &euro).await["details"]["number"]);
    let told = detail("The two accounts have different currencies.");
    ann.send("POST", "/card/transfer", &transfer(&other.number, &euro, "1"))
        .expect(bank, 403, &told)
        .await;
    ann.send("POST", "/card/transfer", &transfer(&euro, &other.number, "1"))
        .expect(bank, 406, NO_CARD)
        .await;
    let cards = bank.run(Some(&person.token), "{ cards { id } }", Value::Null).await;
    let limit = json!({ "cardId": cards["cards"][0]["id"], "amount": "1.00" });
    bank.ask(&person, "setCardLimit", "card { id }", limit).await;
    let body = transfer(&other.number, &of_bob.number, "2");
    let told = ann.send("POST", "/card/transfer", &body).expect(bank, 403, "{{all}}").await;
    assert!(told.answer.text().starts_with(r#"{"detail":"Only 1.00 USD of"#), "{told:?}");
}

#[tokio::test]
async fn cardbank_tells_what_happened_on_a_card() {
    each_database(async |bank| {
        let (ann, bob) = (Member::join(bank, "ann", 1).await, Member::join(bank, "bob", 2).await);
        let (card, of_bob) = (ann.card(bank).await, bob.card(bank).await);
        let history = |who: &Member, card: &Plastic| {
            who.send("POST", "/card/history", &number(&card.number))
        };
        history(&ann, &card).expect(bank, 200, r#"{"history":[]}"#).await;
        history(&ann, &of_bob).expect(bank, 406, NO_CARD).await;
        ann.send("POST", "/card/transfer", &transfer(&card.number, &of_bob.number, "1"))
            .expect(bank, 200, "{{all}}")
            .await;
        bob.send("POST", "/card/transfer", &transfer(&of_bob.number, &card.number, "0.5"))
            .expect(bank, 200, "{{all}}")
            .await;
        let goal = r#"{"name":"Boat","goal":500}"#;
        let made = ann.send("POST", "/savings/create", goal).expect(bank, 200, "{{all}}").await;
        let goal = made.answer.json()["id"].to_string();
        for path in ["/savings/topUp", "/savings/decrease"] {
            ann.send("POST", path, &aside("2", &goal, &card.id)).expect(bank, 200, "{{all}}").await;
        }
        let bill = r#"{"name":"Rent","amount":3,"due_date":"2026-12-01"}"#;
        let made = ann.send("POST", "/bills/create", bill).expect(bank, 200, "{{all}}").await;
        let bill = made.answer.json()["id"].to_string();
        let pay = format!(r#"{{"bill_id":{bill},"card_number":"{}"}}"#, card.number);
        ann.send("POST", "/bills/pay", &pay).expect(bank, 200, "{{all}}").await;
        let person = graphql(bank, &ann).await;
        let cards = bank.run(Some(&person.token), "{ cards { id } }", Value::Null).await;
        bank.top_up(&person, "k", &text(&cards["cards"][0]["id"]), "4.00").await;
        let line = |direction: &str, from: [&str; 2], to: [&str; 2], kind: &str, amount: &str| {
            format!(
                r#"{{"direction":"{direction}","from":"{}","from_card_number":{},"to":"{}","to_card_number":{},"transfer_type":"{kind}","amount":{amount},"time":"{{{{time}}}}"}}"#,
                from[0], from[1], to[0], to[1]
            )
        };
        let whole = |card: &Plastic| format!("\"{}\"", card.number);
        let masked = |card: &Plastic| format!("\"************{}\"", card.last4());
        let (own, given, hidden) = (whole(&card), whole(&of_bob), masked(&of_bob));
        let me = ["ann Lee", own.as_str()];
        let boat = ["Saving Account - Boat", "null"];
        let told = [
            line("in", ["Cash", "null"], me, "INCOME", "4.0"),
            line("out", me, ["Bill - Rent", "null"], "BILL", "3.0"),
            line("in", boat, me, "SAVINGS_WITHDRAW", "2.0"),
            line("out", me, boat, "SAVINGS_TOPUP", "2.0"),
            line("in", ["bob Lee", &hidden], me, "TRANSFER", "0.5"),
            line("out", me, ["bob Lee", &given], "TRANSFER", "1.0"),
        ];
        let told = format!(r#"{{"history":[{}]}}"#, told.join(","));
        history(&ann, &card).expect(bank, 200, &told).await;
        let (own, given, hidden) = (whole(&of_bob), whole(&card), masked(&card));
        let me = ["bob Lee", own.as_str()];
        let told = [
            line("out", me, ["ann Lee", &given], "TRANSFER", "0.5"),
            line("in", ["ann Lee", &hidden], me, "TRANSFER", "1.0"),
        ];
        let told = format!(r#"{{"history":[{}]}}"#, told.join(","));
        history(&bob, &of_bob).expect(bank, 200, &told).await;
    })
    .await;
}

#[tokio::test]
async fn cardbank_puts_money_aside_and_takes_it_back() {
    each_database(async |bank| {
        let (ann, bob) = (Member::join(bank, "ann", 1).await, Member::join(bank, "bob", 2).await);
        ann.call("GET", "/savings").expect(bank, 200, "[]").await;
        let (card, of_bob) = (ann.card(bank).await, bob.card(bank).await);
        let top = |body: &str| ann.send("POST", "/savings/topUp", body);
        let less = |body: &str| ann.send("POST", "/savings/decrease", body);
        top(&aside("5", "1", &card.id)).expect(bank, 406, NO_SAVINGS).await;
        less(&aside("5", "1", &card.id)).expect(bank, 406, NO_SAVINGS).await;
        let made = r#"{"id":{{int}},"name":"Goal","goal":500.0,"balance":200.0}"#;
        let create = r#"{"name":" Goal ","goal":"500"}"#;
        let got = ann.send("POST", "/savings/create", create).expect(bank, 200, made).await;
        let goal = got.part(0).to_owned();
        let got = bob.send("POST", "/savings/create", create).expect(bank, 200, made).await;
        let of_other = got.part(0).to_owned();
        let far = "99999999999999999999";
        for (savings, of) in
            [(&goal, &of_bob.id), (&goal, &far.to_owned()), (&of_other, &of_bob.id)]
        {
            top(&aside("5", savings, of)).expect(bank, 406, NO_CARD).await;
            less(&aside("5", savings, of)).expect(bank, 403, NO_CARD).await;
        }
        for savings in [of_other.as_str(), far, "0", "-1"] {
            top(&aside("5", savings, &card.id)).expect(bank, 403, NO_SAVINGS).await;
            less(&aside("5", savings, &card.id)).expect(bank, 406, NO_SAVINGS).await;
        }
        top(&aside("50.01", &goal, &card.id)).expect(bank, 403, NO_FUNDS).await;
        less(&aside("200.01", &goal, &card.id)).expect(bank, 403, NO_FUNDS).await;
        let spelt = format!("\"{goal}\"");
        top(&aside("5", &spelt, &card.id)).expect(bank, 200, &message("Top up for 5.0")).await;
        less(&aside("7.5", &goal, &card.id)).expect(bank, 200, &message("Decreased by 7.5")).await;
        keyed_asides(bank, &ann, &goal, &card).await;
        let list = format!(
            r#"[{{"id":{goal},"name":"Goal","balance":197.5,"goal":500.0,"remain":302.5}}]"#
        );
        ann.call("GET", "/savings").expect(bank, 200, &list).await;
        let small = r#"{"name":"Small","goal":0.01}"#;
        ann.send("POST", "/savings/create", small).expect(bank, 200, "{{all}}").await;
        let both = ann.call("GET", "/savings").expect(bank, 200, "{{all}}").await.answer.text();
        assert!(both.ends_with(r#""balance":200.0,"goal":0.01,"remain":-199.99}]"#), "{both}");
        let delete = |id: &str| {
            ann.send("DELETE", "/savings/delete", &format!(r#"{{"saving_account_id":{id}}}"#))
        };
        let full = detail("Cannot delete saving account with non-zero balance");
        delete(&goal).expect(bank, 403, &full).await;
        for unknown in [of_other.as_str(), far, "0"] {
            delete(unknown).expect(bank, 403, NO_SAVINGS).await;
        }
        let empty = || {
            let call = ann.send("POST", "/savings/decrease", &aside("197.5", &goal, &card.id));
            call.header("idempotency-key", "empty")
        };
        empty().expect(bank, 200, &message("Decreased by 197.5")).await;
        let deleted = format!(r#"{{"status":"deleted","saving_account_id":{goal}}}"#);
        delete(&goal).expect(bank, 200, &deleted).await;
        delete(&goal).expect(bank, 403, NO_SAVINGS).await;
        empty().expect(bank, 200, &message("Decreased by 197.5")).await;
        top(&aside("1", &goal, &card.id)).expect(bank, 403, NO_SAVINGS).await;
        less(&aside("1", &goal, &card.id)).expect(bank, 406, NO_SAVINGS).await;
        bank.audit().await;
    })
    .await;
}

/// A key makes each of them once.
async fn keyed_asides(bank: &TestBank, ann: &Member, goal: &str, card: &Plastic) {
    for path in ["/savings/topUp", "/savings/decrease"] {
        let keyed = |amount: &str| {
            let call = ann.send("POST", path, &aside(amount, goal, &card.id));
            call.header("idempotency-key", path)
        };
        let first = keyed("1").expect(bank, 200, "{{all}}").await.answer.text();
        keyed("1.0").expect(bank, 200, &first).await;
        keyed("2").expect(bank, 409, OTHER_REQUEST).await;
        let bad = ann.send("POST", path, &aside("1", goal, &card.id));
        let bad = bad.header("idempotency-key", "");
        bad.expect(bank, 400, &detail("Idempotency-Key is not valid")).await;
    }
}

#[tokio::test]
async fn cardbank_notes_bills_and_pays_each_once() {
    each_database(async |bank| {
        let (ann, bob) = (Member::join(bank, "ann", 1).await, Member::join(bank, "bob", 2).await);
        ann.call("GET", "/bills").expect(bank, 200, "[]").await;
        let (card, of_bob) = (ann.card(bank).await, bob.card(bank).await);
        let create = |who: &Member, amount: &str, due: &str| {
            let body = format!(r#"{{"name":"E","amount":{amount},"due_date":"{due}"}}"#);
            who.send("POST", "/bills/create", &body)
        };
        let mut ids = Vec::new();
        for (due, told) in [
            ("2026-06-30T23:59:59", "2026-06-30T23:59:59"),
            ("2019-08-24T14:15:22.123+02:00", "2019-08-24T14:15:22.123000"),
            ("2019-08-24T14:15:22Z", "2019-08-24T14:15:22"),
            ("2026-06-30", "2026-06-30T00:00:00"),
        ] {
            let told = format!(
                r#"{{"id":{{{{int}}}},"name":"E","amount":20.0,"due_date":"{told}","paid":false}}"#
            );
            let got = create(&ann, "20", due).expect(bank, 200, &told).await;
            ids.push((got.part(0).to_owned(), told.replace("{{int}}", got.part(0))));
        }
        let of_other = create(&bob, "20", "2026-06-30").expect(bank, 200, "{{all}}").await;
        let of_other = of_other.answer.json()["id"].to_string();
        let all: Vec<&str> = ids.iter().map(|(_, told)| told.as_str()).collect();
        ann.call("GET", "/bills").expect(bank, 200, &format!("[{}]", all.join(","))).await;
        let pay = |id: &str, card: &Plastic| {
            let body = format!(r#"{{"bill_id":{id},"card_number":"{}"}}"#, card.number);
            ann.send("POST", "/bills/pay", &body)
        };
        let none = Plastic { id: String::new(), number: "x".to_owned() };
        for (id, card) in [
            (of_other.as_str(), &card),
            ("99999999999999999999", &card),
            ("0", &card),
            (&ids[0].0, &of_bob),
            (&ids[0].0, &none),
        ] {
            pay(id, card).expect(bank, 406, NO_USER).await;
        }
        let told = |id: &str, left: &str| {
            format!(r#"{{"status":"paid","bill_id":{id},"remaining_card_balance":{left}}}"#)
        };
        let first = || pay(&ids[0].0, &card).header("idempotency-key", "first");
        first().expect(bank, 200, &told(&ids[0].0, "30.0")).await;
        pay(&ids[1].0, &card).expect(bank, 200, &told(&ids[1].0, "10.0")).await;
        // The first answer comes again as it was.
        first().expect(bank, 200, &told(&ids[0].0, "30.0")).await;
        let other = pay(&ids[2].0, &card).header("idempotency-key", "first");
        other.expect(bank, 409, OTHER_REQUEST).await;
        let bad = pay(&ids[2].0, &card).header("idempotency-key", "");
        bad.expect(bank, 400, &detail("Idempotency-Key is not valid")).await;
        pay(&ids[0].0, &card).expect(bank, 403, &detail("Bill already paid")).await;
        pay(&ids[2].0, &card).expect(bank, 403, NO_FUNDS).await;
        let paid = |place: usize| ids[place].1.replace("false", "true");
        let list = [paid(0), paid(1), ids[2].1.clone(), ids[3].1.clone()];
        ann.call("GET", "/bills").expect(bank, 200, &format!("[{}]", list.join(","))).await;
        // What was given up by GraphQL is no bill here.
        let person = graphql(bank, &ann).await;
        let query = "{ bills(first: 10, status: OVERDUE) { nodes { id legacyId } } }";
        let bills = bank.run(Some(&person.token), query, Value::Null).await;
        for bill in bills["bills"]["nodes"].as_array().expect("bills") {
            let input = json!({ "billId": bill["id"] });
            bank.ask(&person, "cancelBill", "bill { id }", input).await;
        }
        pay(&ids[2].0, &card).expect(bank, 406, NO_USER).await;
        let list = format!("[{},{}]", paid(0), paid(1));
        ann.call("GET", "/bills").expect(bank, 200, &list).await;
        bank.audit().await;
    })
    .await;
}

#[tokio::test]
async fn whoever_has_no_name_has_no_wallet_at_cardbank() {
    each_database(async |bank| {
        let body = format!(
            r#"{{"email":"eve@example.org","password":"{PASSWORD}","password2":"{PASSWORD}"}}"#
        );
        Check::new("POST", "/api/auth/signup/").json(&body).expect(bank, 201, "{{all}}").await;
        let eve = Member::sign_in(bank, "eve").await;
        let me = r#"{"name":"","surname":"","cards":[]}"#;
        eve.call("GET", "/auth/me").expect(bank, 200, me).await;
        for (method, path, body) in [
            ("GET", "/card", ""),
            ("POST", "/card/create", ""),
            ("POST", "/savings/create", r#"{"name":"x","goal":1}"#),
            ("GET", "/savings", ""),
            ("POST", "/bills/create", r#"{"name":"x","amount":1,"due_date":"2026-06-30"}"#),
            ("GET", "/bills", ""),
        ] {
            eve.send(method, path, body).expect(bank, 406, NO_USER).await;
        }
        let token = Check::new("POST", "/api/auth/get-token/")
            .json(&format!(r#"{{"email":"eve@example.org","password":"{PASSWORD}"}}"#))
            .expect(bank, 200, r#"{"refresh":"{{jwt}}","access":"{{jwt}}"}"#)
            .await;
        let bearer = format!("Bearer {}", token.part(1));
        Check::new("PATCH", "/api/users/settings/")
            .header("authorization", &bearer)
            .json(r#"{"firstName":"Eve","lastName":"Ray"}"#)
            .expect(bank, 200, "{{all}}")
            .await;
        eve.call("GET", "/savings").expect(bank, 200, "[]").await;
        let made = eve.call("POST", "/card/create").expect(bank, 200, SINGLE).await;
        assert_eq!([made.part(0), made.part(1)], ["Eve", "Ray"]);
    })
    .await;
}
