//! How much a client may ask of the server at once: the settings of what comes in.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, builder::BoolishValueParser};

use crate::{
    graphql::guard::limits::Limits as DocumentLimits,
    http::{
        limits::{Limits, Sockets},
        server::Connections,
    },
};

/// What may come in, as it is typed.
#[derive(Debug, Clone, clap::Args)]
pub struct Intake {
    /// Bytes of a request's body.
    #[arg(long, global = true, env = "TELLER_MAX_BODY", value_name = "BYTES", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(1_024..=16_777_216))]
    pub max_body: u32,

    /// Fields below each other in a document.
    #[arg(long, global = true, env = "TELLER_MAX_DEPTH", value_name = "NUMBER", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=30))]
    pub max_depth: u32,

    /// What a document may cost, in units, with every page full.
    #[arg(long, global = true, env = "TELLER_MAX_COST", value_name = "UNITS", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_cost: u32,

    /// Aliases in an operation.
    #[arg(long, global = true, env = "TELLER_MAX_ALIASES", value_name = "NUMBER", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=2_000))]
    pub max_aliases: u32,

    /// Fields at the top of a query.
    #[arg(long, global = true, env = "TELLER_MAX_ROOT_FIELDS", value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    pub max_root_fields: u32,

    /// Fields at the top of a mutation; one at most may sign somebody in, whatever is set here.
    #[arg(long, global = true, env = "TELLER_MAX_MUTATIONS", value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub max_mutations: u32,

    /// Directives in a document.
    #[arg(long, global = true, env = "TELLER_MAX_DIRECTIVES", value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=2_000))]
    pub max_directives: u32,

    /// Fragments in a document.
    #[arg(long, global = true, env = "TELLER_MAX_FRAGMENTS", value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub max_fragments: u32,

    /// Tokens in a document.
    #[arg(long, global = true, env = "TELLER_MAX_TOKENS", value_name = "NUMBER", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(10..=50_000))]
    pub max_tokens: u32,

    /// Selections in a document, with every fragment in its place.
    #[arg(long, global = true, env = "TELLER_MAX_SELECTIONS", value_name = "NUMBER", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub max_selections: u32,

    /// How long a request may take, its body included.
    #[arg(long, global = true, env = "TELLER_REQUEST_TIME", value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub request_time: u32,

    /// Connections that are open at once; one more waits.
    #[arg(long, global = true, env = "TELLER_CONNECTIONS", value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections: u32,

    /// How long a connection may be silent before a request, or take over its headers.
    #[arg(long, global = true, env = "TELLER_HEADER_TIME", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=30))]
    pub header_time: u32,

    /// How long a client may take nothing of what is sent to it.
    #[arg(long, global = true, env = "TELLER_WRITE_TIME", value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=300))]
    pub write_time: u32,

    /// Whether the schema answers questions about itself: yes in the sandbox, no in production, where nothing is said.
    #[arg(long, global = true, env = "TELLER_INTROSPECTION", value_name = "BOOL", action = ArgAction::Set, hide_possible_values = true, value_parser = BoolishValueParser::new())]
    pub introspection: Option<bool>,

    /// A JSON object of names and documents: with it, nothing else runs.
    #[arg(long, global = true, env = "TELLER_TRUSTED_DOCUMENTS", value_name = "FILE")]
    pub trusted_documents: Option<PathBuf>,
}

impl Intake {
    /// The limits of a request; the schema tells of itself `otherwise` where nothing is said.
    pub fn limits(&self, otherwise: bool) -> Limits {
        Limits {
            document: DocumentLimits {
                tokens: self.max_tokens as usize,
                fragments: self.max_fragments as usize,
                directives: self.max_directives as usize,
                selections: self.max_selections as usize,
                depth: self.max_depth as usize,
                aliases: self.max_aliases as usize,
                root_fields: self.max_root_fields as usize,
                mutations: self.max_mutations as usize,
                cost: self.max_cost as usize,
                introspection: self.introspection.unwrap_or(otherwise),
            },
            body: self.max_body as usize,
            time: Duration::from_secs(self.request_time.into()),
            sockets: Sockets::default(),
        }
    }

    /// The limits of connections.
    pub fn connections(&self) -> Connections {
        Connections {
            open: self.connections as usize,
            headers: Duration::from_secs(self.header_time.into()),
            writes: Duration::from_secs(self.write_time.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Intake;
    use crate::http::{limits::Limits, server::Connections};

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        intake: Intake,
    }

    #[test]
    fn what_nothing_is_said_of_has_the_limits_of_the_house() {
        let Alone { intake } = Alone::parse_from(["teller"]);
        assert_eq!(intake.limits(true), Limits::default());
        assert_eq!(intake.connections(), Connections::default());
        assert!(!intake.limits(false).document.introspection);
    }
}
