//! How operators watch the server: the settings of its log, its figures and its traces.

use std::net::{SocketAddr, ToSocketAddrs as _};

use clap::ValueEnum;

use crate::types::secret::Secret;

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Characters that a token of readers has at least.
const TOKEN_MIN: usize = 32;

/// How the server is watched, as it is typed.
#[expect(clippy::doc_markdown, reason = "`--help` shows these lines as they stand here")]
#[derive(Clone, clap::Args)]
pub struct WatchSettings {
    /// An address of the operator's own for /metrics, /healthz and /readyz; without a token it must be a loopback one in production.
    #[arg(long, global = true, env = "TELLER_METRICS_LISTEN", value_name = "ADDRESS:PORT", value_parser = listen_address)]
    pub metrics_listen: Option<SocketAddr>,

    /// What a reader of /metrics must show as a Bearer token, 32 characters or more; in production /metrics is where everybody is served only with it.
    #[arg(
        long,
        global = true,
        env = "TELLER_METRICS_TOKEN",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub metrics_token: Option<String>,

    /// For how long a server that was told to stop says so by /readyz before it takes no more connections.
    #[arg(long, global = true, env = "TELLER_STOP_DELAY", value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=300))]
    pub stop_delay: u32,

    /// What to log: error, warn, info, debug, trace, or a filter such as teller=debug; request=info adds a line for each request.
    #[arg(
        long,
        global = true,
        env = "TELLER_LOG",
        value_name = "FILTER",
        default_value = "warn,teller=info"
    )]
    pub log: String,

    /// How to write the log.
    #[arg(
        long,
        global = true,
        env = "TELLER_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub log_format: LogFormat,

    /// Where traces go, such as http://127.0.0.1:4318/v1/traces; only in a program that was built with the feature otel.
    #[arg(
        long,
        global = true,
        env = "TELLER_OTLP_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub otlp_url: Option<String>,
}

/// Reads `127.0.0.1:8080`, or a name such as `localhost:8080`.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let found = text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| "write an address and a port, such as 127.0.0.1:8080".to_owned())
}

impl std::fmt::Debug for WatchSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WatchSettings").field("log", &self.log).finish_non_exhaustive()
    }
}

/// How the server is watched, once it was checked.
#[derive(Debug, Clone)]
pub struct Watch {
    /// An address of the operator's own.
    pub listen: Option<SocketAddr>,
    /// What a reader must show.
    pub token: Option<Secret>,
    /// Figures stand where everybody is served.
    pub in_public: bool,
    /// From the signal to the end of new connections.
    pub stop_delay: std::time::Duration,
}

impl WatchSettings {
    /// What was set, or what is wrong with it.
    pub(super) fn check(&self, production: bool, faults: &mut Vec<String>) -> Watch {
        let token = self.metrics_token.as_deref().map(str::trim);
        if token.is_some_and(|token| token.chars().count() < TOKEN_MIN) {
            faults.push(format!("TELLER_METRICS_TOKEN must have {TOKEN_MIN} characters or more"));
        }
        let reachable = self.metrics_listen.filter(|address| !address.ip().is_loopback());
        if production && reachable.is_some() && token.is_none() {
            let fault = "TELLER_METRICS_LISTEN can be reached by others: set TELLER_METRICS_TOKEN, \
                or listen on 127.0.0.1";
            faults.push(fault.to_owned());
        }
        if self.otlp_url.is_some() && cfg!(not(feature = "otel")) {
            let fault = "TELLER_OTLP_URL needs a program that was built with --features otel";
            faults.push(fault.to_owned());
        }
        Watch {
            listen: self.metrics_listen,
            token: token.map(Secret::new),
            in_public: self.metrics_listen.is_none() && (!production || token.is_some()),
            stop_delay: std::time::Duration::from_secs(self.stop_delay.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{Watch, WatchSettings};

    #[derive(clap::Parser)]
    struct Alone {
        #[command(flatten)]
        watch: WatchSettings,
    }

    fn check(production: bool, texts: &[&str]) -> Result<Watch, Vec<String>> {
        let all = ["teller"].iter().chain(texts);
        let mut faults = Vec::new();
        let watch = Alone::try_parse_from(all).unwrap().watch.check(production, &mut faults);
        if faults.is_empty() { Ok(watch) } else { Err(faults) }
    }

    #[test]
    fn figures_are_open_to_strangers_in_the_sandbox_alone() {
        const TOKEN: &str = "0123456789abcdef0123456789abcdef";
        assert!(check(false, &[]).unwrap().in_public);
        assert!(!check(true, &[]).unwrap().in_public);
        let shown = check(true, &["--metrics-token", TOKEN]).unwrap();
        assert!(shown.in_public && shown.token.is_some());
        assert!(check(true, &["--metrics-listen", "127.0.0.1:9090"]).is_ok());
        assert!(check(false, &["--metrics-listen", "0.0.0.0:9090"]).is_ok());
        let faults = check(true, &["--metrics-listen", "0.0.0.0:9090"]).unwrap_err();
        assert!(faults[0].contains("TELLER_METRICS_TOKEN"), "{faults:?}");
        let both = ["--metrics-listen", "0.0.0.0:9090", "--metrics-token", TOKEN];
        assert!(!check(true, &both).unwrap().in_public, "they moved");
        assert!(!check(false, &["--metrics-listen", "127.0.0.1:9090"]).unwrap().in_public);
        let faults = check(false, &["--metrics-token", "short"]).unwrap_err();
        assert!(faults[0].contains("32 characters"), "{faults:?}");
        assert!(!faults[0].contains("short"));
    }
}
