//! How much each dialect is still used, by route and by client: what an operator reads
//! before a dialect is switched off.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::dialect::Dialect;

/// Clients that are told apart for one route; the others count together.
const CLIENTS_MAX: usize = 100;
/// The longest name of a client.
const NAME_MAX: usize = 40;
/// What clients are called that are not told apart.
const OTHERS: &str = "others";

/// One route as one client uses it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The dialect.
    pub dialect: Dialect,
    /// The method.
    pub method: &'static str,
    /// The documented path.
    pub path: &'static str,
    /// The program, as it calls itself, without its version.
    pub client: String,
}

/// A dialect, a method and a path.
type Route = (Dialect, &'static str, &'static str);
/// How often each client called.
type Clients = BTreeMap<String, u64>;

/// The counters of this process.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    counts: Arc<Mutex<BTreeMap<Route, Clients>>>,
}

/// What a program calls itself: `okhttp/4.9.1` is okhttp.
fn client(user_agent: Option<&str>) -> String {
    let product = user_agent.unwrap_or_default().split(['/', ' ', '(']).next().unwrap_or_default();
    let plain = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    let name: String = product.chars().filter(plain).take(NAME_MAX).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

impl Usage {
    /// Counts a call.
    pub fn count(
        &self,
        dialect: Dialect,
        method: &'static str,
        path: &'static str,
        user_agent: Option<&str>,
    ) {
        let client = client(user_agent);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = counts.entry((dialect, method, path)).or_default();
        let known = clients.contains_key(&client) || clients.len() < CLIENTS_MAX;
        let name = if known { client } else { OTHERS.to_owned() };
        *clients.entry(name).or_default() += 1;
    }

    /// Everything that was counted, in order.
    pub fn all(&self) -> Vec<(Use, u64)> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_route = |(&(dialect, method, path), clients): (&Route, &Clients)| {
            let clients = clients.clone().into_iter();
            clients.map(move |(client, count)| (Use { dialect, method, path, client }, count))
        };
        counts.iter().flat_map(of_route).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{CLIENTS_MAX, Usage, client};
    use crate::compat::wire::dialect::Dialect;

    #[test]
    fn a_client_is_known_by_its_product() {
        assert_eq!(client(Some("okhttp/4.9.1 (Android)")), "okhttp");
        assert_eq!(client(Some("Mozilla/5.0 (X11)")), "Mozilla");
        assert_eq!(client(Some("\"<script>")), "script");
        for none in [None, Some(""), Some("/1"), Some("\u{e9}")] {
            assert_eq!(client(none), "unknown");
        }
    }

    #[test]
    fn names_that_strangers_make_up_fill_no_memory() {
        let usage = Usage::default();
        for number in 0..10 * CLIENTS_MAX {
            let name = format!("bot{number}/1");
            usage.count(Dialect::Ewallet, "POST", "/token/auth", Some(&name));
        }
        let all = usage.all();
        assert_eq!(all.len(), CLIENTS_MAX + 1);
        assert_eq!(all.iter().map(|(_, count)| count).sum::<u64>(), 10 * CLIENTS_MAX as u64);
    }
}
