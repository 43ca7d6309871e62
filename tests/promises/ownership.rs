//! Whose things are whose: another's is as unknown as what never was, on every way to it.

use std::collections::BTreeSet;

use async_graphql::{
    Positioned,
    parser::{
        parse_schema,
        types::{BaseType, InputValueDefinition, Type, TypeKind, TypeSystemDefinition},
    },
};
use serde_json::{Value, json};
use teller::graphql::schema;

use crate::support::{
    bank::{TestBank, each_database},
    people::{Person, text},
};

/// Ids of things of one person, by what they are.
async fn things(bank: &TestBank, who: &Person, index: u32) -> Vec<(&'static str, String)> {
    let card = bank.card(who).await;
    let paid = bank.top_up(who, "things", &card.id, "5").await;
    let query = "{ me { wallet { id } sessions { id } history(first: 1) { nodes { id } } } }";
    let data = bank.run(Some(&who.token), query, json!({})).await;
    let staff = bank.join(&format!("staff{index}"), index).await;
    let sql = format!("UPDATE users SET role = 'BANK_ADMIN' WHERE email_key = '{}'", staff.email);
    bank.fresh.raw(&sql).await.expect("the role is set");
    let hold = "mutation ($input: PlaceHoldInput!) { placeHold(input: $input) { hold { id } } }";
    let input = json!({ "idempotencyKey": "h", "card": { "accountId": card.id }, "amount": "1",
        "merchant": "Shop" });
    let placed = bank.run(Some(&staff.token), hold, json!({ "input": input })).await;
    let made = "mutation { createSavings(input: { name: \"Trip\", goal: \"100\" }) {
            savings { id } }
        createBill(input: { name: \"Rent\", amount: \"10\", dueAt: \"2026-12-01T00:00:00Z\" }) {
            bill { id } } }";
    let made = bank.run(Some(&who.token), made, json!({})).await;
    vec![
        ("savings", text(&made["createSavings"]["savings"]["id"])),
        ("bill", text(&made["createBill"]["bill"]["id"])),
        ("card", card.id),
        ("wallet", text(&data["me"]["wallet"]["id"])),
        ("user", who.id.clone()),
        ("session", text(&data["me"]["sessions"][0]["id"])),
        ("transaction", text(&paid["transaction"]["id"])),
        ("entry", text(&data["me"]["history"]["nodes"][0]["id"])),
        ("hold", text(&placed["placeHold"]["hold"]["id"])),
    ]
}

/// Ids that name nothing, in the form of those of a kind and in none.
fn nothing(kind: &str) -> Vec<String> {
    let length = if kind == "entry" { 52 } else { 26 };
    vec![
        format!("{kind}_{}", "0".repeat(length)),
        format!("{kind}_{}", "z".repeat(length)),
        format!("{kind}_x"),
        format!("{kind}_"),
        kind.to_owned(),
        String::new(),
        "_".to_owned(),
        "card_' OR 1=1 --".to_owned(),
        format!("{kind}_{}", "é".repeat(13)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_person_is_as_unknown_as_none_whatever_it_is() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let bob = bank.join("bob", 2).await;
        let mine = things(bank, &ann, 3).await;
        let theirs = things(bank, &bob, 4).await;
        let query = "query ($id: ID!) { node(id: $id) { __typename id } }";
        for ((kind, own), (_, other)) in mine.iter().zip(&theirs) {
            let found = bank.run(Some(&ann.token), query, json!({ "id": own })).await;
            assert_eq!(found["node"]["id"], own.as_str(), "{}: {kind}", bank.database);
            for id in std::iter::once(other.clone()).chain(nothing(kind)) {
                let found = bank.run(Some(&ann.token), query, json!({ "id": id })).await;
                assert_eq!(found["node"], Value::Null, "{}: {kind}: {id}", bank.database);
            }
            let answer = bank.post(None, query, json!({ "id": own })).await.json();
            assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{kind}");
        }
        // The right bits behind the wrong word name nothing.
        let bits = mine[2].1.split_once('_').expect("a prefix").1;
        for kind in ["wallet", "savings", "bill", "transaction", "user", "session", "hold"] {
            let id = format!("{kind}_{bits}");
            let found = bank.run(Some(&ann.token), query, json!({ "id": id })).await;
            assert_eq!(found["node"], Value::Null, "{kind}");
        }
    })
    .await;
}

/// Every field that takes the id of something of the caller's: the place in the schema, the
/// field with `@` for the id, the kind of the id, and the path of the input that is told.
const FIELDS: &[(&str, &str, &str, &str)] = &[
    ("CardSelector.id", "query { x: card(by: { id: \"@\" }) { id } }", "card", ""),
    ("Query.transaction(id:)", "query { x: transaction(id: \"@\") { id } }", "transaction", ""),
    ("TransferQuoteInput.fromAccountId", "query { x: transferQuote(input: { fromAccountId: \"@\", amount: \"1\",
        to: { cardNumber: \"4111111111111111\" } }) { errors { code message path } } }",
        "card", "fromAccountId"),
    ("CardRefInput.cardId", "mutation { x: freezeCard(input: { cardId: \"@\" }) { errors { code message path } } }",
        "card", "cardId"),
    ("CardRefInput.cardId", "mutation { x: unfreezeCard(input: { cardId: \"@\" }) { errors { code message path } } }",
        "card", "cardId"),
    ("CardRefInput.cardId", "mutation { x: closeCard(input: { cardId: \"@\" }) { errors { code message path } } }",
        "card", "cardId"),
    ("CardRefInput.cardId", "mutation { x: revealCard(input: { cardId: \"@\" }) { errors { code message path } } }",
        "card", "cardId"),
    ("SetCardLimitInput.cardId", "mutation { x: setCardLimit(input: { cardId: \"@\", amount: \"1\" }) {
        errors { code message path } } }", "card", "cardId"),
    ("TopUpInput.accountId", "mutation { x: topUp(input: { accountId: \"@\", amount: \"1\", idempotencyKey: \"k\" }) {
        errors { code message path } } }", "card", "accountId"),
    ("TopUpInput.accountId", "mutation { x: topUp(input: { accountId: \"@\", amount: \"1\", idempotencyKey: \"k\" }) {
        errors { code message path } } }", "wallet", "accountId"),
    ("TransferInput.fromAccountId", "mutation { x: transfer(input: { fromAccountId: \"@\", amount: \"1\", idempotencyKey: \"k\",
        to: { cardNumber: \"4111111111111111\" } }) { errors { code message path } } }",
        "card", "fromAccountId"),
    ("UpdateSavingsInput.savingsId", "mutation { x: updateSavings(input: { savingsId: \"@\", name: \"Car\" }) {
        errors { code message path } } }", "savings", "savingsId"),
    ("MoveSavingsInput.savingsId", "mutation { x: topUpSavings(input: { savingsId: \"@\", cardId: \"@card\", amount: \"1\",
        idempotencyKey: \"k\" }) { errors { code message path } } }", "savings", "savingsId"),
    ("MoveSavingsInput.savingsId", "mutation { x: withdrawSavings(input: { savingsId: \"@\", cardId: \"@card\", amount: \"1\",
        idempotencyKey: \"k\" }) { errors { code message path } } }", "savings", "savingsId"),
    ("SavingsRefInput.savingsId", "mutation { x: closeSavings(input: { savingsId: \"@\" }) {
        errors { code message path } } }", "savings", "savingsId"),
    ("BillRefInput.billId", "mutation { x: cancelBill(input: { billId: \"@\" }) { errors { code message path } } }",
        "bill", "billId"),
    ("PayBillInput.billId", "mutation { x: payBill(input: { billId: \"@\", fromAccountId: \"@card\",
        idempotencyKey: \"k\" }) { errors { code message path } } }", "bill", "billId"),
    ("RevokeSessionInput.sessionId", "mutation { x: revokeSession(input: { sessionId: \"@\" }) {
        errors { code message path } } }", "session", "sessionId"),
    ("MoveSavingsInput.cardId", "mutation { x: topUpSavings(input: { savingsId: \"@savings\",
        cardId: \"@\", amount: \"1\", idempotencyKey: \"k\" }) { errors { code message path } } }",
        "card", "cardId"),
    ("MoveSavingsInput.cardId", "mutation { x: withdrawSavings(input: {
        savingsId: \"@savings\", cardId: \"@\", amount: \"1\", idempotencyKey: \"k\" }) {
        errors { code message path } } }", "card", "cardId"),
    ("PayBillInput.fromAccountId", "mutation { x: payBill(input: { billId: \"@bill\",
        fromAccountId: \"@\", idempotencyKey: \"k\" }) { errors { code message path } } }",
        "card", "fromAccountId"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_takes_an_id_answers_alike_for_what_is_not_the_callers() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let bob = bank.join("bob", 2).await;
        let theirs = things(bank, &bob, 4).await;
        let card = bank.card(&ann).await;
        let made = "mutation { createSavings(input: { name: \"Trip\", goal: \"100\" }) {
                savings { id } }
            createBill(input: { name: \"Rent\", amount: \"10\", dueAt: \"2026-12-01T00:00:00Z\" }) {
                bill { id } } }";
        let made = bank.run(Some(&ann.token), made, json!({})).await;
        let own_savings = text(&made["createSavings"]["savings"]["id"]);
        let own_bill = text(&made["createBill"]["bill"]["id"]);
        for (_, field, kind, path) in FIELDS {
            let field = [("@card", &card.id), ("@savings", &own_savings), ("@bill", &own_bill)]
                .iter()
                .fold((*field).to_owned(), |field, (mark, id)| field.replace(mark, id));
            let (_, other) = theirs.iter().find(|(known, _)| known == kind).expect("a thing");
            let mut told = Vec::new();
            for id in std::iter::once(other.clone()).chain(nothing(kind)) {
                let query = field.replace('@', &id);
                told.push(bank.run(Some(&ann.token), &query, json!({})).await["x"].take());
            }
            assert!(told.iter().all(|one| *one == told[0]), "{}: {field}: {told:?}", bank.database);
            if path.is_empty() {
                assert_eq!(told[0], Value::Null, "{field}");
            } else {
                assert_eq!(told[0]["errors"][0]["code"], "NOT_FOUND", "{field}");
                assert_eq!(told[0]["errors"][0]["path"], json!(["input", path]), "{field}");
            }
            let query = field.replace('@', other);
            let answer = bank.post(None, &query, json!({})).await.json();
            let code = &answer["errors"][0]["extensions"]["code"];
            assert_eq!(*code, "UNAUTHENTICATED", "{}: {field}: {answer}", bank.database);
        }
        let by = "query ($n: Int!, $l: String!) { a: card(by: { legacyId: $n }) { id }
            b: card(by: { last4: $l }) { id } }";
        let query = "{ cards { legacyId last4 } }";
        let card = bank.run(Some(&bob.token), query, json!({})).await["cards"][0].take();
        let variables = json!({ "n": card["legacyId"], "l": card["last4"] });
        let found = bank.run(Some(&ann.token), by, variables.clone()).await;
        assert_eq!(found, json!({ "a": null, "b": null }), "{}", bank.database);
        let found = bank.run(Some(&bob.token), by, variables).await;
        assert_ne!(found["a"], Value::Null);
        bank.audit().await;
    })
    .await;
}

/// Ids that are not of something of the caller's, or come where the test above cannot send
/// them, and which promise holds them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("Query.node(id:)", "a node of another person, above"),
    ("Subscription.balanceChanged(accountIds:)", "balances: accounts of the caller's"),
    ("SetAvatarInput.fileId", "files: an avatar of the caller's own files"),
    ("TransferTarget.accountId", "money: whoever knows an account may pay into it"),
    ("ConfirmLoginInput.challengeId", "attempts: a challenge, for whoever has it"),
    ("ResendLoginCodeInput.challengeId", "attempts: a challenge, for whoever has it"),
    ("ConfirmChallengeInput.challengeId", "factors: a challenge of the session's"),
    ("CaptureHoldInput.holdId", "roles: for staff alone"),
    ("HoldRefInput.holdId", "roles: for staff alone"),
    ("RecordDepositInput.accountId", "roles: for staff alone"),
    ("ReverseTransactionInput.transactionId", "roles: for staff alone"),
    ("SetOverdraftLimitInput.accountId", "roles: for staff alone"),
];

fn takes_an_id(ty: &Type) -> bool {
    match &ty.base {
        BaseType::Named(name) => name == "ID",
        BaseType::List(inner) => takes_an_id(inner),
    }
}

#[test]
fn every_id_that_the_schema_takes_is_asked_for_what_is_not_the_callers() {
    let document = parse_schema(schema::sdl()).expect("the schema is GraphQL");
    let mut taken = BTreeSet::new();
    for definition in &document.definitions {
        let TypeSystemDefinition::Type(ty) = definition else { continue };
        let owner = &ty.node.name.node;
        let members = match &ty.node.kind {
            TypeKind::InputObject(input) => {
                let named = |one: &Positioned<InputValueDefinition>| {
                    (format!("{owner}.{}", one.node.name.node), one.clone())
                };
                input.fields.iter().map(named).collect::<Vec<_>>()
            }
            TypeKind::Object(object) => {
                let fields =
                    object.fields.iter().flat_map(|field| {
                        let place = format!("{owner}.{}", field.node.name.node);
                        field.node.arguments.iter().map(move |one| {
                            (format!("{place}({}:)", one.node.name.node), one.clone())
                        })
                    });
                fields.collect()
            }
            _ => Vec::new(),
        };
        let ids = members.into_iter().filter(|(_, one)| takes_an_id(&one.node.ty.node));
        taken.extend(ids.map(|(place, _)| place));
    }
    let asked = FIELDS.iter().map(|row| row.0).chain(ELSEWHERE.iter().map(|row| row.0));
    assert_eq!(taken, asked.map(str::to_owned).collect(), "a row for each");
}
