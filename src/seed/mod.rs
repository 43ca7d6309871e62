//! Demo people for the sandbox, made through the same use cases as everybody, with a year
//! behind them.
//!
//! `people` says who they are and makes them customers, `calendar` is the bank as it was on
//! a day of the past, `actor` somebody who does things there; `year` is what a year of a
//! person looks like, `run` makes all of them.
//!
//! To add a demo person: a line in `people::ALL`.

pub mod people;
pub mod calendar;
pub mod actor;
pub mod year;
pub mod run;
