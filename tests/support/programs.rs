//! Programs of others that tests run: those of `tests/node` and of `tests/python`.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use serde_json::Value;
use tokio::process::Command;

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
