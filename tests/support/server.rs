//! A real server process, on a real socket.

use std::{path::Path, process::Stdio, time::Duration};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// How long a server may take to be ready.
const READY: Duration = Duration::from_mins(1);

/// A running `teller serve`; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub url: String,
    /// What it said when it started.
    pub announced: String,
    child: Child,
    client: Client,
}

/// The program, to be run with whatever the test wants; its data stays in `folder`.
pub fn teller(folder: &Path, database_url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_teller"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TELLER_") {
            command.env_remove(name);
        }
    }
    command
        .env("TELLER_DATA_DIR", folder)
        .env("TELLER_DATABASE_URL", database_url)
        .env("TELLER_LISTEN", "127.0.0.1:0")
        .kill_on_drop(true);
    command
}

/// A client that asks no proxy.
pub fn client() -> Client {
    Client::builder().no_proxy().build().expect("a client")
}

/// Posts a GraphQL document to a server; an error where it does not answer.
pub async fn post(
    client: &Client,
    url: &str,
    token: Option<&str>,
    query: &str,
    variables: Value,
) -> Result<Value, reqwest::Error> {
    let mut request = client
        .post(format!("{url}/graphql"))
        .header("accept", "application/graphql-response+json")
        .json(&json!({ "query": query, "variables": variables }));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await?.json().await
}

impl Server {
    /// Starts a sandbox over a database.
    pub async fn start(folder: &Path, database_url: &str) -> Self {
        Self::start_with(&mut teller(folder, database_url)).await
    }

    /// Starts what the command says, and waits until it listens.
    pub async fn start_with(command: &mut Command) -> Self {
        let mut child =
            command.arg("serve").stdout(Stdio::piped()).spawn().expect("the program starts");
        let output = child.stdout.take().expect("the output is piped");
        let mut lines = BufReader::new(output).lines();
        let mut announced = String::new();
        let mut url = None;
        let reading = async {
            while let Some(line) = lines.next_line().await.expect("the output is text") {
                if let Some((_, address)) = line.split_once("listening on  ") {
                    url = Some(address.trim().to_owned());
                }
                announced.push_str(&line);
                announced.push('\n');
                if line.trim_start().starts_with("database") {
                    break;
                }
            }
        };
        tokio::time::timeout(READY, reading).await.expect("the server is ready in time");
        let url = url.unwrap_or_else(|| panic!("the server did not start: {announced}"));
        // Whatever it says later is read, so that it never waits for a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { url, announced, child, client: client() }
    }

    /// Ends it as a power cut would.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("the server is killed");
    }

    /// Asks it to stop, and waits for its exit status.
    pub async fn stop(mut self) -> std::process::ExitStatus {
        let id = self.child.id().expect("the server runs").to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().await;
        assert!(asked.expect("kill runs").success());
        let ended = tokio::time::timeout(Duration::from_secs(20), self.child.wait()).await;
        ended.expect("the server stops in time").expect("the server's status is known")
    }

    /// Posts a GraphQL document; an error where the server does not answer.
    pub async fn try_post(
        &self,
        token: Option<&str>,
        query: &str,
        variables: Value,
    ) -> Result<Value, reqwest::Error> {
        post(&self.client, &self.url, token, query, variables).await
    }

    /// Runs a GraphQL document that must succeed, and gives its data.
    pub async fn run(&self, token: Option<&str>, query: &str, variables: Value) -> Value {
        let mut body = self.try_post(token, query, variables).await.expect("the server answers");
        assert!(body.get("errors").is_none(), "{body}");
        body["data"].take()
    }

    /// The letters to an address, oldest first, once there is one more than `seen`.
    pub async fn letters(&self, to: &str, seen: usize) -> Vec<Value> {
        for _ in 0..200 {
            let url = format!("{}/dev/inbox", self.url);
            let request = self.client.get(url).query(&[("to", to)]);
            let request = request.header("accept", "application/json");
            let answer = request.send().await.expect("the inbox answers");
            let letters: Vec<Value> = answer.json().await.expect("the inbox is JSON");
            if letters.len() > seen {
                return letters;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no new letter to {to}")
    }
}
