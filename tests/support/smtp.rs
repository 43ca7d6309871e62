//! A real SMTP server in a process of its own, which fails as it is told to.

use std::{
    process::{ExitStatus, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::mpsc,
};

/// The server; it ends when its input is closed.
pub struct SmtpServer {
    /// Where it listens.
    pub url: String,
    /// On which port.
    pub port: u16,
    child: Child,
    letters: mpsc::UnboundedReceiver<Value>,
}

impl SmtpServer {
    /// Starts it with options of `smtp-server.mjs`.
    pub async fn start(options: &[&str]) -> Self {
        let mut child = Command::new("node")
            .arg("smtp-server.mjs")
            .args(options)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node is there: `make test` says how to get it");
        let output = child.stdout.take().expect("the output is piped");
        let mut lines = BufReader::new(output).lines();
        let first = lines.next_line().await.expect("the output is text");
        let first =
            first.expect("the SMTP server starts: run `make test`, which installs its packages");
        let told: Value = serde_json::from_str(&first).expect("the first line is JSON");
        let port = told["listening"].as_u64().and_then(|port| u16::try_from(port).ok());
        let port = port.expect("it says on which port");
        let (tell, letters) = mpsc::unbounded_channel();
        // It is read as it comes, so that the server never waits for a full pipe.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = tell.send(serde_json::from_str(&line).expect("a letter is JSON"));
            }
        });
        Self { url: format!("smtp://127.0.0.1:{port}"), port, child, letters }
    }

    /// The next letter that it takes.
    pub async fn letter(&mut self) -> Value {
        let letter = tokio::time::timeout(Duration::from_secs(20), self.letters.recv()).await;
        letter.expect("a letter comes in time").expect("the server runs")
    }

    /// The letters that it has taken by now and that were not asked for yet.
    pub fn taken(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.letters.try_recv().ok()).collect()
    }

    /// Ends it.
    pub async fn end(mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        self.child.wait().await.expect("the SMTP server ends")
    }

    /// Ends it; the letters that it had taken and that were not asked for yet.
    pub async fn close(mut self) -> Vec<Value> {
        drop(self.child.stdin.take());
        self.child.wait().await.expect("the SMTP server ends");
        let mut all = Vec::new();
        while let Some(letter) = self.letters.recv().await {
            all.push(letter);
        }
        all
    }
}
