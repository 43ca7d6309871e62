//! A real server process, on a real socket.

use std::{
    io::Write as _,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, Command},
};

use super::pooler;

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
    log: Arc<Mutex<String>>,
}

/// Where the program is.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_teller");

/// The program, to be run with whatever the test wants; its data stays in `folder`.
pub fn teller(folder: &Path, database_url: &str) -> Command {
    with_settings(Command::new(PROGRAM), folder, database_url)
}

/// A command that runs the program in its own way, with the settings of a test.
pub fn with_settings(mut command: Command, folder: &Path, database_url: &str) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TELLER_") {
            command.env_remove(name);
        }
    }
    let pooled = pooler::of_the_environment(database_url);
    if pooled.is_some() {
        command.env("TELLER_DATABASE_POOLER", "transaction");
        command.env("TELLER_DATABASE_DIRECT_URL", database_url);
    }
    command
        .env("TELLER_DATA_DIR", folder)
        .env("TELLER_DATABASE_URL", pooled.as_deref().unwrap_or(database_url))
        .env("TELLER_LISTEN", "127.0.0.1:0")
        .kill_on_drop(true);
    command
}

/// How many lines of a log are shown where a test fails.
const LOG_SHOWN: usize = 20;

/// How long a client waits for an answer: longer than any server may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client that asks no proxy.
pub fn client() -> Client {
    // No test speaks TLS, but a client that could must be told by whose hands.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client")
}

/// The same with a connection for each request.
pub fn lone_client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().no_proxy().timeout(PATIENCE).pool_max_idle_per_host(0);
    builder.build().expect("a client")
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
        Self::start_program(command.arg("serve")).await
    }

    /// The same with a program that announces itself as the server does.
    pub async fn start_program(command: &mut Command) -> Self {
        let started = Self::try_start(command).await;
        started.unwrap_or_else(|told| panic!("the server did not start: {told}"))
    }

    /// The same; what it said where it ended in place of listening.
    pub async fn try_start(command: &mut Command) -> Result<Self, String> {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let output = child.stdout.take().expect("the output is piped");
        let mut lines = BufReader::new(output).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let errors = child.stderr.take().expect("the log is piped");
        let keeper = tokio::spawn(keep(BufReader::new(errors).lines(), Arc::clone(&log)));
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
        let Some(url) = url else {
            // Its last words may still be on their way.
            let read = tokio::time::timeout(READY, keeper).await;
            read.expect("a server that did not start has ended").expect("the log is read");
            let log = log.lock().expect("nobody panics while writing the log");
            return Err(format!("{announced}{log}"));
        };
        // Whatever it says later is read, so that it never waits for a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { url, announced, child, client: client(), log })
    }

    /// It has not ended.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|ended| ended.is_none())
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id().expect("the server runs")
    }

    /// What it logged until now.
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics while writing the log").clone()
    }

    /// Ends it as a power cut would.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("the server is killed");
    }

    /// Asks it to stop, and waits for its exit status.
    pub async fn stop(self) -> ExitStatus {
        self.signal("TERM").await;
        self.ended().await
    }

    /// Waits for its exit status.
    pub async fn ended(mut self) -> ExitStatus {
        let ended = tokio::time::timeout(Duration::from_secs(20), self.child.wait()).await;
        ended.expect("the server stops in time").expect("the server's status is known")
    }

    /// Sends it a signal by its name: `STOP`, `CONT`, `TERM`.
    pub async fn signal(&self, name: &str) {
        let id = self.process().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().await;
        assert!(sent.expect("kill runs").success());
    }

    /// What `/readyz` says: the status and the body; none where nobody answers.
    pub async fn ready(&self) -> Option<(u16, Value)> {
        let request = self.client.get(format!("{}/readyz", self.url));
        let answer = request.timeout(Duration::from_secs(2)).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.ok()?))
    }

    /// Waits until `/readyz` has this status, and tells how long that took and what it said;
    /// none where it does not come to it in time.
    pub async fn until_ready_is(&self, status: u16, limit: Duration) -> Option<(Duration, Value)> {
        let began = Instant::now();
        while began.elapsed() < limit {
            if let Some((found, body)) = self.ready().await
                && found == status
            {
                return Some((began.elapsed(), body));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        None
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

    /// The letters to an address that have come by now.
    pub async fn letters_now(&self, to: &str) -> Vec<Value> {
        let url = format!("{}/dev/inbox", self.url);
        let request = self.client.get(url).query(&[("to", to)]);
        let request = request.header("accept", "application/json");
        let answer = request.send().await.expect("the inbox answers");
        answer.json().await.expect("the inbox is JSON")
    }

    /// The letters to an address, oldest first, once there is one more than `seen`.
    pub async fn letters(&self, to: &str, seen: usize) -> Vec<Value> {
        for _ in 0..200 {
            let letters = self.letters_now(to).await;
            if letters.len() > seen {
                return letters;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no new letter to {to}")
    }
}

/// Reads a log to its end, line by line.
async fn keep<R: AsyncBufRead + Unpin>(mut lines: Lines<R>, log: Arc<Mutex<String>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        let mut log = log.lock().expect("nobody panics while writing the log");
        log.push_str(&line);
        log.push('\n');
    }
}

impl Drop for Server {
    /// Shows the log where it may say why a test failed, and nowhere else: a server
    /// whose disk is taken away complains as it should.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(LOG_SHOWN)..].join("\n");
            // A test that fails must not fail a second time over its output.
            let _ = writeln!(std::io::stderr(), "--- end of the log of {} ---\n{last}", self.url);
        }
    }
}
