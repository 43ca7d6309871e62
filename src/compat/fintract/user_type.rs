//! What people are, in the words of this dialect.

use crate::{domain::user::UserRole, store::user::User};

/// The words, in the order of the document.
pub const USER_TYPES: [&str; 5] =
    ["CUSTOMER", "BANK_ADMIN", "FINTRACT_ADMIN", "DEVELOPER", "DEVELOPER_ADMIN"];

/// The word for a role.
pub const fn word(role: UserRole) -> &'static str {
    match role {
        UserRole::Customer => "CUSTOMER",
        UserRole::BankAdmin => "BANK_ADMIN",
        UserRole::PlatformAdmin => "FINTRACT_ADMIN",
        UserRole::Developer => "DEVELOPER",
        UserRole::DeveloperAdmin => "DEVELOPER_ADMIN",
    }
}

/// The role of a word, whatever its letters' case.
pub fn role(word: &str) -> Option<UserRole> {
    let roles = [
        UserRole::Customer,
        UserRole::BankAdmin,
        UserRole::PlatformAdmin,
        UserRole::Developer,
        UserRole::DeveloperAdmin,
    ];
    roles.into_iter().find(|role| self::word(*role).eq_ignore_ascii_case(word))
}

/// What a person is called: what they asked to be, until staff decide; it gives no right.
pub fn of(user: &User) -> &'static str {
    word(user.role_asked.unwrap_or(user.role))
}
