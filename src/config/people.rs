//! What `teller user` is told at the terminal.

use clap::{Args, Subcommand, ValueEnum};

use crate::domain::{
    second_factor::PasswordDialect,
    user::{UserRole, UserStatus},
};

/// What may be done to people.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum UserCommand {
    /// Make a person whose address counts as verified, and print the password that was made for them.
    Add(AddUser),
    /// List people, the oldest first.
    List {
        /// Only those with this role.
        #[arg(long, value_name = "ROLE")]
        role: Option<Role>,
        /// Only those who stand so.
        #[arg(long, value_name = "STATUS")]
        status: Option<Status>,
    },
    /// Give a person a role, whatever they asked for.
    Role {
        /// The person's email address.
        email: String,
        /// The role.
        role: Role,
    },
    /// Let a person move money, and give them the role that they asked for.
    Approve {
        /// The person's email address.
        email: String,
    },
    /// Say which dialects may sign a person in by the password alone, and change it.
    Legacy {
        /// The person's email address.
        email: String,
        /// Dialects that may from now on, with commas.
        #[arg(long, value_name = "DIALECTS", value_delimiter = ',')]
        grant: Vec<Dialect>,
        /// Dialects that may no more, with commas.
        #[arg(long, value_name = "DIALECTS", value_delimiter = ',')]
        clear: Vec<Dialect>,
    },
    /// End all sessions of a person, and let nobody sign in as them.
    Deactivate {
        /// The person's email address.
        email: String,
    },
    /// Make a person a customer again who has left, or has asked to.
    Reactivate {
        /// The person's email address.
        email: String,
    },
    /// Make a code that invites people, or change what it allows.
    Invite(Invite),
    /// List the codes that invite people, with who has come by them.
    Invites,
}

/// A person to be made.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct AddUser {
    /// Their email address.
    pub email: String,
    /// Their first name.
    #[arg(long, value_name = "NAME")]
    pub first_name: String,
    /// Their last name.
    #[arg(long, value_name = "NAME")]
    pub last_name: String,
    /// What they may do.
    #[arg(long, value_name = "ROLE", default_value = "customer")]
    pub role: Role,
    /// The dialects that may sign them in by the password alone, with commas; all where none is named.
    #[arg(long, value_name = "DIALECTS", value_delimiter = ',', num_args = 0..,
        require_equals = true, default_missing_value = "financelime,accounts,ewallet")]
    pub legacy: Vec<Dialect>,
    /// Read their password from the first line of standard input; without it one is made and printed.
    #[arg(long)]
    pub password_stdin: bool,
}

/// A code that invites.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Invite {
    /// The code: 3 to 16 letters, digits, `_` and `-`.
    pub code: String,
    /// How many may come with it.
    #[arg(long, value_name = "NUMBER", default_value = "1",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    pub limit: u32,
    /// After how many days it ends; never where nothing is said.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub expires_in: Option<u32>,
    /// The email address of the person who invites; the bank itself where nothing is said.
    #[arg(long, value_name = "EMAIL")]
    pub owner: Option<String>,
}

/// A role as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Their own things only.
    Customer,
    /// Their own things only; a developer against the API.
    Developer,
    /// Also reads customers.
    DeveloperAdmin,
    /// Also approves, records deposits, reverses and holds.
    BankAdmin,
    /// Also makes staff.
    PlatformAdmin,
}

impl From<Role> for UserRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Customer => Self::Customer,
            Role::Developer => Self::Developer,
            Role::DeveloperAdmin => Self::DeveloperAdmin,
            Role::BankAdmin => Self::BankAdmin,
            Role::PlatformAdmin => Self::PlatformAdmin,
        }
    }
}

/// A dialect that knows a password alone, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    /// financelime.
    Financelime,
    /// accounts.
    Accounts,
    /// ewallet.
    Ewallet,
}

impl From<Dialect> for PasswordDialect {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Financelime => Self::Financelime,
            Dialect::Accounts => Self::Accounts,
            Dialect::Ewallet => Self::Ewallet,
        }
    }
}

/// Where a person stands, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Status {
    /// A customer.
    Active,
    /// Has asked to leave.
    DeactivationRequested,
    /// Has left.
    Deactivated,
}

impl From<Status> for UserStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::DeactivationRequested => Self::DeactivationRequested,
            Status::Deactivated => Self::Deactivated,
        }
    }
}

/// Which rows of the audit log are shown.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct LogFilter {
    /// What a person did, and what was done to them: an email address, a customer number or user_….
    #[arg(long, value_name = "PERSON")]
    pub person: Option<String>,
    /// What was done, such as transfer or confirmLogin.
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// What came of it: DONE, REFUSED for everything else, or a code such as FORBIDDEN.
    #[arg(long, value_name = "OUTCOME")]
    pub outcome: Option<String>,
    /// Where from: an IP address.
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<String>,
    /// The request that asked for it.
    #[arg(long, value_name = "ID")]
    pub request: Option<String>,
    /// From this instant on: 2026-11-21T10:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    pub since: Option<String>,
    /// Before this instant: 2026-11-21T11:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    pub until: Option<String>,
    /// How many of the newest rows are shown at most.
    #[arg(long = "limit", value_name = "NUMBER", default_value = "100",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rows: u32,
    /// Print one JSON object a line.
    #[arg(long = "json")]
    pub as_json: bool,
}
