//! What server this is.

use async_graphql::{Context, Object, SimpleObject};

use super::{request, scalars::CurrencyCode};

/// What server this is.
#[derive(Debug, Clone, SimpleObject)]
pub struct ServerInfo {
    /// Its version.
    version: String,
    /// The commit that it was built from, or "unknown".
    commit: String,
    /// What accounts may be counted in; the first is the default.
    currencies: Vec<CurrencyCode>,
    /// It is a sandbox: letters are captured, and money from outside is free.
    sandbox: bool,
}

/// The query about the server.
#[derive(Default)]
pub struct ServerInfoQuery;

#[Object]
impl ServerInfoQuery {
    /// What server this is.
    async fn server_info(&self, ctx: &Context<'_>) -> ServerInfo {
        let rules = &request::bank(ctx).rules;
        ServerInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("TELLER_COMMIT").unwrap_or("unknown").to_owned(),
            currencies: rules.currencies.iter().map(|&currency| currency.into()).collect(),
            sandbox: rules.sandbox,
        }
    }
}
