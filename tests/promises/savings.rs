//! Savings goals: money put aside, taken back, never below zero, and nobody else's.

use serde_json::{Value, json};
use teller::{bank::context::Rules, types::money::Currency};
use tokio::task::JoinSet;

use crate::support::{
    bank::{TestBank, each_database, each_database_with, sandbox_rules},
    people::{Person, codes, text},
};

const GOAL: &str = "id legacyId kind status label currency name goal { amount currency }
    remaining { amount } progressPercent createdAt balance { posted { amount } version }";

impl TestBank {
    async fn goal(&self, who: &Person, input: Value) -> Value {
        self.ask(who, "createSavings", &format!("savings {{ {GOAL} }} replayed"), input).await
    }

    async fn goals(&self, who: &Person) -> Value {
        let query = format!("{{ savings {{ {GOAL} }} me {{ savings {{ {GOAL} }} }} }}");
        let mut data = self.run(Some(&who.token), &query, Value::Null).await;
        assert_eq!(data["savings"], data["me"]["savings"]);
        data["savings"].take()
    }

    /// Moves money between a goal and a card; the payload of the mutation.
    async fn aside(
        &self,
        who: &Person,
        field: &str,
        key: &str,
        ids: [&str; 2],
        sum: &str,
    ) -> Value {
        let input = json!({
            "idempotencyKey": key, "savingsId": ids[0], "cardId": ids[1], "amount": sum,
        });
        let fields = "transaction { id kind amount { amount } from { label } to { label } }
            account { id label balance { posted { amount } } }
            counterAccount { id balance { posted { amount } } } replayed";
        self.ask(who, field, fields, input).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_is_begun_once_for_its_key_and_tells_how_far_it_is() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let input = json!({ "name": " Bicycle ", "goal": "500", "idempotencyKey": "g" });
        let made = bank.goal(&ann, input.clone()).await;
        assert_eq!(made["errors"], json!([]));
        let goal = &made["savings"];
        assert!(text(&goal["id"]).starts_with("savings_"));
        assert_eq!((&goal["name"], &goal["label"]), (&json!("Bicycle"), &json!("Bicycle")));
        assert_eq!((&goal["kind"], &goal["status"]), (&json!("SAVINGS"), &json!("ACTIVE")));
        assert_eq!(goal["legacyId"], 1);
        assert_eq!(goal["goal"], json!({ "amount": "500.00", "currency": "USD" }));
        assert_eq!(goal["balance"]["posted"]["amount"], "200.00", "the sandbox's credit");
        assert_eq!(goal["remaining"]["amount"], "300.00");
        assert_eq!((&goal["progressPercent"], &made["replayed"]), (&json!(40), &json!(false)));
        let again = json!({ "name": "Bicycle", "goal": "500.00", "idempotencyKey": "g" });
        let again = bank.goal(&ann, again).await;
        assert_eq!((&again["savings"], &again["replayed"]), (goal, &json!(true)));
        let other = json!({ "name": "Bicycle", "goal": "501", "idempotencyKey": "g" });
        assert_eq!(codes(&bank.goal(&ann, other).await), ["IDEMPOTENCY_CONFLICT"]);
        let second = json!({ "name": "Euros", "goal": 1, "currency": "EUR" });
        let second = bank.goal(&ann, second).await["savings"].take();
        assert_eq!(second["remaining"]["amount"], "-199.00");
        assert_eq!((&second["progressPercent"], &second["legacyId"]), (&json!(100), &json!(2)));
        assert_eq!(bank.goals(&ann).await, json!([goal, second]));
        let query = "query ($id: ID!, $key: IdempotencyKey!) {
            node(id: $id) { __typename id }
            operation(idempotencyKey: $key) { result { __typename id } transaction { id } } }";
        let variables = json!({ "id": goal["id"], "key": "g" });
        let found = bank.run(Some(&ann.token), query, variables.clone()).await;
        let named = json!({ "__typename": "SavingsAccount", "id": goal["id"] });
        assert_eq!((&found["node"], &found["operation"]["result"]), (&named, &named));
        let bob = bank.join("bob", 2).await;
        let found = bank.run(Some(&bob.token), query, variables).await;
        assert_eq!(found, json!({ "node": null, "operation": null }));
        assert_eq!(bank.goals(&bob).await, json!([]));
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn production_gives_no_credit_to_a_goal() {
    let rules = Rules { sandbox: false, ..sandbox_rules() };
    each_database_with(rules, async |bank| {
        let ann = bank.join("ann", 1).await;
        let made = bank.goal(&ann, json!({ "name": "Boat", "goal": "7" })).await;
        assert_eq!(
            made["savings"]["balance"],
            json!({ "posted": { "amount": "0.00" }, "version": "0" })
        );
        assert_eq!(made["savings"]["progressPercent"], 0);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_goes_to_a_goal_and_back_and_never_below_zero() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await.id;
        let made = bank.goal(&ann, json!({ "name": "Trip", "goal": "300" })).await;
        let goal = text(&made["savings"]["id"]);
        let ids = [goal.as_str(), card.as_str()];
        let moved = bank.aside(&ann, "topUpSavings", "t", ids, "12.50").await;
        assert_eq!(moved["errors"], json!([]));
        assert_eq!(moved["transaction"]["kind"], "SAVINGS_TOP_UP");
        assert_eq!(moved["transaction"]["to"]["label"], "Trip", "the goal by its name");
        assert_eq!(moved["account"]["id"], json!(goal));
        assert_eq!(moved["account"]["balance"]["posted"]["amount"], "212.50");
        assert_eq!(moved["counterAccount"]["balance"]["posted"]["amount"], "37.50");
        let again = bank.aside(&ann, "topUpSavings", "t", ids, "12.5").await;
        assert_eq!(
            (&again["replayed"], &again["transaction"]),
            (&json!(true), &moved["transaction"])
        );
        assert_eq!(
            (&again["account"], &again["counterAccount"]),
            (&moved["account"], &moved["counterAccount"])
        );
        let conflict = bank.aside(&ann, "withdrawSavings", "t", ids, "12.50").await;
        assert_eq!(codes(&conflict), ["IDEMPOTENCY_CONFLICT"]);
        let too_much = bank.aside(&ann, "topUpSavings", "u", ids, "37.51").await;
        assert_eq!(codes(&too_much), ["INSUFFICIENT_FUNDS"]);
        let too_much = bank.aside(&ann, "withdrawSavings", "u", ids, "212.51").await;
        assert_eq!(codes(&too_much), ["INSUFFICIENT_FUNDS"]);
        let back = bank.aside(&ann, "withdrawSavings", "u", ids, "212.50").await;
        assert_eq!(back["errors"], json!([]), "a refusal kept no key");
        assert_eq!(back["transaction"]["kind"], "SAVINGS_WITHDRAWAL");
        assert_eq!(back["transaction"]["from"]["label"], "Trip");
        assert_eq!(back["account"]["balance"]["posted"]["amount"], "0.00");
        assert_eq!(bank.posted(&ann, &card).await, "250.00");
        // Both directions in the history of the goal, through the interface of accounts.
        let query = "query ($id: ID!) { node(id: $id) { ... on Account {
            history(first: 5) { totalCount nodes { kind direction amount { amount }
                counterparty { label } account { id } transaction { id } } }
            balanceAt(instant: \"2100-01-01T00:00:00Z\") { amount } } } }";
        let found = bank.run(Some(&ann.token), query, json!({ "id": goal })).await["node"].take();
        let entries = found["history"]["nodes"].as_array().expect("entries");
        let kinds: Vec<_> = entries.iter().map(|one| (&one["kind"], &one["direction"])).collect();
        assert_eq!(
            json!(kinds),
            json!([
                ["SAVINGS_WITHDRAWAL", "OUT"],
                ["SAVINGS_TOP_UP", "IN"],
                ["OPENING_CREDIT", "IN"]
            ]),
        );
        assert_eq!(found["balanceAt"]["amount"], "0.00");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_goal_is_renamed_and_closed_by_its_owner_alone_and_only_when_empty() {
    each_database(async |bank| {
        let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let (card, bobs) = (bank.card(&ann).await.id, bank.card(&bob).await.id);
        let goal =
            text(&bank.goal(&ann, json!({ "name": "Trip", "goal": "300" })).await["savings"]["id"]);
        let update = async |who: &Person, input: Value| {
            bank.ask(who, "updateSavings", &format!("savings {{ {GOAL} }} replayed"), input).await
        };
        let close = async |who: &Person, id: &str| {
            let input = json!({ "savingsId": id });
            bank.ask(who, "closeSavings", "savings { status balance { posted { amount } } }", input)
                .await
        };
        let named = update(&ann, json!({ "savingsId": goal, "name": "Sea" })).await;
        assert_eq!(
            (&named["savings"]["name"], &named["savings"]["goal"]["amount"]),
            (&json!("Sea"), &json!("300.00"))
        );
        let more = update(&ann, json!({ "savingsId": goal, "goal": "1000", "name": null })).await;
        assert_eq!(
            (&more["savings"]["name"], &more["savings"]["progressPercent"]),
            (&json!("Sea"), &json!(20))
        );
        for bad in
            [json!({ "savingsId": goal, "goal": "0" }), json!({ "savingsId": goal, "name": " " })]
        {
            assert_eq!(codes(&update(&ann, bad).await), ["INVALID_INPUT"]);
        }
        assert_eq!(
            codes(&update(&bob, json!({ "savingsId": goal, "name": "Mine" })).await),
            ["NOT_FOUND"]
        );
        assert_eq!(codes(&close(&bob, &goal).await), ["NOT_FOUND"]);
        assert_eq!(codes(&close(&ann, &card).await), ["NOT_FOUND"], "a card is no goal");
        for ids in [[goal.as_str(), bobs.as_str()], [bobs.as_str(), bobs.as_str()]] {
            for field in ["topUpSavings", "withdrawSavings"] {
                assert_eq!(codes(&bank.aside(&bob, field, "x", ids, "1").await), ["NOT_FOUND"]);
            }
        }
        assert_eq!(codes(&close(&ann, &goal).await), ["ACCOUNT_NOT_EMPTY"]);
        bank.aside(&ann, "withdrawSavings", "all", [&goal, &card], "200").await;
        let closed = close(&ann, &goal).await;
        assert_eq!(
            (&closed["errors"], &closed["savings"]["status"]),
            (&json!([]), &json!("CLOSED"))
        );
        assert_eq!(codes(&close(&ann, &goal).await), ["ACCOUNT_CLOSED"]);
        assert_eq!(
            codes(&update(&ann, json!({ "savingsId": goal, "name": "A" })).await),
            ["ACCOUNT_CLOSED"]
        );
        let refused = bank.aside(&ann, "topUpSavings", "late", [&goal, &card], "1").await;
        assert_eq!(codes(&refused), ["ACCOUNT_CLOSED"]);
        assert_eq!(bank.goals(&ann).await, json!([]), "closed goals are not listed");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_may_pay_into_a_goal_and_learns_nothing_of_it() {
    each_database(async |bank| {
        let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let card = bank.card(&bob).await.id;
        let made = bank.goal(&ann, json!({ "name": "Divorce", "goal": "300" })).await;
        let goal = text(&made["savings"]["id"]);
        let input = json!({
            "idempotencyKey": "gift", "fromAccountId": card, "to": { "accountId": goal }, "amount": "5",
        });
        let paid = bank.transfer(&bob, input).await;
        assert_eq!(paid["errors"], json!([]));
        assert_eq!(paid["transaction"]["to"]["label"], "Savings goal");
        assert_eq!(paid["transaction"]["to"]["account"], Value::Null);
        assert!(!paid.to_string().contains("Divorce"), "{paid}");
        assert_eq!(bank.goals(&ann).await[0]["balance"]["posted"]["amount"], "205.00");
        // Its owner pays from it as from any other account.
        let input = json!({
            "idempotencyKey": "back", "fromAccountId": goal, "to": { "accountId": card }, "amount": "5",
        });
        assert_eq!(bank.transfer(&ann, input).await["errors"], json!([]));
        let query = "{ history(first: 1) { nodes { counterparty { label } } } }";
        let seen = bank.run(Some(&bob.token), query, Value::Null).await;
        assert_eq!(seen["history"]["nodes"][0]["counterparty"]["label"], "Savings goal");
        let top_up = bank.top_up(&ann, "own", &goal, "1").await;
        assert_eq!(top_up["account"]["balance"]["posted"]["amount"], "201.00");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_fifty_open_goals_and_not_one_more_whatever_the_race() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let mutation = "mutation ($input: CreateSavingsInput!) {
            createSavings(input: $input) { savings { id } errors { code } } }";
        let mut tasks = JoinSet::new();
        for n in 0..60 {
            let router = TestBank::router_over(&bank.bank);
            let input = json!({ "name": format!("Goal {n}"), "goal": "1" });
            let variables = json!({ "input": input });
            tasks.spawn(TestBank::post_to(router, &ann.token, mutation, variables));
        }
        let (mut made, mut refused) = (Vec::new(), 0);
        while let Some(answer) = tasks.join_next().await {
            let payload = answer.expect("a task ends well").json()["data"]["createSavings"].take();
            match payload["savings"]["id"].as_str() {
                Some(id) => made.push(id.to_owned()),
                None => refused += usize::from(codes(&payload) == ["TOO_MANY"]),
            }
        }
        assert_eq!((made.len(), refused), (50, 10), "{}", bank.database);
        // A closed one makes room.
        let card = bank.card(&ann).await.id;
        bank.aside(&ann, "withdrawSavings", "all", [&made[0], &card], "200").await;
        bank.ask(&ann, "closeSavings", "savings { id }", json!({ "savingsId": made[0] })).await;
        assert_eq!(codes(&bank.goal(&ann, json!({ "name": "New", "goal": "1" })).await), [""; 0]);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_another_currency_does_not_go_into_a_goal() {
    let mut rules = sandbox_rules();
    rules.currencies.push(Currency::parse("JPY").expect("a code of ISO 4217"));
    each_database_with(rules, async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await.id;
        let yen = json!({ "name": "Kyoto", "goal": "90000", "currency": "JPY" });
        let yen = bank.goal(&ann, yen).await;
        assert_eq!(yen["savings"]["balance"]["posted"]["amount"], "200");
        let ids = [yen["savings"]["id"].as_str().expect("an id"), card.as_str()];
        for field in ["topUpSavings", "withdrawSavings"] {
            assert_eq!(codes(&bank.aside(&ann, field, "k", ids, "1").await), ["CURRENCY_MISMATCH"]);
        }
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_with_a_goal_is_told_and_noted() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let before = bank.audit_log().await.len();
        let made = bank.goal(&ann, json!({ "name": "Trip", "goal": "300" })).await;
        let id = made["savings"]["id"].clone();
        bank.goal(&ann, json!({ "name": "", "goal": "300" })).await;
        let input = json!({ "savingsId": id, "name": "Sea" });
        bank.ask(&ann, "updateSavings", "savings { id }", input.clone()).await;
        bank.ask(&ann, "updateSavings", "savings { id }", input).await;
        bank.ask(&ann, "closeSavings", "savings { id }", json!({ "savingsId": id })).await;
        let log: Vec<_> = bank.audit_log().await.split_off(before);
        let log: Vec<_> = log.iter().map(|(a, r)| (a.as_str(), r.as_str())).collect();
        assert_eq!(
            log,
            [
                ("createSavings", "DONE"),
                ("createSavings", "INVALID_INPUT"),
                ("updateSavings", "DONE"),
                ("updateSavings", "DONE"),
                ("closeSavings", "ACCOUNT_NOT_EMPTY"),
            ]
        );
        let mut s = bank.bank.db.read().await.expect("the database is read");
        let sql = "SELECT kind FROM events ORDER BY number";
        let kinds: Vec<(String,)> = s.query(sql).all().await.expect("the events are read");
        let kinds: Vec<_> = kinds.iter().map(|(kind,)| kind.as_str()).collect();
        // Opened with its credit, then renamed once.
        let told = ["ACCOUNT_CHANGED", "ENTRY_POSTED", "ACCOUNT_CHANGED"];
        assert_eq!(kinds[kinds.len() - 3..], told);
    })
    .await;
}
