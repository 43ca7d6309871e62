//! What is wrong with one field of an input.

use std::fmt::Display;

/// One field and the rest of a sentence that begins with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, from the input down: `address.city`.
    pub field: &'static str,
    /// "must be a name of 1 to 100 characters on one line".
    pub reason: String,
}

/// The faults of one input, collected so that a person sees all of them at once.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes that a field is wrong.
    pub fn add(&mut self, field: &'static str, reason: impl Display) {
        self.0.push(Fault { field, reason: reason.to_string() });
    }

    /// Keeps what was read well and notes what was not.
    pub fn read<T, E: Display>(&mut self, field: &'static str, read: Result<T, E>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(reason) => {
                self.add(field, reason);
                None
            }
        }
    }

    /// The faults, in the order in which they were found.
    pub fn into_list(self) -> Vec<Fault> {
        self.0
    }
}
