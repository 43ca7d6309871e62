//! Floor 2: letters and what carries them.
//!
//! A `letter::Letter` is what is said, in text and in HTML; a `carrier` brings it
//! to an SMTP server. This floor knows no table: the worker that drains the
//! outbox lives in `bank`, and so does the captured inbox of the sandbox.
//!
//! To add a letter: a function that says its subject and its paragraphs, in
//! `templates` where it carries a secret, in `notices` where it tells of a change; those of
//! somebody who leaves stand in `leaving`, those of a legacy dialect under its name.

pub mod letter;
pub mod templates;
pub mod notices;
pub mod leaving;
pub mod accounts;
pub mod fintract;
pub mod financelime;
pub mod card_bank;
pub mod carrier;
