//! The floors of the house, checked: nothing imports from above.
//!
//! The compiler lets any module of one crate import any other, so the house in
//! the README stays a drawing unless something reads the imports. This test does,
//! and `planted.rs` shows that it would see each kind of fault.
//!
//! It depends on nothing, not even on the crate, so it links in a moment. What a
//! macro reads out of a string (`#[serde(with = "crate::…")]`) it cannot see.
//!
//! To add a room: 1. write the file, 2. list it in its folder's `mod.rs` above
//! those that import it. To add a floor: put its folder into `house::FLOORS`.

#[path = "floors/tokens.rs"]
mod tokens;

#[path = "floors/imports.rs"]
mod imports;

#[path = "floors/house.rs"]
mod house;

#[path = "floors/planted.rs"]
mod planted;

use std::{fs, io::Write as _, path::Path};

use house::{House, silent_files};

/// Where a file must have been split, and where it deserves a second look.
const MOST_LINES: usize = 600;
const MANY_LINES: usize = 400;

/// Every Rust file below a folder of this repository, with its path from there.
fn sources_below(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut waiting, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(inner) = waiting.pop() {
        for entry in fs::read_dir(root.join(&inner)).expect("the folder can be listed") {
            let entry = entry.expect("the folder can be listed");
            let path = format!("{inner}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                waiting.push(path);
            } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(entry.path()).expect("a source file is UTF-8");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "no Rust file below {folder}: this test would promise nothing");
    found.sort();
    found
}

fn refuse(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn the_house() -> House {
    House::build(&sources_below("src"))
}

#[test]
fn no_file_imports_from_a_higher_floor() {
    refuse(&the_house().upward_imports());
}

#[test]
fn every_file_stands_on_a_floor_and_is_listed_there() {
    refuse(&the_house().homeless_files());
}

#[test]
fn every_module_page_only_lists_its_rooms() {
    refuse(&the_house().page_faults());
}

#[test]
fn the_floors_are_listed_from_the_ground_up() {
    refuse(&the_house().floors_out_of_order());
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    refuse(&silent_files(&sources_below("src")));
    refuse(&silent_files(&sources_below("tests")));
    refuse(&silent_files(&sources_below("benches")));
}

#[test]
fn no_import_takes_everything() {
    refuse(&the_house().globs());
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let house = the_house();
    // Written past the capture of libtest, which would hide it from a green run.
    for long in house.longer_than(MANY_LINES) {
        writeln!(std::io::stderr(), "look again: {long}").expect("stderr can be written");
    }
    refuse(&house.longer_than(MOST_LINES));
}
