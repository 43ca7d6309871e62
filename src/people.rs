//! `teller user`: people, staff and invite codes, made at a terminal.

use std::io::{BufRead as _, Write};

use chrono::Duration;

use crate::{
    app,
    app::AppError,
    bank::{
        context::Bank,
        invite,
        invite::Written,
        operator,
        operator::{Made, NewPerson},
    },
    config::{
        checked::Config,
        people::{AddUser, Dialect, Invite, UserCommand},
    },
    domain::user::{UserRole, UserStatus, full_name},
    store::user::User,
    types::{clock::show, id::UserId, secret::Secret},
};

/// What ends the command early.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The bank does not open, or refuses.
    #[error(transparent)]
    App(#[from] AppError),
    /// The password cannot be read, or nothing can be said.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl From<crate::bank::error::Failure> for PeopleError {
    fn from(failure: crate::bank::error::Failure) -> Self {
        Self::App(failure.into())
    }
}

/// Does what is asked.
pub async fn run(
    command: &UserCommand,
    config: &Config,
    out: &mut impl Write,
) -> Result<(), PeopleError> {
    let bank = app::open(config).await?;
    match command {
        UserCommand::Add(asked) => add(&bank, asked, out).await?,
        UserCommand::List { role, status } => {
            let people = operator::list(&bank, role.map(Into::into), status.map(Into::into));
            list(&people.await?, out)?;
        }
        UserCommand::Role { email, role } => {
            let role: UserRole = (*role).into();
            let changed = operator::set_role(&bank, email, role).await?;
            say(out, changed, email, &format!("is {} now", word(role)), "had this role before")?;
        }
        UserCommand::Approve { email } => {
            let changed = operator::approve(&bank, email).await?;
            say(out, changed, email, "is approved", "was approved before")?;
        }
        UserCommand::Legacy { email, grant, clear } => {
            let read = |all: &[Dialect]| all.iter().map(|&one| one.into()).collect::<Vec<_>>();
            let (grant, clear) = (read(grant), read(clear));
            let may = operator::set_legacy(&bank, email, &grant, &clear).await?;
            let names: Vec<&str> = may.iter().map(|dialect| dialect.name()).collect();
            let names = if names.is_empty() { "no dialect".to_owned() } else { names.join(", ") };
            writeln!(out, "{email} may be signed in by a password alone by {names}.")?;
        }
        UserCommand::Deactivate { email } => {
            let changed = operator::deactivate(&bank, email).await?;
            let done = "is deactivated: no session of theirs is left, and nobody signs in as them";
            say(out, changed, email, done, "was deactivated before")?;
        }
        UserCommand::Reactivate { email } => {
            let changed = operator::reactivate(&bank, email).await?;
            say(out, changed, email, "is active again", "was active before")?;
        }
        UserCommand::Invite(asked) => make_invite(&bank, asked, out).await?,
        UserCommand::Invites => invites(&bank, out).await?,
    }
    bank.db.close().await;
    Ok(())
}

fn say(
    out: &mut impl Write,
    changed: bool,
    email: &str,
    done: &str,
    before: &str,
) -> std::io::Result<()> {
    writeln!(out, "{email} {}.", if changed { done } else { before })
}

async fn add(bank: &Bank, asked: &AddUser, out: &mut impl Write) -> Result<(), PeopleError> {
    let password = if asked.password_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Some(Secret::new(line.trim_end_matches(['\r', '\n'])))
    } else {
        None
    };
    let new = NewPerson {
        email: asked.email.clone(),
        first_name: asked.first_name.clone(),
        last_name: asked.last_name.clone(),
        password,
        role: asked.role.into(),
        legacy: asked.legacy.iter().map(|&dialect| dialect.into()).collect(),
    };
    match operator::add(bank, &new).await? {
        Made::New(user, password) => {
            let (email, role, number) = (&user.email, word(user.role), &user.customer_id);
            writeln!(out, "{email} was made: {role}, customer number {number}.")?;
            if let Some(password) = password {
                writeln!(out, "The password is {}", password.expose())?;
            }
        }
        Made::Known(user) => writeln!(out, "{} was there before.", user.email)?,
    }
    Ok(())
}

/// A role as it is typed.
const fn word(role: UserRole) -> &'static str {
    match role {
        UserRole::Customer => "customer",
        UserRole::Developer => "developer",
        UserRole::DeveloperAdmin => "developer-admin",
        UserRole::BankAdmin => "bank-admin",
        UserRole::PlatformAdmin => "platform-admin",
    }
}

/// Where a person stands, in a word or a few.
fn standing(user: &User) -> String {
    let status = match user.status {
        UserStatus::Active => "active",
        UserStatus::DeactivationRequested => "deactivation-requested",
        UserStatus::Deactivated => "deactivated",
    };
    let mut told = status.to_owned();
    if user.approved_at.is_none() {
        told.push_str(", not approved");
    }
    if let Some(role) = user.role_asked {
        told.push_str(", asks to be ");
        told.push_str(word(role));
    }
    if user.email_verified_at.is_none() {
        told.push_str(", not verified");
    }
    told
}

fn list(people: &[User], out: &mut impl Write) -> std::io::Result<()> {
    for user in people {
        let name = full_name(user.first_name.as_deref(), user.last_name.as_deref());
        let (number, role) = (&user.customer_id, word(user.role));
        let (standing, email) = (standing(user), &user.email);
        writeln!(out, "{number}  {role:<15}  {standing:<22}  {email}  {name}")?;
    }
    match people.len() {
        1 => writeln!(out, "1 person"),
        count => writeln!(out, "{count} people"),
    }
}

async fn make_invite(bank: &Bank, asked: &Invite, out: &mut impl Write) -> Result<(), PeopleError> {
    let life = asked.expires_in.map(|days| Duration::days(days.into()));
    let owner = asked.owner.as_deref();
    let written = invite::write(bank, &asked.code, asked.limit, life, owner).await?;
    let (code, limit) = (&asked.code, asked.limit);
    let done = match written {
        Written::Made => "was made",
        Written::Changed => "was changed",
    };
    writeln!(out, "{code} {done}: {limit} may come with it.")?;
    Ok(())
}

async fn invites(bank: &Bank, out: &mut impl Write) -> Result<(), PeopleError> {
    let all = invite::list(bank).await?;
    for code in &all {
        let until = code.expires_at.map_or_else(|| "for ever".to_owned(), show);
        let (name, max) = (&code.code, code.uses_max);
        let (issued, reserved) = (code.issued, code.reserved);
        let owner = code.owner_id.map_or_else(|| "the bank".to_owned(), UserId::to_wire);
        writeln!(
            out,
            "{name:<16}  {issued} came, {reserved} on their way, of {max}  good {until}  of {owner}"
        )?;
    }
    match all.len() {
        1 => writeln!(out, "1 code")?,
        count => writeln!(out, "{count} codes")?,
    }
    Ok(())
}
