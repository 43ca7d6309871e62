//! The machine, and what it says of a process.

use std::{fs, thread::available_parallelism};

/// What a kernel counts as one tick of a process's time, on all systems that have `/proc`.
const TICKS_A_SECOND: f64 = 100.0;

fn line_of(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn kib(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// Processor, cores, memory and system, on one line.
pub fn describe() -> String {
    let model = line_of("/proc/cpuinfo", "model name");
    let model = model.unwrap_or_else(|| "unknown processor".to_owned());
    let cores = available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = line_of("/proc/meminfo", "MemTotal").and_then(|text| kib(&text));
    let memory = memory.map_or_else(String::new, |kib| format!(", {:.1} GiB", kib / 1_048_576.0));
    let system = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let system = system.split('-').next().unwrap_or_default().trim().to_owned();
    format!("{model}, {cores} cores{memory}, {} {system}", std::env::consts::OS)
}

/// The processor time that a process has used, in seconds; none without `/proc`.
pub fn cpu_seconds(process: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name stands in parentheses and may have spaces of its own.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_A_SECOND)
}

/// The memory that a process holds, in MiB; none without `/proc`.
pub fn resident_mib(process: u32) -> Option<f64> {
    let text = line_of(&format!("/proc/{process}/status"), "VmRSS")?;
    Some(kib(&text)? / 1_024.0)
}
