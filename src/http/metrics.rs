//! `GET /metrics`: what the process counts, for Prometheus.
//!
//! Counters are counted where something happens, by whichever floor. What is only looked at
//! (how many wait, how much memory there is) is looked at when somebody reads it; what stands
//! in the database was read before, so that nobody waits for it here.

use std::{sync::OnceLock, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    routing::get,
};
use metrics::{counter, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use subtle::ConstantTimeEq as _;

use super::{crowd::Crowd, process};
use crate::{
    bank::{context::Bank, heart::Heart},
    compat::wire::usage::Usage,
    types::{clock, secret::Secret},
};

/// Bounds of how long something took, in seconds.
const SECONDS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bounds of how many postings a batch has.
const POSTINGS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// How often what was counted is put together, so that it takes no memory.
const TOGETHER: Duration = Duration::from_secs(5);

/// What was counted, for whoever reads it.
#[derive(Debug, Clone)]
pub struct Counted(PrometheusHandle);

/// Begins to count in this process; what was counted before is lost.
///
/// Each floor counts by the names that it chooses itself; where this was never called they
/// count nothing and cost nothing.
pub fn begin() -> Counted {
    static COUNTED: OnceLock<Counted> = OnceLock::new();
    let install = || {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(|builder| {
                let name = Matcher::Full("teller_ledger_batch_postings".to_owned());
                builder.set_buckets_for_metric(name, &POSTINGS)
            });
        let recorder = builder.expect("the bounds are numbers").build_recorder();
        let counted = Counted(recorder.handle());
        // Whoever counts in this process already goes on, and this one shows nothing.
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("somebody else counts in this process");
        }
        describe();
        counted
    };
    COUNTED.get_or_init(install).clone()
}

impl Counted {
    /// Puts together what was counted, until the returned future is dropped.
    pub async fn work(self) {
        loop {
            tokio::time::sleep(TOGETHER).await;
            self.0.run_upkeep();
        }
    }
}

/// What is looked at when somebody reads.
#[derive(Clone)]
pub struct Sights {
    /// The bank.
    pub bank: Bank,
    /// What stays open.
    pub crowd: Crowd,
    /// How the legacy dialects are used.
    pub usage: Usage,
}

/// Who may read, and what.
#[derive(Clone)]
pub struct Readers {
    /// What was counted.
    pub counted: Counted,
    /// What is looked at.
    pub sights: Sights,
    /// What a reader must show; none where everybody who comes here may read.
    pub token: Option<Secret>,
}

/// `/metrics`.
pub fn routes(readers: Readers) -> Router {
    // Prometheus.
    Router::new().route("/metrics", get(read)).with_state(readers)
}

/// The token of a reader is the one that is wanted.
fn may_read(wanted: &Secret, headers: &HeaderMap) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.and_then(|shown| shown.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    token.is_some_and(|(_, token)| token.trim().as_bytes().ct_eq(wanted.expose().as_bytes()).into())
}

async fn read(State(readers): State<Readers>, headers: HeaderMap) -> Response<Body> {
    if readers.token.as_ref().is_some_and(|wanted| !may_read(wanted, &headers)) {
        let mut response = Response::new(Body::from("Send Authorization: Bearer TOKEN.\n"));
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let challenge = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        return response;
    }
    readers.sights.look();
    let mut response = Response::new(Body::from(readers.counted.0.render()));
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A count as a gauge has it; those that are too large for it do not occur.
#[expect(clippy::cast_precision_loss, reason = "no count of ours comes near to 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

/// Milliseconds as seconds.
fn seconds(millis: i64) -> f64 {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0)).as_secs_f64()
}

impl Sights {
    /// Sets everything that is only looked at.
    fn look(&self) {
        let bank = &self.bank;
        let pool = bank.db.connections();
        gauge!("teller_database_connections", "state" => "open").set(number(pool.open));
        gauge!("teller_database_connections", "state" => "idle").set(number(pool.idle));
        gauge!("teller_database_waiting").set(number(pool.waiting));
        let queue = bank.ledger.queue_depth();
        gauge!("teller_ledger_waiting").set(number(queue.waiting));
        gauge!("teller_ledger_waiting_max").set(number(queue.most));
        let hashing = bank.hasher.queue_depth();
        gauge!("teller_hashing_waiting").set(number(hashing.waiting));
        gauge!("teller_hashing_waiting_max").set(number(hashing.most));
        let open = self.crowd.open();
        gauge!("teller_live_open", "kind" => "socket").set(number(open.sockets));
        gauge!("teller_live_open", "kind" => "stream").set(number(open.streams));
        let ready = bank.pulse.heart() == Heart::Beats && !bank.pulse.is_draining();
        gauge!("teller_ready").set(f64::from(u8::from(ready)));
        let (backlog, now) = (bank.pulse.backlog(), bank.now());
        // Counted from when it was, so that an age grows where nobody can look.
        let age = |since: Option<clock::Instant>| {
            seconds(since.map_or(0, |since| (now - since).num_milliseconds().max(0)))
        };
        gauge!("teller_outbox_letters").set(number(usize::try_from(backlog.letters).unwrap_or(0)));
        gauge!("teller_outbox_oldest_seconds").set(age(backlog.letter));
        gauge!("teller_seal_lag_seconds").set(age(backlog.unsealed));
        for (used, count) in self.usage.all() {
            let (dialect, client) = (used.dialect.name(), used.client);
            let (method, route) = (used.method, used.path);
            counter!("teller_dialect_calls_total", "dialect" => dialect, "method" => method,
                "route" => route, "client" => client)
            .absolute(count);
        }
        let mode = if bank.rules.sandbox { "sandbox" } else { "production" };
        let commit = option_env!("TELLER_COMMIT").unwrap_or("unknown");
        gauge!("teller_build_info", "version" => env!("CARGO_PKG_VERSION"), "commit" => commit,
            "mode" => mode)
        .set(1.0);
        process::look();
    }
}

/// Says what each name means.
fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};

    describe_counter!("teller_http_requests_total", "Requests by method, route and status");
    describe_histogram!("teller_http_request_seconds", "Time to the head of the answer");
    describe_counter!("teller_graphql_fields_total", "Fields at the top of what GraphQL ran");
    describe_histogram!("teller_graphql_request_seconds", "Time of a run, under its first field");
    describe_counter!("teller_refusals_total", "Refusals of the bank that somebody was told");
    describe_counter!("teller_dialect_calls_total", "Calls of the legacy dialects by client");
    describe_histogram!("teller_ledger_batch_postings", "Postings of a batch");
    describe_histogram!("teller_ledger_batch_seconds", "Time to commit a batch");
    describe_counter!("teller_ledger_postings_total", "Postings by what became of them");
    describe_gauge!("teller_ledger_waiting", "Postings that wait for a batch");
    describe_gauge!("teller_ledger_waiting_max", "Postings that may wait");
    describe_gauge!("teller_database_connections", "Connections to the database");
    describe_gauge!("teller_database_waiting", "Those who wait for a connection");
    describe_gauge!("teller_hashing_waiting", "Passwords that wait to be hashed, or are hashed");
    describe_gauge!("teller_hashing_waiting_max", "Passwords that may wait");
    describe_gauge!("teller_live_open", "Sockets and streams of server-sent events");
    describe_gauge!("teller_ready", "1 where /readyz says yes");
    describe_gauge!("teller_outbox_letters", "Letters that wait to be sent");
    describe_gauge!("teller_outbox_oldest_seconds", "How long the oldest letter has waited");
    describe_gauge!("teller_seal_lag_seconds", "How long the oldest waits for its seal");
    describe_gauge!("teller_build_info", "What this program is; always 1");
    process::describe();
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, header};

    use super::may_read;
    use crate::types::secret::Secret;

    #[test]
    fn a_reader_shows_the_token_and_nothing_else() {
        let wanted = Secret::new("0123456789abcdef0123456789abcdef");
        let may = |shown: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(shown));
            may_read(&wanted, &headers)
        };
        assert!(may("Bearer 0123456789abcdef0123456789abcdef"));
        assert!(may("bearer 0123456789abcdef0123456789abcdef"));
        assert!(!may("Bearer 0123456789abcdef0123456789abcdee"));
        assert!(!may("Bearer "));
        assert!(!may("Basic 0123456789abcdef0123456789abcdef"));
        assert!(!may_read(&wanted, &HeaderMap::new()));
    }
}
