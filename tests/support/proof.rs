//! Short or full size, and the record of what was proved at full size.

use std::{env, fs::OpenOptions, io::Write as _, time::Duration};

use serde_json::json;

/// How large a promise is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// In `make test`.
    Short,
    /// In `make prove`.
    Full,
}

/// The size that the environment asks for.
pub fn scale() -> Scale {
    match env::var("TELLER_SCALE").as_deref() {
        Ok("full") => Scale::Full,
        _ => Scale::Short,
    }
}

/// The first number in `make test`, the second in `make prove`.
pub fn sized(short: usize, full: usize) -> usize {
    match scale() {
        Scale::Short => short,
        Scale::Full => full,
    }
}

/// How long something may take that must not take longer than this: the machine of
/// `make test` is busy with much else, so there only what never comes fails.
pub fn within(promised: Duration) -> Duration {
    match scale() {
        Scale::Short => promised.max(Duration::from_secs(10)),
        Scale::Full => promised,
    }
}

/// The seed of this run's chance: the same for everybody, unless the environment names another.
pub fn seed() -> u64 {
    let named = env::var("TELLER_TEST_SEED").ok();
    named.map_or(20_261_121, |text| text.parse().expect("TELLER_TEST_SEED is a number"))
}

/// Appends a line to the file that an environment variable names, if it names one.
fn append(variable: &str, line: &str) {
    if let Ok(path) = env::var(variable) {
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let mut file = file.unwrap_or_else(|error| panic!("{variable}={path}: {error}"));
        writeln!(file, "{line}").expect("the record can be written");
    }
}

/// Counts a test on a database.
pub fn tally(database: &str, test: &str) {
    append("TELLER_TEST_TALLY", &format!("{database} {test}"));
}

/// Notes for `make prove` what was reached.
pub fn record(promise: &str, target: &str, figure: &str, held: bool) {
    let line = json!({
        "promise": promise, "target": target, "figure": figure, "seed": seed(), "held": held,
    });
    append("TELLER_PROOF", &line.to_string());
}

/// Notes for `make prove` on which version of a program it ran.
pub fn record_version(version: &str) {
    append("TELLER_PROOF", &json!({ "version": version }).to_string());
}
