//! Programs of others that tests run: those of `tests/node` and of `tests/python`.

use std::{
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// Runs one of the programs in `tests/node`, which says in one line of JSON what it found.
pub async fn node(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Value {
    let output = Command::new("node")
        .arg(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node"))
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node is there: `make test` says how to get it");
    let (said, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success(),
        "{program} failed (`make test` installs its packages): {said}{complaint}"
    );
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{program}: {error}: {said}"))
}

/// Pages in a real browser: one of the programs in `tests/node` that says a line of JSON, is
/// told one, and says another. It ends when this is dropped.
pub struct Pages {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Pages {
    /// Starts the program.
    pub fn start(program: &str) -> Self {
        let mut child = Command::new("node")
            .arg(program)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node is there: `make test` says how to get it");
        let output = child.stdout.take().expect("the output is piped");
        Self { child, lines: BufReader::new(output).lines() }
    }

    /// What it says next.
    pub async fn told(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_mins(3), self.lines.next_line()).await;
        let line = line.expect("the pages are done in time").expect("the output is text");
        let line = line.expect("the browser runs: `make test` says how to get it");
        serde_json::from_str(&line).expect("a line is JSON")
    }

    /// Tells it something.
    pub async fn tell(&mut self, what: &Value) {
        let input = self.child.stdin.as_mut().expect("the input is piped");
        input.write_all(format!("{what}\n").as_bytes()).await.expect("the pages listen");
    }
}

/// Where the programs in Python are.
pub const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");

/// Runs one of the programs that `tests/python/install.sh` installs; what it leaves behind
/// stays in `folder`.
pub async fn python(
    program: &str,
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Output {
    let ran = Command::new(format!("{PYTHON}/.venv/bin/{program}"))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", PYTHON)
        .envs(environment.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    ran.expect("the Python packages of the tests are there: `make test` installs them")
}
