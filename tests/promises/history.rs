//! Histories: whole, in order, from either end, and only what a filter leaves.

use std::collections::BTreeMap;

use chrono::Duration;
use serde_json::{Value, json};
use teller::{
    bank::history::{Scope, cursor},
    db::rows::{Column, Rows},
    domain::posting::TransactionKind,
    store::{entry::Entry, history_postgres, history_sqlite},
    types::{
        id::{self, AccountId, TransactionId},
        money::{Currency, Minor},
        page::Cursor,
    },
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{
    bank::{TestBank, each_database},
    people::{Person, text},
};

/// Whether an entry belongs to what a filter leaves.
type Fits<'f> = Box<dyn Fn(&Value) -> bool + 'f>;

/// Everything of a history, `first` or `last` by pages of `size`, the newest entry first.
async fn walk(
    bank: &TestBank,
    who: &Person,
    account: Option<&str>,
    filter: &Value,
    (backward, size): (bool, usize),
) -> Vec<Value> {
    let arguments = if backward {
        "filter: $filter, last: $size, before: $at"
    } else {
        "filter: $filter, first: $size, after: $at"
    };
    let page = format!(
        "history({arguments}) {{ nodes {{ id postedAt direction kind amount {{ amount }}
            account {{ id }} accountVersion }}
        pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }}"
    );
    let query = match account {
        Some(id) => format!(
            "query ($filter: HistoryFilter, $size: Int, $at: Cursor) {{
                node(id: \"{id}\") {{ ... on Account {{ {page} }} }} }}"
        ),
        None => format!(
            "query ($filter: HistoryFilter, $size: Int, $at: Cursor) {{ node: me {{ {page} }} }}"
        ),
    };
    let (mut all, mut at) = (Vec::new(), Value::Null);
    loop {
        let variables = json!({ "filter": filter, "size": size, "at": at });
        let data = bank.run(Some(&who.token), &query, variables).await;
        let page = &data["node"]["history"];
        let mut nodes = page["nodes"].as_array().expect("nodes").clone();
        assert!(nodes.len() <= size, "a page of {size} has {}", nodes.len());
        let (more, next) = if backward {
            ("hasPreviousPage", "startCursor")
        } else {
            ("hasNextPage", "endCursor")
        };
        if backward {
            nodes.append(&mut all);
            all = nodes;
        } else {
            all.append(&mut nodes);
        }
        if page["pageInfo"][more] == json!(false) {
            return all;
        }
        at = page["pageInfo"][next].clone();
    }
}

/// Ann with two cards and a wallet, between which and bob's card much has moved, some of it
/// at once.
async fn busy(bank: &TestBank) -> (Person, Vec<String>, Person) {
    let ann = bank.join("ann", 1).await;
    let bob = bank.join("bob", 2).await;
    let (one, two, other) = (bank.card(&ann).await, bank.card(&ann).await, bank.card(&bob).await);
    bank.top_up(&ann, "t", &one.id, "500").await;
    let router = TestBank::router_over(&bank.bank);
    let mut running = JoinSet::new();
    for n in 0..30 {
        let (from, to) = match n % 3 {
            0 => (&one.id, &other.number),
            1 => (&one.id, &two.number),
            _ => (&two.id, &one.number),
        };
        let query = "mutation ($input: TransferInput!) {
            transfer(input: $input) { errors { code } } }";
        let input = json!({ "idempotencyKey": format!("b{n}"), "fromAccountId": from,
            "to": { "cardNumber": to }, "amount": format!("0.{:02}", n + 1),
            "note": format!("Coffee {n}") });
        let variables = json!({ "input": input });
        running.spawn(TestBank::post_to(router.clone(), &ann.token, query, variables));
    }
    while let Some(answer) = running.join_next().await {
        let answer = answer.expect("a request ends well").json();
        assert_eq!(answer["data"]["transfer"]["errors"], json!([]), "{answer}");
    }
    for n in 0..5 {
        bank.wait(Duration::minutes(1));
        bank.pay(&bob, &format!("c{n}"), &other.id, &two.number, "1").await;
    }
    (ann, vec![one.id, two.id], bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_whole_and_in_one_order_from_either_end() {
    each_database(async |bank| {
        let (ann, cards, _) = busy(bank).await;
        // Two opening credits, a top-up, thirty payments of which twenty have two sides, five in.
        for (account, count) in [(None, 58), (Some(cards[0].as_str()), 32)] {
            let all = walk(bank, &ann, account, &Value::Null, (false, 100)).await;
            assert_eq!(all.len(), count, "{}", bank.database);
            let mut versions: BTreeMap<String, i64> = BTreeMap::new();
            for entry in &all {
                let version: i64 = text(&entry["accountVersion"]).parse().unwrap();
                let before = versions.insert(text(&entry["account"]["id"]), version);
                assert!(before.is_none_or(|before| before == version + 1), "a version is missing");
            }
            assert!(versions.values().all(|version| *version == 1), "{versions:?}");
            let times: Vec<_> = all.iter().map(|entry| text(&entry["postedAt"])).collect();
            assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "the newest first");
            for reading in [(false, 1), (false, 7), (true, 7), (true, 100)] {
                let again = walk(bank, &ann, account, &Value::Null, reading).await;
                assert_eq!(again, all, "{}: {reading:?}", bank.database);
            }
        }
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_leaves_what_it_says_on_every_page() {
    each_database(async |bank| {
        let (ann, cards, _) = busy(bank).await;
        let all = walk(bank, &ann, None, &Value::Null, (false, 100)).await;
        let middle = text(&all[3]["postedAt"]);
        let amount = |entry: &Value| text(&entry["amount"]["amount"]).parse::<f64>().unwrap();
        let filters: Vec<(Value, Fits<'_>)> = vec![
            (json!({}), Box::new(|_| true)),
            (
                json!({ "kinds": ["TOP_UP", "OPENING_CREDIT"] }),
                Box::new(|e| e["kind"] != "TRANSFER"),
            ),
            (json!({ "direction": "IN" }), Box::new(|e| e["direction"] == "IN")),
            (
                json!({ "direction": "OUT", "kinds": ["TRANSFER"] }),
                Box::new(|e| e["direction"] == "OUT"),
            ),
            (json!({ "postedFrom": middle }), Box::new(|e| text(&e["postedAt"]) >= middle)),
            (json!({ "postedBefore": middle }), Box::new(|e| text(&e["postedAt"]) < middle)),
            (
                json!({ "minAmount": "0.10", "maxAmount": "0.20" }),
                Box::new(|e| (0.10..=0.20).contains(&amount(e))),
            ),
            (json!({ "minAmount": "600" }), Box::new(|_| false)),
            (json!({ "postedBefore": "1900-01-01T00:00:00Z" }), Box::new(|_| false)),
            (json!({ "postedFrom": "9999-12-31T23:59:59.999999Z" }), Box::new(|_| false)),
        ];
        for (filter, fits) in &filters {
            for account in [None, Some(cards[0].as_str())] {
                let whole = walk(bank, &ann, account, &Value::Null, (false, 100)).await;
                let left: Vec<_> = whole.into_iter().filter(|entry| fits(entry)).collect();
                for reading in [(false, 100), (false, 9), (true, 9)] {
                    let found = walk(bank, &ann, account, filter, reading).await;
                    assert_eq!(found, left, "{}: {filter} {reading:?}", bank.database);
                }
                let counted = count(bank, &ann, account, filter).await;
                assert_eq!(counted, json!(left.len()), "{}: {filter}", bank.database);
            }
        }
    })
    .await;
}

async fn count(bank: &TestBank, who: &Person, account: Option<&str>, filter: &Value) -> Value {
    let query = match account {
        Some(id) => format!(
            "query ($filter: HistoryFilter) {{ a: node(id: \"{id}\") {{
                ... on Account {{ history(filter: $filter, first: 0) {{ totalCount }} }} }} }}"
        ),
        None => "query ($filter: HistoryFilter) {
            a: me { history(filter: $filter, first: 0) { totalCount } } }"
            .to_owned(),
    };
    let data = bank.run(Some(&who.token), &query, json!({ "filter": filter })).await;
    data["a"]["history"]["totalCount"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_looked_for_in_notes_and_counterparties() {
    each_database(async |bank| {
        let (ann, cards, _) = busy(bank).await;
        let search = async |account: Option<&str>, what: &str, reading| {
            walk(bank, &ann, account, &json!({ "text": what }), reading).await.len()
        };
        assert_eq!(search(None, "coffee 7", (false, 2)).await, 2, "both sides of a move");
        assert_eq!(search(None, "COFFEE 1", (false, 5)).await, 19, "1 and 10 to 19");
        assert_eq!(search(None, "COFFEE 1", (true, 5)).await, 19);
        assert_eq!(search(Some(&cards[0]), "opening", (false, 2)).await, 1, "a counterparty");
        assert_eq!(search(None, "%", (false, 2)).await, 0, "no pattern");
        assert_eq!(search(None, "' OR 1=1 --", (false, 2)).await, 0, "no SQL");
        assert_eq!(search(None, "Lee", (false, 2)).await, 0, "nobody's name is told by it");
        let both = json!({ "text": "coffee", "direction": "IN", "minAmount": "0.25" });
        let found = walk(bank, &ann, None, &both, (false, 3)).await;
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found.iter().all(|entry| entry["direction"] == "IN"));
        assert_eq!(count(bank, &ann, None, &both).await, json!(found.len()));
    })
    .await;
}

/// The error of a history that is not read, by its code and the place in the input.
async fn refused(bank: &TestBank, who: &Person, arguments: &str) -> (String, String) {
    let mut told = Vec::new();
    for query in [
        format!("{{ history({arguments}) {{ nodes {{ id }} }} }}"),
        format!("{{ me {{ history({arguments}) {{ nodes {{ id }} }} }} }}"),
        format!("{{ wallet {{ history({arguments}) {{ nodes {{ id }} }} }} }}"),
    ] {
        let answer = bank.post(Some(&who.token), &query, json!({})).await.json();
        let extensions = &answer["errors"][0]["extensions"];
        let path = extensions["inputPath"].as_array().expect("a path").clone();
        let path: Vec<_> = path.iter().map(text).collect();
        told.push((text(&extensions["code"]), path.join(".")));
    }
    assert!(told.iter().all(|one| *one == told[0]), "{arguments}: {told:?}");
    told.swap_remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_filter_or_cursor_is_refused_by_name() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let bob = bank.join("bob", 2).await;
        let card = bank.card(&ann).await;
        bank.card(&bob).await;
        let long = "x".repeat(101);
        for (arguments, path) in [
            ("filter: { minAmount: \"-1\" }", "filter.minAmount"),
            ("filter: { maxAmount: \"1.005\" }", "filter.maxAmount"),
            ("filter: { minAmount: \"9223372036854775808\" }", "filter.minAmount"),
            ("filter: { minAmount: \"2\", maxAmount: \"1\" }", "filter.maxAmount"),
            ("filter: { kinds: [] }", "filter.kinds"),
            ("filter: { text: \" \" }", "filter.text"),
            (&format!("filter: {{ text: \"{long}\" }}"), "filter.text"),
            (
                "filter: { postedFrom: \"2026-11-21T10:00:00Z\", postedBefore: \"2026-11-21T10:00:00Z\" }",
                "filter.postedBefore",
            ),
            ("first: 101", "first"),
            ("last: -1", "last"),
            ("after: \"no cursor\"", "after"),
            ("before: \"\"", "before"),
        ] {
            let told = refused(bank, &ann, arguments).await;
            assert_eq!(told, ("BAD_USER_INPUT".to_owned(), path.to_owned()), "{arguments}");
        }
        // Cursors that are well made, but of another list or of another person.
        let (_, anns) = id::split(&card.id).expect("a card's id");
        let theirs = walk(bank, &bob, None, &Value::Null, (false, 1)).await;
        let (_, bobs) = id::split(&text(&theirs[0]["account"]["id"])).expect("a card's id");
        let entry = |account: Uuid| Entry {
            transaction_id: TransactionId::from_uuid(Uuid::nil()),
            account_id: AccountId::from_uuid(account),
            amount: Minor(1),
            currency: Currency::parse("USD").expect("a currency"),
            balance_after: Minor(1),
            version: 1,
            posted_at: "2026-11-21T11:00:00Z".parse().expect("an instant"),
            kind: TransactionKind::TopUp,
            counterparty_id: AccountId::from_uuid(Uuid::nil()),
            counterparty_label: String::new(),
            counterparty_last4: None,
            note: None,
        };
        let of = |scope, account| cursor(scope, &entry(account)).as_str().to_owned();
        let (mine, other) = (AccountId::from_uuid(anns), AccountId::from_uuid(bobs));
        let lists = ["{ history(after: \"@\") { nodes { id } } }",
            "{ cards { history(before: \"@\") { nodes { id } } } }"];
        for (cursor, taken) in [
            (of(Scope::Owner, anns), [true, false]),
            (of(Scope::Account(mine), anns), [false, true]),
            (of(Scope::Owner, bobs), [false, false]),
            (of(Scope::Account(other), bobs), [false, false]),
            (of(Scope::Owner, Uuid::from_u128(5)), [false, false]),
            (Cursor::seal(1, &[0; 31]).as_str().to_owned(), [false, false]),
            (Cursor::seal(3, &[0; 32]).as_str().to_owned(), [false, false]),
        ] {
            for (list, taken) in lists.iter().zip(taken) {
                let query = list.replace('@', &cursor);
                let answer = bank.post(Some(&ann.token), &query, json!({})).await.json();
                let code = &answer["errors"][0]["extensions"]["code"];
                let expected = if taken { Value::Null } else { json!("BAD_USER_INPUT") };
                assert_eq!(*code, expected, "{}: {query}: {answer}", bank.database);
            }
        }
    })
    .await;
}

/// Movements of the long history beside those that the bank made.
const LONG: i64 = 10_050;

/// Gives ann's card a long history, written as the engine would have.
async fn lengthen(bank: &TestBank, card: &str) {
    let (_, uuid) = id::split(card).expect("a card's id");
    let cash = "(SELECT account_id FROM accounts WHERE kind = 'CASH_CLEARING'
        AND currency = 'USD')";
    let account = if bank.database == "postgres" {
        format!("'{uuid}'::uuid")
    } else {
        format!("x'{}'", uuid.simple())
    };
    let (series, id, at, salt) = if bank.database == "postgres" {
        (
            format!("generate_series(1, {LONG}) AS s (n)"),
            "lpad(to_hex(n), 32, '0')::uuid",
            "TIMESTAMPTZ '2026-11-21T11:00:00Z' + n * INTERVAL '1 second'",
            "decode(repeat('00', 16), 'hex')",
        )
    } else {
        (
            format!(
                "(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {LONG})
                SELECT n FROM s) s"
            ),
            "unhex(printf('%032x', n))",
            "strftime('%Y-%m-%dT%H:%M:%S+00:00', '2026-11-21 11:00:00', '+' || n || ' seconds')",
            "zeroblob(16)",
        )
    };
    let sql = format!(
        "BEGIN;
        INSERT INTO entries (transaction_id, account_id, customer, amount, balance_after, version,
            posted_at, salt)
        SELECT {id}, {account}, TRUE, 1, 5000 + n, 1 + n, {at}, {salt} FROM {series} ORDER BY n;
        INSERT INTO entries (transaction_id, account_id, customer, amount, posted_at, salt)
        SELECT {id}, {cash}, FALSE, -1, {at}, {salt} FROM {series};
        INSERT INTO transactions (transaction_id, kind, posted_at)
        SELECT {id}, CASE WHEN n <= 20 THEN 'INCOME' ELSE 'TOP_UP' END, {at} FROM {series};
        INSERT INTO transaction_texts (transaction_id, side, account_id, label, note)
        SELECT {id}, 'FROM', {cash}, 'Cash', CASE WHEN n <= 60 THEN 'early' ELSE 'late' END
        FROM {series};
        INSERT INTO transaction_texts (transaction_id, side, account_id, label)
        SELECT {id}, 'TO', {account}, 'Card' FROM {series};
        INSERT INTO unsealed (subject_id, kind) SELECT {id}, 'TRANSACTION' FROM {series};
        UPDATE balances SET posted = 5000 + {LONG}, version = 1 + {LONG},
            last_posted_at = (SELECT MAX(posted_at) FROM entries e
                WHERE e.account_id = balances.account_id)
        WHERE account_id = {account};
        COMMIT"
    );
    bank.fresh.raw(&sql).await.unwrap_or_else(|error| panic!("{}: {error}", bank.database));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_counted_and_searched_up_to_its_bounds() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await;
        lengthen(bank, &card.id).await;
        let counted = async |filter: Value| {
            let one = count(bank, &ann, Some(&card.id), &filter).await;
            assert_eq!(count(bank, &ann, None, &filter).await, one, "{filter}");
            one
        };
        assert_eq!(counted(Value::Null).await, json!(LONG + 1), "exact without a filter");
        assert_eq!(counted(json!({ "direction": "IN" })).await, Value::Null, "too many");
        assert_eq!(counted(json!({ "kinds": ["INCOME"] })).await, json!(20));
        assert_eq!(counted(json!({ "direction": "OUT" })).await, json!(0));
        // 60 are early; the oldest 51 of all lie beyond the newest 10,000.
        assert_eq!(counted(json!({ "text": "early" })).await, json!(10));
        let only = json!({ "text": "early", "postedBefore": "2026-11-21T11:01:01Z" });
        assert_eq!(counted(only.clone()).await, json!(60), "the rest of the filter comes first");
        let found = walk(bank, &ann, None, &only, (true, 25)).await;
        assert_eq!(found.len(), 60);
        bank.audit().await;
    })
    .await;
}

/// How a page of the long history is read.
async fn plan(bank: &TestBank, card: &str, name: &str, kinds: Option<&str>) -> Vec<String> {
    let (_, uuid) = id::split(card).expect("a card's id");
    let middle = "2026-11-21T12:30:00Z".parse().expect("an instant");
    let first = "1970-01-01T00:00:00Z".parse().expect("an instant");
    let last = "9999-12-31T00:00:00Z".parse().expect("an instant");
    let backward = name == "OLDEST_FIRST";
    let (newest, oldest) = if backward { (last, middle) } else { (middle, first) };
    let rows = Rows::new(vec![
        Column::Uuid(vec![Some(uuid)]),
        Column::Instant(vec![newest]),
        Column::Int(vec![Some(0)]),
        Column::Instant(vec![oldest]),
        Column::Int(vec![Some(0)]),
        Column::Int(vec![Some(0)]),
        Column::Int(vec![Some(i64::MAX)]),
    ]);
    let (all, explain) = if bank.database == "postgres" {
        (history_postgres::STATEMENTS, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ")
    } else {
        (history_sqlite::STATEMENTS, "EXPLAIN QUERY PLAN ")
    };
    let (_, sql) = all.iter().find(|(known, _)| *known == name).expect("a statement");
    let sql: &'static str = format!("{explain}{sql}").leak();
    let mut s = bank.bank.db.read().await.expect("the database is read");
    let query = s.query(sql).bind_rows(&rows);
    let query = query.bind(kinds.map(str::to_owned)).bind(0_i64).bind(26_i64).bind(26_i64);
    if bank.database == "postgres" {
        let lines: Vec<(String,)> = query.all().await.expect("a plan");
        lines.into_iter().map(|(line,)| line).collect()
    } else {
        let lines: Vec<(i64, i64, i64, String)> = query.all().await.expect("a plan");
        lines.into_iter().map(|line| line.3).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_long_history_reads_no_more_than_the_page() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await;
        lengthen(bank, &card.id).await;
        for name in ["NEWEST_FIRST", "OLDEST_FIRST"] {
            for kinds in [None, Some(",TOP_UP,")] {
                let plan = plan(bank, &card.id, name, kinds).await;
                let told = plan.join("\n");
                if bank.database == "sqlite" {
                    let seek = "USING INDEX entries_by_time (account_id=? AND (posted_at,version)";
                    assert!(told.contains(seek), "{told}");
                    let scans = plan.iter().filter(|line| line.starts_with("SCAN"));
                    let scans: Vec<_> = scans.collect();
                    assert!(scans.iter().all(|line| line.contains("SCAN k")), "{told}");
                    continue;
                }
                assert!(!told.contains("Seq Scan"), "{told}");
                let most = plan.iter().flat_map(|line| line.split("rows=").skip(1)).map(|rest| {
                    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                    rest[..end].parse::<u64>().unwrap_or(0)
                });
                assert!(most.max().is_some_and(|most| (26..=27).contains(&most)), "{told}");
                assert!(!told.contains("Rows Removed"), "{told}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_their_limits_their_wallet_and_what_they_have() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let card = bank.card(&ann).await;
        let euro = bank.create_card(&ann, json!({ "currency": "EUR" })).await;
        let bob = bank.join("bob", 2).await;
        let other = bank.card(&bob).await;
        bank.pay(&ann, "p", &card.id, &other.number, "10").await;
        bank.top_up(&ann, "t", &text(&euro["card"]["id"]), "7.50").await;
        let query = "mutation ($id: ID!) { setCardLimit(input: { cardId: $id, amount: \"25\" }) {
            errors { code } } }";
        bank.run(Some(&ann.token), query, json!({ "id": card.id })).await;
        let query = "{ me { limits { kind window limit { amount currency } remaining { amount }
            resetsAt } netWorth { amount currency } wallet { id kind label status } }
            wallet { id } }";
        let data = bank.run(Some(&ann.token), query, json!({})).await;
        let limits = data["me"]["limits"].as_array().expect("limits").clone();
        let told: Vec<_> = limits
            .iter()
            .map(|one| {
                assert_eq!(one["window"], "DAY");
                assert_eq!(one["resetsAt"], "2026-11-22T00:00:00.000000Z");
                let money = &one["limit"];
                [&one["kind"], &money["currency"], &money["amount"], &one["remaining"]["amount"]]
                    .map(text)
                    .join(" ")
            })
            .collect();
        assert_eq!(
            told,
            [
                "TRANSFER USD 1000000.00 999990.00",
                "TRANSFER EUR 1000000.00 1000000.00",
                "TOP_UP USD 1000000.00 1000000.00",
                "TOP_UP EUR 1000000.00 999992.50",
                "CARD_SPENDING USD 25.00 15.00",
            ]
        );
        assert_eq!(
            data["me"]["netWorth"],
            json!([
                { "amount": "40.00", "currency": "USD" },
                { "amount": "57.50", "currency": "EUR" },
            ])
        );
        assert_eq!(data["me"]["wallet"]["kind"], "WALLET");
        assert_eq!(data["me"]["wallet"]["status"], "ACTIVE");
        assert_eq!(data["me"]["wallet"]["id"], data["wallet"]["id"]);
    })
    .await;
}
