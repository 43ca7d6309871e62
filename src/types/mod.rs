//! Floor 1: the vocabulary that every other floor speaks.
//!
//! Small values that are checked once, where they enter, and trusted after:
//! money, identifiers, time, chance, texts with a form, pages. This floor does
//! no I/O and knows no database, no network and no rule of the bank. Time and
//! chance are passed in, so that a test can hold both still.
//!
//! To add a word to the vocabulary:
//! 1. make a file with the noun's name and list it below, above whatever uses it;
//! 2. give it one constructor that refuses bad input with a sentence;
//! 3. where it is stored, derive `sqlx::Type` with `#[sqlx(transparent)]`.

pub mod entropy;
pub mod clock;
pub mod id;
pub mod secret;
pub mod money;
pub mod text;
pub mod language;
pub mod page;
pub mod courtesy;
pub mod served;
pub mod depth;
