//! What can be told by a stopwatch: at full size alone, as a machine that does other
//! things beside would be measured and not Teller.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use teller::{
    bank::context::Rules,
    domain::attempt::{Allowance, Allowances},
};

use crate::support::{
    bank::{TestBank, each_database_with, sandbox_rules, test_name},
    databases,
    proof::{Scale, record, scale, sized, tally},
    server::{Server, client, post, teller},
};

const LOGIN: &str = "mutation ($input: LoginInput!) { login(input: $input) {
    challenge { id } errors { code message path } } }";
const RESEND: &str = "mutation ($input: ResendVerificationInput!) {
    resendVerification(input: $input) { ok errors { code message path } } }";

const RESET: &str = "mutation ($input: RequestPasswordResetInput!) {
    requestPasswordReset(input: $input) { ok errors { code message path } } }";

/// People who are asked about in turn.
const PEOPLE: usize = 10;

/// Limits that no test reaches.
fn unlimited() -> Rules {
    let all: Allowance = "1000000/15m".parse().expect("an allowance");
    let allowances =
        Allowances { login: all, code: all, registration: all, reset: all, ..Allowances::SANDBOX };
    Rules { allowances, ..sandbox_rules() }
}

/// The chance that two samples of one and the same thing differ as much as these, by
/// the rank test of Mann and Whitney with the normal approximation.
fn rank_test(one: &[Duration], other: &[Duration]) -> f64 {
    let mut all: Vec<(Duration, bool)> = one.iter().map(|time| (*time, true)).collect();
    all.extend(other.iter().map(|time| (*time, false)));
    all.sort_unstable();
    let ranks = all.iter().enumerate().filter(|(_, (_, first))| *first);
    let sum: f64 = ranks.map(|(rank, _)| number(rank) + 1.0).sum();
    let (first, second) = (number(one.len()), number(other.len()));
    let statistic = sum - first * (first + 1.0) / 2.0;
    let deviation = (first * second * (first + second + 1.0) / 12.0).sqrt();
    both_tails((statistic - first * second / 2.0).abs() / deviation)
}

/// Twice the upper tail of the normal distribution, by Abramowitz and Stegun 7.1.26.
fn both_tails(deviations: f64) -> f64 {
    let x = deviations / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let polynomial = series.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    polynomial * (-x * x).exp()
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("a small number"))
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

#[test]
fn the_rank_test_tells_what_differs_from_what_does_not() {
    let times = |from: u64| (from..from + 100).map(Duration::from_micros).collect::<Vec<_>>();
    assert!(rank_test(&times(0), &times(0)) > 0.9);
    assert!(rank_test(&times(0), &times(50)) < 0.000_1);
    // U is 36 of 10 and 10: 14 from its mean of 50, with a deviation of 13.23.
    let shifted: Vec<Duration> = (0..10).map(|i| Duration::from_micros(10 * i + 15)).collect();
    let plain: Vec<Duration> = (0..10).map(|i| Duration::from_micros(10 * i + 4)).collect();
    let p = rank_test(&plain, &shifted);
    assert!((0.289..0.291).contains(&p), "{p}");
}

/// Asks about known and unknown addresses in turn: their times, and every different answer.
async fn pairs(
    bank: &TestBank,
    count: usize,
    query: &str,
    input: impl Fn(&str) -> Value,
) -> (Vec<Duration>, Vec<Duration>, Vec<String>) {
    let (mut known, mut unknown, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..count {
        let person = round % PEOPLE;
        let mut order = [
            (format!("known{person}@example.org"), true),
            (format!("nobody{person}@example.org"), false),
        ];
        if round % 2 == 1 {
            order.reverse();
        }
        for (email, is_known) in order {
            let variables = json!({ "input": input(&email) });
            let start = Instant::now();
            let answer = bank.post(None, query, variables).await;
            let time = start.elapsed();
            if is_known {
                known.push(time);
            } else {
                unknown.push(time);
            }
            told.push(answer.text());
        }
    }
    told.sort_unstable();
    told.dedup();
    (known, unknown, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopwatch_does_not_tell_who_is_a_customer() {
    each_database_with(unlimited(), async |bank| {
        for person in 0..PEOPLE {
            let index = u32::try_from(person).expect("a small number");
            bank.join(&format!("known{person}"), index).await;
        }
        let count = sized(PEOPLE, 200);
        let login = |email: &str| json!({ "email": email, "password": "not the password" });
        let resend = |email: &str| json!({ "email": email });
        for (name, query, input) in [
            ("login", LOGIN, &login as &(dyn Fn(&str) -> Value + Sync)),
            ("resendVerification", RESEND, &resend),
            ("requestPasswordReset", RESET, &resend),
        ] {
            // Once for each, so that every row is there and every page is read.
            pairs(bank, PEOPLE, query, input).await;
            let (known, unknown, told) = pairs(bank, count, query, input).await;
            assert_eq!(told.len(), 1, "{}: {name}: {told:?}", bank.database);
            if scale() == Scale::Short {
                continue;
            }
            let (one, other) = (median(&known), median(&unknown));
            let apart = one.abs_diff(other).as_secs_f64() / other.as_secs_f64();
            let p = rank_test(&known, &unknown);
            let held = apart <= 0.05 || p > 0.01;
            record(
                &format!("{count} pairs of known and unknown addresses, {name}, {}", bank.database),
                "medians within 5%, or a rank test with p > 0.01",
                &format!("{one:.1?} and {other:.1?}, {:.1}% apart, p = {p:.3}", apart * 100.0),
                held,
            );
            assert!(held, "{}: {name}: {one:?} {other:?} {p}", bank.database);
        }
    })
    .await;
}

/// The 99th percentile of so many small requests, one after the other.
async fn p99(server: &Server, count: usize) -> Duration {
    let http = client();
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let answer = post(&http, &server.url, None, "{ __typename }", json!({})).await;
        assert_eq!(answer.expect("the server answers")["data"]["__typename"], "Query");
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times[(times.len() * 99).div_ceil(100) - 1]
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_that_fill_the_hashing_pool_do_not_hold_up_the_others() {
    for fresh in databases::both().await {
        let server = Server::start_with(&mut teller(fresh.folder(), &fresh.url)).await;
        let count = sized(50, 2_000);
        p99(&server, count).await;
        let alone = p99(&server, count).await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let logins: Vec<_> = (0..sized(4, 16))
            .map(|number| {
                let (url, stopped) = (server.url.clone(), stopped.clone());
                tokio::spawn(async move {
                    let (http, mut done) = (client(), 0_usize);
                    while !*stopped.borrow() {
                        // Each an account of its own, so that only the pool can be full.
                        let email = format!("nobody{number}x{done}@example.org");
                        let input = json!({ "email": email, "password": "not the password" });
                        let variables = json!({ "input": input });
                        let answer = post(&http, &url, None, LOGIN, variables).await;
                        let answer = answer.expect("the server answers");
                        let code = &answer["data"]["login"]["errors"][0]["code"];
                        let overloaded = &answer["errors"][0]["extensions"]["code"];
                        assert!(
                            *code == "BAD_CREDENTIALS" || *overloaded == "OVERLOADED",
                            "{answer}"
                        );
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let beside = p99(&server, count).await;
        stop.send_replace(true);
        let mut done = 0;
        for login in logins {
            done += login.await.expect("a client ends");
        }
        assert!(done > 0, "{}: logins went on meanwhile", fresh.name);
        if scale() == Scale::Full {
            let held = beside <= alone * 5;
            record(
                &format!(
                    "p99 of {{ __typename }} while logins fill the hashing pool, {}",
                    fresh.name
                ),
                "at most 5 times the p99 without",
                &format!("{beside:.2?} beside {done} logins, {alone:.2?} alone"),
                held,
            );
            assert!(held, "{}: {beside:?} and {alone:?}", fresh.name);
        }
        assert!(server.stop().await.success());
        tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
