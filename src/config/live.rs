//! The settings of what clients wait for: events, and the sockets that carry them.

use std::time::Duration;

use crate::http::limits::Sockets;

/// Sockets from one address in the sandbox, where all clients have the same one.
const ADDRESS_SANDBOX: u32 = 10_000;

/// What is waited for, as it is typed.
#[expect(clippy::doc_markdown, reason = "`--help` shows these lines as they stand here")]
#[derive(Debug, Clone, clap::Args)]
pub struct LiveSettings {
    /// Days for which events are kept, so that a client that was away finds what it missed.
    #[arg(long, global = true, env = "TELLER_EVENTS_KEPT", value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub events_kept: u32,

    /// How late an event may come at most where one process could not tell the others.
    #[arg(long, global = true, env = "TELLER_EVENTS_POLL", value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub events_poll: u32,

    /// Operations of one socket at once.
    #[arg(long, global = true, env = "TELLER_SOCKET_OPERATIONS", value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub socket_operations: u32,

    /// Sockets and streams of one person, in each process.
    #[arg(long, global = true, env = "TELLER_SOCKETS_PERSON", value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sockets_person: u32,

    /// Sockets and streams from one address, in each process; 100 in production and 10000 in the sandbox, where nothing is said.
    #[arg(long, global = true, env = "TELLER_SOCKETS_ADDRESS", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sockets_address: Option<u32>,

    /// How long a new socket may take to say connection_init.
    #[arg(long, global = true, env = "TELLER_SOCKET_INIT_TIME", value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub socket_init_time: u32,

    /// How often a silent socket is asked for a sign of life, and a silent stream gives one.
    #[arg(long, global = true, env = "TELLER_SOCKET_PING", value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub socket_ping: u32,
}

impl LiveSettings {
    /// The limits of sockets.
    pub fn sockets(&self, production: bool) -> Sockets {
        let house = Sockets::default();
        let address = self.sockets_address.map(|number| number as usize);
        let by_mode = if production { house.address } else { ADDRESS_SANDBOX as usize };
        Sockets {
            operations: self.socket_operations as usize,
            person: self.sockets_person as usize,
            address: address.unwrap_or(by_mode),
            init: Duration::from_secs(self.socket_init_time.into()),
            ping: Duration::from_secs(self.socket_ping.into()),
        }
    }

    /// How long events are kept.
    pub fn kept(&self) -> chrono::Duration {
        chrono::Duration::days(self.events_kept.into())
    }

    /// How late an event may come.
    pub fn poll(&self) -> Duration {
        Duration::from_secs(self.events_poll.into())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::LiveSettings;
    use crate::http::limits::Sockets;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        live: LiveSettings,
    }

    #[test]
    fn what_nothing_is_said_of_has_the_limits_of_the_house() {
        let Alone { live } = Alone::parse_from(["teller"]);
        assert_eq!(live.sockets(true), Sockets::default());
        let generous = live.sockets(false).address;
        assert!(generous > Sockets::default().address, "{generous}");
        let Alone { live } = Alone::parse_from(["teller", "--sockets-address", "7"]);
        assert_eq!((live.sockets(true).address, live.sockets(false).address), (7, 7));
    }
}
