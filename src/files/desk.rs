//! How many files are taken at once: of everybody together, and of one person.
//!
//! What is being taken is in memory until it is kept, so the places are few, and one
//! person cannot have all of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use uuid::Uuid;

/// Files that are taken at once.
const PLACES: usize = 8;
/// Files that are taken at once of one person.
const PLACES_OF_ONE: usize = 2;

/// A file cannot be taken now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Crowded {
    /// The same person is sending as many as one may.
    #[error(
        "At most {PLACES_OF_ONE} files are taken of one person at once. Send one after the other."
    )]
    OfOne,
    /// Everybody together is.
    #[error("Too many files are on their way. Try again shortly.")]
    OfAll,
}

/// Where files are handed in.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    at_it: Arc<Mutex<HashMap<Uuid, usize>>>,
}

/// A place at the desk, free again when this is dropped.
#[derive(Debug)]
pub struct Seat {
    desk: Desk,
    whose: Uuid,
}

impl Desk {
    /// Takes a place for a person.
    pub fn enter(&self, whose: Uuid) -> Result<Seat, Crowded> {
        let mut at_it = self.at_it.lock().unwrap_or_else(PoisonError::into_inner);
        if at_it.get(&whose).is_some_and(|count| *count >= PLACES_OF_ONE) {
            return Err(Crowded::OfOne);
        }
        if at_it.values().sum::<usize>() >= PLACES {
            return Err(Crowded::OfAll);
        }
        *at_it.entry(whose).or_default() += 1;
        Ok(Seat { desk: self.clone(), whose })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut at_it = self.desk.at_it.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = at_it.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                at_it.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Crowded, Desk};

    #[test]
    fn one_person_has_two_places_and_all_have_eight() {
        let desk = Desk::default();
        let person = Uuid::from_u128;
        let mut seats: Vec<_> =
            (0..6).map(|number| desk.enter(person(number / 2)).unwrap()).collect();
        assert_eq!(desk.enter(person(0)).unwrap_err(), Crowded::OfOne);
        seats.push(desk.enter(person(3)).unwrap());
        seats.push(desk.enter(person(4)).unwrap());
        assert_eq!(desk.enter(person(5)).unwrap_err(), Crowded::OfAll);
        drop(seats);
        assert!(desk.enter(person(5)).is_ok());
        assert!(desk.at_it.lock().unwrap().len() <= 1, "nobody is remembered who has left");
    }
}
