//! card-bank: an API of `FastAPI` whose people have cards, savings and bills, and whose token stands
//! in a cookie.
//!
//! `registration`, `sign_in` and `reset` are how people come in and go, `person` knows them
//! by the cookie; `card`, `history`, `savings` and `bill` are what they have, `root` what
//! is nobody's. Bodies are read by `body`, which says with `fault` what is wrong with them;
//! `number` and `moment` read what stands in them. `errors` is how it is said that something
//! may not be.

pub mod number;
pub mod moment;
pub mod fault;
pub mod errors;
pub mod body;
pub mod person;
pub mod registration;
pub mod sign_in;
pub mod reset;
pub mod card;
pub mod history;
pub mod savings;
pub mod bill;
pub mod root;
pub mod door;
pub mod openapi_terms;
pub mod openapi_money;
pub mod openapi;
