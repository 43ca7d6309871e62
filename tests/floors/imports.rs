//! The paths into the crate that a file mentions, each from the crate's root.
//!
//! Every path that leaves its file begins with `crate`, `super` or `self` (in
//! `main.rs` with `teller`), in a `use` or in the middle of an expression.

use crate::tokens::{Token, is_of_word, text_at};

/// One path as it is written, groups already taken apart.
pub struct Import {
    pub line: usize,
    pub written: Vec<String>,
    /// The module in which it is written, inline ones included.
    scope: Vec<String>,
}

impl Import {
    /// The same path from the root of the crate.
    pub fn target(&self) -> Vec<String> {
        let mut target = self.scope.clone();
        for (place, segment) in self.written.iter().enumerate() {
            match segment.as_str() {
                "crate" | "teller" if place == 0 => target.clear(),
                "self" => {}
                "super" => {
                    target.pop();
                }
                _ => target.push(segment.clone()),
            }
        }
        target
    }
}

/// Whether a path into the crate begins at this token.
fn begins_path(tokens: &[Token], at: usize, in_main: bool) -> bool {
    let before = |steps| text_at(tokens, at.checked_sub(steps));
    let next = text_at(tokens, Some(at + 1));
    // `pub(in crate::bank)` says who may see, it imports nothing.
    if before(1) == "::" || (before(1) == "in" && before(2) == "(" && before(3) == "pub") {
        return false;
    }
    match text_at(tokens, Some(at)) {
        "crate" if before(1) == "extern" => next == "self",
        "crate" | "super" => next == "::" || next == "as",
        "self" => next == "::",
        "teller" => in_main && next == "::",
        _ => false,
    }
}

/// Follows a path, branching at groups, and returns the token behind it.
fn expand(tokens: &[Token], mut at: usize, path: &Import, found: &mut Vec<Import>) -> usize {
    let (mut written, line) = (path.written.clone(), tokens[at].line);
    let ended = |written: Vec<String>| Import { line, written, scope: path.scope.clone() };
    loop {
        written.push(tokens[at].text.clone());
        let next = text_at(tokens, Some(at + 2));
        if text_at(tokens, Some(at + 1)) != "::" {
            found.push(ended(written));
            return at + 1;
        }
        if next == "{" {
            break;
        }
        if !next.starts_with(is_of_word) {
            // A glob, a generic argument, or a macro's own variable.
            found.push(ended(written));
            return at + 2;
        }
        at += 2;
    }
    at += 3;
    let branch = ended(written);
    loop {
        match text_at(tokens, Some(at)) {
            "" => return at,
            "}" => return at + 1,
            "as" => at += 2,
            word if word.starts_with(is_of_word) => at = expand(tokens, at, &branch, found),
            _ => at += 1,
        }
    }
}

/// Every path into the crate that a module's file mentions, in a `use` or elsewhere.
pub fn imports_of(module: &[String], tokens: &[Token]) -> Vec<Import> {
    let in_main = module == ["main"];
    let (mut depth, mut inline, mut found) = (0_usize, Vec::<(usize, String)>::new(), Vec::new());
    for at in 0..tokens.len() {
        let before = |steps| text_at(tokens, at.checked_sub(steps));
        match text_at(tokens, Some(at)) {
            "{" => {
                depth += 1;
                if before(2) == "mod" || (before(2) == "$" && before(3) == "mod") {
                    inline.push((depth, before(1).to_owned()));
                }
            }
            "}" => {
                inline.retain(|(opened, _)| *opened < depth);
                depth = depth.saturating_sub(1);
            }
            _ if begins_path(tokens, at, in_main) => {
                let names = inline.iter().map(|(_, name)| name.clone());
                let scope = module.iter().cloned().chain(names).collect();
                let start = Import { line: 0, written: Vec::new(), scope };
                expand(tokens, at, &start, &mut found);
            }
            _ => {}
        }
    }
    found
}
