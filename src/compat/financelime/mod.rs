//! financelime: a Go service that makes people's passwords, mails them, and lists the
//! devices on which they are signed in.
//!
//! `user` is how people sign up and ask for another password, `confirmation` the links that
//! their letters lead to, `oauth` how they come in and stay, `session` where they see and
//! end that; `request_id` is what every call but a link's carries.

pub mod errors;
pub mod request_id;
pub mod body;
pub mod person;
pub mod version;
pub mod confirmation;
pub mod user;
pub mod oauth;
pub mod session;
pub mod door;
pub mod openapi;
