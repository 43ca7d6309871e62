//! Savings goals: what a person puts money aside for.

use super::{
    account::{AccountStatus, Balance},
    refusal::Refusal,
};
use crate::types::money::Minor;

/// Savings goals that one person may have open.
pub const SAVINGS_MAX: i64 = 50;

/// What is missing to the goal; negative once it is passed.
pub fn remaining(goal: Minor, posted: Minor) -> Minor {
    Minor(goal.0.saturating_sub(posted.0))
}

/// How far a goal is reached: whole percent from 0 to 100, and 100 only when it is.
pub fn progress_percent(goal: Minor, posted: Minor) -> i32 {
    if goal.0 <= 0 || posted.0 >= goal.0 {
        return 100;
    }
    let percent = i128::from(posted.0.max(0)) * 100 / i128::from(goal.0);
    i32::try_from(percent).unwrap_or(0)
}

/// The goal's name and its amount may be changed.
pub fn require_open(status: AccountStatus) -> Result<(), Refusal> {
    match status {
        AccountStatus::Active | AccountStatus::Frozen => Ok(()),
        AccountStatus::Closed => Err(Refusal::AccountClosed),
    }
}

/// The goal may be closed: no money is ever locked up in a closed one.
pub fn require_empty(status: AccountStatus, balance: &Balance) -> Result<(), Refusal> {
    require_open(status)?;
    if balance.posted == Minor::ZERO && balance.held == Minor::ZERO {
        Ok(())
    } else {
        Err(Refusal::AccountNotEmpty)
    }
}

#[cfg(test)]
mod tests {
    use super::{progress_percent, remaining, require_empty};
    use crate::{
        domain::{
            account::{AccountStatus, Balance},
            refusal::Refusal,
        },
        types::money::{Currency, Minor},
    };

    #[test]
    fn what_remains_turns_negative_and_progress_stays_between_0_and_100() {
        let told = |goal, posted| {
            let (goal, posted) = (Minor(goal), Minor(posted));
            (remaining(goal, posted).0, progress_percent(goal, posted))
        };
        assert_eq!(told(500, 0), (500, 0));
        assert_eq!(told(500, 200), (300, 40));
        assert_eq!(told(1_000, 999), (1, 99), "not reached is never 100");
        assert_eq!(told(500, 500), (0, 100));
        assert_eq!(told(500, 700), (-200, 100));
        assert_eq!(told(500, -20), (520, 0));
        assert_eq!(told(i64::MAX, i64::MAX - 1), (1, 99));
        assert_eq!(told(1, i64::MIN).0, i64::MAX);
    }

    #[test]
    fn only_an_empty_goal_is_closed() {
        let balance = |posted, held| Balance {
            posted: Minor(posted),
            held: Minor(held),
            overdraft_limit: Minor(0),
            version: 1,
            currency: Currency::parse("USD").unwrap(),
        };
        let close = |status, posted, held| require_empty(status, &balance(posted, held));
        assert_eq!(close(AccountStatus::Active, 0, 0), Ok(()));
        assert_eq!(close(AccountStatus::Active, 1, 0), Err(Refusal::AccountNotEmpty));
        assert_eq!(close(AccountStatus::Active, -1, 0), Err(Refusal::AccountNotEmpty));
        assert_eq!(close(AccountStatus::Active, 0, 1), Err(Refusal::AccountNotEmpty));
        assert_eq!(close(AccountStatus::Closed, 0, 0), Err(Refusal::AccountClosed));
    }
}
