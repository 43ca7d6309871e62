//! What the bank's staff may do, and to whom.

use super::{
    refusal::Refusal,
    user::{UserRole, UserStatus},
};
use crate::types::id::UserId;

/// Something that only staff may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Look at a customer.
    Read,
    /// Approve, confirm that somebody leaves, record deposits, reverse, hold.
    Serve,
    /// Make staff, and decide about those who are.
    MakeStaff,
}

/// What is told to whoever is not of the staff.
const STAFF_ONLY: &str = "Only the bank's staff may do this.";
/// What is told to staff who would decide about staff.
const PLATFORM_ONLY: &str = "Only a platform administrator may do this to the bank's staff.";

impl UserRole {
    /// The role has this right.
    pub const fn may(self, right: Right) -> bool {
        match right {
            Right::Read => {
                matches!(self, Self::DeveloperAdmin | Self::BankAdmin | Self::PlatformAdmin)
            }
            Right::Serve => matches!(self, Self::BankAdmin | Self::PlatformAdmin),
            Right::MakeStaff => matches!(self, Self::PlatformAdmin),
        }
    }

    /// Whoever has the role is of the bank's staff.
    pub const fn is_staff(self) -> bool {
        self.may(Right::Read)
    }

    /// Refuses whoever has not this right.
    pub const fn require(self, right: Right) -> Result<(), Refusal> {
        if self.may(right) { Ok(()) } else { Err(Refusal::Forbidden { reason: STAFF_ONLY }) }
    }
}

/// A person as staff find them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party {
    /// The person.
    pub user_id: UserId,
    /// What they may do.
    pub role: UserRole,
}

/// Lets staff decide about a customer; about other staff only who makes staff, and about
/// oneself nobody.
pub fn require_over(actor: Party, subject: Party, right: Right) -> Result<(), Refusal> {
    actor.role.require(right)?;
    if actor.user_id == subject.user_id {
        let reason = "Nobody decides this about themselves: ask a colleague.";
        return Err(Refusal::Forbidden { reason });
    }
    if subject.role.is_staff() && !actor.role.may(Right::MakeStaff) {
        return Err(Refusal::Forbidden { reason: PLATFORM_ONLY });
    }
    Ok(())
}

/// The role that a person has once this member of the staff has approved them.
pub fn approve(
    actor: Party,
    subject: Party,
    asked: Option<UserRole>,
    status: UserStatus,
) -> Result<UserRole, Refusal> {
    require_over(actor, subject, Right::Serve)?;
    if status == UserStatus::Deactivated {
        let reason = "The person has left: reactivate them first.";
        return Err(Refusal::Conflict { reason });
    }
    match asked {
        // Whoever is of the staff already keeps what they have.
        None => Ok(subject.role),
        Some(UserRole::PlatformAdmin) => {
            let reason = "Platform administrators are made by `teller user` alone.";
            Err(Refusal::Forbidden { reason })
        }
        Some(role) if role.is_staff() && !actor.role.may(Right::MakeStaff) => {
            Err(Refusal::Forbidden { reason: PLATFORM_ONLY })
        }
        Some(role) => Ok(role),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Party, Right, approve, require_over};
    use crate::{
        domain::user::{
            UserRole::{self, BankAdmin, Customer, Developer, DeveloperAdmin, PlatformAdmin},
            UserStatus,
        },
        types::id::UserId,
    };

    fn party(number: u128, role: UserRole) -> Party {
        Party { user_id: UserId::from_uuid(Uuid::from_u128(number)), role }
    }

    #[test]
    fn every_role_has_its_rights_and_no_more() {
        let rights = |role: UserRole| {
            [Right::Read, Right::Serve, Right::MakeStaff].map(|right| role.may(right))
        };
        assert_eq!(rights(Customer), [false; 3]);
        assert_eq!(rights(Developer), [false; 3]);
        assert_eq!(rights(DeveloperAdmin), [true, false, false]);
        assert_eq!(rights(BankAdmin), [true, true, false]);
        assert_eq!(rights(PlatformAdmin), [true; 3]);
    }

    #[test]
    fn approving_staff_is_making_staff() {
        let ask = |actor, asked| {
            approve(party(1, actor), party(2, Customer), asked, UserStatus::Active).ok()
        };
        for plain in [Customer, Developer] {
            assert_eq!(ask(BankAdmin, Some(plain)), Some(plain));
        }
        assert_eq!(ask(BankAdmin, None), Some(Customer));
        for staff in [DeveloperAdmin, BankAdmin] {
            assert_eq!(ask(BankAdmin, Some(staff)), None);
            assert_eq!(ask(PlatformAdmin, Some(staff)), Some(staff));
        }
        assert_eq!(ask(PlatformAdmin, Some(PlatformAdmin)), None, "by `teller user` alone");
        assert_eq!(ask(DeveloperAdmin, None), None);
    }

    #[test]
    fn nobody_decides_about_themselves_and_staff_is_decided_about_from_above() {
        for role in [BankAdmin, PlatformAdmin] {
            assert!(require_over(party(1, role), party(1, role), Right::Serve).is_err());
        }
        let bank = party(1, BankAdmin);
        assert!(require_over(bank, party(2, DeveloperAdmin), Right::Serve).is_err());
        assert!(require_over(bank, party(2, Customer), Right::Serve).is_ok());
        assert!(require_over(party(1, PlatformAdmin), party(2, BankAdmin), Right::Serve).is_ok());
    }
}
