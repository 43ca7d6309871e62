//! What a year of the demo people looks like, month by month.

use super::{actor::Actor, calendar::Calendar};
use crate::{
    bank::error::Failure,
    domain::account::{AccountRef, OutsideBank},
    types::id::{AccountId, BillId},
};

/// How many months a year has here, and how many days each of them.
const MONTHS: i64 = 12;
const DAYS: i64 = 30;
/// The day after the last month: what is still to come begins there.
const AFTER: i64 = MONTHS * DAYS;
/// What they save for.
const GOALS: [(&str, i64); 3] = [("Bicycle", 900), ("Sofa", 1_400), ("Journey to Japan", 3_000)];
/// What they pay each other for.
const OCCASIONS: [&str; 6] = ["Lunch", "Cinema", "Concert tickets", "Groceries", "Taxi", "Gift"];

/// Somebody whose year it is.
#[derive(Debug)]
pub struct Life {
    /// The person.
    pub actor: Actor,
    /// Whole units that they earn in a month.
    pub salary: i64,
}

/// A month of a person, by the numbers that make it theirs.
struct Month {
    number: i64,
    /// Which of the people it is.
    place: i64,
    salary: i64,
    goal: AccountId,
    friend: Option<AccountRef>,
}

impl Month {
    fn key(&self, what: &str) -> String {
        format!("seed-{what}-{}", self.number + 1)
    }

    /// A number that is different each month and for each person, and the same each time.
    fn vary(&self, span: i64) -> i64 {
        (self.number * 37 + self.place * 53 + 11) % span
    }
}

/// Lives a year of all of them, day by day, and leaves each a bill that is due and one that
/// is overdue.
pub async fn live(calendar: &Calendar, lives: &mut [Life]) -> Result<(), Failure> {
    let bank = &calendar.bank;
    let cards: Vec<AccountRef> = lives.iter().map(|life| life.actor.card).collect();
    let mut goals = Vec::with_capacity(lives.len());
    for (life, (name, units)) in lives.iter().zip(GOALS.into_iter().cycle()) {
        goals.push(life.actor.wish(bank, name, units).await?);
    }
    for number in 0..MONTHS {
        for (place, life) in (0_i64..).zip(lives.iter_mut()) {
            let next = usize::try_from(place + 1).unwrap_or_default() % cards.len();
            let friend = (cards.len() > 1).then(|| cards[next]);
            let goal = goals[usize::try_from(place).unwrap_or_default()];
            let month = Month { number, place, salary: life.salary, goal, friend };
            calendar.go_to(number * DAYS + place, 8, month.vary(60));
            life.actor.wake(bank).await?;
            begin(calendar, &life.actor, &month).await?;
        }
        for (place, life) in (0_i64..).zip(lives.iter_mut()) {
            let next = usize::try_from(place + 1).unwrap_or_default() % cards.len();
            let friend = (cards.len() > 1).then(|| cards[next]);
            let goal = goals[usize::try_from(place).unwrap_or_default()];
            let month = Month { number, place, salary: life.salary, goal, friend };
            calendar.go_to(number * DAYS + 9 + 6 * place, 12, month.vary(60));
            life.actor.wake(bank).await?;
            finish(calendar, &life.actor, &month).await?;
        }
    }
    for life in lives.iter_mut() {
        calendar.go_to(AFTER, 9, 0);
        life.actor.wake(bank).await?;
        life.actor.owe(bank, "seed-library", "Library", 350, 2).await?;
        life.actor.owe(bank, "seed-rent-next", "Rent", rent(life.salary), 14).await?;
    }
    Ok(())
}

/// A third of the salary, in hundredths.
const fn rent(salary: i64) -> i64 {
    salary * 100 / 3
}

/// The first week: the salary, the rent, and what is put aside.
async fn begin(calendar: &Calendar, actor: &Actor, month: &Month) -> Result<(), Failure> {
    let bank = &calendar.bank;
    actor.earn(bank, &month.key("salary"), month.salary * 100).await?;
    let rent = actor.owe(bank, &month.key("rent"), "Rent", rent(month.salary), 5).await?;
    calendar.go_to(month.number * DAYS + 3 + month.place, 18, month.vary(60));
    actor.settle(bank, &month.key("rent-paid"), rent).await?;
    let units = 60 + 10 * month.vary(12);
    actor.put_aside(bank, &month.key("aside"), month.goal, units).await
}

/// The rest of the month: the wallet, a friend, and a bill of the season.
async fn finish(calendar: &Calendar, actor: &Actor, month: &Month) -> Result<(), Failure> {
    let bank = &calendar.bank;
    let day = month.number * DAYS + 9 + 6 * month.place;
    actor.fill_wallet(bank, &month.key("wallet"), 40 + 5 * month.vary(9)).await?;
    if let Some(friend) = month.friend {
        let place = usize::try_from(month.vary(6)).unwrap_or_default();
        let hundredths = 850 + 75 * month.vary(40);
        actor.pay(bank, &month.key("friend"), friend, hundredths, OCCASIONS[place]).await?;
    }
    calendar.go_to(day + 2, 19, month.vary(60));
    let power: BillId = {
        // Winters cost more.
        let season = (month.number - 6).abs() * 450;
        let (name, hundredths) =
            if month.number % 2 == 0 { ("Power", 4_200 + season) } else { ("Internet", 3_490) };
        actor.owe(bank, &month.key("bill"), name, hundredths, 10).await?
    };
    calendar.go_to(day + 4, 7, month.vary(60));
    actor.settle(bank, &month.key("bill-paid"), power).await?;
    match month.number {
        4 | 9 => {
            let to = OutsideBank::ALL[usize::try_from(month.place).unwrap_or_default() % 3];
            actor.remit(bank, &month.key("remit"), to, 50 + 5 * month.vary(8)).await?;
        }
        // Half a year is long enough to wait.
        6 => actor.put_aside(bank, &month.key("spent"), month.goal, -120).await?,
        _ => {}
    }
    Ok(())
}
