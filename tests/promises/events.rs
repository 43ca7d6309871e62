//! A person's stream of events, page by page: whole, in order, their own, and kept for a time.

use chrono::Duration;
use serde_json::{Value, json};
use teller::{
    bank::{event, event::What, product::Product, sweep},
    domain::account::{AccountKind, AccountRef},
    types::id::{self, AccountId},
};

use crate::support::{
    bank::{TestBank, each_database},
    people::{Person, text},
};

/// Everything that an event can say.
const EVENT: &str = "__typename cursor occurredAt
    ... on EntryPosted { balance { posted { amount } held { amount } version }
        entry { amount { amount } direction accountVersion account { id } transaction { kind } } }
    ... on AccountChanged { account { id status balance { held { amount } version } } }
    ... on BillChanged { bill { id status } }
    ... on SessionStarted { session { id current } }
    ... on SessionEnded { sessionId }";

impl TestBank {
    /// A page of a person's events.
    async fn events(&self, who: &Person, after: Value, first: u32) -> Value {
        let query = format!(
            "query ($after: Cursor, $first: Int) {{ events(after: $after, first: $first) {{
                nodes {{ {EVENT} }} endCursor hasNextPage }} }}"
        );
        let variables = json!({ "after": after, "first": first });
        self.run(Some(&who.token), &query, variables).await["events"].take()
    }
}

fn kinds(page: &Value) -> Vec<&str> {
    let nodes = page["nodes"].as_array().expect("a list");
    nodes.iter().map(|node| node["__typename"].as_str().expect("a type")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_stream_tells_everything_in_order_and_nothing_of_others() {
    each_database(async |bank| {
        let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let (from, to) = (bank.card(&ann).await, bank.card(&bob).await);
        let start = bank.events(&ann, Value::Null, 50).await;
        assert_eq!(kinds(&start)[..2], ["SessionStarted", "AccountChanged"], "{start}");
        assert_eq!(start["nodes"][0]["session"]["current"], true);
        let start = start["endCursor"].clone();
        let other = bank.events(&bob, Value::Null, 50).await["endCursor"].take();
        assert_eq!(bank.pay(&ann, "p", &from.id, &to.number, "12.50").await["errors"], json!([]));
        let mine = bank.events(&ann, start.clone(), 50).await;
        assert_eq!(kinds(&mine), ["EntryPosted"]);
        let told = &mine["nodes"][0];
        assert_eq!(told["entry"]["direction"], "OUT");
        assert_eq!(told["entry"]["account"]["id"], json!(from.id));
        assert_eq!(told["entry"]["accountVersion"], told["balance"]["version"]);
        assert_eq!(told["balance"]["posted"]["amount"], "37.50");
        let theirs = bank.events(&bob, other, 50).await;
        assert_eq!(kinds(&theirs), ["EntryPosted"]);
        assert_eq!(theirs["nodes"][0]["entry"]["direction"], "IN");
        assert_eq!(theirs["nodes"][0]["entry"]["account"]["id"], json!(to.id));

        let bill = json!({ "name": "Rent", "amount": "5", "dueAt": "2027-01-01T00:00:00Z" });
        let bill = bank.ask(&ann, "createBill", "bill { id }", bill).await;
        let second = bank.sign_in(&ann).await;
        bank.run(Some(&second), "mutation { logout { ok } }", json!({})).await;
        let rest = bank.events(&ann, mine["endCursor"].clone(), 50).await;
        assert_eq!(kinds(&rest), ["BillChanged", "SessionStarted", "SessionEnded"]);
        assert_eq!(rest["nodes"][0]["bill"]["id"], bill["bill"]["id"]);
        assert_eq!(rest["nodes"][1]["session"]["current"], false);
        assert_eq!(rest["nodes"][1]["session"]["id"], rest["nodes"][2]["sessionId"]);

        // One at a time it is the same stream.
        let (mut after, mut all) = (Value::Null, Vec::new());
        loop {
            let mut page = bank.events(&ann, after, 1).await;
            all.extend(page["nodes"].as_array().expect("a list").iter().cloned());
            after = page["endCursor"].take();
            if page["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(bank.events(&ann, Value::Null, 50).await["nodes"], json!(all));
        let last = bank.events(&ann, after.clone(), 50).await;
        assert_eq!((&last["nodes"], &last["endCursor"]), (&json!([]), &after));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_is_too_old_or_nobodys_asks_for_everything_anew() {
    each_database(async |bank| {
        let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let card = bank.card(&ann).await;
        let old = bank.events(&ann, Value::Null, 1).await["endCursor"].take();
        let end = bank.events(&ann, Value::Null, 50).await["endCursor"].take();
        let foreign = bank.events(&bob, Value::Null, 50).await["endCursor"].take();
        for cursor in [foreign, json!("nonsense"), json!("")] {
            let page = bank.events(&ann, cursor.clone(), 50).await;
            assert_eq!(kinds(&page), ["RefreshRequired"], "{cursor}");
            assert_eq!(page["nodes"][0]["cursor"], end);
            assert_eq!((&page["endCursor"], &page["hasNextPage"]), (&end, &json!(false)));
        }
        // The session itself is idle by then, so it is another one that asks.
        bank.wait(Duration::days(31));
        sweep::sweep(&bank.bank).await.unwrap();
        let ann = Person { token: bank.sign_in(&ann).await, ..ann };
        let page = bank.events(&ann, old, 50).await;
        assert_eq!(kinds(&page), ["RefreshRequired"], "something after it was swept");
        let page = bank.events(&ann, end, 50).await;
        assert_eq!(kinds(&page), ["SessionStarted"], "nothing after it was swept");
        let page = bank.events(&ann, Value::Null, 50).await;
        assert_eq!(kinds(&page), ["SessionStarted"], "the oldest that is kept");
        bank.top_up(&ann, "t", &card.id, "1").await;
        let after = page["endCursor"].clone();
        assert_eq!(kinds(&bank.events(&ann, after, 50).await), ["EntryPosted"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_events_is_held_to_its_size_and_to_its_person() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        for first in [0, -1, 101] {
            let query = format!("{{ events(first: {first}) {{ hasNextPage }} }}");
            let answer = bank.post(Some(&ann.token), &query, json!({})).await.json();
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
            assert_eq!(answer["errors"][0]["extensions"]["inputPath"], json!(["first"]));
        }
        let answer = bank.post(None, "{ events { hasNextPage } }", json!({})).await.json();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
        let query = "subscription { events { cursor } }";
        let answer = bank.post(Some(&ann.token), query, json!({})).await.json();
        let code = &answer["errors"][0]["extensions"]["code"];
        assert_eq!(code, "GRAPHQL_VALIDATION_FAILED", "not by HTTP: {}", text(code));
    })
    .await;
}

/// What a savings goal is called where an event tells of it.
fn goal_called(product: &Product) -> &str {
    match product {
        Product::Savings(goal) => &goal.savings.name,
        Product::Card(_) | Product::Wallet(_) => "not a savings goal",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_read_once_for_all_who_wait_and_again_when_it_has_changed() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await.id;
        let wish = json!({ "name": "Boat", "goal": "300" });
        let made = bank.ask(&ann, "createSavings", "savings { id }", wish).await;
        let goal = text(&made["savings"]["id"]);
        let permit = bank.permit(&ann).await;
        let (id, kind) = (id::split(&goal).expect("an account's id").1, AccountKind::Savings);
        let named = [Some(AccountRef { kind, id: AccountId::from_uuid(id) })];
        let early = event::watch_balances(&bank.bank, &permit, Some(&named), None);
        let mut early = early.await.expect("she may watch");
        let now = early.next().await.expect("her balance is read");
        assert_eq!(goal_called(&now.product), "Boat");

        let renamed = json!({ "savingsId": goal, "name": "Ship" });
        let renamed = bank.ask(&ann, "updateSavings", "savings { name }", renamed).await;
        assert_eq!(renamed["savings"]["name"], "Ship", "{renamed}");
        // This one begins behind the change, and never hears of it.
        let late = event::watch(&bank.bank, &permit, None).await;
        let mut late = late.expect("she may watch");
        let aside =
            json!({ "idempotencyKey": "s", "savingsId": goal, "cardId": card, "amount": "1" });
        let moved = bank.ask(&ann, "topUpSavings", "replayed", aside).await;
        assert_eq!(moved["errors"], json!([]));
        let mut told = Vec::new();
        for _ in 0..2 {
            let event = late.next().await.expect("her events are read");
            let What::EntryPosted(_, product) = event.what else { panic!("{event:?}") };
            told.push(goal_called(&product).to_owned());
        }
        told.sort();
        assert_eq!(told, ["Ship", "not a savings goal"], "as it is now");
        // The one that was there before passes the change, and tells the same.
        let news = early.next().await.expect("her balance is read");
        assert_eq!(goal_called(&news.product), "Ship", "as it has become");
        bank.audit().await;
    })
    .await;
}
