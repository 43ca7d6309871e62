//! What the README says is so: its walkthrough is typed, its settings are compared.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use regex::Regex;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
};

use crate::support::{
    bank::test_name,
    databases,
    databases::Fresh,
    proof,
    server::{Server, teller},
};

const README: &str = include_str!("../../README.md");

const WALKTHROUGH: &str = "## A walkthrough";
const RESTART: &str = "### Stop it and start it again";
const SETTINGS: &str = "## Settings";

/// Where the README's reader finds Teller.
const ADDRESS: &str = "http://127.0.0.1:8080";

/// What ann and bob have at the end: 50.00 each, 100.00 to ann, 12.50 from her to bob.
const BALANCES: &str = "ann@example.org has 137.50 USD\nbob@example.org has 62.50 USD\n";

/// How long one block may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the shell says when it is done with a block.
const DONE: &str = "--- the block is done ---";

/// A block that the reader types, and what the README says it prints.
struct Step {
    typed: String,
    printed: String,
}

/// What stands under a heading of the second level, up to the next one.
fn section(heading: &str) -> &'static str {
    let start = README.find(&format!("\n{heading}\n"));
    let rest = &README[start.unwrap_or_else(|| panic!("the README has no {heading}")) + 1..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

/// The steps of a text: each `bash` block, with the `text` block below it, if there is one.
fn steps(text: &str) -> Vec<Step> {
    let fence = Regex::new("(?ms)^```(\\w*)\n(.*?)^```$").expect("the pattern is one");
    let mut steps: Vec<Step> = Vec::new();
    for block in fence.captures_iter(text) {
        let body = block[2].to_owned();
        match (&block[1], steps.last_mut()) {
            ("bash", _) => steps.push(Step { typed: body, printed: String::new() }),
            ("text", Some(step)) if step.printed.is_empty() => step.printed = body,
            (other, _) => panic!("neither typed (bash) nor printed (text), but {other:?}: {body}"),
        }
    }
    assert!(!steps.is_empty(), "no step was found in the README: {text}");
    assert!(steps.iter().any(|step| !step.printed.is_empty()), "nothing is said to be printed");
    steps
}

/// One bash, into which block after block is typed.
struct Shell {
    _bash: Child,
    keyboard: ChildStdin,
    screen: Lines<BufReader<ChildStdout>>,
}

impl Shell {
    async fn open(folder: &Path) -> Self {
        let mut command = tokio::process::Command::new("bash");
        command.args(["-euo", "pipefail", "-s"]).current_dir(folder).kill_on_drop(true);
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut bash = command.spawn().expect("the walkthrough needs bash on the PATH");
        let keyboard = bash.stdin.take().expect("the input is piped");
        let output = bash.stdout.take().expect("the output is piped");
        let mut shell = Self { _bash: bash, keyboard, screen: BufReader::new(output).lines() };
        // What goes wrong is then seen where something else was expected.
        assert_eq!(shell.enter("exec 2>&1\n").await, "");
        shell
    }

    /// Types a block, and gives what it printed.
    async fn enter(&mut self, block: &str) -> String {
        let typed = format!("{block}echo '{DONE}'\n");
        self.keyboard.write_all(typed.as_bytes()).await.expect("bash reads what is typed");
        let mut printed = String::new();
        let reading = async {
            loop {
                match self.screen.next_line().await.expect("the output is text") {
                    Some(line) if line == DONE => return true,
                    Some(line) => printed = format!("{printed}{line}\n"),
                    None => return false,
                }
            }
        };
        let lives = tokio::time::timeout(PATIENCE, reading).await;
        let lives = lives.unwrap_or_else(|_| panic!("no end in time of: {block}\n{printed}"));
        assert!(lives, "bash gave up in: {block}\nafter it had printed: {printed}");
        printed
    }

    /// Types the steps and compares what each of them prints; gives what the last one did.
    async fn walk(&mut self, steps: &[Step], server: &Server) -> String {
        let mut printed = String::new();
        for step in steps {
            let typed = step.typed.replace(ADDRESS, &server.url);
            // Another spelling of the address would find a stranger's server.
            assert!(!typed.contains(":8080"), "the address is written as {ADDRESS}: {typed}");
            printed = self.enter(&typed).await;
            assert_eq!(
                printed, step.printed,
                "what this printed is not what the README says: {typed}"
            );
        }
        printed
    }
}

/// A free port below the range from which the kernel hands out ports by itself, so
/// that nobody else gets it while the server is away.
fn free_port() -> u16 {
    let first = 12_000 + u16::try_from(std::process::id() % 7_000).expect("it is below 7,000");
    let free = (first..20_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("one of a thousand ports is free")
}

async fn start(fresh: &Fresh, port: u16) -> Server {
    let mut command = teller(fresh.folder(), &fresh.url);
    Server::start_with(command.env("TELLER_LISTEN", format!("127.0.0.1:{port}"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walkthrough_of_the_readme_ends_with_the_right_balances() {
    for program in ["curl", "jq"] {
        let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
        let sentence = "The walkthrough of the README needs curl and jq: install them \
            (Debian: apt-get install curl jq).";
        assert!(found.is_ok_and(|status| status.success()), "{sentence}");
    }
    let halves = section(WALKTHROUGH).split_once(RESTART);
    let (before, after) = halves.unwrap_or_else(|| panic!("the walkthrough has no {RESTART}"));
    let (before, after) = (steps(before), steps(after));
    for fresh in databases::both().await {
        let port = free_port();
        let server = start(&fresh, port).await;
        let mut shell = Shell::open(fresh.folder()).await;
        shell.walk(&before, &server).await;
        assert!(server.stop().await.success(), "the server ends as it was asked to");

        let server = start(&fresh, port).await;
        assert_eq!(shell.walk(&after, &server).await, BALANCES, "{}", fresh.name);
        assert!(server.stop().await.success(), "the server ends as it was asked to");
        proof::tally(fresh.name, &test_name());
        fresh.remove().await;
    }
}

/// What a setting's variable and its default are; no default where clap knows none.
type Setting = (String, Option<String>);

/// The settings that `teller --help` lists, by their flag as it is typed: `--listen ADDRESS:PORT`.
async fn settings_of_the_help() -> BTreeMap<String, Setting> {
    let output = teller(Path::new("."), "sqlite::memory:").arg("--help").output().await;
    let help = String::from_utf8(output.expect("the program starts").stdout).expect("it is text");
    let flag = Regex::new(r"(?m)^ +(?:-\w, )?(--[\w-]+)(?: <([^>]+)>)?").expect("a pattern");
    let variable = Regex::new(r"\[env: (\w+)").expect("a pattern");
    let default = Regex::new(r"\[default: (.+)\]").expect("a pattern");
    let found: Vec<_> = flag.captures_iter(&help).collect();
    let starts = found.iter().map(|flag| flag.get(0).expect("the whole match").start());
    let mut settings = BTreeMap::new();
    for ((flag, start), end) in
        found.iter().zip(starts.clone()).zip(starts.skip(1).chain([help.len()]))
    {
        if matches!(&flag[1], "--help" | "--version") {
            continue;
        }
        let typed =
            flag.get(2).map_or(flag[1].to_owned(), |v| format!("{} {}", &flag[1], v.as_str()));
        let text = &help[start..end];
        let variable = variable.captures(text).map(|found| found[1].to_owned());
        let variable = variable.unwrap_or_else(|| panic!("{typed} has no variable in the help"));
        let default = default.captures(text).map(|found| found[1].trim_matches('"').to_owned());
        settings.insert(typed, (variable, default));
    }
    assert!(!settings.is_empty(), "the help lists no setting: {help}");
    settings
}

/// The settings of the README's table. A default that is typed so stands in
/// backticks; words without them describe what happens where there is none.
fn settings_of_the_readme() -> BTreeMap<String, Setting> {
    let code = |cell: &str| {
        let inner = cell.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        inner.map(str::to_owned)
    };
    let mut settings = BTreeMap::new();
    for row in section(SETTINGS).lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [flag, variable, default, what] = cells[..] else {
            panic!("a row of the settings has four cells: {row}");
        };
        assert!(!default.is_empty() && !what.is_empty(), "nothing is said in {row}");
        let flag = code(flag).unwrap_or_else(|| panic!("the flag in backticks: {row}"));
        let variable = code(variable).unwrap_or_else(|| panic!("the variable in backticks: {row}"));
        let twice = settings.insert(flag, (variable, code(default))).is_some();
        assert!(!twice, "the setting stands twice: {row}");
    }
    assert!(!settings.is_empty(), "the README has no table of settings");
    settings
}

#[tokio::test]
async fn the_readme_has_every_setting_of_the_help_and_no_other() {
    let (readme, help) = (settings_of_the_readme(), settings_of_the_help().await);
    let missing: Vec<_> = help.iter().filter(|setting| !readme.contains_key(setting.0)).collect();
    assert!(missing.is_empty(), "missing in the table of settings of README.md: {missing:#?}");
    let unknown: Vec<_> = readme.keys().filter(|flag| !help.contains_key(*flag)).collect();
    assert!(unknown.is_empty(), "teller --help knows nothing of {unknown:?}, which README.md has");
    for (flag, setting) in &help {
        assert_eq!(&readme[flag], setting, "{flag}: README.md (left) and teller --help (right)");
    }
}
