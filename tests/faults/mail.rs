//! Mail that fails: whoever signs in does not notice, what was written is sent once it is back,
//! and no code is good beyond its time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    bank::test_name,
    databases,
    databases::Fresh,
    load::join,
    people::{PASSWORD, text},
    proof,
    server::{Server, client, teller},
    smtp::SmtpServer,
};

const PEOPLE: u32 = 3;
/// How long a letter may take once the mail is back, by the machine's clock.
const DELIVERED: Duration = Duration::from_mins(10);
/// How far the sandbox's clock is moved at the most once the mail is back: with what it was
/// moved before, less than a code lives.
const AHEAD_MAX: i64 = 300;

const LOGIN: &str = "mutation ($input: LoginInput!) {
    login(input: $input) { challenge { id } errors { code } } }";
const RESEND: &str = "mutation ($id: ID!) {
    resendLoginCode(input: { challengeId: $id }) { ok errors { code } } }";
const CONFIRM: &str = "mutation ($input: ConfirmLoginInput!) {
    confirmLogin(input: $input) { accessToken errors { code } } }";

/// What came of it.
#[derive(Debug, Default)]
struct Figures {
    /// Letters that were written.
    written: usize,
    /// Letters that did not come once the mail was back.
    lost: usize,
    /// Letters that came more than once.
    twice: usize,
    /// Codes that were good past their time, or beside a newer one.
    codes: usize,
    /// Letters that were refused for good, and of which the log said nothing.
    untold: usize,
    /// The slowest of a hundred logins while the mail was well, and while it failed.
    slowest: (Duration, Duration),
}

fn email(index: u32) -> String {
    format!("person{index}@example.org")
}

/// A server, and the mail beside it.
struct Town {
    server: Server,
    port: String,
    smtp: Option<SmtpServer>,
    /// What the letters say that were written, by their ids.
    written: BTreeMap<String, String>,
    /// What those say that came.
    came: Vec<String>,
    /// How many logins asked for a letter that must come.
    asked: usize,
}

/// A code, and the letter that brings it.
#[derive(Debug, PartialEq, Eq)]
struct Code {
    letter: String,
    digits: String,
}

/// What a letter says, however a carrier ends its lines.
fn plain(letter: &Value) -> String {
    text(&letter["text"]).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn code(letter: &Value) -> Option<String> {
    let digits = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    let letter = text(&letter["text"]);
    letter.lines().map(str::trim).find(digits).map(str::to_owned)
}

/// The time that 99 of 100 stay under.
fn most(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[(times.len() * 99).div_ceil(100) - 1]
}

impl Town {
    async fn start(fresh: &Fresh) -> Self {
        let smtp = SmtpServer::start(&[]).await;
        let mut command = teller(fresh.folder(), &fresh.url);
        command.env("TELLER_SMTP_URL", &smtp.url);
        for limit in ["LOGINS", "CODES"] {
            command.env(format!("TELLER_LIMIT_{limit}"), "1000000/15m");
        }
        let server = Server::start_with(&mut command).await;
        for index in 0..PEOPLE {
            join(&server, &format!("person{index}"), index).await;
        }
        let port = smtp.port.to_string();
        Self {
            server,
            port,
            smtp: Some(smtp),
            written: BTreeMap::new(),
            came: Vec::new(),
            asked: 0,
        }
    }

    /// The mail goes, and another may stand in its place.
    async fn change(&mut self, options: Option<&[&str]>) {
        if let Some(smtp) = self.smtp.take() {
            self.came.extend(smtp.close().await.iter().map(plain));
        }
        if let Some(options) = options {
            let port = ["--port", &self.port];
            self.smtp = Some(SmtpServer::start(&[&port, options].concat()).await);
        }
    }

    async fn login(&self, index: u32) -> String {
        let input = json!({ "email": email(index), "password": PASSWORD });
        let told = self.server.run(None, LOGIN, json!({ "input": input })).await;
        text(&told["login"]["challenge"]["id"])
    }

    /// Signs people in one after the other; the slowest.
    async fn logins(&mut self, count: usize) -> Duration {
        self.asked += count;
        let mut times = Vec::with_capacity(count);
        for index in (0..PEOPLE).cycle().take(count) {
            let begun = Instant::now();
            self.login(index).await;
            times.push(begun.elapsed());
        }
        most(times)
    }

    async fn confirm(&self, challenge: &str, code: &str) -> bool {
        let input = json!({ "challengeId": challenge, "code": code });
        let told = self.server.run(None, CONFIRM, json!({ "input": input })).await;
        told["confirmLogin"]["accessToken"].is_string()
    }

    /// Moves the sandbox's clock.
    async fn ahead(&self, seconds: i64) {
        let asked = client()
            .post(format!("{}/dev/clock", self.server.url))
            .json(&json!({ "seconds": seconds }))
            .send()
            .await;
        assert!(asked.expect("the clock answers").status().is_success());
    }

    /// Notes which letters were written: the inbox keeps each for as long as it is of use.
    async fn note(&mut self) {
        for index in 0..PEOPLE {
            for letter in self.server.letters_now(&email(index)).await {
                self.written.insert(text(&letter["id"]), plain(&letter));
            }
        }
        if let Some(smtp) = &mut self.smtp {
            self.came.extend(smtp.taken().iter().map(plain));
        }
    }

    /// How many letters have not come, and how many came more than once.
    fn off(&self) -> (usize, usize) {
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for text in self.written.values() {
            counts.entry(text).or_default().0 += 1;
        }
        for text in &self.came {
            if let Some((_, came)) = counts.get_mut(text.as_str()) {
                *came += 1;
            }
        }
        let each = counts.values();
        let lost = each.clone().map(|(written, came)| written.saturating_sub(*came)).sum();
        (lost, each.map(|(written, came)| came.saturating_sub(*written)).sum())
    }

    /// Waits until all that was written has come. What is put off waits for its turn, which the
    /// clock brings nearer.
    async fn settle(&mut self) {
        let (begun, mut moved) = (Instant::now(), 0);
        while begun.elapsed() < DELIVERED {
            self.note().await;
            // Each login writes one, and so does each registration.
            if self.written.len() >= self.asked + PEOPLE as usize && self.off().0 == 0 {
                // One that would come twice has the time to.
                tokio::time::sleep(Duration::from_secs(3)).await;
                self.note().await;
                return;
            }
            if moved < AHEAD_MAX {
                self.ahead(20).await;
                moved += 20;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// The newest code of a person, once another letter than this has the newest.
    async fn newest_code(&self, to: &str, than: Option<&Code>) -> Code {
        for _ in 0..200 {
            let newest = self.code(to).await;
            if let Some(newest) = newest.filter(|newest| Some(newest) != than) {
                return newest;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no new code to {to}")
    }

    /// The newest code of a person that the inbox shows; it shows the newest hundred letters.
    async fn code(&self, to: &str) -> Option<Code> {
        let letters = self.server.letters_now(to).await;
        let with_code =
            |letter: &Value| Some(Code { letter: text(&letter["id"]), digits: code(letter)? });
        letters.iter().rev().find_map(with_code)
    }
}

/// While the mail is away: a fresh code is the only one that is good, and is so no longer than
/// ten minutes. How many were good all the same, or were not when they had to be.
async fn codes(town: &Town) -> usize {
    let to = email(0);
    let seen = town.code(&to).await;
    let challenge = town.login(0).await;
    let first = town.newest_code(&to, seen.as_ref()).await;
    town.server.run(None, RESEND, json!({ "id": challenge })).await;
    let second = town.newest_code(&to, Some(&first)).await;
    let is_other = first.digits != second.digits;
    let mut wrong = usize::from(is_other && town.confirm(&challenge, &first.digits).await);
    wrong += usize::from(!town.confirm(&challenge, &second.digits).await);
    let challenge = town.login(0).await;
    let late = town.newest_code(&to, Some(&second)).await;
    town.ahead(601).await;
    wrong + usize::from(town.confirm(&challenge, &late.digits).await)
}

async fn fail(fresh: &Fresh) -> Figures {
    let logins = proof::sized(6, 200);
    let mut town = Town::start(fresh).await;
    let mut figures = Figures::default();
    figures.slowest.0 = town.logins(logins).await;
    // The inbox shows the newest hundred to each: these are noted before more are written.
    town.settle().await;
    let delay = proof::sized(2_000, 30_000).to_string();
    let slow = ["--fault", "slow", "--delay", delay.as_str()];
    let faults: [Option<&[&str]>; 4] =
        [Some(&["--fault", "451"]), Some(&["--fault", "drop"]), Some(&slow), None];
    for fault in faults {
        town.change(fault).await;
        figures.slowest.1 = figures.slowest.1.max(town.logins(logins).await);
        // While it lasts each letter is tried some times.
        for _ in 0..proof::sized(2, 6) {
            tokio::time::sleep(Duration::from_secs(2)).await;
            town.note().await;
            town.ahead(20).await;
        }
        town.change(Some(&[])).await;
        town.settle().await;
        // Those who ask while the mail is away, and whose codes expire meanwhile.
        town.change(None).await;
        figures.codes += codes(&town).await;
    }
    (figures.lost, figures.twice) = town.off();
    figures.written = town.written.len();
    // Refused for good is told to the operator, and not tried again.
    town.change(Some(&["--fault", "550"])).await;
    town.login(1).await;
    for _ in 0..100 {
        if town.server.log().contains("given up") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    figures.untold += usize::from(!town.server.log().contains("given up"));
    town.change(None).await;
    assert!(town.server.stop().await.success());
    figures
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_fails_holds_nobody_up_and_loses_nothing() {
    for fresh in databases::both().await {
        let figures = fail(&fresh).await;
        let harm = figures.lost + figures.twice + figures.codes + figures.untold;
        let (well, ill) = figures.slowest;
        let measured = proof::scale() == proof::Scale::Full;
        let held = harm == 0 && (!measured || ill < 2 * well + Duration::from_millis(20));
        proof::record(
            &format!("F13 mail 451, dropped, slow, down, 550, {}", fresh.name),
            "0 letters lost, 0 sent twice, 0 codes good beside a newer one or past ten minutes, \
             p99 of logins under twice that of a mail that is well",
            &format!(
                "{} letters: {}, {}, {}; p99 {} ms and {} ms",
                figures.written,
                figures.lost,
                figures.twice,
                figures.codes,
                well.as_millis(),
                ill.as_millis()
            ),
            held,
        );
        assert!(held, "{}: {figures:?}", fresh.name);
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
