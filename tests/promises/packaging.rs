//! What is in `deploy`: each file is read by what will read it, or by what knows its form.

use std::{fs, path::Path, process::Output};

use regex::Regex;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{
    programs,
    server::{PROGRAM, teller},
};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");
const OPERATIONS: &str = include_str!("../../OPERATIONS.md");

/// How much of a service may lie open, as systemd counts it, times ten: 1.5 of 10.
const EXPOSURE: &str = "15";

/// Runs a program that `make test` brings; it must find nothing wrong.
async fn approves(command: &mut Command) {
    let output = output(command).await;
    let told = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}{complaint}");
}

async fn output(command: &mut Command) -> Output {
    // HAProxy lies where not everybody looks.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let ran = command.env("PATH", path).output().await;
    ran.unwrap_or_else(|error| panic!("{command:?}: {error}; tests/support/tools.sh brings it"))
}

fn text(file: &str) -> String {
    let path = format!("{DEPLOY}/{file}");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[tokio::test]
async fn the_scripts_are_read_by_shellcheck() {
    for script in ["cluster.sh", "compose-secrets.sh", "postgres-node.sh"] {
        let mut command = Command::new("shellcheck");
        let command = command.args(["--external-sources", "--source-path=.."]);
        approves(command.current_dir(DEPLOY).arg(script)).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let planted = folder.path().join("planted.sh");
    fs::write(&planted, "#!/bin/bash\nrm -rf $1/*\n").expect("it is written");
    let found = output(Command::new("shellcheck").arg(&planted)).await;
    assert!(!found.status.success(), "it would see a fault");
}

#[tokio::test]
async fn the_proxys_settings_are_read_by_haproxy() {
    let check = || {
        let mut command = Command::new("haproxy");
        for (number, name) in
            ["CLIENTS", "STATUS", "DATABASE", "SERVER_1", "SERVER_2", "POSTGRES_A", "POSTGRES_B"]
                .into_iter()
                .enumerate()
        {
            command.env(name, format!("127.0.0.1:{}", 8080 + number));
        }
        command
    };
    approves(check().args(["-c", "-f"]).arg(format!("{DEPLOY}/haproxy.cfg"))).await;

    // The question to PostgreSQL stands there in the protocol's own bytes.
    let sent: Vec<Vec<u8>> = Regex::new("send-binary ([0-9a-f]+)")
        .expect("the pattern is one")
        .captures_iter(&text("haproxy.cfg"))
        .map(|found| hex::decode(&found[1]).expect("bytes"))
        .collect();
    assert_eq!(sent.len(), 3, "a beginning, a question, a goodbye");
    let said = String::from_utf8_lossy(&sent[0]).into_owned() + &String::from_utf8_lossy(&sent[1]);
    for needed in ["user\0teller_check\0database\0postgres\0", "SELECT pg_is_in_recovery();\0"] {
        assert!(said.contains(needed), "{said:?}");
    }
}

#[tokio::test]
async fn the_units_are_read_by_systemd_and_lie_open_little() {
    let folder = tempfile::tempdir().expect("a folder");
    for unit in ["teller.service", "teller-migrate.service"] {
        let here = folder.path().join(unit);
        // It wants to find the program.
        let unit = text(unit).replace("/usr/local/bin/teller", PROGRAM);
        fs::write(&here, unit).expect("it is written");
        let mut verify = Command::new("systemd-analyze");
        let verified = output(verify.args(["verify", "--man=no"]).arg(&here)).await;
        let complaint = String::from_utf8_lossy(&verified.stderr);
        assert!(verified.status.success() && complaint.is_empty(), "{complaint}");
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--offline=true", "--no-pager"]);
        approves(security.arg(format!("--threshold={EXPOSURE}")).arg(&here)).await;
    }
}

#[tokio::test]
async fn the_service_s_settings_are_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    let sdl = async |file: &Path| {
        let mut command = teller(folder.path(), "");
        output(command.arg("schema").arg("--config").arg(file)).await
    };
    let read = sdl(Path::new(&format!("{DEPLOY}/teller.toml"))).await;
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let planted = folder.path().join("planted.toml");
    fs::write(&planted, "public-ulr = \"https://bank.example.org\"").expect("it is written");
    let refused = sdl(&planted).await;
    assert!(!refused.status.success(), "it would see a fault");
}

#[tokio::test]
async fn the_files_of_containers_are_as_their_specifications_want_them() {
    let lint = async |containerfile: &str, compose: &str| -> Value {
        programs::node("packaging.mjs", &[containerfile, compose], &[]).await
    };
    let (containerfile, compose) =
        (format!("{DEPLOY}/Containerfile"), format!("{DEPLOY}/compose.yaml"));
    let found = lint(&containerfile, &compose).await;
    assert_eq!(found, json!({ "compose": [], "containerfile": [] }));

    let folder = tempfile::tempdir().expect("a folder");
    let plant = |file: &str, what: &str, by: &str| {
        let path = folder.path().join(file);
        let text = text(file);
        assert!(text.contains(what), "{what} is in {file}");
        fs::write(&path, text.replacen(what, by, 1)).expect("it is written");
        path.to_string_lossy().into_owned()
    };
    let containerfile = plant("Containerfile", "\nUSER ", "\nUSR ");
    let compose = plant("compose.yaml", "image: haproxy", "imgae: haproxy");
    let found = lint(&containerfile, &compose).await;
    for file in ["compose", "containerfile"] {
        assert_ne!(found[file], json!([]), "it would see a fault in {file}");
    }

    // What the program may not have to be able to do.
    let text = text("Containerfile");
    let last = text.rsplit("\nFROM ").next().expect("a stage");
    assert!(last.contains("\nUSER 10001:10001\n") && last.contains("\nHEALTHCHECK "), "{last}");
}

#[tokio::test]
async fn operations_names_settings_and_commands_that_there_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = output(teller(folder.path(), "sqlite://teller.db").arg("--help")).await;
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let script = text("cluster.sh");
    let pattern = |pattern: &str| Regex::new(pattern).expect("the pattern is one");
    let mut settings = 0;
    for found in pattern(r"TELLER_[A-Z0-9_]*[A-Z0-9]").find_iter(OPERATIONS) {
        assert!(
            help.contains(&format!("[env: {}", found.as_str())),
            "{} is no setting",
            found.as_str()
        );
        settings += 1;
    }
    assert!(settings > 10, "{settings} settings are named");
    for found in pattern(r"deploy/cluster\.sh ([a-z_]+)").captures_iter(OPERATIONS) {
        let label = format!(r"(?m)^(?:[a-z_]+ \| )*{}(?: \| [a-z_]+)*\)", &found[1]);
        assert!(pattern(&label).is_match(&script), "{}", &found[0]);
    }
    for found in pattern(r"`teller ([a-z]+)").captures_iter(OPERATIONS) {
        assert!(pattern(&format!("(?m)^  {} ", &found[1])).is_match(&help), "{}", &found[0]);
    }
    for found in pattern(r"\]\(([a-zA-Z./]+)[#)]").captures_iter(OPERATIONS) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&found[1]);
        assert!(path.exists(), "{} leads nowhere", &found[1]);
    }
}
