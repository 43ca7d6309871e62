//! For whom money moves.

use super::{refusal::Refusal, session::Facts};

/// Money may move for the person of a session, and accounts be opened.
///
/// The first is taken back where a dialect changes an address at once; a movement may then
/// still follow what was known of the session a second ago.
pub const fn require(facts: &Facts) -> Result<(), Refusal> {
    if !facts.email_verified {
        let reason = "Money moves only for people whose email address is verified.";
        return Err(Refusal::Forbidden { reason });
    }
    if !facts.approved {
        let reason = "The bank's staff have not approved you yet: until then no money moves.";
        return Err(Refusal::Forbidden { reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::require;
    use crate::{
        domain::{session::Facts, user::UserStatus},
        types::clock::Instant,
    };

    #[test]
    fn money_moves_for_people_who_are_verified_and_approved() {
        let now: Instant = "2026-11-21T10:00:00Z".parse().unwrap();
        let facts = Facts {
            ended_at: None,
            expires_at: now,
            refresh_expires_at: now,
            refreshed_at: None,
            second_factor_at: now,
            status: UserStatus::Active,
            email_verified: true,
            approved: true,
        };
        assert!(require(&facts).is_ok());
        assert!(require(&Facts { email_verified: false, ..facts }).is_err());
        assert!(require(&Facts { approved: false, ..facts }).is_err());
    }
}
