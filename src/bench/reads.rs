//! Rows of a read that every client makes, against a plain JSON twin.

use std::sync::Arc;

use super::{
    child::Server,
    error::{BenchError, unexpected},
    figures, load,
    load::{Load, Work},
    machine,
    options::SEED,
    place::Home,
    report::{Row, Target},
    transfers::Stage,
    wire::{Request, Wire},
};

const ME: &str =
    r#"{"query":"{ me { firstName cards { last4 balance { available { amount } } } } }"}"#;

/// Enough clients to keep the server busy, few enough that none waits for long.
const CLIENTS: usize = 16;

/// Whom the requests go to, and which they are.
struct Side<'s> {
    server: &'s Server,
    requests: Arc<Vec<Request>>,
}

/// The processor's time for one request, in microseconds; none without `/proc`.
async fn cost(stage: &Stage<'_>, side: &Side<'_>, seed: u64) -> Result<Option<f64>, BenchError> {
    let before = machine::cpu_seconds(side.server.process);
    let done = load::run(Load {
        address: side.server.address,
        clients: CLIENTS,
        lasts: stage.size.load,
        seed,
        work: Work::Reads(Arc::clone(&side.requests)),
    })
    .await?;
    let after = machine::cpu_seconds(side.server.process);
    let used = before.zip(after).map(|(before, after)| after - before);
    Ok(used.map(|used| used * 1e6 / figures::count(done.done.max(1))))
}

/// Measures the read on the product and on its twin, in turns.
pub async fn measure(stage: &Stage<'_>, home: &Home) -> Result<Row, BenchError> {
    let tokens: Vec<String> = stage.callers.iter().map(|c| c.token(stage.ring)).collect();
    let get = |path: &str| -> Arc<Vec<Request>> {
        Arc::new(tokens.iter().map(|token| Request::get(token, path)).collect())
    };
    let graphql = tokens.iter().map(|token| Request::graphql(Some(token), ME));
    let graphql: Arc<Vec<Request>> = Arc::new(graphql.collect());
    let (plain, joined) = (get("/me"), get("/me-joined"));
    let twin = Server::start_twin(stage.place, home, &plain[0]).await?;
    let product = Side { server: stage.server, requests: graphql };
    let plain = Side { server: &twin, requests: plain };
    let joined = Side { server: &twin, requests: joined };
    same_answers(&[&product, &plain, &joined]).await?;
    let (mut ours, mut theirs, mut joined_ones) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..stage.size.rounds {
        let seed = SEED + 1_000 + u64::try_from(round).unwrap_or_default();
        ours.extend(cost(stage, &product, seed).await?);
        theirs.extend(cost(stage, &plain, seed).await?);
        joined_ones.extend(cost(stage, &joined, seed).await?);
    }
    twin.stop().await?;
    let what = "{ me { firstName cards { last4 balance { available { amount } } } } }, CPU";
    let without = ours.is_empty().then(|| "there is no /proc to read the CPU from".to_owned());
    Ok(Row::new("me_cpu", what, "µs a request")
        .measured(ours)
        .against("plain JSON twin, a statement for each noun", theirs)
        .beside("plain JSON twin, one joined statement", &joined_ones, None)
        .noted(without)
        .target(Target::RatioTo(1.5), stage.options.quick))
}

/// A twin that answered something else would be no twin.
async fn same_answers(sides: &[&Side<'_>]) -> Result<(), BenchError> {
    let mut told = Vec::new();
    for side in sides {
        let mut wire = Wire::connect(side.server.address).await?;
        let answer = wire.ask(&side.requests[0]).await?;
        let mut read: serde_json::Value = serde_json::from_str(&answer)
            .map_err(|_| unexpected(format!("an answer is no JSON: {answer}")))?;
        told.push(read["data"].take());
    }
    if told.iter().all(|data| data.is_object() && *data == told[0]) {
        Ok(())
    } else {
        Err(unexpected(format!("the twin answers something else: {told:?}")))
    }
}
