//! The whole story: from a stranger to money moving and back to the door.

use chrono::Duration;
use serde_json::{Value, json};

use crate::support::{
    bank::{TestBank, each_database},
    people::{PASSWORD, codes, text},
};

const HOME: &str = "{
    me { id email firstName customerId
        cards { id last4 balance { posted { amount } held { amount } available { amount } version } }
        wallet { id balance { posted { amount } } } sessions { id current } }
    history { totalCount pageInfo { hasNextPage hasPreviousPage }
        nodes { id direction kind amount { amount currency minorUnits } balanceAfter { amount }
            accountVersion note counterparty { label last4 account { id } }
            account { id label } transaction { id amount { amount } from { label } to { label } } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_becomes_a_customer_and_pays_another() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        let bob = bank.join("bob", 2).await;
        let (from, to) = (bank.card(&ann).await, bank.card(&bob).await);
        let topped = bank.top_up(&ann, "salary", &from.id, "100.00").await;
        assert_eq!(topped["account"]["balance"]["posted"]["amount"], "150.00");
        let paid = bank.pay(&ann, "lunch", &from.id, &to.number, "12.50").await;
        assert_eq!(paid["errors"], json!([]));
        assert_eq!(paid["account"]["balance"]["posted"]["amount"], "137.50");
        assert_eq!(paid["account"]["balance"]["version"], "3");
        assert_eq!(paid["counterAccount"], Value::Null, "bob's account is not ann's to see");
        assert_eq!(paid["transaction"]["to"]["account"], Value::Null);
        assert_eq!(paid["transaction"]["to"]["last4"], to.number[12..]);

        let home = bank.run(Some(&ann.token), HOME, json!({})).await;
        let card = &home["me"]["cards"][0];
        assert_eq!(card["balance"]["available"]["amount"], "137.50");
        let nodes = home["history"]["nodes"].as_array().unwrap();
        let told: Vec<(&str, &str, &str)> = nodes
            .iter()
            .map(|node| {
                let kind = node["kind"].as_str().unwrap();
                let direction = node["direction"].as_str().unwrap();
                (kind, direction, node["balanceAfter"]["amount"].as_str().unwrap())
            })
            .collect();
        let expected = [
            ("TRANSFER", "OUT", "137.50"),
            ("TOP_UP", "IN", "150.00"),
            ("OPENING_CREDIT", "IN", "50.00"),
        ];
        assert_eq!(told, expected, "{}", bank.database);
        assert_eq!(home["history"]["totalCount"], 3);

        let home = bank.run(Some(&bob.token), HOME, json!({})).await;
        assert_eq!(home["me"]["cards"][0]["balance"]["posted"]["amount"], "62.50");
        let came = &home["history"]["nodes"][0];
        assert_eq!((&came["kind"], &came["direction"]), (&json!("TRANSFER"), &json!("IN")));
        assert_eq!(came["counterparty"]["last4"], from.number[12..]);
        assert_eq!(came["counterparty"]["account"], Value::Null);
        assert_eq!(
            came["amount"],
            json!({ "amount": "12.50", "currency": "USD", "minorUnits": "1250" })
        );
        bank.audit().await;
    })
    .await;
}

async fn logout(bank: &TestBank, token: &str) -> Value {
    let query = "mutation { logout { ok errors { code } } }";
    bank.run(Some(token), query, json!({})).await["logout"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_out_at_once_and_comes_back_with_two_factors() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        assert_eq!(logout(bank, &ann.token).await["ok"], true);
        let refused = bank.post(Some(&ann.token), "{ me { id } }", json!({})).await;
        assert_eq!(refused.status, 401);
        assert_eq!(refused.json()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert!(refused.header("www-authenticate").starts_with("Bearer"));

        let asked = bank.login("ANN@example.org", PASSWORD).await;
        assert_eq!(asked["challenge"]["methods"], json!(["EMAIL"]));
        assert_eq!(asked["challenge"]["sentTo"], "a•••@example.org");
        let id = text(&asked["challenge"]["id"]);
        let code = bank.code(&ann.email).await;
        let entered = bank.confirm_login(&id, &code).await;
        assert_eq!(entered["errors"], json!([]));
        assert_eq!(entered["user"]["id"], ann.id);
        let token = text(&entered["accessToken"]);
        let home = bank.run(Some(&token), HOME, json!({})).await;
        assert_eq!(home["me"]["sessions"].as_array().unwrap().len(), 1, "the old one is over");

        let again = bank.confirm_login(&id, &code).await;
        assert_eq!(codes(&again), ["BAD_CODE"], "a code is good once");
        bank.wait(Duration::minutes(10));
        let late = bank.post(Some(&token), "{ me { id } }", json!({})).await;
        assert_eq!(late.status, 401, "an access token ends after ten minutes");
    })
    .await;
}
