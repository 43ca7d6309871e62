//! Broken disks: one whose calls fail, and one that is full.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
};

use super::server::{PROGRAM, Server, with_settings};

/// What to do where there is no strace.
const HOW_STRACE: &str = "This test makes calls fail with strace: install the package strace (as root, `make test` does).";
/// What to do where strace may not look into the server.
const HOW_TRACE: &str = "strace may not trace the server: run as root, or allow it by \
    `sysctl kernel.yama.ptrace_scope=0`.";
/// What to do where nothing can be mounted.
const HOW_MOUNT: &str = "This test needs a small disk of its own, by unshare and nsenter of \
    util-linux: run as root, or allow user namespaces \
    (`sysctl kernel.unprivileged_userns_clone=1`, \
    `sysctl kernel.apparmor_restrict_unprivileged_userns=0`).";

/// How long the tools may take to do what they are asked.
const TOOLS: Duration = Duration::from_secs(20);

/// Waits for a line with the word; gives what was said instead where the output ends before.
async fn wait_for(
    word: &str,
    output: impl AsyncRead + Unpin + Send + 'static,
) -> Result<(), String> {
    let mut lines = BufReader::new(output).lines();
    let mut told = String::new();
    let reading = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains(word) {
                return Ok(());
            }
            told.push_str(&line);
            told.push('\n');
        }
        Err(told)
    };
    let read = tokio::time::timeout(TOOLS, reading).await;
    // Whatever it says later is read as well: a closed pipe would end it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    read.expect("the tool says something in time")
}

/// A server whose calls fail, without reaching the disk.
///
/// It is strace that does it; it ends when this is dropped, and the server goes on well.
#[derive(Debug)]
pub struct FailingCalls {
    strace: Child,
    report: PathBuf,
}

impl FailingCalls {
    /// From now on those of fsync and fdatasync fail with EIO that `when` names: `3` the
    /// third alone, `1+` all. Each thread of the server counts for itself, from here on.
    pub async fn fsync(server: &Server, folder: &Path, when: &str) -> Self {
        let inject = format!("--inject=fsync,fdatasync:error=EIO:when={when}");
        let which = ["--trace=fsync,fdatasync".to_owned(), inject];
        Self::attach(server, folder, &which).await
    }

    /// From now on those writes to these files meet the fault that `when` names: `error=EIO`,
    /// or `retval=0`, which writes nothing and says so.
    pub async fn writes(
        server: &Server,
        folder: &Path,
        files: &[PathBuf],
        fault: &str,
        when: &str,
    ) -> Self {
        let mut which = vec![
            "--trace=write,pwrite64".to_owned(),
            format!("--inject=write,pwrite64:{fault}:when={when}"),
        ];
        which.extend(files.iter().map(|file| format!("--trace-path={}", file.display())));
        Self::attach(server, folder, &which).await
    }

    async fn attach(server: &Server, folder: &Path, which: &[String]) -> Self {
        let report = folder.join("strace.txt");
        let mut command = Command::new("strace");
        command
            .args(["--follow-forks", "--decode-fds=path"])
            .args(which)
            .arg(format!("--output={}", report.display()))
            .arg(format!("--attach={}", server.process()))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut strace = command.spawn().unwrap_or_else(|error| panic!("{HOW_STRACE} ({error})"));
        let said = strace.stderr.take().expect("its messages are piped");
        let attached = wait_for("attached", said).await;
        attached.unwrap_or_else(|told| panic!("{HOW_TRACE} ({})", told.trim()));
        Self { strace, report }
    }

    /// The calls that failed until now, as strace wrote them down.
    pub fn failed(&self) -> Vec<String> {
        let report = match fs::read_to_string(&self.report) {
            Ok(report) => report,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => panic!("{}: {error}", self.report.display()),
        };
        report.lines().filter(|line| line.contains("INJECTED")).map(str::to_owned).collect()
    }

    /// The disk is well again; what had failed.
    pub async fn detach(mut self) -> Vec<String> {
        if let Some(id) = self.strace.id() {
            // Where the server is gone, strace is gone as well.
            let asked = Command::new("kill").args(["-INT", &id.to_string()]).output().await;
            asked.expect("kill runs");
        }
        let ended = tokio::time::timeout(TOOLS, self.strace.wait()).await;
        ended.expect("strace ends in time").expect("strace's status is known");
        self.failed()
    }
}

/// A disk in memory that nobody sees but those who run on it. It is gone when this is
/// dropped, or when the tests are killed.
#[derive(Debug)]
pub struct SmallDisk {
    holder: Child,
    folder: TempDir,
    /// Ways of nsenter into it.
    entering: Vec<&'static str>,
}

impl SmallDisk {
    /// Makes one of so many bytes.
    pub async fn mount(bytes: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        // Where this is not root, it is in a namespace of its own.
        let ways = [
            (vec!["--mount"], vec!["--mount"]),
            (
                vec!["--mount", "--map-root-user"],
                vec!["--mount", "--user", "--preserve-credentials"],
            ),
        ];
        let mut refusals = String::new();
        for (unsharing, entering) in ways {
            match hold(&unsharing, folder.path(), bytes).await {
                Ok(holder) => return Self { holder, folder, entering },
                Err(told) => refusals.push_str(&told),
            }
        }
        panic!("{HOW_MOUNT} ({})", refusals.trim())
    }

    /// Where it is, for those who run on it.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where it is for everybody else.
    pub fn seen_from_outside(&self, file: &str) -> PathBuf {
        let holder = self.holder.id().expect("the holder runs");
        let inside = self.folder.path().strip_prefix("/").expect("the folder's path is absolute");
        Path::new("/proc").join(holder.to_string()).join("root").join(inside).join(file)
    }

    /// The program on this disk, with its data in `folder`.
    pub fn teller(&self, folder: &Path, database_url: &str) -> Command {
        let mut command = Command::new("nsenter");
        let holder = self.holder.id().expect("the holder runs");
        command.arg(format!("--target={holder}")).args(&self.entering).arg("--").arg(PROGRAM);
        with_settings(command, folder, database_url)
    }
}

/// Starts a process in which the disk is mounted; what was said where it cannot.
async fn hold(unsharing: &[&str], folder: &Path, bytes: usize) -> Result<Child, String> {
    // It ends with its input, and so with the tests, however they end.
    let script = "mount -t tmpfs -o size=\"$1\",mode=700 tmpfs \"$2\" && echo mounted && exec cat";
    let mut command = Command::new("unshare");
    command
        .args(unsharing)
        .args(["sh", "-c", script, "sh", &bytes.to_string()])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut holder = command.spawn().map_err(|error| error.to_string())?;
    let output = holder.stdout.take().expect("the output is piped");
    if wait_for("mounted", output).await.is_ok() {
        return Ok(holder);
    }
    let ended = holder.wait_with_output().await.expect("the holder ends");
    Err(String::from_utf8_lossy(&ended.stderr).into_owned())
}
