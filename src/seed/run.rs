//! Makes the demo people who are not there yet.

use super::{
    actor::Actor,
    calendar::Calendar,
    people,
    people::{ALL, Demo, Person, Purpose},
    year,
    year::Life,
};
use crate::{
    bank::{context::Bank, error::Failure, operator, permit::Permit, profile, profile::Change},
    domain::{refusal::Refusal, second_factor::PasswordDialect},
};

/// The day on which the people of the dialects became customers, counted from a year ago.
const DAY_OF_DIALECTS: i64 = 340;

/// What became of a demo person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seeded {
    /// They are new.
    Made,
    /// They were there before, and were left as they are.
    Known,
}

/// Makes the demo people who are not there yet: those of a year with all that happened in
/// it, and one for each legacy dialect. Programs that know a password alone may sign all of
/// them in.
pub async fn run(bank: &Bank) -> Result<Vec<(Demo, Seeded)>, Failure> {
    if !bank.rules.sandbox {
        let reason = "Demo people are for the sandbox: run without --production.";
        return Err(Refusal::Forbidden { reason }.into());
    }
    let mut told = Vec::with_capacity(ALL.len());
    for demo in ALL {
        let known = operator::is_known(bank, demo.person.email).await?;
        told.push((demo, if known { Seeded::Known } else { Seeded::Made }));
    }
    let calendar = Calendar::open(bank);
    let new = told.iter().filter(|(_, seeded)| *seeded == Seeded::Made);
    let new: Vec<Demo> = new.map(|(demo, _)| *demo).collect();
    let mut lives = Vec::new();
    for demo in &new {
        if let Purpose::Year { salary } = demo.purpose {
            let actor = admit(&calendar.bank, &demo.person).await?;
            lives.push(Life { actor, salary });
        }
    }
    if !lives.is_empty() {
        year::live(&calendar, &mut lives).await?;
    }
    for life in lives {
        life.actor.end(&calendar.bank).await?;
    }
    let calendar = Calendar::open(bank);
    calendar.go_to(DAY_OF_DIALECTS, 9, 30);
    for demo in &new {
        if let Purpose::Dialect(dialect) = demo.purpose {
            let mut actor = admit(&calendar.bank, &demo.person).await?;
            settle_in(&calendar, &mut actor, dialect).await?;
            actor.end(&calendar.bank).await?;
        }
    }
    Ok(told)
}

async fn admit(bank: &Bank, person: &Person<'_>) -> Result<Actor, Failure> {
    let signed_in = people::admit(bank, person).await?;
    operator::set_legacy(bank, person.email, &PasswordDialect::ALL, &[]).await?;
    Actor::begin(bank, person.email, signed_in).await
}

/// Gives somebody what the client of a dialect shows: money on a card, in a goal and in the
/// wallet, a bill, and a name to be called by.
async fn settle_in(calendar: &Calendar, actor: &mut Actor, dialect: &str) -> Result<(), Failure> {
    let bank = &calendar.bank;
    name(bank, actor.permit(), dialect).await?;
    actor.earn(bank, "seed-salary", 240_000).await?;
    let goal = actor.wish(bank, "Bicycle", 900).await?;
    actor.put_aside(bank, "seed-aside", goal, 75).await?;
    actor.fill_wallet(bank, "seed-wallet", 250).await?;
    let power = actor.owe(bank, "seed-power", "Power", 4_820, 10).await?;
    actor.settle(bank, "seed-power-paid", power).await?;
    actor.owe(bank, "seed-rent", "Rent", 65_000, 40).await?;
    Ok(())
}

async fn name(bank: &Bank, permit: &Permit, dialect: &str) -> Result<(), Failure> {
    let form =
        profile::Form { username: Change::Becomes(dialect.to_owned()), ..profile::Form::default() };
    profile::update(bank, permit, &form).await?;
    Ok(())
}
