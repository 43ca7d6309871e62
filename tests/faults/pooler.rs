//! PgBouncer between: it lends a connection of PostgreSQL for one transaction, and what one
//! client keeps there another finds. The promises hold through it all the same.

use std::{
    env,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::process::Command;

use crate::support::{
    bank::test_name,
    crowd::{Crowd, Done},
    databases,
    ledgers::{Harm, NO_HARM},
    load::{Line, Payer, Tally, town},
    pooler::{PgBouncer, VARIABLE},
    proof,
    server::{Server, teller},
};

const CLIENTS: usize = 64;
const PEOPLE: u32 = 8;
const MORE: i64 = 90_000;
/// How long the promises may take.
const PATIENCE: Duration = Duration::from_mins(40);
/// How long each way works in a round, in the short form.
const ROUND: Duration = Duration::from_secs(2);
/// Transfers that are looked up one by one.
const SEEN: usize = 2_000;

/// The promises that are kept through the pooler: the names of their files.
fn promises() -> &'static [&'static str] {
    match proof::scale() {
        proof::Scale::Short => &["story::", "events::", "batches::"],
        proof::Scale::Full => &[
            "story::",
            "events::",
            "batches::",
            "money::",
            "keys::",
            "races::",
            "balances::",
            "accounts::",
            "cards::",
            "savings::",
            "bills::",
            "history::",
            "staff::",
            "sessions::",
            "refresh::",
            "attempts::",
            "sockets::",
            "deliveries::",
            "seal::",
        ],
    }
}

/// How many tests a run says to have passed.
fn passed(told: &str) -> usize {
    let line = told.lines().find(|line| line.starts_with("test result: ok."));
    let words = line.unwrap_or_default().split(' ').collect::<Vec<_>>();
    let place = words.iter().position(|word| word.starts_with("passed"));
    place.and_then(|place| words[place - 1].parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_promises_of_money_sessions_and_sockets_hold_through_a_transaction_pooler() {
    let fresh = databases::postgres().await;
    let pooler = PgBouncer::before(&fresh.url).await;
    let own = env::current_exe().expect("this program is known");
    let mut command = Command::new(own);
    command
        .args(promises())
        .args(["--test-threads", "2"])
        .env(VARIABLE, pooler.url())
        .env_remove("TELLER_PROOF")
        // In full it is more promises, each in its short form: some measure what a pooler
        // changes and what does not bear two tests at once.
        .env_remove("TELLER_SCALE")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ran = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = ran.expect("the promises are tried in time").expect("this program runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let count = passed(&told);
    let held = output.status.success() && count >= promises().len();
    proof::record(
        "F11 PgBouncer in transaction mode between server and PostgreSQL",
        "every promise of money, sessions and sockets holds",
        &format!("{count} promises hold"),
        held,
    );
    proof::tally("postgres", &test_name());
    assert!(held, "{told}{}", String::from_utf8_lossy(&output.stderr));
    fresh.remove().await;
}

/// Lets all clients work for a while; what they did, and how much of it in a second.
async fn work(server: &Server, payers: &Arc<Vec<Payer>>, all: &mut Vec<Done>) -> f64 {
    let lines = (0..CLIENTS).map(|_| Line::to(server)).collect();
    let crowd = Crowd::start(lines, payers, usize::MAX);
    let started = Instant::now();
    tokio::time::sleep(ROUND * u32::try_from(proof::sized(1, 5)).expect("it is small")).await;
    let (count, took) = (crowd.count().await, started.elapsed());
    all.extend(crowd.disperse().await);
    f64::from(u32::try_from(count).expect("they are few")) / took.as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_through_a_transaction_pooler_keeps_the_books_and_its_cost_is_known() {
    let rounds = proof::sized(1, 7);
    let fresh = databases::postgres().await;
    let pooler = PgBouncer::before(&fresh.url).await;
    let direct = Server::start(fresh.folder(), &fresh.url).await;
    let mut command = teller(fresh.folder(), &pooler.of(&fresh.url));
    command
        .env("TELLER_DATABASE_POOLER", "transaction")
        .env("TELLER_DATABASE_DIRECT_URL", &fresh.url);
    let through = Server::start_with(&mut command).await;
    let payers = town(&direct, PEOPLE, MORE).await;
    let (mut all, mut ratios) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // Side by side in time, and each as often first as second.
        let (one, two) = if round % 2 == 0 { (&direct, &through) } else { (&through, &direct) };
        let first = work(one, &payers, &mut all).await;
        let second = work(two, &payers, &mut all).await;
        let (plain, slowed) = if round % 2 == 0 { (first, second) } else { (second, first) };
        ratios.push(slowed / plain);
    }
    ratios.sort_by(f64::total_cmp);
    let tally = Tally::default();
    let auditor = teller(fresh.folder(), &fresh.url);
    let harm = Harm::count(&through, auditor, &payers, &all, &tally, MORE, SEEN).await;
    assert!(through.stop().await.success());
    assert!(direct.stop().await.success());
    let half = ratios[ratios.len() / 2];
    let held = harm == Harm::default();
    proof::record(
        &format!("F11 {CLIENTS} clients through PgBouncer in transaction mode"),
        &format!("{NO_HARM}; the cost is known"),
        &format!(
            "{} transfers: {}; {half:.2} times the speed without it (median of {rounds} pairs)",
            all.len(),
            harm.figures()
        ),
        held,
    );
    proof::tally("postgres", &test_name());
    assert!(held, "{harm:?}");
    fresh.remove().await;
}
