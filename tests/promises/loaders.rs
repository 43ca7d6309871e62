//! What many objects of one answer ask for is read at once: the statements of an answer do
//! not grow with what it shows.

use std::sync::Arc;

use async_graphql::{Request, ValidationMode};
use serde_json::{Value, json};
use teller::{
    bank::{permit::Visitor, session},
    db::fault::{self, Plan},
    domain::session::Facade,
    graphql::{request::RequestId, schema, viewer::Seat},
};

use crate::support::{
    bank::{TestBank, each_database},
    people::{Person, text},
};

/// How many statements a query costs beside the look at its session, and what it shows.
///
/// It is run here, and not in a task of its own as the server runs it, so that its
/// statements are counted.
async fn statements(bank: &TestBank, who: &Person, query: &str) -> (u32, Value) {
    let visitor = Visitor {
        ip_address: "127.0.0.1".to_owned(),
        user_agent: None,
        request_id: "loaders".to_owned(),
    };
    let permit = session::authenticate(&bank.bank, Facade::Graphql, &who.token, &visitor);
    let permit = permit.await.expect("a person who has just joined is signed in");
    let request = Request::new(query)
        .data(RequestId("loaders".to_owned()))
        .data(visitor)
        .data(Seat::new(&bank.bank, Some(permit)));
    let schema = schema::build(bank.bank.clone(), ValidationMode::Strict);
    let plan = Plan::counting();
    let answer = fault::planned(Arc::clone(&plan), schema.execute(request)).await;
    let answer = answer.expect("nothing is planned to happen");
    assert!(answer.errors.is_empty(), "{query}: {:?}", answer.errors);
    (plan.taken(), answer.data.into_json().expect("data is JSON"))
}

/// A person with so many cards, of which each has paid and was paid.
async fn person(bank: &TestBank, name: &str, index: u32, cards: usize) -> Person {
    let who = bank.join(name, index).await;
    let mut ids = Vec::new();
    for _ in 0..cards {
        let made = bank.create_card(&who, Value::Null).await;
        ids.push(text(&made["card"]["id"]));
    }
    for n in 0..cards * 3 {
        let (from, to) = (&ids[n % cards], &ids[(n + 1) % cards]);
        let input = json!({ "idempotencyKey": format!("k{n}"), "fromAccountId": from,
            "to": { "accountId": to }, "amount": "1" });
        assert_eq!(bank.transfer(&who, input).await["errors"], json!([]));
    }
    who
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_of_an_answer_do_not_grow_with_the_number_of_cards() {
    each_database(async |bank| {
        let few = person(bank, "ann", 1, 2).await;
        let many = person(bank, "bob", 2, 20).await;
        for query in [
            "{ me { cards { balance { posted { amount } } history(first: 5) { nodes { transaction {
                from { account { id } } } } } } savings { goal { amount } } sessions { id } } }",
            "{ cards { holds { id } history(last: 3) { nodes { account { id } } } } }",
            "{ cards { history(first: 3, filter: { kinds: [TRANSFER] }) { nodes { id } } } }",
            "{ me { history(first: 20) { nodes { transaction { to { account { id } }
                reversals { id } receipt { hash } } } } } }",
            "{ me { limits { kind } netWorth { amount } wallet { id } } }",
        ] {
            let (two, shown) = statements(bank, &few, query).await;
            let (twenty, more) = statements(bank, &many, query).await;
            assert!(two > 0, "nothing was counted");
            assert_eq!(two, twenty, "{}: {query}", bank.database);
            assert!(more.to_string().len() >= shown.to_string().len());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_their_cards_costs_three_statements() {
    each_database(async |bank| {
        let query = "{ me { firstName cards { last4 balance { available { amount } } } } }";
        for (name, index, cards) in [("ann", 1, 1), ("bob", 2, 20)] {
            let who = person(bank, name, index, cards.max(2)).await;
            let (cost, data) = statements(bank, &who, query).await;
            assert_eq!(data["me"]["cards"].as_array().map(Vec::len), Some(cards.max(2)));
            assert!((1..=3).contains(&cost), "{}: {cost} statements", bank.database);
        }
    })
    .await;
}
