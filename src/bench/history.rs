//! Rows of an account with a long history beside one with a short one, and of the
//! start of a server on such a database.

use std::time::Instant;

use chrono::{Duration, SubsecRound as _};

use super::{
    child::Server,
    error::{BenchError, unexpected},
    figures,
    options::{Options, Size},
    people::Caller,
    place::{Home, Place},
    report::{Row, Target},
    wire::{Request, Wire},
};
use crate::{
    crypto::keyring::Keyring,
    db::{pool::Db, scratch},
    types::{
        clock,
        clock::{Clock as _, SystemClock},
    },
};

const POSTGRES: &str = include_str!("sql/history_postgres.sql");
const SQLITE: &str = include_str!("sql/history_sqlite.sql");

/// Entries of the account that is compared with.
const SHORT: u32 = 100;
/// Entries of a card that was just made: the opening credit and the salary.
const FIRST: u32 = 2;

const LAST_POSTED: &str = "SELECT last_posted_at FROM balances WHERE account_id = $1";

/// An account with a history.
struct Account {
    token: String,
    card_id: String,
    /// An instant in the middle of its history.
    middle: String,
}

/// Writes a history that ends in the second after `second`, and waits until it is past.
async fn fill(
    place: &Place,
    home: &Home,
    caller: &Caller,
    (prefix, entries): (&str, u32),
) -> Result<clock::Instant, BenchError> {
    let db = Db::open_existing(&home.url, 1, false).await?;
    let last: Option<clock::Instant> =
        db.read().await?.query(LAST_POSTED).bind(caller.card).scalar().await?;
    db.close().await;
    let last = last.ok_or_else(|| unexpected("a card without a balance"))?;
    let second = last.trunc_subsecs(0) + Duration::seconds(1);
    let account = caller.card.uuid();
    let (script, account, prefix, second_text) = if place.is_postgres() {
        let shown = clock::show(second);
        (POSTGRES, account.to_string(), format!("{prefix}-0000-7000-8000-0000"), shown)
    } else {
        let shown = second.format("%Y-%m-%dT%H:%M:%S").to_string();
        (SQLITE, account.simple().to_string(), format!("{prefix}0000700080000000"), shown)
    };
    let script = script
        .replace("{account}", &account)
        .replace("{prefix}", &prefix)
        .replace("{second}", &second_text)
        .replace("{entries}", &(entries - FIRST).to_string());
    scratch::run(&home.url, &script).await?;
    if place.is_postgres() {
        scratch::run(&home.url, "ANALYZE").await?;
    }
    let over = second + Duration::seconds(2);
    while SystemClock.now() < over {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    Ok(second + Duration::microseconds(i64::from(entries) / 2))
}

/// One request of each of two kinds in turns; the median time of each, in milliseconds.
async fn compare(
    server: &Server,
    size: &Size,
    (ours, theirs): (&Request, &Request),
) -> Result<(Vec<f64>, Vec<f64>), BenchError> {
    let mut wire = Wire::connect(server.address).await?;
    let mut medians = (Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for _ in 0..size.reads {
            for (request, times) in [(ours, &mut one), (theirs, &mut other)] {
                let began = Instant::now();
                wire.ask(request).await?;
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
        }
        medians.0.push(figures::median(&one));
        medians.1.push(figures::median(&other));
    }
    Ok(medians)
}

fn request(account: &Account, fields: &str) -> Request {
    let (id, token) = (&account.card_id, &account.token);
    let query = format!("{{ card(by: {{ id: \\\"{id}\\\" }}) {{ {fields} }} }}");
    Request::graphql(Some(token), &format!("{{\"query\":\"{query}\"}}"))
}

const PAGE: &str = "{ pageInfo { hasNextPage } nodes { id amount { amount } direction \
    balanceAfter { amount } postedAt counterparty { label } } }";

/// Whether a type of the server's schema has a field, as its introspection tells.
async fn has(wire: &mut Wire, type_name: &str, field: &str) -> Result<bool, BenchError> {
    let query = format!("{{ __type(name: \\\"{type_name}\\\") {{ fields {{ name }} }} }}");
    let answer = wire.ask(&Request::graphql(None, &format!("{{\"query\":\"{query}\"}}"))).await?;
    Ok(answer.contains(&format!("\"name\":\"{field}\"")))
}

/// Fills a copy of the people's database, starts a server on it, and measures.
pub async fn measure(
    options: &Options,
    place: &Place,
    home: &Home,
    callers: &[Caller],
    ring: &Keyring,
) -> Result<Vec<Row>, BenchError> {
    let size = options.size();
    let began = Instant::now();
    let long = fill(place, home, &callers[0], ("019a0000", size.entries)).await?;
    let made = began.elapsed();
    let short = fill(place, home, &callers[1], ("019a0001", SHORT)).await?;
    let server = Server::start(place, home).await?;
    let account = |caller: &Caller, middle| Account {
        token: caller.token(ring),
        card_id: caller.card_id(),
        middle: clock::show(middle),
    };
    let (long, short) = (account(&callers[0], long), account(&callers[1], short));
    let mut rows = pages(options, &server, &long, &short).await?;
    rows.push(balance_at(options, &server, &long).await?);
    let note = format!(
        "its entries were made by set-based SQL in {:.1} s with all triggers and keys on; they are \
         not sealed",
        made.as_secs_f64()
    );
    rows[0] = rows[0].clone().note(note);
    server.stop().await?;
    rows.push(start(options, place, home).await?);
    Ok(rows)
}

async fn pages(
    options: &Options,
    server: &Server,
    long: &Account,
    short: &Account,
) -> Result<Vec<Row>, BenchError> {
    let (size, mut rows) = (options.size(), Vec::new());
    let entries = size.entries;
    for (name, which, argument) in
        [("history_first", "newest", "first"), ("history_last", "oldest", "last")]
    {
        let fields = format!("history({argument}: 25) {PAGE}");
        let requests = (&request(long, &fields), &request(short, &fields));
        let (ours, theirs) = compare(server, &size, requests).await?;
        let what = format!("{which} page of 25 of an account with {entries} entries");
        rows.push(
            Row::new(name, what, "ms")
                .measured(ours)
                .against("ms, of one with 100", theirs)
                .target(Target::RatioTo(1.5), options.quick),
        );
    }
    Ok(rows)
}

async fn balance_at(options: &Options, server: &Server, long: &Account) -> Result<Row, BenchError> {
    let row = Row::new("balance_at", "balanceAt in the middle of that account", "ms");
    let mut wire = Wire::connect(server.address).await?;
    if !has(&mut wire, "Card", "balanceAt").await? {
        return Ok(row.note("the schema has no balanceAt yet"));
    }
    let ours = request(long, &format!("balanceAt(instant: \\\"{}\\\") {{ amount }}", long.middle));
    let theirs = request(long, "balance { posted { amount } }");
    if wire.ask(&ours).await?.contains("null") {
        return Err(unexpected("balanceAt finds nothing in the middle of a history"));
    }
    let (ours, theirs) = compare(server, &options.size(), (&ours, &theirs)).await?;
    let row = row.measured(ours).against("ms, its balance", theirs);
    Ok(row.target(Target::RatioTo(1.5), options.quick))
}

/// Starts the server on the large database once more, in each round.
async fn start(options: &Options, place: &Place, home: &Home) -> Result<Row, BenchError> {
    let size = options.size();
    let mut seconds = Vec::new();
    for _ in 0..size.rounds {
        let server = Server::start(place, home).await?;
        seconds.push(server.ready.as_secs_f64());
        server.stop().await?;
    }
    let what = format!("start on {} transactions, to the first answer", size.entries);
    let row = Row::new("start", what, "s").measured(seconds);
    Ok(row.target(Target::FigureBelow(1.0), options.quick))
}
