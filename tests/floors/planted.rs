//! Faults planted into a small house, to show that the checker sees each kind.

use crate::house::{House, silent_files};

/// A small house without fault, in which the tests below plant theirs.
const SOUND: [(&str, &str); 19] = [
    (
        "src/lib.rs",
        "//! A.\npub mod types;\npub mod db;\npub mod domain;\npub mod crypto;\npub mod store;\n\
         pub mod bank;\npub mod compat;\npub mod config;\npub mod app;",
    ),
    ("src/types/mod.rs", "//! A.\n/// B.\npub mod money;"),
    ("src/types/money.rs", "//! A.\nuse std::fmt;\nstruct Money;"),
    ("src/db/mod.rs", "//! A.\npub mod pool;"),
    ("src/db/pool.rs", "//! A.\npub(crate) struct Pool;"),
    ("src/domain/mod.rs", "//! A.\npub mod refusal;"),
    ("src/domain/refusal.rs", "//! A.\nuse crate::types::money::Money;"),
    ("src/crypto/mod.rs", "//! A.\npub mod token;"),
    ("src/crypto/token.rs", "//! A."),
    ("src/store/mod.rs", "//! A.\npub mod account;\npub mod transfer;"),
    ("src/store/account.rs", "//! A.\nuse crate::{db::pool, types::{money::Money}};"),
    ("src/store/transfer.rs", "//! A.\nuse super::account;\nfn f() { crate::store::account::g() }"),
    ("src/bank/mod.rs", "//! A.\npub mod transfer;"),
    (
        "src/bank/transfer.rs",
        "//! A.\nuse crate::store;\npub(in crate::bank) fn pay(&self) -> u8 { *self as u8 }\n\
         mod tests { use super::pay; use crate::bank::transfer::pay; }",
    ),
    ("src/compat/mod.rs", "//! A.\npub mod wire;\npub mod accounts;"),
    ("src/compat/wire.rs", "//! A.\nuse crate::bank::transfer;"),
    ("src/compat/accounts/mod.rs", "//! A.\npub mod error;\npub mod routes;"),
    ("src/compat/accounts/error.rs", "//! A.\nuse super::super::wire;"),
    ("src/main.rs", "//! A.\nfn main() { teller::app::run() }"),
];

/// The sound house with these files in addition, or in place of its own.
fn planted(files: &[(&str, &str)]) -> House {
    let kept = SOUND.iter().filter(|(path, _)| files.iter().all(|(other, _)| other != path));
    let all = kept.chain(files).map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    House::build(&all.collect::<Vec<_>>())
}

/// What the checker says about imports where `text` replaces one file.
fn said_of(path: &str, text: &str) -> Vec<String> {
    planted(&[(path, text)]).upward_imports()
}

/// One fault, which names the file, the line and the reason.
fn refuses(path: &str, text: &str, line: usize, reasons: &[&str]) {
    let said = said_of(path, text);
    assert_eq!(said.len(), 1, "{text}: {said:?}");
    assert!(said[0].starts_with(&format!("{path}:{line}: ")), "{text}: {said:?}");
    for reason in reasons {
        assert!(said[0].contains(reason), "{text}: {said:?} without {reason}");
    }
}

#[test]
fn a_house_without_fault_is_not_refused() {
    let house = planted(&[("src/compat/accounts/routes.rs", "//! A.\nuse super::error;")]);
    assert_eq!(house.upward_imports(), Vec::<String>::new());
    assert_eq!(house.homeless_files(), Vec::<String>::new());
    assert_eq!(house.page_faults(), Vec::<String>::new());
    assert_eq!(house.floors_out_of_order(), Vec::<String>::new());
    assert_eq!(house.globs(), Vec::<String>::new());
}

#[test]
fn a_planted_upward_import_is_refused() {
    let above = ["`store` is floor 3 and `bank` is floor 5, above it"];
    for text in [
        "use crate::bank::transfer;",
        "fn f() { crate::bank::transfer::pay() }",
        "use crate::{db::pool, bank::{transfer::{self, pay}}};",
        "use {crate::bank as above};",
        "use super::super::bank::transfer;",
        "use self::super::super::bank::transfer;",
        "mod tests { use super::super::super::bank::transfer; }",
        "macro_rules! m { () => { $crate::bank::transfer::pay() } }",
        "type Pay = <crate::bank::transfer::Pay as Deref>::Target;",
        "use r#crate_like::x; use crate::r#bank::transfer;",
    ] {
        let said = said_of("src/store/account.rs", text);
        assert!(!said.is_empty(), "{text}");
        assert!(said.iter().all(|fault| fault.contains(above[0])), "{text}: {said:?}");
    }
    let text = "//! A.\nuse crate::{\n    db::pool,\n    bank::transfer,\n};";
    refuses("src/store/account.rs", text, 4, &["`crate::bank::transfer`", above[0]]);
    refuses("src/config.rs", "use crate::app::run;", 1, &["`app` is not listed above `config`"]);
    refuses("src/app.rs", "use crate::main::run;", 1, &["`main` is not listed above `app`"]);
    refuses("src/types/money.rs", "include!(\"../bank.rs\");", 1, &["include"]);
}

#[test]
fn a_planted_sideways_import_is_refused() {
    let share = ["`domain` and `crypto` share floor 2"];
    refuses("src/domain/refusal.rs", "use crate::crypto::token;", 1, &share);
    refuses("src/crypto/token.rs", "use crate::domain::refusal;", 1, &["share floor 2"]);
    refuses("src/types/money.rs", "use crate::db::pool;", 1, &["share floor 1"]);
}

#[test]
fn a_planted_import_from_a_higher_file_of_its_folder_is_refused() {
    let higher = ["`transfer` is not listed above `account` in src/store/mod.rs"];
    refuses("src/store/account.rs", "use crate::store::transfer::Row;", 1, &higher);
    refuses("src/store/account.rs", "use super::transfer;", 1, &higher);
    refuses("src/store/account.rs", "mod t { use super::super::transfer; }", 1, &higher);
    let within = ["`routes` is not listed above `error` in src/compat/accounts/mod.rs"];
    refuses("src/compat/accounts/error.rs", "use super::routes;", 1, &within);
}

#[test]
fn a_whole_folder_or_house_is_not_imported_from_inside() {
    refuses(
        "src/store/transfer.rs",
        "use crate::store;",
        1,
        &["name a file that src/store/mod.rs"],
    );
    refuses("src/store/transfer.rs", "use super as up;", 1, &["name a file that src/store/mod.rs"]);
    refuses("src/bank/transfer.rs", "use crate::{self as root};", 1, &["the whole house"]);
    refuses("src/bank/transfer.rs", "use crate as root;", 1, &["the whole house"]);
    refuses("src/bank/transfer.rs", "extern crate self as root;", 1, &["the whole house"]);
    refuses("src/bank/transfer.rs", "crate::shout!();", 1, &["`shout` stands on no floor"]);
}

#[test]
fn a_dialect_imports_no_other_dialect() {
    let dialects = "//! A.\npub mod wire;\npub mod ewallet;\npub mod accounts;\npub mod root;";
    let house = |text| {
        let files = [
            ("src/compat/mod.rs", dialects),
            ("src/compat/ewallet/mod.rs", "//! A.\npub mod routes;"),
            ("src/compat/ewallet/routes.rs", "//! A."),
            (
                "src/compat/root.rs",
                "//! A.\nuse crate::compat::{accounts::error, ewallet::routes};",
            ),
            ("src/compat/accounts/error.rs", text),
        ];
        planted(&files).upward_imports()
    };
    assert_eq!(house("use crate::compat::wire::Answer;"), Vec::<String>::new());
    let said = house("use crate::compat::ewallet::routes;");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("a dialect takes nothing from `compat` but `compat::wire`"),
        "{said:?}"
    );
}

#[test]
fn what_stands_in_a_comment_or_a_string_is_no_import() {
    for harmless in [
        "// use crate::bank::transfer;",
        "/// [`crate::bank::transfer`]",
        "/* use crate::bank::x; /* nested */ use crate::bank::y; */",
        r#"const A: &str = "use crate::bank::transfer;";"#,
        r#"const A: &str = "\" use crate::bank::transfer; \\";"#,
        r##"const A: &str = r#"" use crate::bank::transfer;"#;"##,
        r#"const A: &[u8] = b"crate::bank::x"; const B: &[u8] = br"crate::bank::x\";"#,
        r#"const A: &CStr = c"crate::bank::x"; const B: &CStr = cr"crate::bank::x";"#,
        r#"const A: [char; 3] = ['"', '\'', '\u{22}']; const B: u8 = b'"';"#,
        "fn f<'a>(x: &'a str, y: &'static str) -> u8 { b'\\\\' }",
        "use std::{self, fmt}; fn f(&self) { self::f(); Self::f(); self.f() as u8 }",
    ] {
        let text = format!("//! A.\n{harmless}");
        assert_eq!(said_of("src/store/account.rs", &text), Vec::<String>::new(), "{harmless}");
        // What follows is read again: nothing was stepped over too far.
        let text = format!("{text}\nuse crate::bank::transfer;");
        refuses("src/store/account.rs", &text, 3, &["floor 5"]);
    }
}

#[test]
fn a_planted_file_on_no_floor_is_refused_by_name() {
    for path in ["src/foo.rs", "src/store.rs", "src/foo/mod.rs", "src/app/mod.rs", "src/mod.rs"] {
        let said = planted(&[(path, "//! A.")]).homeless_files();
        assert_eq!(said, [format!("{path} stands on no floor")]);
    }
    let said = planted(&[("src/store/card.rs", "//! A.")]).homeless_files();
    assert_eq!(said, ["src/store/card.rs is not listed in src/store/mod.rs"]);
    let said = planted(&[("src/store/sql/card.rs", "//! A.")]).homeless_files();
    assert_eq!(said, ["src/store/sql/card.rs is not listed in src/store/sql/mod.rs"]);
    let page = ("src/store/mod.rs", "//! A.\npub mod account;\npub mod transfer;\npub mod utils;");
    let said = planted(&[page, ("src/store/utils.rs", "//! A.")]).homeless_files();
    assert_eq!(said, ["src/store/utils.rs: `utils` does not say what is inside"]);
}

#[test]
fn a_planted_page_that_does_more_than_list_is_refused() {
    for more in [
        "use std::fmt;",
        "pub use self::account::Row;",
        "mod account;",
        "pub(crate) mod account;",
        "#[macro_use]\npub mod account;",
        "#![allow(dead_code)]",
        "pub mod inline {}",
        "const ONE: u8 = 1;",
        "pub mod",
    ] {
        for path in ["src/store/mod.rs", "src/lib.rs"] {
            let text = format!("//! A.\npub mod transfer; // Above.\n{more}");
            let said = planted(&[(path, &text)]).page_faults();
            assert_eq!(said.len(), 1, "{more}: {said:?}");
            assert!(said[0].starts_with(&format!("{path}:3: ")), "{more}: {said:?}");
        }
    }
    let said = planted(&[("src/store/account.rs", "//! A.\nmod rows;")]).page_faults();
    assert_eq!(said, ["src/store/account.rs:2: only lib.rs and a mod.rs list rooms"]);
    let said = planted(&[("src/lib.rs", "pub mod store;\npub mod types;")]).floors_out_of_order();
    assert_eq!(said, ["src/lib.rs lists `store` above `types`"]);
}

#[test]
fn a_planted_import_of_everything_is_refused() {
    for text in
        ["use std::fmt::*;", "use std::{io, fmt::{self, *}};", "mod tests { use super::*; }"]
    {
        let said = planted(&[("src/store/account.rs", text)]).globs();
        assert_eq!(said, ["src/store/account.rs:1: `*` imports what nobody named"], "{text}");
    }
    let text = "// use a::*;\nfn f(x: &u8) -> impl Fn() + use<'_> { *x * 2; \"use a::*;\" }";
    assert_eq!(planted(&[("src/store/account.rs", text)]).globs(), Vec::<String>::new());
}

#[test]
fn a_planted_long_file_is_refused() {
    let (long, longer) = ("\n".repeat(600), "\n".repeat(601));
    let house = planted(&[("src/db/pool.rs", &long), ("src/types/money.rs", &longer)]);
    assert_eq!(house.longer_than(600), ["src/types/money.rs: 601 lines"]);
}

#[test]
fn a_planted_file_without_a_word_about_itself_is_refused() {
    let files = [("src/a.rs", "//! A."), ("src/b.rs", "use std::fmt;"), ("tests/c.rs", "")];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let said = silent_files(&files);
    assert_eq!(
        said,
        ["src/b.rs:1: does not open with `//!`", "tests/c.rs:1: does not open with `//!`"]
    );
}
