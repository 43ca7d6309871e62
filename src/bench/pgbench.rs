//! PostgreSQL's own load generator, as a child process.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use super::{
    error::{BenchError, io, unexpected},
    figures,
    options::Size,
    place::{Home, Place},
};

/// Seconds that a client may take to connect, as a first guess, and how often the guess
/// is made better.
const CONNECTING: f64 = 0.005;
const TRIES: u32 = 4;

/// What one transfer is to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// One call of the function that writes the same rows.
    SameRows,
    /// The same rows, statement by statement in one transaction.
    OneTransaction,
    /// One call of the function on bare tables.
    Bare,
}

/// Which accounts a transfer is between.
const MANY: &str = "\\set from random(1, :cards)\n\\set other random(1, :cards - 1)\n\
    \\set to CASE WHEN :other >= :from THEN :other + 1 ELSE :other END\n";
const HOT: &str = "\\set other random(2, :cards)\n\\set out random(0, 1)\n\
    \\set from CASE WHEN :out = 1 THEN 1 ELSE :other END\n\
    \\set to CASE WHEN :out = 1 THEN :other ELSE 1 END\n";
const ONE_TRANSACTION: &str = include_str!("sql/one_transaction.pgbench");

/// `pgbench`, where this machine has it.
#[derive(Debug, Clone)]
pub struct Pgbench {
    program: PathBuf,
    /// What it says of itself.
    pub version: String,
}

/// The newest of Debian's folders, which are not on the PATH.
fn of_debian() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = folders.flatten().map(|folder| folder.path().join("bin/pgbench"));
    let mut found: Vec<PathBuf> = programs.filter(|program| program.exists()).collect();
    let version = |program: &Path| {
        let folder = program.ancestors().nth(2).and_then(Path::file_name)?;
        folder.to_str()?.parse::<u32>().ok()
    };
    found.sort_by_key(|program| version(program));
    found.pop()
}

impl Pgbench {
    /// Looks for it on the PATH, then where Debian keeps it.
    pub async fn find() -> Option<Self> {
        for program in [Some(PathBuf::from("pgbench")), of_debian()].into_iter().flatten() {
            if let Ok(output) = Command::new(&program).arg("--version").output().await
                && output.status.success()
            {
                let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                return Some(Self { program, version });
            }
        }
        None
    }

    /// Runs a script with so many clients, and gives the transfers a second, without
    /// the time in which it connected.
    ///
    /// Its own clock runs while it connects; so where that took most of its time, it
    /// runs again for longer.
    pub async fn run(
        &self,
        place: &Place,
        home: &Home,
        size: &Size,
        script: Script,
        load: (usize, bool, u64),
    ) -> Result<f64, BenchError> {
        let wanted = size.load.as_secs_f64();
        let mut connecting = figures::places(load.0) * CONNECTING;
        for _ in 0..TRIES {
            let lasts = (wanted + connecting).ceil().max(1.0);
            let told = self.run_once(place, home, size, script, (load, lasts)).await?;
            connecting = read_figure(&told, "initial connection time = ").unwrap_or(0.0) / 1e3;
            let enough = size.peer_transfers.is_some() || lasts - connecting > wanted / 2.0;
            if let Some(reached) = read_figure(&told, "tps = ").filter(|_| enough) {
                return Ok(reached);
            }
            connecting *= 1.5;
        }
        Err(unexpected("pgbench took too long to connect all its clients"))
    }

    async fn run_once(
        &self,
        place: &Place,
        home: &Home,
        size: &Size,
        script: Script,
        ((clients, hot, seed), lasts): ((usize, bool, u64), f64),
    ) -> Result<String, BenchError> {
        let cards = if hot { HOT } else { MANY };
        let body = match script {
            Script::SameRows => "SELECT bench_transfer(:from, :to, 1);\n",
            Script::Bare => "SELECT bare_transfer(:from, :to, 1);\n",
            Script::OneTransaction => ONE_TRANSACTION,
        };
        let file = place.folder().join("transfer.pgbench");
        std::fs::write(&file, format!("{cards}{body}")).map_err(io("a script for pgbench"))?;
        let mut command = Command::new(&self.program);
        connect(&mut command, &home.url)?;
        command.args(["--no-vacuum", "--protocol=prepared", "--jobs=1"]);
        command.arg(format!("--client={clients}")).arg(format!("--random-seed={seed}"));
        command.arg(format!("--define=cards={}", size.people)).arg("--file").arg(&file);
        match size.peer_transfers {
            Some(transfers) => command.arg(format!("--transactions={transfers}")),
            None => command.arg(format!("--time={lasts:.0}")),
        };
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(io("pgbench"))?;
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(told);
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(unexpected(format!("pgbench failed: {complaint}{told}")))
    }
}

/// Says by variables where the database is: a password has no place among arguments,
/// which everybody on the machine can read.
fn connect(command: &mut Command, url: &str) -> Result<(), BenchError> {
    let url = url::Url::parse(url).map_err(|error| unexpected(format!("the URL: {error}")))?;
    command.env("PGDATABASE", url.path().trim_start_matches('/'));
    if let Some(host) = url.host_str() {
        command.env("PGHOST", host);
    }
    command.env("PGPORT", url.port().unwrap_or(5_432).to_string());
    let password = url.password().unwrap_or_default();
    for (name, value) in [("PGUSER", url.username()), ("PGPASSWORD", password)] {
        if !value.is_empty() {
            command.env(name, plain(value));
        }
    }
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "sslmode" => command.env("PGSSLMODE", value.as_ref()),
            "host" => command.env("PGHOST", value.as_ref()),
            _ => continue,
        };
    }
    Ok(())
}

/// A part of a URL without its percent signs.
fn plain(part: &str) -> String {
    let form = part.replace('+', "%2B");
    url::form_urlencoded::parse(form.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

/// The last figure that is said behind a name: older versions tell the speed twice, and
/// first with the time in which they connected.
fn read_figure(told: &str, name: &str) -> Option<f64> {
    let line = told.lines().filter_map(|line| line.strip_prefix(name)).next_back()?;
    line.split_whitespace().next()?.parse().ok().filter(|figure: &f64| figure.is_finite())
}

#[cfg(test)]
mod tests {
    use super::{plain, read_figure};

    #[test]
    fn a_password_is_read_as_it_was_meant() {
        assert_eq!(plain("a%20b+c%2F"), "a b+c/");
    }

    #[test]
    fn the_speed_is_read_from_what_pgbench_says() {
        let told =
            "initial connection time = 9.5 ms\ntps = 4561.25 (without initial connection time)\n";
        assert_eq!(read_figure(told, "tps = "), Some(4561.25));
        assert_eq!(read_figure(told, "initial connection time = "), Some(9.5));
        assert_eq!(read_figure("tps = -nan (without)", "tps = "), None);
        assert_eq!(read_figure("nothing", "tps = "), None);
    }
}
