//! What is told of a request's inputs, and the path to the one being read.

use std::fmt;

use async_graphql::Pos;

/// A client mends its first faults and asks again, so a longer answer is only work.
const MAX_FAULTS: usize = 10;

/// One fault of a request's inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeFault {
    /// A plain sentence that names the input.
    pub message: String,
    /// From the argument's name down, a list's index as a decimal number.
    pub input_path: Vec<String>,
    /// What to send instead.
    pub hint: Option<&'static str>,
    /// Where in the document the input, or its variable's definition, stands.
    pub position: Pos,
}

/// One step of the path from an argument down.
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => index.fmt(f),
        }
    }
}

/// The faults told so far, and the path of the input that is being read.
#[derive(Default)]
pub(super) struct Faults<'a> {
    pub(super) path: Vec<Step<'a>>,
    pub(super) told: Vec<ShapeFault>,
}

impl Faults<'_> {
    pub(super) fn is_full(&self) -> bool {
        self.told.len() >= MAX_FAULTS
    }

    /// Tells a fault of the input at the path, unless enough are told; the
    /// sentence is built from how the input is called.
    pub(super) fn tell(
        &mut self,
        position: Pos,
        hint: Option<&'static str>,
        sentence: impl FnOnce(&str) -> String,
    ) {
        if self.is_full() {
            return;
        }
        let is_name = |step: &Step<'_>| matches!(step, Step::Name(_));
        let input_path: Vec<String> = self.path.iter().map(ToString::to_string).collect();
        let start = self.path.iter().rposition(is_name).unwrap_or(0);
        let mut subject = input_path.get(start).cloned().unwrap_or_else(|| "a variable".to_owned());
        for index in input_path.iter().skip(start + 1) {
            subject.extend(["[", index, "]"]);
        }
        self.told.push(ShapeFault { message: sentence(&subject), input_path, hint, position });
    }
}

/// A client's name, where it is short and plain enough to be a name and no secret.
pub(super) fn echo(name: &str) -> Option<&str> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_plain && (1..=40).contains(&name.len())).then_some(name)
}

#[cfg(test)]
mod tests {
    use async_graphql::Pos;

    use super::{Faults, Step, echo};

    #[test]
    fn an_input_is_called_by_its_last_name_and_what_follows() {
        let called = |path: &[Step<'static>]| {
            let mut faults = Faults { path: path.to_vec(), told: Vec::new() };
            faults.tell(Pos::default(), None, str::to_owned);
            faults.told.remove(0).message
        };
        let (ids, index) = (Step::Name("ids"), Step::Index);
        assert_eq!(called(&[]), "a variable");
        assert_eq!(called(&[Step::Name("input"), ids]), "ids");
        assert_eq!(called(&[index(7), ids, index(0), index(12)]), "ids[0][12]");
    }

    #[test]
    fn only_a_plain_short_name_is_echoed() {
        let long = "x".repeat(41);
        assert_eq!(echo("from_2"), Some("from_2"));
        assert_eq!(echo(&long[1..]), Some(&long[1..]));
        for secret in ["", "pass word", "ü", long.as_str()] {
            assert_eq!(echo(secret), None, "{secret}");
        }
    }
}
