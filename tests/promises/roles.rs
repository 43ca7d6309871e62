//! Who may do what: the roles of the bank, approval, and what staff see of a customer.

use serde_json::{Value, json};
use teller::domain::user::UserRole::{
    self, BankAdmin, Customer, Developer, DeveloperAdmin, PlatformAdmin,
};

use crate::support::{
    bank::{TestBank, each_database},
    people::{Person, Plastic, codes, text},
};

const ROLES: [UserRole; 5] = [Customer, Developer, DeveloperAdmin, BankAdmin, PlatformAdmin];

/// A customer with a card of 50.00.
async fn customer(bank: &TestBank) -> (Person, Plastic, String) {
    let ann = bank.join("ann", 1).await;
    let card = bank.card(&ann).await;
    let number = bank.customer_id(&ann).await;
    (ann, card, number)
}

/// Every mutation of staff, with an input that a member of staff could send.
fn staff_mutations(card: &Plastic, number: &str) -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("approveCustomer", "CustomerRefInput", json!({ "customerId": number })),
        ("confirmDeactivation", "CustomerRefInput", json!({ "customerId": number })),
        ("reactivateCustomer", "CustomerRefInput", json!({ "customerId": number })),
        (
            "recordDeposit",
            "RecordDepositInput",
            json!({ "idempotencyKey": "d", "accountId": card.id, "amount": "1", "reference": "r" }),
        ),
        (
            "reverseTransaction",
            "ReverseTransactionInput",
            json!({ "idempotencyKey": "r", "transactionId": "transaction_x", "reason": "r" }),
        ),
        (
            "placeHold",
            "PlaceHoldInput",
            json!({ "idempotencyKey": "h", "card": { "cardNumber": card.number }, "amount": "1",
                "merchant": "Shop" }),
        ),
        ("captureHold", "CaptureHoldInput", json!({ "idempotencyKey": "c", "holdId": "hold_x" })),
        ("releaseHold", "HoldRefInput", json!({ "holdId": "hold_x" })),
        (
            "setOverdraftLimit",
            "SetOverdraftLimitInput",
            json!({ "accountId": card.id, "limit": "0" }),
        ),
    ]
}

fn document(name: &str, input_type: &str) -> String {
    format!(
        "mutation ($input: {input_type}!) {{ {name}(input: $input) {{ errors {{ code path }} }} }}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_of_staff_asks_for_the_role_that_it_needs() {
    each_database(async |bank| {
        let (_, card, number) = customer(bank).await;
        let eve = bank.join("eve", 2).await;
        for (name, input_type, input) in staff_mutations(&card, &number) {
            let query = document(name, input_type);
            let variables = json!({ "input": input });
            let stranger = bank.post(None, &query, variables.clone()).await.json();
            let code = &stranger["errors"][0]["extensions"]["code"];
            assert_eq!(code, "UNAUTHENTICATED", "{name}: {stranger}");
            for role in ROLES {
                bank.promote(&eve, role).await;
                let answer = bank.run(Some(&eve.token), &query, variables.clone()).await;
                let told = codes(&answer[name]);
                let refused = told == ["FORBIDDEN"];
                let may = matches!(role, BankAdmin | PlatformAdmin);
                assert_eq!(refused, !may, "{}: {name} as {role:?}: {told:?}", bank.database);
            }
        }
        bank.audit().await;
    })
    .await;
}

const LOOK: &str = "query ($id: String!) {
    customer(customerId: $id) { email customerId role
        cards { id balance { posted { amount } } history(first: 5) { nodes { kind
            account { __typename } balanceAfter { amount } } } }
        wallet { id } sessions { current ipAddress } history(first: 5) { nodes { kind } } }
    me { email cards { id } } }";

#[tokio::test(flavor = "multi_thread")]
async fn staff_see_a_customer_with_their_own_things_and_a_customer_sees_nobody() {
    each_database(async |bank| {
        let (ann, card, number) = customer(bank).await;
        let eve = bank.join("eve", 2).await;
        let own = bank.card(&eve).await;
        let look = async |by: &Person, id: &str| {
            bank.run(Some(&by.token), LOOK, json!({ "id": id })).await
        };
        for role in [Customer, Developer] {
            bank.promote(&eve, role).await;
            let seen = look(&eve, &number).await;
            assert_eq!(seen["customer"], Value::Null, "{role:?}: {seen}");
            assert_eq!(seen["me"]["cards"][0]["id"], json!(own.id));
        }
        for role in [DeveloperAdmin, BankAdmin, PlatformAdmin] {
            bank.promote(&eve, role).await;
            let seen = look(&eve, &number).await;
            let customer = &seen["customer"];
            assert_eq!(customer["email"], json!(ann.email), "{role:?}: {seen}");
            assert_eq!(customer["cards"][0]["id"], json!(card.id));
            assert_eq!(customer["cards"][0]["balance"]["posted"]["amount"], "50.00");
            let entry = &customer["cards"][0]["history"]["nodes"][0];
            assert_eq!(entry["balanceAfter"]["amount"], "50.00", "{seen}");
            assert_eq!(entry["account"]["__typename"], "Card");
            assert_eq!(customer["history"]["nodes"][0]["kind"], "OPENING_CREDIT");
            assert_eq!(customer["sessions"][0]["current"], false, "it is not the staff's own");
            assert_eq!(seen["me"]["email"], json!(eve.email), "beside it all is one's own");
            assert_eq!(seen["me"]["cards"][0]["id"], json!(own.id));
            assert_eq!(look(&eve, "1234567890123456").await["customer"], Value::Null);
        }
        let stranger = bank.post(None, LOOK, json!({ "id": number })).await.json();
        assert_eq!(stranger["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        let log = bank.audit_log().await;
        let looks = |result: &str| {
            log.iter().filter(|(action, told)| action == "customer" && told == result).count()
        };
        assert_eq!((looks("DONE"), looks("FORBIDDEN"), looks("NOT_FOUND")), (3, 2, 3));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_customers_of_one_document_are_not_mixed_up() {
    each_database(async |bank| {
        let (_, card, ann) = customer(bank).await;
        let bob = bank.join("bob", 2).await;
        let other = bank.card(&bob).await;
        let bob = bank.customer_id(&bob).await;
        let eve = bank.join("eve", 3).await;
        bank.promote(&eve, DeveloperAdmin).await;
        let query = "query ($a: String!, $b: String!) {
            one: customer(customerId: $a) { cards { id } }
            cards { id }
            other: customer(customerId: $b) { cards { id } }
            node(id: \"NODE\") { id } }";
        let query = query.replace("NODE", &card.id);
        let seen = bank.run(Some(&eve.token), &query, json!({ "a": ann, "b": bob })).await;
        assert_eq!(seen["one"]["cards"], json!([{ "id": card.id }]), "{seen}");
        assert_eq!(seen["other"]["cards"], json!([{ "id": other.id }]), "{seen}");
        assert_eq!(seen["cards"], json!([]), "the caller has none");
        assert_eq!(seen["node"], Value::Null, "staff look by number, and each look is noted");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_are_seen_by_platform_administrators_alone() {
    each_database(async |bank| {
        let eve = bank.join("eve", 1).await;
        bank.promote(&eve, BankAdmin).await;
        let eves = bank.customer_id(&eve).await;
        let max = bank.join("max", 2).await;
        for (role, seen) in [(DeveloperAdmin, false), (BankAdmin, false), (PlatformAdmin, true)] {
            bank.promote(&max, role).await;
            let query = "query ($id: String!) { customer(customerId: $id) { email } }";
            let found = bank.run(Some(&max.token), query, json!({ "id": eves })).await;
            assert_eq!(found["customer"].is_object(), seen, "{role:?}");
        }
    })
    .await;
}

/// Makes a person as the dialect fintract will: not approved, with a role that they ask for.
async fn ask_for(bank: &TestBank, person: &Person, role: &str) {
    let sql = format!(
        "UPDATE users SET approved_at = NULL, role_asked = '{role}' WHERE email_key = '{}'",
        person.email
    );
    bank.fresh.raw(&sql).await.expect("the person asks");
}

const APPROVE: &str = "mutation ($id: String!) { approveCustomer(input: { customerId: $id }) {
    user { email role requestedRole approved cards { id } } errors { code message } } }";

async fn approve(bank: &TestBank, by: &Person, number: &str) -> Value {
    let variables = json!({ "id": number });
    bank.run(Some(&by.token), APPROVE, variables).await["approveCustomer"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_themselves_and_staff_are_made_by_who_makes_staff() {
    each_database(async |bank| {
        let (ann, _, number) = customer(bank).await;
        let eve = bank.join("eve", 2).await;
        let max = bank.join("max", 3).await;
        bank.promote(&eve, BankAdmin).await;
        bank.promote(&max, PlatformAdmin).await;
        for (role, by_bank_admin, by_platform_admin) in [
            ("CUSTOMER", true, true),
            ("DEVELOPER", true, true),
            ("DEVELOPER_ADMIN", false, true),
            ("BANK_ADMIN", false, true),
            ("PLATFORM_ADMIN", false, false),
        ] {
            for (by, may) in [(&eve, by_bank_admin), (&max, by_platform_admin)] {
                bank.promote(&ann, Customer).await;
                ask_for(bank, &ann, role).await;
                let themselves = approve(bank, &ann, &number).await;
                assert_eq!(codes(&themselves), ["FORBIDDEN"], "a role asked for has no rights");
                let answer = approve(bank, by, &number).await;
                if may {
                    assert_eq!(answer["errors"], json!([]), "{role}: {answer}");
                    assert_eq!(answer["user"]["role"], role);
                    assert_eq!(answer["user"]["requestedRole"], Value::Null);
                    assert_eq!(answer["user"]["approved"], true);
                } else {
                    assert_eq!(codes(&answer), ["FORBIDDEN"], "{role}: {answer}");
                }
            }
        }
        for staff in [&eve, &max] {
            let own = bank.customer_id(staff).await;
            let answer = approve(bank, staff, &own).await;
            assert_eq!(codes(&answer), ["FORBIDDEN"], "{answer}");
        }
        let unknown = approve(bank, &eve, "1234567890123456").await;
        assert_eq!(codes(&unknown), ["NOT_FOUND"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn until_staff_approve_no_money_moves_and_then_it_does() {
    each_database(async |bank| {
        let (ann, card, number) = customer(bank).await;
        let bob = bank.join("bob", 2).await;
        let to = bank.card(&bob).await;
        let eve = bank.join("eve", 3).await;
        bank.promote(&eve, BankAdmin).await;
        ask_for(bank, &ann, "DEVELOPER").await;
        // Past the second for which what is known of a session is trusted.
        let token = bank.sign_in(&ann).await;
        let ann = Person { token, ..ann };
        let to_id = json!({ "accountId": to.id });
        let by_id = |key: &str| {
            json!({ "idempotencyKey": key, "fromAccountId": card.id, "to": to_id, "amount": "1" })
        };
        for refused in [
            bank.transfer(&ann, by_id("p1")).await,
            bank.pay(&ann, "p2", &card.id, &to.number, "1").await,
            bank.top_up(&ann, "t1", &card.id, "1").await,
            bank.create_card(&ann, Value::Null).await,
        ] {
            assert_eq!(codes(&refused), ["FORBIDDEN"], "{}: {refused}", bank.database);
        }
        assert_eq!(bank.posted(&ann, &card.id).await, "50.00");
        let approved = approve(bank, &eve, &number).await;
        assert_eq!(approved["user"]["cards"][0]["id"], json!(card.id), "{approved}");
        let paid = bank.transfer(&ann, by_id("p1")).await;
        assert_eq!(paid["errors"], json!([]), "the same session and key: {paid}");
        assert_eq!(bank.posted(&ann, &card.id).await, "49.00");
        bank.audit().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_moves_only_for_people_whose_email_is_verified() {
    each_database(async |bank| {
        let (ann, card, _) = customer(bank).await;
        let bob = bank.join("bob", 2).await;
        let to = bank.card(&bob).await;
        let unverified = "UPDATE users SET email_verified_at = NULL WHERE email_key = \
            'ann@example.org'";
        bank.fresh.raw(unverified).await.expect("the address is as that of a new person");
        // What is known of a session is trusted for a second.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let input = json!({ "idempotencyKey": "p", "fromAccountId": card.id,
            "to": { "accountId": to.id }, "amount": "1" });
        for refused in
            [bank.transfer(&ann, input).await, bank.top_up(&ann, "t", &card.id, "1").await]
        {
            assert_eq!(codes(&refused), ["FORBIDDEN"], "{refused}");
            let told = text(&refused["errors"][0]["message"]);
            assert!(told.contains("verified"), "{told}");
        }
        let paid = bank.pay(&bob, "b", &to.id, &card.number, "1").await;
        assert_eq!(paid["errors"], json!([]), "others may still pay them: {paid}");
        let token = bank.sign_in(&ann).await;
        let ann = Person { token, ..ann };
        let topped = bank.top_up(&ann, "t", &card.id, "1").await;
        assert_eq!(topped["errors"], json!([]), "a mailed code came back: {topped}");
        bank.audit().await;
    })
    .await;
}
