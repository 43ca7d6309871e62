//! Everything that locks anything, at once and from two banks on one database: nobody
//! waits for anybody crosswise.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use teller::{
    bank::{
        bill, card, card_state,
        context::Bank,
        deposit,
        error::Failure,
        hold, operator,
        permit::{Permit, Visitor},
        refresh, reversal, savings, session, transfer,
    },
    crypto::token,
    domain::{
        account::{AccountKind, AccountRef},
        refusal::Refusal,
        session::Facade,
        user::UserRole,
    },
    ledger::engine::Capacity,
    types::{
        id::{self, AccountId},
        money::DecimalText,
        secret::Secret,
    },
};
use tokio::{task::JoinSet, time::Instant};

use crate::support::{
    bank::{TestBank, each_database, reassemble},
    chance::Chance,
    proof,
};

/// Tasks on each of the two banks.
const TASKS: u64 = 16;
const PEOPLE: u32 = 4;
/// Fewer acts than these show nothing.
const ACTS_MIN: u64 = 100;

/// Somebody with a card and a permit.
#[derive(Clone)]
struct Actor {
    permit: Permit,
    card: AccountId,
}

fn decimal(text: &str) -> DecimalText {
    DecimalText::parse(text).expect("a decimal")
}

fn card_of(actor: &Actor) -> AccountRef {
    AccountRef { kind: AccountKind::Card, id: actor.card }
}

async fn actor(bank: &TestBank, name: &str, index: u32) -> Actor {
    let person = bank.join(name, index).await;
    let made = bank.create_card(&person, json!({})).await;
    let wire = made["card"]["id"].as_str().expect("a card").to_owned();
    let top_up = bank.top_up(&person, "start", &wire, "5000").await;
    assert_eq!(top_up["errors"], json!([]), "{top_up}");
    let visitor = Visitor {
        ip_address: "127.0.0.1".to_owned(),
        user_agent: None,
        request_id: "locks".to_owned(),
    };
    let permit = session::authenticate(&bank.bank, Facade::Graphql, &person.token, &visitor);
    let permit = permit.await.expect("a person who has just joined is signed in");
    let (_, uuid) = id::split(&wire).expect("a card's id");
    Actor { permit, card: AccountId::from_uuid(uuid) }
}

/// The owner of a card changes something of it.
async fn change(bank: &Bank, actor: &Actor, roll: u64) -> Result<(), Failure> {
    let (permit, card) = (&actor.permit, Some(actor.card));
    let limit = decimal("100000.00");
    match roll {
        1 => card_state::freeze(bank, permit, card).await.map(drop),
        2 => card_state::set_limit(bank, permit, card, Some(&limit)).await.map(drop),
        _ => card_state::unfreeze(bank, permit, card).await.map(drop),
    }
}

/// One thing that somebody does, drawn by chance.
async fn act(
    bank: &Bank,
    actors: &[Actor],
    chance: &mut Chance,
    key: String,
) -> Result<(), Failure> {
    let one = chance.pick(actors).expect("there are people");
    let other = chance.pick(actors).expect("there are people");
    let staff = actors.last().expect("there are people");
    match chance.below(18) {
        16 | 17 => renew(bank, one).await,
        12 | 13 => bill_and_end(bank, one, &key).await,
        14 | 15 => put_aside(bank, one, &key).await,
        0 => card::create(bank, &one.permit, None, Some(&key)).await.map(drop),
        roll @ 1..=3 => change(bank, one, roll).await,
        4 | 5 => hold_and_end(bank, staff, one, chance, &key).await,
        6 => {
            let top_up = transfer::TopUp {
                key: Some(key),
                account: Some(card_of(one)),
                amount: decimal("3.00"),
                note: None,
                claim: None,
            };
            transfer::top_up(bank, &one.permit, &top_up).await.map(drop)
        }
        7 => {
            let asked = deposit::Deposit {
                key,
                account: Some(card_of(one)),
                amount: decimal("2.00"),
                reference: "Salary".to_owned(),
            };
            deposit::record(bank, &staff.permit, &asked).await.map(drop)
        }
        roll => {
            let payment = transfer::Payment {
                key: Some(key.clone()),
                from: Some(card_of(one)),
                to: transfer::Target::Account(Some(card_of(other))),
                amount: decimal("1.00"),
                note: None,
            };
            let moved = transfer::pay(bank, &one.permit, &payment).await?;
            if roll > 8 {
                return Ok(());
            }
            let asked = reversal::Reverse {
                key: format!("{key}-back"),
                transaction_id: Some(moved.transaction_id),
                amount: None,
                reason: "A mistake".to_owned(),
            };
            reversal::reverse(bank, &staff.permit, &asked).await.map(drop)
        }
    }
}

/// The access of a session is renewed by its first refresh token, again and again, as the
/// clock stands still.
async fn renew(bank: &Bank, one: &Actor) -> Result<(), Failure> {
    let Permit { session_id, ref visitor, facade, .. } = one.permit;
    let (first, _) = token::refresh(&bank.ring, session_id, 0);
    refresh::refresh(bank, visitor, facade, &Secret::new(first)).await.map(drop)
}

async fn hold_and_end(
    bank: &Bank,
    staff: &Actor,
    one: &Actor,
    chance: &mut Chance,
    key: &str,
) -> Result<(), Failure> {
    let asked = hold::Reservation {
        key: key.to_owned(),
        card: transfer::Target::Account(Some(card_of(one))),
        amount: decimal("4.00"),
        merchant: "Shop".to_owned(),
        expires_at: None,
    };
    let held = hold::place(bank, &staff.permit, &asked).await?.view.hold.hold_id;
    match chance.below(3) {
        0 => hold::release(bank, &staff.permit, Some(held)).await.map(drop),
        1 => {
            let capture = format!("{key}-capture");
            hold::capture(bank, &staff.permit, &capture, Some(held), None).await.map(drop)
        }
        // Released and captured at once: one of them is refused.
        _ => {
            let capture = format!("{key}-capture");
            let (released, captured) = tokio::join!(
                hold::release(bank, &staff.permit, Some(held)),
                hold::capture(bank, &staff.permit, &capture, Some(held), None),
            );
            assert!(released.is_ok() != captured.is_ok(), "{released:?} and {captured:?}");
            Ok(())
        }
    }
}

/// A bill is paid and cancelled at once: never both, and one of them unless the card would not pay.
async fn bill_and_end(bank: &Bank, one: &Actor, key: &str) -> Result<(), Failure> {
    let asked = bill::Charge {
        name: "Rent".to_owned(),
        amount: decimal("3.00"),
        due_at: bank.now(),
        currency: None,
        key: Some(key.to_owned()),
    };
    let made = bill::create(bank, &one.permit, &asked).await?.thing.bill_id;
    let (pay, card) = (format!("{key}-pay"), Some(card_of(one)));
    let (paid, cancelled) = tokio::join!(
        bill::pay(bank, &one.permit, Some(&pay), Some(made), card),
        bill::cancel(bank, &one.permit, Some(made)),
    );
    assert!(paid.is_err() || cancelled.is_err(), "paid and cancelled");
    paid.map(drop).or(cancelled.map(drop))
}

/// A goal is begun, filled and emptied, and closed in the middle of it.
async fn put_aside(bank: &Bank, one: &Actor, key: &str) -> Result<(), Failure> {
    let wish = savings::Wish {
        name: "Trip".to_owned(),
        goal: decimal("300"),
        currency: None,
        key: Some(key.to_owned()),
    };
    let goal = savings::create(bank, &one.permit, &wish).await?.thing.account.account_id;
    let aside = |step: &str, amount| transfer::Aside {
        key: Some(format!("{key}-{step}")),
        savings: Some(goal),
        card: Some(one.card),
        amount: decimal(amount),
    };
    transfer::withdraw_savings(bank, &one.permit, &aside("out", "200")).await?;
    let more = aside("in", "1");
    let (filled, closed) = tokio::join!(
        transfer::top_up_savings(bank, &one.permit, &more),
        savings::close(bank, &one.permit, Some(goal)),
    );
    assert!(filled.is_err() || closed.is_err(), "money is locked up in a closed goal");
    if filled.is_ok() {
        transfer::withdraw_savings(bank, &one.permit, &aside("back", "1")).await?;
        savings::close(bank, &one.permit, Some(goal)).await?;
    }
    Ok(())
}

async fn work(
    bank: Bank,
    actors: Arc<Vec<Actor>>,
    number: u64,
    until: Instant,
    total: Arc<AtomicU64>,
) -> (u64, Vec<String>) {
    let mut chance = Chance::new(proof::seed() + number);
    let (mut done, mut broken) = (0, Vec::new());
    for round in 0_u64.. {
        // On a busy machine it goes on until something was done, a minute more at most.
        let now = Instant::now();
        let enough = total.load(Ordering::Relaxed) > ACTS_MIN;
        if now >= until && (enough || now >= until + Duration::from_mins(1)) {
            break;
        }
        match act(&bank, &actors, &mut chance, format!("t{number}-{round}")).await {
            Ok(()) => {
                done += 1;
                total.fetch_add(1, Ordering::Relaxed);
            }
            // Refused for a reason that the people of this test can meet.
            Err(Failure::Refused(refusal)) => {
                let overloaded = matches!(refusal, Refusal::Overloaded { .. });
                assert!(!overloaded, "the database could not be asked");
            }
            Err(Failure::Broken(failure)) => broken.push(failure.to_string()),
        }
    }
    (done, broken)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_bank_does_at_once_deadlocks() {
    let seconds = u64::try_from(proof::sized(3, 60)).expect("a minute at most");
    each_database(async |bank| {
        let mut actors = Vec::new();
        for index in 0..PEOPLE {
            actors.push(actor(bank, &format!("person{index}"), index).await);
        }
        let role = UserRole::BankAdmin;
        let staff = operator::set_role(&bank.bank, "person3@example.org", role).await;
        staff.expect("the role is set");
        let actors = Arc::new(actors);
        // Two processes of the bank, each with two batches in flight.
        let capacity = Capacity { batches: 2, ..Capacity::default() };
        let mut banks = Vec::new();
        for number in 0..2 {
            banks.push(reassemble(bank, bank.fresh.open().await, number, capacity));
        }
        let until = Instant::now() + Duration::from_secs(seconds);
        let (mut tasks, total) = (JoinSet::new(), Arc::new(AtomicU64::new(0)));
        for number in 0..TASKS * 2 {
            let which = usize::from(number % 2 == 1);
            let (actors, total) = (Arc::clone(&actors), Arc::clone(&total));
            tasks.spawn(work(banks[which].clone(), actors, number, until, total));
        }
        let (mut done, mut broken) = (0, Vec::new());
        while let Some(told) = tasks.join_next().await {
            let (more, failures) = told.expect("a task ends well");
            done += more;
            broken.extend(failures);
        }
        for other in banks {
            other.db.close().await;
        }
        bank.audit().await;
        let deadlocks = if bank.database == "postgres" { bank.fresh.deadlocks().await } else { 0 };
        let held = deadlocks == 0 && broken.is_empty() && done > ACTS_MIN;
        proof::record(
            &format!("everything at once by two banks, {}", bank.database),
            "0 deadlocks, 0 failures",
            &format!(
                "{seconds} s: {done} acts done, {deadlocks} deadlocks, {} failures",
                broken.len()
            ),
            held,
        );
        assert!(held, "{}: {done}, {deadlocks}, {broken:?}", bank.database);
    })
    .await;
}
