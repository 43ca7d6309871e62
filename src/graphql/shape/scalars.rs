//! What each scalar of the schema takes, as a table to extend.

use async_graphql_value::Number;
use chrono::{DateTime, NaiveDate};

/// The scalars that are checked: a new one is an entry here. Another scalar of the
/// schema takes whatever is sent.
pub(super) const SCALARS: [Scalar; 13] = [
    Scalar {
        name: "Int",
        what: "a whole number of 32 bits",
        hint: "send 25, without quotes or a fraction",
        check: |leaf| number(leaf, |n| n.as_i64().is_some_and(|n| i32::try_from(n).is_ok())),
    },
    Scalar {
        name: "Float",
        what: "a number",
        hint: "send 0.5, without quotes",
        check: |leaf| number(leaf, |_| true),
    },
    Scalar {
        name: "Boolean",
        what: "true or false",
        hint: "send true or false, without quotes",
        check: |leaf| {
            if matches!(leaf, Leaf::Boolean) { Fit::Fits } else { Fit::Foreign }
        },
    },
    Scalar {
        name: "String",
        what: "a string",
        hint: "send \"text\", in quotes",
        check: |leaf| text(leaf, |_| true),
    },
    Scalar {
        name: "ID",
        what: "an id in a string",
        hint: "send the id in quotes, as the API gave it",
        check: |leaf| integer_or_text(leaf, Number::is_i64, |_| true),
    },
    Scalar {
        name: "Decimal",
        what: "a decimal in a string, such as \"12.50\"",
        hint: "send \"12.50\"; a JSON float cannot hold money exactly",
        check: |leaf| integer_or_text(leaf, |n| !n.is_f64(), is_decimal),
    },
    Scalar {
        name: "BigInt",
        what: "a whole number in a string, such as \"42\"",
        hint: "send \"42\"; a JSON number of many digits loses its last ones",
        check: |leaf| integer_or_text(leaf, Number::is_i64, is_big_int),
    },
    Scalar {
        name: "DateTime",
        what: "an instant in RFC 3339",
        hint: "send \"2026-11-21T19:27:01Z\"",
        check: |leaf| text(leaf, is_instant),
    },
    Scalar {
        name: "Date",
        what: "a calendar day in a string",
        hint: "send \"2026-11-21\"",
        check: |leaf| text(leaf, is_day),
    },
    Scalar {
        name: "Cursor",
        what: "a cursor in a string",
        hint: "send a cursor as an earlier answer gave it, such as its pageInfo.endCursor",
        check: |leaf| text(leaf, |_| true),
    },
    Scalar {
        name: "IdempotencyKey",
        what: "a key of 1 to 255 visible ASCII characters",
        hint: "send a new UUID for each intention, such as \"5f0c1a3e-8d52-4c6b-9a41-2f7d6b0e9c11\"",
        check: |leaf| {
            text(leaf, |t| (1..=255).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_graphic()))
        },
    },
    Scalar {
        name: "CurrencyCode",
        what: "a currency's code of three capital letters",
        hint: "send \"USD\"",
        check: |leaf| text(leaf, |t| t.len() == 3 && t.bytes().all(|b| b.is_ascii_uppercase())),
    },
    Scalar {
        name: "URL",
        what: "a URL in a string",
        hint: "send \"https://example.com/image.png\"",
        check: |leaf| text(leaf, |_| true),
    },
];

/// The scalars that every schema has without declaring them.
pub(super) const BUILT_IN: [&str; 5] = ["Int", "Float", "Boolean", "String", "ID"];

/// What one scalar takes.
#[derive(Debug)]
pub(super) struct Scalar {
    pub(super) name: &'static str,
    /// What the value must be, as it ends a sentence.
    pub(super) what: &'static str,
    pub(super) hint: &'static str,
    pub(super) check: fn(&Leaf<'_>) -> Fit,
}

/// A value that can stand for a scalar.
pub(super) enum Leaf<'a> {
    Text(&'a str),
    Number(&'a Number),
    Boolean,
}

/// Whether a value fits a scalar: `Malformed` is the right kind with a content
/// that does not read, `Foreign` another kind altogether.
pub(super) enum Fit {
    Fits,
    Malformed,
    Foreign,
}

fn number(leaf: &Leaf<'_>, reads: fn(&Number) -> bool) -> Fit {
    match leaf {
        Leaf::Number(number) if reads(number) => Fit::Fits,
        Leaf::Number(number) if !number.is_f64() => Fit::Malformed,
        _ => Fit::Foreign,
    }
}

fn text(leaf: &Leaf<'_>, reads: fn(&str) -> bool) -> Fit {
    match leaf {
        Leaf::Text(text) if reads(text) => Fit::Fits,
        Leaf::Text(_) => Fit::Malformed,
        _ => Fit::Foreign,
    }
}

fn integer_or_text(leaf: &Leaf<'_>, counts: fn(&Number) -> bool, reads: fn(&str) -> bool) -> Fit {
    match leaf {
        Leaf::Number(_) => number(leaf, counts),
        _ => text(leaf, reads),
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    text.len() <= 64 && digits(whole) && digits(fraction)
}

fn is_big_int(text: &str) -> bool {
    !text.starts_with('+') && text.parse::<i64>().is_ok()
}

/// chrono reads a blank for the `T` and a typographic minus, which RFC 3339's
/// grammar does not have.
fn is_instant(text: &str) -> bool {
    text.is_ascii()
        && matches!(text.as_bytes().get(10), Some(b'T' | b't'))
        && DateTime::parse_from_rfc3339(text).is_ok()
}

/// The length is checked because chrono also reads a day without leading zeros.
fn is_day(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    text.len() == 10 && plain && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Fit, Leaf, SCALARS};

    fn fits(name: &str, value: &Value) -> bool {
        let leaf = match value {
            Value::String(text) => Leaf::Text(text),
            Value::Number(number) => Leaf::Number(number),
            _ => Leaf::Boolean,
        };
        let scalar = SCALARS.iter().find(|scalar| scalar.name == name);
        matches!((scalar.unwrap().check)(&leaf), Fit::Fits)
    }

    #[test]
    fn each_scalar_takes_what_its_line_says() {
        let table = [
            ("Int", r"[0, -2147483648]", r#"[2147483648, 1.0, "1", true]"#),
            ("Float", r"[1, 0.5]", r#"["0.5", true]"#),
            ("Boolean", r"[true, false]", r#"["true", 1]"#),
            ("String", r#"["", "ü"]"#, r"[1, false]"),
            ("ID", r#"["x", 7]"#, r"[7.5, true, 18446744073709551615]"),
            (
                "Decimal",
                r#"["12.50", "-1", 3, 18446744073709551615, "007.5"]"#,
                r#"[12.0, "1e3", "+1", "1.", ".5", "1,5", "", "-", "1.2.3", "--1", " 1", "٣"]"#,
            ),
            (
                "BigInt",
                r#"["9223372036854775807", "-5", 5]"#,
                r#"["9223372036854775808", "+5", "5.0", "", 5.5, 18446744073709551615]"#,
            ),
            (
                "DateTime",
                r#"["2026-11-21T19:27:01.680936Z", "2026-11-21T19:27:01+02:00"]"#,
                r#"["2026-11-21", "2026-11-21 19:27:01Z", "2026-02-30T00:00:00Z", 1700000000,
                    "2026-11-21T19:27:01", "2026-11-21T19:27:01−02:00"]"#,
            ),
            (
                "Date",
                r#"["2026-11-21", "2024-02-29"]"#,
                r#"["2026-02-29", "2026-1-1", "21-11-2026", "2026-11-21Z", "+2026-11-2", "２026-1-1"]"#,
            ),
            ("Cursor", r#"["abc"]"#, r"[5]"),
            ("IdempotencyKey", r#"["k", "!~"]"#, r#"["", "a b", "é", "\u007f", 5]"#),
            ("CurrencyCode", r#"["USD", "XXX"]"#, r#"["usd", "US", "USDT", "U5D", 840]"#),
            ("URL", r#"["https://example.com"]"#, r"[1]"),
        ];
        for (scalar, good, bad) in table {
            for (values, expected) in [(good, true), (bad, false)] {
                let values: Vec<Value> = serde_json::from_str(values).unwrap();
                for value in values {
                    assert_eq!(fits(scalar, &value), expected, "{scalar} and {value}");
                }
            }
        }
        assert_eq!(table.len(), SCALARS.len());
    }

    #[test]
    fn a_long_text_is_measured() {
        let of_length = |length: usize| json!("9".repeat(length));
        assert!(fits("Decimal", &of_length(64)) && !fits("Decimal", &of_length(65)));
        assert!(fits("IdempotencyKey", &of_length(255)));
        assert!(!fits("IdempotencyKey", &of_length(256)));
    }
}
