//! People: their roles, their states, and what they must say of themselves.

use chrono::NaiveDate;

use super::fault::Faults;
use crate::types::text::{Line, PersonName};

/// What a person may do beyond their own things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserRole {
    /// Their own things only.
    Customer,
    /// Their own things only; a developer against the API.
    Developer,
    /// Also reads customers.
    DeveloperAdmin,
    /// Also approves, deposits, reverses and holds.
    BankAdmin,
    /// Also makes staff.
    PlatformAdmin,
}

/// Where a person stands with the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserStatus {
    /// A customer.
    Active,
    /// Has asked to leave.
    DeactivationRequested,
    /// Has left; nobody can sign in.
    Deactivated,
}

/// Where a person lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Street and number.
    pub line: Line,
    /// City.
    pub city: Line,
    /// State, province or region.
    pub state: Line,
    /// Post code.
    pub post_code: Line,
    /// Country.
    pub country: Option<Line>,
}

/// An address as it was typed.
#[derive(Debug, Clone)]
pub struct AddressForm {
    /// Street and number.
    pub line: String,
    /// City.
    pub city: String,
    /// State, province or region.
    pub state: String,
    /// Post code.
    pub post_code: String,
    /// Country.
    pub country: Option<String>,
}

/// Who a person is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// First name.
    pub first_name: PersonName,
    /// Last name.
    pub last_name: PersonName,
    /// Day of birth.
    pub date_of_birth: NaiveDate,
    /// Where they live.
    pub address: Address,
}

/// A profile as it was typed.
#[derive(Debug, Clone)]
pub struct ProfileForm {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Day of birth.
    pub date_of_birth: NaiveDate,
    /// Where they live.
    pub address: AddressForm,
}

impl ProfileForm {
    /// Reads the profile and notes every fault; `None` where there are any.
    pub fn read(&self, today: NaiveDate, faults: &mut Faults) -> Option<Profile> {
        let first_name = faults.read("firstName", PersonName::parse(&self.first_name));
        let last_name = faults.read("lastName", PersonName::parse(&self.last_name));
        let earliest = NaiveDate::from_ymd_opt(1900, 1, 1).expect("1900-01-01 is a day");
        let born = self.date_of_birth;
        let born_in_time = born >= earliest && born <= today;
        if !born_in_time {
            faults.add("dateOfBirth", "must be a day from 1900-01-01 to today");
        }
        let address = self.address.read(faults);
        if !born_in_time {
            return None;
        }
        Some(Profile {
            first_name: first_name?,
            last_name: last_name?,
            date_of_birth: born,
            address: address?,
        })
    }
}

impl AddressForm {
    /// Reads the address and notes every fault; `None` where there are any.
    pub fn read(&self, faults: &mut Faults) -> Option<Address> {
        let line = faults.read("address.line", Line::parse(&self.line));
        let city = faults.read("address.city", Line::parse(&self.city));
        let state = faults.read("address.state", Line::parse(&self.state));
        let post_code = faults.read("address.postCode", Line::parse(&self.post_code));
        let country = Line::parse_optional(self.country.as_deref());
        let country = faults.read("address.country", country);
        Some(Address {
            line: line?,
            city: city?,
            state: state?,
            post_code: post_code?,
            country: country?,
        })
    }
}

/// "Ann L.": enough to know whom one means to pay, and no more; none where no name is known.
pub fn short_name(first: Option<&str>, last: Option<&str>) -> Option<String> {
    let first = first?;
    let initial = last.and_then(|last| last.chars().next());
    Some(initial.map_or_else(|| first.to_owned(), |initial| format!("{first} {initial}.")))
}

/// "Ann Lee", of whichever parts are known.
pub fn full_name(first: Option<&str>, last: Option<&str>) -> String {
    [first, last].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
