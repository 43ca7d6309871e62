//! The rules of the house, as pure functions over paths and their texts.

use std::collections::BTreeMap;

use crate::{
    imports::imports_of,
    tokens::{Token, text_at, tokens_of},
};

/// The floors from the ground up. Folders of one floor do not know each other;
/// the last floor is files directly in `src` and the folders `backup`, `bench`, `config` and `seed`, in the order
/// of `lib.rs`.
const FLOORS: [&[&str]; 8] = [
    &["types", "db"],
    &["domain", "crypto", "mail", "files"],
    &["store"],
    &["ledger"],
    &["bank"],
    &["graphql", "compat"],
    &["http"],
    &[
        "config", "app", "report", "backup", "cli", "seed", "people", "log", "trace", "bench",
        "main",
    ],
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] =
    ["common", "helper", "helpers", "manager", "misc", "service", "util", "utils"];

/// One source file, read.
struct File {
    path: String,
    module: Vec<String>,
    tokens: Vec<Token>,
    lines: usize,
}

impl File {
    fn read((path, text): &(String, String)) -> Self {
        let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut module: Vec<String> = inner.split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod") || inner == "lib" {
            module.pop();
        }
        let tokens = tokens_of(text);
        Self { path: path.clone(), lines: text.lines().count(), module, tokens }
    }

    fn is_page(&self) -> bool {
        self.path == page_of(&self.module)
    }

    fn says(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }

    /// Each `mod name;` with its line, which sends the compiler to another file.
    fn listings(&self) -> impl Iterator<Item = (usize, &str)> {
        let triples = self.tokens.windows(3);
        let listing = |three: &&[Token]| three[0].text == "mod" && three[2].text == ";";
        triples.filter(listing).map(|three| (three[0].line, three[1].text.as_str()))
    }
}

/// The file that lists the rooms of a folder.
fn page_of(folder: &[String]) -> String {
    if folder.is_empty() {
        "src/lib.rs".to_owned()
    } else {
        format!("src/{}/mod.rs", folder.join("/"))
    }
}

fn is_pub_mod(tokens: &[Token]) -> bool {
    let texts: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    matches!(texts.as_slice(), ["pub", "mod", _, ";"])
}

/// The floor of a folder, or of a file directly in `src`, counted from 1.
fn floor_of(name: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&name)).map(|index| index + 1)
}

/// All files below `src`, and for each folder its rooms from the ground up.
pub struct House {
    files: Vec<File>,
    pages: BTreeMap<Vec<String>, Vec<String>>,
}

impl House {
    pub fn build(sources: &[(String, String)]) -> Self {
        let files: Vec<File> = sources.iter().map(File::read).collect();
        let mut pages = BTreeMap::new();
        for page in files.iter().filter(|file| file.is_page()) {
            let rooms = page.listings().map(|(_, room)| room.to_owned());
            pages.insert(page.module.clone(), rooms.collect());
        }
        Self { files, pages }
    }

    /// How high a room lies in its folder; `main.rs` is listed nowhere and tops all.
    fn height(&self, folder: &[String], room: &str) -> Option<usize> {
        if folder.is_empty() && room == "main" {
            return Some(usize::MAX);
        }
        self.pages.get(folder)?.iter().position(|listed| listed == room)
    }

    /// Why a module may not import a path, or nothing where it may.
    fn refusal(&self, from: &[String], path: &[String]) -> Option<String> {
        let Some(first) = path.first() else {
            return Some("this is the whole house; name the file".to_owned());
        };
        let Some(floor) = floor_of(first) else {
            return Some(format!(
                "`{first}` stands on no floor (a macro is imported from its file)"
            ));
        };
        // Pages import nothing at all, which another promise sees to.
        let here = from.first()?;
        let own = floor_of(here)?;
        if first == here || (floor == own && floor == FLOORS.len()) {
            return self.refusal_within(from, path);
        }
        match floor {
            _ if floor < own => None,
            _ if floor == own => {
                Some(format!("`{here}` and `{first}` share floor {own} and do not know each other"))
            }
            _ => Some(format!("`{here}` is floor {own} and `{first}` is floor {floor}, above it")),
        }
    }

    /// The same for two files of one folder, or of its sub-folders.
    fn refusal_within(&self, from: &[String], path: &[String]) -> Option<String> {
        let common = from.iter().zip(path).take_while(|(here, there)| here == there).count();
        let folder = &from[..common];
        if common == from.len() {
            return None;
        }
        let there = path.get(common).filter(|room| self.height(folder, room).is_some());
        let (here, Some(there)) = (&from[common], there) else {
            return Some(format!("name a file that {} lists", page_of(folder)));
        };
        let is_dialect = from.len() > 2 && here != "wire";
        if common == 1 && from[0] == "compat" && is_dialect && there != "wire" {
            return Some("a dialect takes nothing from `compat` but `compat::wire`".to_owned());
        }
        (self.height(folder, there) >= self.height(folder, here))
            .then(|| format!("`{there}` is not listed above `{here}` in {}", page_of(folder)))
    }

    /// Imports of what stands higher, or beside on the same floor.
    pub fn upward_imports(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for file in &self.files {
            for import in imports_of(&file.module, &file.tokens) {
                let (written, target) = (import.written.join("::"), import.target());
                if let Some(why) = self.refusal(&file.module, &target) {
                    faults.push(file.says(import.line, &format!("`{written}`: {why}")));
                }
            }
            for pair in file.tokens.windows(2) {
                if pair[0].text == "include" && pair[1].text == "!" {
                    faults.push(file.says(pair[0].line, "`include!` brings code of no floor"));
                }
            }
        }
        faults
    }

    /// Files outside the table, and files that no page lists.
    pub fn homeless_files(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for File { path, module, .. } in &self.files {
            let parts: Vec<&str> = path.split('/').collect();
            let is_home = match parts.as_slice() {
                ["src", "lib.rs"] => true,
                ["src", file] => FLOORS[FLOORS.len() - 1].contains(&file.trim_end_matches(".rs")),
                ["src", "backup" | "bench" | "config" | "seed", ..] => true,
                ["src", folder, ..] => floor_of(folder).is_some_and(|floor| floor < FLOORS.len()),
                _ => false,
            };
            if !is_home {
                faults.push(format!("{path} stands on no floor"));
            } else if let Some((name, folder)) = module.split_last()
                && self.height(folder, name).is_none()
            {
                faults.push(format!("{path} is not listed in {}", page_of(folder)));
            }
            let name = module.last().map_or("", String::as_str);
            if EMPTY_NAMES.contains(&name) {
                faults.push(format!("{path}: `{name}` does not say what is inside"));
            }
        }
        faults
    }

    /// Pages that do more than list, and other files that list.
    pub fn page_faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for file in &self.files {
            if file.is_page() {
                let mut lines = file.tokens.chunks(4);
                if let Some(other) = lines.find(|tokens| !is_pub_mod(tokens)) {
                    let texts: Vec<&str> = other.iter().map(|token| token.text.as_str()).collect();
                    let what = format!("`{}` is not a `pub mod` line", texts.join(" "));
                    faults.push(file.says(other[0].line, &what));
                }
            } else {
                let what = "only lib.rs and a mod.rs list rooms";
                faults.extend(file.listings().map(|(line, _)| file.says(line, what)));
            }
        }
        faults
    }

    /// Rooms that `lib.rs` lists above a room of a lower floor.
    pub fn floors_out_of_order(&self) -> Vec<String> {
        let rooms = self.pages.get(&Vec::new()).map_or(&[][..], Vec::as_slice);
        let falls = rooms.windows(2).filter(|pair| floor_of(&pair[0]) > floor_of(&pair[1]));
        falls.map(|pair| format!("src/lib.rs lists `{}` above `{}`", pair[0], pair[1])).collect()
    }

    /// Imports of everything, which hide what a file needs.
    pub fn globs(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for file in &self.files {
            let mut in_use = false;
            for (at, token) in file.tokens.iter().enumerate() {
                let next = text_at(&file.tokens, Some(at + 1));
                match token.text.as_str() {
                    // `use<'a>` in a signature names what is captured.
                    "use" => in_use = next != "<",
                    ";" => in_use = false,
                    "*" if in_use => {
                        faults.push(file.says(token.line, "`*` imports what nobody named"));
                    }
                    _ => {}
                }
            }
        }
        faults
    }

    /// Files of more lines than these.
    pub fn longer_than(&self, most: usize) -> Vec<String> {
        let long = self.files.iter().filter(|file| file.lines > most);
        long.map(|file| format!("{}: {} lines", file.path, file.lines)).collect()
    }
}

/// Files that do not open by saying what they are.
pub fn silent_files(sources: &[(String, String)]) -> Vec<String> {
    let silent = sources.iter().filter(|(_, text)| !text.starts_with("//! "));
    silent.map(|(path, _)| format!("{path}:1: does not open with `//!`")).collect()
}
