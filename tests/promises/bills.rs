//! Bills: listed by where they stand now, paid once whatever the race, or given up.

use chrono::Duration;
use serde_json::{Value, json};
use teller::ledger::engine::Capacity;
use tokio::task::JoinSet;

use crate::support::{
    bank::{TestBank, each_database, reassemble, sandbox_rules, test_name},
    databases,
    people::{Person, codes, text},
    proof,
};

const BILL: &str = "id legacyId name amount { amount currency } dueAt status paidAt createdAt
    payment { id kind amount { amount } to { label } }";

impl TestBank {
    async fn bill(&self, who: &Person, input: Value) -> Value {
        self.ask(who, "createBill", &format!("bill {{ {BILL} }} replayed"), input).await
    }

    /// Makes a bill; its id.
    async fn due(&self, who: &Person, name: &str, amount: &str, due_at: &str) -> String {
        let input = json!({ "name": name, "amount": amount, "dueAt": due_at });
        let made = self.bill(who, input).await;
        assert_eq!(made["errors"], json!([]), "{made}");
        text(&made["bill"]["id"])
    }

    async fn pay_bill(&self, who: &Person, key: &str, bill: &str, from: &str) -> Value {
        let input = json!({ "idempotencyKey": key, "billId": bill, "fromAccountId": from });
        let fields = format!(
            "bill {{ {BILL} }} transaction {{ id kind note from {{ label }} to {{ label }} }}
             account {{ id balance {{ posted {{ amount }} }} }} replayed"
        );
        self.ask(who, "payBill", &fields, input).await
    }

    async fn cancel_bill(&self, who: &Person, bill: &str) -> Value {
        let input = json!({ "billId": bill });
        self.ask(who, "cancelBill", &format!("bill {{ {BILL} }} replayed"), input).await
    }

    /// A page of bills.
    async fn bills(&self, who: &Person, arguments: &str) -> Value {
        let page = format!(
            "bills({arguments}) {{ nodes {{ name status }} edges {{ cursor node {{ name }} }}
                pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} totalCount }}"
        );
        let query = format!("{{ {page} me {{ {page} }} }}");
        let mut data = self.run(Some(&who.token), &query, Value::Null).await;
        assert_eq!(data["bills"], data["me"]["bills"]);
        data["bills"].take()
    }

    /// The names of the bills of a page.
    async fn names(&self, who: &Person, arguments: &str) -> Vec<String> {
        let page = self.bills(who, arguments).await;
        let nodes = page["nodes"].as_array().expect("nodes").clone();
        nodes.iter().map(|node| text(&node["name"])).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_made_once_for_its_key_and_the_clock_makes_it_overdue() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let input = json!({
            "name": "Rent", "amount": "20", "dueAt": "2026-11-22T12:00:00.1234567+02:00",
            "idempotencyKey": "b",
        });
        let made = bank.bill(&ann, input.clone()).await;
        let bill = &made["bill"];
        assert_eq!((&made["errors"], &made["replayed"]), (&json!([]), &json!(false)));
        assert_eq!(bill["legacyId"], 1);
        assert_eq!(bill["amount"], json!({ "amount": "20.00", "currency": "USD" }));
        assert_eq!(bill["dueAt"], "2026-11-22T10:00:00.123456Z", "cut to what both databases keep");
        assert_eq!(bill["status"], "DUE");
        assert_eq!((&bill["payment"], &bill["paidAt"]), (&Value::Null, &Value::Null));
        let again = bank.bill(&ann, input).await;
        assert_eq!((&again["bill"], &again["replayed"]), (bill, &json!(true)));
        let other = json!({
            "name": "Rent", "amount": "21", "dueAt": "2026-11-22T10:00:00.123456Z",
            "idempotencyKey": "b",
        });
        assert_eq!(codes(&bank.bill(&ann, other).await), ["IDEMPOTENCY_CONFLICT"]);
        let query = "query ($id: ID!) { node(id: $id) { __typename ... on Bill { status } }
            operation(idempotencyKey: \"b\") { result { __typename id } transaction { id } } }";
        let variables = json!({ "id": bill["id"] });
        let found = bank.run(Some(&ann.token), query, variables.clone()).await;
        assert_eq!(found["node"], json!({ "__typename": "Bill", "status": "DUE" }));
        let made =
            json!({ "result": { "__typename": "Bill", "id": bill["id"] }, "transaction": null });
        assert_eq!(found["operation"], made);
        let bob = bank.join("bob", 2).await;
        let found = bank.run(Some(&bob.token), query, variables.clone()).await;
        assert_eq!(found, json!({ "node": null, "operation": null }));
        bank.wait(Duration::days(2));
        let token = bank.sign_in(&ann).await;
        let found = bank.run(Some(&token), query, variables).await;
        assert_eq!(found["node"]["status"], "OVERDUE");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_paid_from_a_card_a_goal_or_the_wallet_and_only_once() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await.id;
        let goal = json!({ "name": "Trip", "goal": "1" });
        let goal = bank.ask(&ann, "createSavings", "savings { id }", goal).await;
        let goal = text(&goal["savings"]["id"]);
        let wallet = bank.run(Some(&ann.token), "{ wallet { id } }", Value::Null).await;
        let wallet = text(&wallet["wallet"]["id"]);
        bank.top_up(&ann, "w", &wallet, "30").await;
        for (from, left) in [(&card, "30.00"), (&goal, "180.00"), (&wallet, "10.00")] {
            let bill = bank.due(&ann, "Power", "20", "2026-11-20T00:00:00Z").await;
            let key = format!("pay-{from}");
            let paid = bank.pay_bill(&ann, &key, &bill, from).await;
            assert_eq!(paid["errors"], json!([]), "an overdue bill is paid like any other");
            assert_eq!(
                paid["account"],
                json!({ "id": from, "balance": { "posted": { "amount": left } } })
            );
            assert_eq!(paid["transaction"]["kind"], "BILL_PAYMENT");
            assert_eq!(paid["transaction"]["to"]["label"], "Power");
            assert_eq!(paid["bill"]["status"], "PAID");
            assert_eq!(paid["bill"]["payment"]["id"], paid["transaction"]["id"]);
            assert!(paid["bill"]["paidAt"].is_string());
            let again = bank.pay_bill(&ann, &key, &bill, from).await;
            assert_eq!((&again["replayed"], &again["bill"]), (&json!(true), &paid["bill"]));
            assert_eq!(
                (&again["transaction"], &again["account"]),
                (&paid["transaction"], &paid["account"])
            );
            let other = bank.pay_bill(&ann, "other", &bill, from).await;
            assert_eq!(codes(&other), ["BILL_NOT_PAYABLE"]);
            assert_eq!(other["errors"][0]["path"], json!(["input", "billId"]));
            assert_eq!((&other["bill"], &other["transaction"]), (&Value::Null, &Value::Null));
            assert_eq!(codes(&bank.cancel_bill(&ann, &bill).await), ["CONFLICT"]);
        }
        let found = "{ operation(idempotencyKey: \"other\") { createdAt } }";
        let found = bank.run(Some(&ann.token), found, Value::Null).await;
        assert_eq!(found["operation"], Value::Null, "what is refused keeps no key");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_payment_leaves_the_bill_due_and_the_key_free() {
    each_database(async |bank| {
        let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let (card, bobs) = (bank.card(&ann).await.id, bank.card(&bob).await.id);
        let bill = bank.due(&ann, "Rent", "50.01", "2026-12-01T00:00:00Z").await;
        let refused = bank.pay_bill(&ann, "k", &bill, &card).await;
        assert_eq!(codes(&refused), ["INSUFFICIENT_FUNDS"]);
        assert_eq!(refused["errors"][0]["path"], json!(["input", "fromAccountId"]));
        // Nobody pays with, or for, what is another's.
        assert_eq!(codes(&bank.pay_bill(&bob, "k", &bill, &bobs).await), ["NOT_FOUND"]);
        assert_eq!(codes(&bank.pay_bill(&ann, "k", &bill, &bobs).await), ["NOT_FOUND"]);
        assert_eq!(codes(&bank.cancel_bill(&bob, &bill).await), ["NOT_FOUND"]);
        let euros = bank.create_card(&ann, json!({ "currency": "EUR" })).await;
        let euros = text(&euros["card"]["id"]);
        assert_eq!(codes(&bank.pay_bill(&ann, "k", &bill, &euros).await), ["CURRENCY_MISMATCH"]);
        let freeze = "UPDATE balances SET status = 'FROZEN'";
        bank.fresh.raw(freeze).await.expect("the cards freeze");
        assert_eq!(codes(&bank.pay_bill(&ann, "k", &bill, &card).await), ["ACCOUNT_FROZEN"]);
        bank.fresh.raw("UPDATE balances SET status = 'ACTIVE'").await.expect("they thaw");
        assert_eq!(bank.bills(&ann, "status: DUE").await["totalCount"], 1);
        bank.top_up(&ann, "t", &card, "0.01").await;
        let paid = bank.pay_bill(&ann, "k", &bill, &card).await;
        assert_eq!((codes(&paid), &paid["replayed"]), (vec![], &json!(false)));
        assert_eq!(bank.posted(&ann, &card).await, "0.00");
        let gone = bank.due(&ann, "Gym", "1", "2026-12-01T00:00:00Z").await;
        assert_eq!(bank.cancel_bill(&ann, &gone).await["bill"]["status"], "CANCELLED");
        assert_eq!(codes(&bank.cancel_bill(&ann, &gone).await), ["CONFLICT"]);
        assert_eq!(codes(&bank.pay_bill(&ann, "g", &gone, &card).await), ["BILL_NOT_PAYABLE"]);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bills_are_listed_by_where_they_stand_now_and_paged_both_ways() {
    each_database(async |bank| {
        let (ann, bob) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let card = bank.card(&ann).await.id;
        // The clock stands at ten o'clock on the 21st.
        let mut ids = Vec::new();
        for (name, day) in [("c", "23"), ("a", "19"), ("e", "25"), ("b", "20"), ("d", "23")] {
            ids.push(bank.due(&ann, name, "1", &format!("2026-11-{day}T00:00:00Z")).await);
        }
        bank.due(&bob, "bobs", "1", "2026-11-23T00:00:00Z").await;
        assert_eq!(bank.names(&ann, "first: 9").await, ["a", "b", "c", "d", "e"]);
        assert_eq!(bank.names(&ann, "status: OVERDUE").await, ["a", "b"]);
        assert_eq!(bank.names(&ann, "status: DUE").await, ["c", "d", "e"]);
        bank.pay_bill(&ann, "p", &ids[4], &card).await;
        bank.cancel_bill(&ann, &ids[1]).await;
        assert_eq!(bank.names(&ann, "status: PAID").await, ["d"]);
        assert_eq!(bank.names(&ann, "status: CANCELLED").await, ["a"]);
        assert_eq!(bank.names(&ann, "status: DUE").await, ["c", "e"]);
        let all = bank.bills(&ann, "first: 25").await;
        assert_eq!(
            (&all["totalCount"], &all["pageInfo"]["hasNextPage"]),
            (&json!(5), &json!(false))
        );
        let cursor = |place: usize| text(&all["edges"][place]["cursor"]);
        let (first, second) = (bank.bills(&ann, "first: 2").await, cursor(1));
        assert_eq!(first["pageInfo"]["endCursor"], json!(second));
        assert_eq!(first["pageInfo"]["hasNextPage"], true);
        assert_eq!(bank.names(&ann, &format!("first: 2, after: \"{second}\"")).await, ["c", "d"]);
        assert_eq!(bank.names(&ann, "last: 2").await, ["d", "e"]);
        let back = bank.bills(&ann, &format!("last: 2, before: \"{}\"", cursor(3))).await;
        assert_eq!(back["nodes"][0]["name"], "b");
        assert_eq!(back["pageInfo"]["hasPreviousPage"], true);
        let between = format!("after: \"{}\", before: \"{}\"", cursor(0), cursor(4));
        assert_eq!(bank.names(&ann, &between).await, ["b", "c", "d"]);
        let some = format!("status: DUE, after: \"{}\"", cursor(2));
        assert_eq!(bank.names(&ann, &some).await, ["e"], "a cursor is a place, whatever is shown");
        // Another's cursor is a place in time and shows nothing of theirs.
        assert_eq!(bank.names(&bob, &format!("after: \"{}\"", cursor(0))).await, ["bobs"]);
        for bad in ["after: \"nonsense\"", "first: 101", "first: -1", "first: 1, last: 1"] {
            let query = format!("{{ bills({bad}) {{ totalCount }} }}");
            let answer = bank.post(Some(&ann.token), &query, Value::Null).await.json();
            assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{bad}");
        }
        bank.wait(Duration::days(3));
        let token = bank.sign_in(&ann).await;
        let ann = Person { token, ..ann };
        assert_eq!(bank.names(&ann, "status: OVERDUE").await, ["b", "c"]);
        assert_eq!(bank.names(&ann, "status: DUE").await, ["e"]);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bills_of_one_status_are_counted_up_to_ten_thousand() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let insert = "
            INSERT INTO bills (bill_id, owner_id, name, amount, currency, due_at, status, created_at)
            SELECT b.bill_id, u.user_id, 'Old', 1, 'USD', u.created_at, 'CANCELLED', u.created_at
            FROM users u CROSS JOIN ";
        let ids = if bank.database == "sqlite" {
            "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001)
                SELECT randomblob(16) AS bill_id FROM n) b"
        } else {
            "(SELECT gen_random_uuid() AS bill_id FROM generate_series(1, 10001)) b"
        };
        bank.fresh.raw(&format!("{insert}{ids}")).await.expect("the bills are there");
        let count = async |arguments: &str| bank.bills(&ann, arguments).await["totalCount"].take();
        assert_eq!(count("first: 1").await, json!(10_001));
        assert_eq!(count("first: 1, status: CANCELLED").await, Value::Null);
        assert_eq!(count("first: 1, status: DUE").await, json!(0));
        let one = "DELETE FROM bills WHERE legacy_id = 1";
        bank.fresh.raw(one).await.expect("one is gone");
        assert_eq!(count("first: 1, status: CANCELLED").await, json!(10_000));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_five_hundred_open_bills_and_not_one_more_whatever_the_race() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let mutation = "mutation ($input: CreateBillInput!) {
            createBill(input: $input) { bill { id } errors { code } } }";
        let mut tasks = JoinSet::new();
        for n in 0..520 {
            let router = TestBank::router_over(&bank.bank);
            let input =
                json!({ "name": format!("Bill {n}"), "amount": "1", "dueAt": "2027-01-01T00:00:00Z" });
            let variables = json!({ "input": input });
            tasks.spawn(TestBank::post_to(router, &ann.token, mutation, variables));
            if tasks.len() >= 20 {
                tasks.join_next().await;
            }
        }
        while tasks.join_next().await.is_some() {}
        let all = bank.bills(&ann, "first: 1, status: DUE").await;
        assert_eq!(all["totalCount"], 500, "{}", bank.database);
        let input = json!({ "name": "More", "amount": "1", "dueAt": "2027-01-01T00:00:00Z" });
        assert_eq!(codes(&bank.bill(&ann, input.clone()).await), ["TOO_MANY"]);
        let query = "{ bills(first: 1) { nodes { id } } }";
        let one = bank.run(Some(&ann.token), query, Value::Null).await;
        bank.cancel_bill(&ann, &text(&one["bills"]["nodes"][0]["id"])).await;
        assert_eq!(codes(&bank.bill(&ann, input).await), [""; 0], "a cancelled one makes room");
    })
    .await;
}

/// Many pay one bill at once, by `banks` processes; how many were told that they did.
async fn race(bank: &TestBank, banks: u64) -> (usize, usize, String) {
    let ann = bank.join("ann", 1).await;
    let card = bank.card(&ann).await.id;
    bank.top_up(&ann, "t", &card, "950").await;
    let bill = bank.due(&ann, "Rent", "20", "2026-12-01T00:00:00Z").await;
    let capacity = Capacity { batches: 2, ..Capacity::default() };
    let mut others = Vec::new();
    for number in 0..banks {
        others.push(reassemble(bank, bank.fresh.open().await, number, capacity));
    }
    let mutation = "mutation ($input: PayBillInput!) {
        payBill(input: $input) { transaction { id } replayed errors { code } } }";
    let mut tasks = JoinSet::new();
    for n in 0..32_usize {
        let router = TestBank::router_over(&others[n % others.len()]);
        let input =
            json!({ "idempotencyKey": format!("race-{n}"), "billId": bill, "fromAccountId": card });
        tasks.spawn(TestBank::post_to(router, &ann.token, mutation, json!({ "input": input })));
    }
    let (mut paid, mut refused) = (0, 0);
    while let Some(answer) = tasks.join_next().await {
        let payload = answer.expect("a task ends well").json()["data"]["payBill"].take();
        paid += usize::from(payload["transaction"]["id"].is_string());
        refused += usize::from(codes(&payload) == ["BILL_NOT_PAYABLE"]);
    }
    for other in others {
        other.db.close().await;
    }
    bank.audit().await;
    (paid, refused, bank.posted(&ann, &card).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_thirty_two_who_pay_a_bill_at_once_one_pays_and_is_debited_once() {
    let [sqlite, postgres] = databases::both().await;
    let settings = [(sqlite, 1), (postgres, 1), (databases::postgres().await, 2)];
    for (fresh, banks) in settings {
        let bank = TestBank::with_rules(fresh, sandbox_rules()).await;
        let (paid, refused, left) = race(&bank, banks).await;
        let held = (paid, refused, left.as_str()) == (1, 31, "980.00");
        proof::record(
            &format!("32 racing payBill, {}, banks: {banks}", bank.database),
            "paid once, debited once",
            &format!("{paid} paid, {refused} BILL_NOT_PAYABLE, {left} of 1000.00 left"),
            held,
        );
        assert!(held, "{}, {banks}: {paid}, {refused}, {left}", bank.database);
        proof::tally(bank.database, &test_name());
        bank.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_is_either_paid_or_cancelled_when_both_are_asked_at_once() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await.id;
        let mut paid = 0;
        for round in 0..12 {
            let bill = bank.due(&ann, "Gym", "1", "2026-12-01T00:00:00Z").await;
            let key = format!("k{round}");
            let (one, other) = tokio::join!(
                bank.pay_bill(&ann, &key, &bill, &card),
                bank.cancel_bill(&ann, &bill),
            );
            match (codes(&one).as_slice(), codes(&other).as_slice()) {
                ([], [no]) if no == "CONFLICT" => paid += 1,
                ([no], []) if no == "BILL_NOT_PAYABLE" => {}
                told => panic!("{}: {told:?}", bank.database),
            }
        }
        assert_eq!(bank.posted(&ann, &card).await, format!("{}.00", 50 - paid));
        assert_eq!(bank.bills(&ann, "status: PAID").await["totalCount"], paid);
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_with_a_bill_is_told_and_noted() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await.id;
        let before = bank.audit_log().await.len();
        let paid = bank.due(&ann, "Rent", "1", "2026-12-01T00:00:00Z").await;
        let gone = bank.due(&ann, "Gym", "1", "2026-12-01T00:00:00Z").await;
        bank.pay_bill(&ann, "p", &paid, &card).await;
        bank.pay_bill(&ann, "q", &paid, &card).await;
        bank.cancel_bill(&ann, &gone).await;
        bank.cancel_bill(&ann, &gone).await;
        let log: Vec<_> = bank.audit_log().await.split_off(before);
        let log: Vec<_> = log.iter().map(|(a, r)| (a.as_str(), r.as_str())).collect();
        assert_eq!(
            log,
            [
                ("createBill", "DONE"),
                ("createBill", "DONE"),
                ("payBill", "DONE"),
                ("payBill", "BILL_NOT_PAYABLE"),
                ("cancelBill", "DONE"),
                ("cancelBill", "CONFLICT"),
            ]
        );
        let mut s = bank.bank.db.read().await.expect("the database is read");
        let sql = "SELECT kind FROM events ORDER BY number";
        let kinds: Vec<(String,)> = s.query(sql).all().await.expect("the events are read");
        let kinds: Vec<_> = kinds.iter().map(|(kind,)| kind.as_str()).collect();
        let told = ["BILL_CHANGED", "BILL_CHANGED", "ENTRY_POSTED", "BILL_CHANGED", "BILL_CHANGED"];
        assert_eq!(kinds[kinds.len() - 5..], told);
    })
    .await;
}
