//! The settings of how often strangers may try something, as they are typed.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::domain::attempt::{Allowance, Allowances};

/// How often something may be tried: 10/15m is ten tries and then a pause of 15 minutes.
#[derive(Debug, Clone, clap::Args)]
pub struct AttemptSettings {
    /// Passwords tried for one account before a pause; the right one begins anew; 10/15m where nothing is said.
    #[arg(long, global = true, env = "TELLER_LIMIT_LOGINS", value_name = "TRIES/TIME")]
    pub limit_logins: Option<Allowance>,

    /// Passwords tried from one address; 100/15m in production and 1000000/15m in the sandbox, where nothing is said.
    #[arg(long, global = true, env = "TELLER_LIMIT_LOGINS_ADDRESS", value_name = "TRIES/TIME")]
    pub limit_logins_address: Option<Allowance>,

    /// Codes sent to one account behind its password or in a session; 10/15m in production and 100/15m in the sandbox, where nothing is said.
    #[arg(long, global = true, env = "TELLER_LIMIT_CODES", value_name = "TRIES/TIME")]
    pub limit_codes: Option<Allowance>,

    /// The same for one address; 100/15m in production and 1000000/15m in the sandbox, where nothing is said.
    #[arg(long, global = true, env = "TELLER_LIMIT_CODES_ADDRESS", value_name = "TRIES/TIME")]
    pub limit_codes_address: Option<Allowance>,

    /// Registrations of one email address, with codes sent again for them; 5/1h in production and 10/15m in the sandbox, where nothing is said.
    #[arg(long, global = true, env = "TELLER_LIMIT_REGISTRATIONS", value_name = "TRIES/TIME")]
    pub limit_registrations: Option<Allowance>,

    /// The same from one address; 50/1h in production and 1000000/15m in the sandbox, where nothing is said.
    #[arg(
        long,
        global = true,
        env = "TELLER_LIMIT_REGISTRATIONS_ADDRESS",
        value_name = "TRIES/TIME"
    )]
    pub limit_registrations_address: Option<Allowance>,

    /// Password resets asked for one account; 3/1h in production and 10/15m in the sandbox, where nothing is said.
    #[arg(long, global = true, env = "TELLER_LIMIT_RESETS", value_name = "TRIES/TIME")]
    pub limit_resets: Option<Allowance>,

    /// The same from one address; 30/1h in production and 1000000/15m in the sandbox, where nothing is said.
    #[arg(long, global = true, env = "TELLER_LIMIT_RESETS_ADDRESS", value_name = "TRIES/TIME")]
    pub limit_resets_address: Option<Allowance>,

    /// Codes and tokens sent back from one address, right and wrong, beside the five guesses that each has; 100/15m in production and 1000000/15m in the sandbox, where nothing is said.
    #[arg(long, global = true, env = "TELLER_LIMIT_CONFIRMS_ADDRESS", value_name = "TRIES/TIME")]
    pub limit_confirms_address: Option<Allowance>,

    /// Card numbers that are nobody's, paid to by one person; 10/1h in production and 100/15m in the sandbox, where nothing is said.
    #[arg(long, global = true, env = "TELLER_LIMIT_CARD_NUMBERS", value_name = "TRIES/TIME")]
    pub limit_card_numbers: Option<Allowance>,

    /// The same from one address; 100/1h in production and 1000000/15m in the sandbox, where nothing is said.
    #[arg(
        long,
        global = true,
        env = "TELLER_LIMIT_CARD_NUMBERS_ADDRESS",
        value_name = "TRIES/TIME"
    )]
    pub limit_card_numbers_address: Option<Allowance>,

    /// Networks of proxies, such as 10.0.0.0/8, whose X-Forwarded-For is believed; repeatable, or with commas; without it the header is ignored.
    #[arg(
        long,
        global = true,
        env = "TELLER_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        value_delimiter = ',',
        value_parser = network
    )]
    pub trusted_proxies: Vec<IpNet>,
}

/// Reads a network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let one = || text.parse().map(|address: IpAddr| IpNet::from(address)).ok();
    let network: IpNet = text
        .parse()
        .ok()
        .or_else(one)
        .ok_or("write an address or a network, such as 10.0.0.0/8")?;
    if network.prefix_len() == 0 {
        return Err("this would believe everybody's word: name the proxies' networks".to_owned());
    }
    Ok(network)
}

impl AttemptSettings {
    /// What is allowed where the mode has these defaults.
    pub fn allowances(&self, otherwise: &Allowances) -> Allowances {
        Allowances {
            login: self.limit_logins.unwrap_or(otherwise.login),
            login_address: self.limit_logins_address.unwrap_or(otherwise.login_address),
            code: self.limit_codes.unwrap_or(otherwise.code),
            code_address: self.limit_codes_address.unwrap_or(otherwise.code_address),
            registration: self.limit_registrations.unwrap_or(otherwise.registration),
            registration_address: self
                .limit_registrations_address
                .unwrap_or(otherwise.registration_address),
            reset: self.limit_resets.unwrap_or(otherwise.reset),
            reset_address: self.limit_resets_address.unwrap_or(otherwise.reset_address),
            confirm_address: self.limit_confirms_address.unwrap_or(otherwise.confirm_address),
            card_number: self.limit_card_numbers.unwrap_or(otherwise.card_number),
            card_number_address: self
                .limit_card_numbers_address
                .unwrap_or(otherwise.card_number_address),
        }
    }
}
