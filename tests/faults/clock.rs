//! Clocks that jump or run: nothing is good beyond its time, and nobody is locked out for ever.
//!
//! The bank in memory has a clock that a test sets, forward and back, as no clock of a
//! machine lets itself be set without rights that tests do not have.

use chrono::Duration;
use serde_json::{Value, json};

use crate::support::{
    bank::{TestBank, each_database},
    people::{PASSWORD, Person, codes, text},
    proof,
};

const REFRESH: &str = "mutation ($token: String!) {
    refreshSession(input: { refreshToken: $token }) {
        accessToken refreshToken errors { code } } }";

/// What was good when it must not be; all of it must be nothing.
#[derive(Debug, Default, PartialEq, Eq)]
struct Harm {
    /// Access tokens that opened something past their time.
    tokens: usize,
    /// Codes that were right past their ten minutes.
    codes: usize,
    /// Times that somebody with the right password could not come in.
    shut: usize,
}

/// A code that was asked for, and when.
struct Asked {
    challenge: String,
    code: String,
}

/// Asks for a code; `None` where nobody is let in. Where the clock went back the newest letter
/// is not the last one, so it is known by not having been there before.
async fn try_ask(bank: &TestBank, who: &Person) -> Option<Asked> {
    let texts = async || -> Vec<String> {
        bank.letters(&who.email).await.into_iter().map(|letter| letter.text).collect()
    };
    let before = texts().await;
    let asked = bank.login(&who.email, PASSWORD).await;
    if !codes(&asked).is_empty() {
        return None;
    }
    let letter = texts().await.into_iter().find(|text| !before.contains(text));
    let letter = letter.expect("a letter came");
    let digits = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    let code = letter.lines().map(str::trim).find(digits).expect("a code").to_owned();
    Some(Asked { challenge: text(&asked["challenge"]["id"]), code })
}

async fn ask(bank: &TestBank, who: &Person) -> Asked {
    try_ask(bank, who).await.expect("the right password asks for a code")
}

async fn enter(bank: &TestBank, who: &Person) -> Value {
    let Asked { challenge, code } = ask(bank, who).await;
    let confirmed = bank.confirm_login(&challenge, &code).await;
    assert_eq!(codes(&confirmed), Vec::<String>::new(), "{confirmed}");
    confirmed
}

/// Whether a code is right.
async fn opens(bank: &TestBank, asked: &Asked) -> bool {
    codes(&bank.confirm_login(&asked.challenge, &asked.code).await).is_empty()
}

/// Whether a token opens anything.
async fn shows(bank: &TestBank, token: &str) -> bool {
    bank.post(Some(token), "{ me { email } }", Value::Null).await.status == 200
}

/// Whether somebody with the right password can come in, with a token that is good at once.
async fn comes_in(bank: &TestBank, who: &Person) -> bool {
    let Some(asked) = try_ask(bank, who).await else {
        return false;
    };
    let confirmed = bank.confirm_login(&asked.challenge, &asked.code).await;
    codes(&confirmed).is_empty() && shows(bank, &text(&confirmed["accessToken"])).await
}

/// The clock jumps an hour ahead.
async fn ahead(bank: &TestBank, who: &Person, harm: &mut Harm) {
    let token = text(&enter(bank, who).await["accessToken"]);
    let asked = ask(bank, who).await;
    bank.wait(Duration::hours(1));
    harm.tokens += usize::from(shows(bank, &token).await);
    harm.codes += usize::from(opens(bank, &asked).await);
    harm.shut += usize::from(!comes_in(bank, who).await);
}

/// The clock jumps an hour back, eleven minutes after a token and a code were made: until it
/// shows again when they were made nobody knows how old they are, and they open nothing.
async fn back(bank: &TestBank, who: &Person, other: &Person, harm: &mut Harm) {
    let token = text(&enter(bank, who).await["accessToken"]);
    let asked = ask(bank, who).await;
    bank.wait(Duration::minutes(11));
    harm.tokens += usize::from(shows(bank, &token).await);
    bank.wait(Duration::hours(-1));
    for _ in 0..3 {
        harm.tokens += usize::from(shows(bank, &token).await);
        harm.codes += usize::from(opens(bank, &asked).await);
        harm.shut += usize::from(!comes_in(bank, other).await);
        bank.wait(Duration::minutes(15));
    }
}

/// Who is locked out when the clock jumps back comes in again, an hour and a pause later.
async fn locked(bank: &TestBank, who: &Person, harm: &mut Harm) {
    for _ in 0..10 {
        assert_eq!(codes(&bank.login(&who.email, "wrong").await), ["BAD_CREDENTIALS"]);
    }
    assert_eq!(codes(&bank.login(&who.email, PASSWORD).await), ["RATE_LIMITED"]);
    bank.wait(Duration::hours(-1));
    bank.wait(Duration::minutes(76));
    harm.shut += usize::from(!comes_in(bank, who).await);
    // And at once where it jumps ahead.
    for _ in 0..10 {
        bank.login(&who.email, "wrong").await;
    }
    bank.wait(Duration::hours(1));
    harm.shut += usize::from(!comes_in(bank, who).await);
}

/// The clock runs sixty times as fast: for so many seconds of ours.
async fn fast(bank: &TestBank, who: &Person, seconds: usize, harm: &mut Harm) {
    let confirmed = enter(bank, who).await;
    let (first, mut refresh) = (text(&confirmed["accessToken"]), text(&confirmed["refreshToken"]));
    let asked = ask(bank, who).await;
    for second in 1..=seconds {
        bank.wait(Duration::minutes(1));
        // The token lives ten minutes.
        harm.tokens += usize::from(second >= 10 && shows(bank, &first).await);
        if second == 11 {
            harm.codes += usize::from(opens(bank, &asked).await);
        }
        if second % 5 == 0 {
            let payload = bank.run(None, REFRESH, json!({ "token": refresh })).await;
            let payload = &payload["refreshSession"];
            refresh = text(&payload["refreshToken"]);
            harm.shut += usize::from(!shows(bank, &text(&payload["accessToken"])).await);
        }
    }
    harm.shut += usize::from(!comes_in(bank, who).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_or_runs_makes_nothing_good_beyond_its_time() {
    each_database(async |bank| {
        let (who, other) = (bank.join("ann", 1).await, bank.join("bob", 2).await);
        let mut harm = Harm::default();
        let (rounds, seconds) = (proof::sized(2, 50), proof::sized(30, 600));
        for _ in 0..rounds {
            ahead(bank, &who, &mut harm).await;
            back(bank, &who, &other, &mut harm).await;
            locked(bank, &who, &mut harm).await;
        }
        fast(bank, &who, seconds, &mut harm).await;
        proof::record(
            &format!("F14 clock, {}", bank.database),
            "0 tokens past their time, 0 codes past ten minutes, 0 times locked out",
            &format!(
                "{rounds} times +1 h and -1 h, {seconds} s at x60: {}, {}, {}",
                harm.tokens, harm.codes, harm.shut
            ),
            harm == Harm::default(),
        );
        assert_eq!(harm, Harm::default(), "{}", bank.database);
    })
    .await;
}
