//! Other processes: the server that is measured, and the commands beside it.

use std::{
    net::SocketAddr,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::{
    error::{BenchError, io, unexpected},
    place::{Home, Place},
    report::Audit,
    wire::{Request, Wire},
};

/// How long a server may take to be ready, and to stop.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its number among the processes.
    pub process: u32,
    /// From its start to its first answer.
    pub ready: Duration,
    child: Child,
}

/// This program, with no settings but those of the run.
fn teller(place: &Place, home: &Home, arguments: &[&str]) -> Result<Command, BenchError> {
    let program = std::env::current_exe().map_err(io("the path of this program"))?;
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TELLER_") {
            command.env_remove(name);
        }
    }
    command.args(arguments).envs(place.variables(home)).current_dir(place.folder());
    command.stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

impl Server {
    /// Starts `teller serve` and waits for its first answer.
    pub async fn start(place: &Place, home: &Home) -> Result<Self, BenchError> {
        Self::start_as(place, home, "serve", &Request::server_info()).await
    }

    /// Starts the plain JSON twin.
    pub async fn start_twin(
        place: &Place,
        home: &Home,
        first: &Request,
    ) -> Result<Self, BenchError> {
        Self::start_as(place, home, "bench-twin", first).await
    }

    async fn start_as(
        place: &Place,
        home: &Home,
        what: &str,
        first: &Request,
    ) -> Result<Self, BenchError> {
        let began = Instant::now();
        let mut command = teller(place, home, &[what])?;
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(io("a server's start"))?;
        let output = child.stdout.take().ok_or_else(|| unexpected("a server without output"))?;
        let mut lines = BufReader::new(output).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await.map_err(io("a server's output"))? {
                if let Some((_, address)) = line.split_once("listening on  http://") {
                    let address = address.trim().parse();
                    return address.map_err(|_| unexpected(format!("no address: {line}")));
                }
            }
            Err(unexpected("the server did not start; what it said is above"))
        };
        let late = |_| unexpected("the server was not ready within a minute");
        let address = tokio::time::timeout(PATIENCE, listening).await.map_err(late)??;
        // Whatever it says later is read, so that it never waits for a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let mut wire = Wire::connect(address).await?;
        wire.ask(first).await?;
        let process = child.id().ok_or_else(|| unexpected("the server ended at once"))?;
        Ok(Self { address, process, ready: began.elapsed(), child })
    }

    /// Asks it to stop, as an operator does, and waits until it has.
    pub async fn stop(mut self) -> Result<(), BenchError> {
        let id = self.process.to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().await;
        asked.map_err(io("kill"))?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let late = |_| unexpected("the server did not stop within a minute");
        let status = ended.map_err(late)?.map_err(io("a server's end"))?;
        if status.success() {
            Ok(())
        } else {
            Err(unexpected(format!("the server ended with {status}")))
        }
    }
}

/// Runs `teller audit` on a database.
pub async fn audit(place: &Place, home: &Home) -> Result<Audit, BenchError> {
    let output = teller(place, home, &["audit"])?.output().await.map_err(io("teller audit"))?;
    let mut told = String::from_utf8_lossy(&output.stdout).into_owned();
    told.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok(Audit { who: home.who, holds: output.status.success(), told })
}
