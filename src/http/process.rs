//! What the system knows of this process: memory, descriptors, time of the processors.

use std::{fs, time::Instant};

use metrics::{describe_gauge, gauge};

/// Ticks of `/proc/self/stat` in a second, the same on every Linux.
const TICKS: f64 = 100.0;

/// Bytes of memory that are held, from a line such as `VmRSS: 1234 kB`.
fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// Seconds that the processors spent; the name of the program, in parentheses, may hold
/// anything.
fn processors(stat: &str) -> Option<f64> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / TICKS)
}

/// Descriptors that are open; the one that reads the folder is not counted.
fn descriptors() -> Option<f64> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u32::try_from(open).ok().map(f64::from)
}

/// Descriptors that may be open.
#[expect(clippy::cast_precision_loss, reason = "a limit of so many files is none")]
fn descriptors_max() -> Option<f64> {
    rlimit::Resource::NOFILE.get_soft().ok().map(|most| most as f64)
}

/// Sets what can be found out; elsewhere than on Linux that is little.
pub fn look() {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let set = |name: &'static str, value: Option<f64>| {
        if let Some(value) = value {
            gauge!(name).set(value);
        }
    };
    set("process_resident_memory_bytes", resident(&read("/proc/self/status")));
    set("process_cpu_seconds", processors(&read("/proc/self/stat")));
    set("process_open_fds", descriptors());
    set("process_max_fds", descriptors_max());
    set("process_uptime_seconds", Some(began().elapsed().as_secs_f64()));
}

/// When the process began, as far as anybody here knows.
fn began() -> Instant {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *BEGAN.get_or_init(Instant::now)
}

/// Says what each name means.
pub fn describe() {
    began();
    describe_gauge!("process_resident_memory_bytes", "Memory that is held");
    describe_gauge!("process_cpu_seconds", "Time of the processors that was spent");
    describe_gauge!("process_open_fds", "Descriptors that are open");
    describe_gauge!("process_max_fds", "Descriptors that may be open");
    describe_gauge!("process_uptime_seconds", "Time since the process began to count");
}

#[cfg(test)]
mod tests {
    use super::{processors, resident};

    #[test]
    fn what_the_system_says_is_read() {
        assert_eq!(resident("VmPeak:\t 9 kB\nVmRSS:\t    2048 kB\n"), Some(2_097_152.0));
        assert_eq!(resident("nothing"), None);
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20";
        assert_eq!(processors(stat), Some(2.0));
    }
}
