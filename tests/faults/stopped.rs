//! A server that stands still for a while, as a machine that swaps or is moved: nothing is
//! done twice or lost, and what expired meanwhile has expired.

use std::{collections::BTreeMap, time::Duration};

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use serde_json::json;

use crate::support::{
    bank::test_name,
    crowd::Crowd,
    databases,
    databases::Fresh,
    ledgers::{Harm, NO_HARM},
    load::join,
    people::text,
    proof,
    server::{Server, client, teller},
};

/// How long it may take until it serves again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long an access token and a login's code are good, in seconds.
const GOOD: i64 = 600;
/// How much of it is left when the server is stopped, in seconds.
const LEFT: i64 = 4;

/// Stops a server for so long.
async fn stand_still(server: &Server, lasts: Duration) {
    server.signal("STOP").await;
    tokio::time::sleep(lasts).await;
    server.signal("CONT").await;
}

/// What came of a server that was stopped many times.
#[derive(Debug, Default)]
struct Outcome {
    harm: Harm,
    transfers: usize,
    slowest: Duration,
    told: Vec<String>,
}

/// Stops a server again and again under clients, which are gathered anew each time: an
/// access lasts a quarter of an hour, and nobody renews theirs.
async fn under_clients(fresh: &Fresh, stops: &[Duration]) -> Outcome {
    let server = Server::start(fresh.folder(), &fresh.url).await;
    let clients = proof::sized(8, 64);
    let crowd = Crowd::gather(&server, clients, 4).await;
    let mut slowest = Duration::ZERO;
    for lasts in stops {
        // Each has a turn in between.
        crowd.work(4 * clients).await;
        stand_still(&server, *lasts).await;
        let again = server.until_ready_is(200, proof::within(AGAIN)).await;
        let (again, _) = again.unwrap_or_else(|| panic!("{}: it serves again", fresh.name));
        slowest = slowest.max(again);
    }
    crowd.work(clients).await;
    let told = vec![crowd.tally.list()];
    assert!(!server.log().contains("panic"), "{}", server.log());
    let auditor = teller(fresh.folder(), &fresh.url);
    let (harm, transfers) = Harm::after(crowd, server, auditor).await;
    proof::tally(fresh.name, &test_name());
    Outcome { harm, transfers, slowest, told }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stood_still_goes_on_and_the_books_are_exact() {
    let longest = u64::try_from(proof::sized(2, 30)).expect("a number");
    let (rounds, each) = (proof::sized(1, 5), proof::sized(2, 10));
    let mut chance = ChaCha20Rng::seed_from_u64(proof::seed());
    let mut outcomes: BTreeMap<&str, Outcome> = BTreeMap::new();
    for _ in 0..rounds {
        let mut at_random =
            || Duration::from_millis(1_000 + chance.next_u64() % (1_000 * (longest - 1)));
        let stops: Vec<Duration> = (0..each).map(|_| at_random()).collect();
        let both = databases::both().await;
        let tried = both.iter().map(|fresh| under_clients(fresh, &stops));
        let tried = futures_util::future::join_all(tried).await;
        for (fresh, one) in both.into_iter().zip(tried) {
            let all = outcomes.entry(fresh.name).or_default();
            all.harm.add(&one.harm);
            all.transfers += one.transfers;
            all.slowest = all.slowest.max(one.slowest);
            all.told.extend(one.told);
            fresh.remove().await;
        }
    }
    for (name, Outcome { harm, transfers, slowest, told }) in outcomes {
        let exact = harm == Harm::default();
        proof::record(
            &format!("F3 the server stopped for 1 to {longest} s under clients, {name}"),
            &format!("{NO_HARM}, ready again within 5 s"),
            &format!(
                "{} stops in {transfers} transfers: {}, at most {} ms",
                rounds * each,
                harm.figures(),
                slowest.as_millis()
            ),
            exact && slowest < AGAIN,
        );
        assert!(exact, "{name}: {harm:?}: {told:?}");
    }
}

/// The code in the newest letter of a login.
async fn login_code(server: &Server, email: &str, seen: usize) -> String {
    let letters = server.letters(email, seen).await;
    let letter = text(&letters.last().expect("a letter")["text"]);
    let digits = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    letter.lines().map(str::trim).find(digits).expect("a code").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outlives_its_time_in_a_server_that_stood_still() {
    const LOGIN: &str = "mutation ($input: LoginInput!) {
        login(input: $input) { challenge { id } errors { code } } }";
    const CONFIRM: &str = "mutation ($input: ConfirmLoginInput!) {
        confirmLogin(input: $input) { accessToken errors { code } } }";
    let rounds = proof::sized(1, 10);
    for fresh in databases::both().await {
        let server = Server::start(fresh.folder(), &fresh.url).await;
        let (mut tokens, mut codes) = (0, 0);
        for round in 0..rounds {
            let name = format!("person{round}");
            let email = format!("{name}@example.org");
            let person = join(&server, &name, u32::try_from(round).expect("few")).await;
            let password = crate::support::people::proof(&name, "")["password"].clone();
            let login = json!({ "input": { "email": email, "password": password } });
            let seen = server.letters_now(&email).await.len();
            let asked = server.run(None, LOGIN, login).await;
            let code = login_code(&server, &email, seen).await;
            // Both have a few seconds left, of which the server sees none.
            let clock = client().post(format!("{}/dev/clock", server.url));
            let moved = clock.json(&json!({ "seconds": GOOD - LEFT })).send().await;
            assert!(moved.expect("the clock is moved").status().is_success());
            let me = "{ me { id } }";
            let before = server.try_post(Some(&person.token), me, json!({})).await;
            let good = before.is_ok_and(|body| body["data"]["me"]["id"].is_string());
            let left = u64::try_from(LEFT).expect("a number");
            stand_still(&server, Duration::from_secs(left + 1)).await;
            let after = server.try_post(Some(&person.token), me, json!({})).await;
            let after = after.expect("it answers");
            let refused = after["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED";
            tokens += usize::from(!refused);
            assert!(good || refused, "on a busy machine it may have expired before: {after}");
            let answer = json!({ "challengeId": asked["login"]["challenge"]["id"], "code": code });
            let told = server.run(None, CONFIRM, json!({ "input": answer })).await;
            codes += usize::from(told["confirmLogin"]["accessToken"].is_string());
        }
        proof::record(
            &format!("F3 what expires while the server is stopped, {}", fresh.name),
            "0 tokens and 0 codes outlive their time",
            &format!("{rounds} stops: {tokens}, {codes}"),
            tokens == 0 && codes == 0,
        );
        proof::tally(fresh.name, &test_name());
        assert_eq!((tokens, codes), (0, 0), "{}", fresh.name);
        assert!(server.stop().await.success());
        fresh.remove().await;
    }
}
