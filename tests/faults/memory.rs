//! A server that may have little memory: thousands who sign in at once do not end it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde_json::{Value, json};
use tokio::{process::Command, sync::Mutex, task::JoinSet};

use crate::support::{
    bank::test_name,
    databases,
    load::join,
    people::{PASSWORD, text},
    proof,
    server::{PROGRAM, Server, client, with_settings},
};

/// What the process may map; one password that is checked takes 19 MiB of it.
const LIMIT_MIB: u64 = 2_048;
/// What it may really use at the most.
const RESIDENT_MIB: u64 = 512;
/// Who ask at the same time: more than may wait.
const AT_ONCE: usize = 300;

const LOGIN: &str = "mutation ($input: LoginInput!) {
    login(input: $input) { challenge { id } errors { code } } }";

/// What came of each login.
type Told = Arc<Mutex<BTreeMap<String, usize>>>;

/// The most memory that a process has really used, in MiB.
fn most_resident(process: u32) -> u64 {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(Path::new(&path)).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).expect("a figure");
    kib.trim().parse::<u64>().expect("a number") / 1024
}

/// One login, and what it was told: `in`, the status where it was refused with a time to come
/// again, or whatever else.
async fn log_in(client: reqwest::Client, url: String, email: String, told: Told) {
    let body = json!({ "query": LOGIN,
        "variables": { "input": { "email": email, "password": PASSWORD } } });
    let asked = client
        .post(format!("{url}/graphql"))
        .header("accept", "application/graphql-response+json")
        .json(&body)
        .send()
        .await;
    let what = match asked {
        Err(_) => "no answer".to_owned(),
        Ok(answer) => {
            let status = answer.status().as_u16();
            let again = answer.headers().contains_key("retry-after");
            let body: Value = answer.json().await.unwrap_or_default();
            let challenge = &body["data"]["login"]["challenge"]["id"];
            match (status, challenge.is_string(), again) {
                (200, true, _) => "in".to_owned(),
                (503, false, true) => "later".to_owned(),
                _ => format!("{status} {body}"),
            }
        }
    };
    *told.lock().await.entry(what).or_default() += 1;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_who_sign_in_at_once_do_not_end_a_server_with_little_memory() {
    let logins = proof::sized(600, 10_000);
    for fresh in databases::both().await {
        let mut command = Command::new("prlimit");
        command.arg(format!("--as={}", LIMIT_MIB * 1024 * 1024)).arg(PROGRAM);
        let mut command = with_settings(command, fresh.folder(), &fresh.url);
        // Whoever waits for a turn waits for all before them, on a machine that does other things.
        command.env("TELLER_REQUEST_TIME", "25");
        for limit in ["LOGINS", "CODES"] {
            command.env(format!("TELLER_LIMIT_{limit}"), "1000000/15m");
        }
        let server = Server::start_with(&mut command).await;
        for index in 0..3 {
            join(&server, &format!("person{index}"), index).await;
        }
        let (told, client) = (Told::default(), client());
        let mut asking = JoinSet::new();
        for number in 0..logins {
            if asking.len() >= AT_ONCE {
                asking.join_next().await.expect("somebody asks").expect("nobody panics");
            }
            let email = format!("person{}@example.org", number % 3);
            asking.spawn(log_in(client.clone(), server.url.clone(), email, Arc::clone(&told)));
        }
        while let Some(asked) = asking.join_next().await {
            asked.expect("nobody panics");
        }
        let told = told.lock().await.clone();
        let resident = most_resident(server.process());
        // Afterwards it is as it was.
        let input = json!({ "email": "person0@example.org", "password": PASSWORD });
        let after = server.run(None, LOGIN, json!({ "input": input })).await;
        assert!(!text(&after["login"]["challenge"]["id"]).is_empty(), "{after}");
        let count = |what: &str| told.get(what).copied().unwrap_or(0);
        let others = logins - count("in") - count("later");
        let held = others == 0
            && count("in") > 0
            && count("later") > 0
            && resident < RESIDENT_MIB
            && !server.log().contains("panicked");
        proof::record(
            &format!("F18 memory limit of {LIMIT_MIB} MiB, {}", fresh.name),
            "no end of the process, each login done or told to come again, under 512 MiB used",
            &format!(
                "{logins} logins, {AT_ONCE} at once: {} in, {} told to come again, {others} \
                 others; {resident} MiB used at the most",
                count("in"),
                count("later")
            ),
            held,
        );
        assert!(held, "{}: {resident} MiB, {told:?}", fresh.name);
        assert!(server.stop().await.success());
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}
