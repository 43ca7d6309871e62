//! Numbers on the wire: floats over whole minor units, and integers for ids.

use crate::{
    compat::wire::json::Json,
    domain::amount::AMOUNT_MAX,
    types::money::{Currency, Minor, Money},
};

/// Beyond this an exponent makes no difference any more.
const EXPONENT_MAX: i64 = 1_000_000_000;

/// Money as Python shows it: `50.0`, `0.25`.
pub fn float(money: Money) -> String {
    let text = money.decimal();
    if !text.contains('.') {
        return format!("{text}.0");
    }
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}

/// The same as a value.
pub fn money(minor: Minor, currency: Currency) -> Json {
    Json::Number(float(Money::new(minor, currency)))
}

/// The largest amount of one movement, as it is shown.
pub fn largest(currency: Currency) -> String {
    float(Money::new(AMOUNT_MAX, currency))
}

/// Why a value is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAmount {
    /// It is no number and no text.
    Type,
    /// It is a text of something else.
    Text,
    /// It is not finite.
    Infinite,
    /// It is nothing, or less.
    Small,
    /// It is more than can be moved.
    Large,
    /// It has more decimals than the currency.
    Decimals,
}

/// A decimal as it was written, resolved: `digits` times ten to the power of `exponent`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scaled {
    negative: bool,
    /// Without zeros at either end; empty for nothing.
    digits: String,
    exponent: i64,
}

impl Scaled {
    /// Reads `-12.5e3`, and what Python reads beside.
    fn read(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Self::exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let long = |count: usize| i64::try_from(count).unwrap_or(EXPONENT_MAX);
        let cut = all.trim_end_matches('0');
        let exponent = exponent - long(fraction.len()) + long(all.len() - cut.len());
        let digits = cut.trim_start_matches('0').to_owned();
        Some(Self { negative, digits, exponent })
    }

    fn exponent(text: &str) -> Option<i64> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(sign * digits.parse().unwrap_or(EXPONENT_MAX).min(EXPONENT_MAX))
    }

    /// The whole number that it is; none where it has a fraction, or 18 digits do not hold it.
    fn whole(&self) -> Option<i64> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let zeros = usize::try_from(self.exponent).ok()?;
        if self.digits.len().saturating_add(zeros) > 18 {
            return None;
        }
        let number: i64 = format!("{}{}", self.digits, "0".repeat(zeros)).parse().ok()?;
        Some(if self.negative { -number } else { number })
    }
}

fn is_infinite(text: &str) -> bool {
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text).to_ascii_lowercase();
    ["nan", "inf", "infinity"].contains(&bare.as_str())
}

/// An amount in minor units, exactly.
pub fn amount(value: &Json, currency: Currency) -> Result<Minor, NoAmount> {
    let text = match value {
        Json::Number(digits) => digits.as_str(),
        Json::Text(text) => text.trim(),
        Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => return Err(NoAmount::Type),
    };
    if is_infinite(text) {
        return Err(NoAmount::Infinite);
    }
    let mut scaled = Scaled::read(text).ok_or(NoAmount::Text)?;
    if scaled.negative || scaled.digits.is_empty() {
        return Err(NoAmount::Small);
    }
    let length = i64::try_from(scaled.digits.len()).unwrap_or(EXPONENT_MAX);
    let places = i64::from(currency.digits());
    let most = i64::try_from(AMOUNT_MAX.0.to_string().len()).unwrap_or(EXPONENT_MAX);
    if length + scaled.exponent > most - places {
        return Err(NoAmount::Large);
    }
    scaled.exponent += places;
    if scaled.exponent < 0 {
        return Err(NoAmount::Decimals);
    }
    scaled.whole().map(Minor).ok_or(NoAmount::Large)
}

/// An integer; none where it is beyond what an id can be.
pub type Id = Option<i64>;

/// Why a value is no integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoInteger {
    /// It is no number and no text.
    Type,
    /// It is a text of something else.
    Text,
    /// It has a fraction.
    Fraction,
}

/// Reads an integer: `7`, `7.0` or `"7"`.
pub fn integer(value: &Json) -> Result<Id, NoInteger> {
    match value {
        Json::Number(digits) => {
            let scaled = Scaled::read(digits).ok_or(NoInteger::Text)?;
            if scaled.exponent < 0 && !scaled.digits.is_empty() {
                return Err(NoInteger::Fraction);
            }
            Ok(scaled.whole())
        }
        Json::Text(text) => {
            let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
            let plain = whole.strip_prefix(['-', '+']).unwrap_or(whole);
            let digits = !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit());
            if !digits || fraction.bytes().any(|byte| byte != b'0') {
                return Err(NoInteger::Text);
            }
            Ok(Scaled::read(whole).and_then(|scaled| scaled.whole()))
        }
        Json::Null | Json::Bool(_) | Json::List(_) | Json::Object(_) => Err(NoInteger::Type),
    }
}

#[cfg(test)]
mod tests {
    use super::{NoAmount, NoInteger, amount, float, integer, largest};
    use crate::{
        compat::wire::json::Json,
        types::money::{Currency, Minor, Money},
    };

    fn usd() -> Currency {
        Currency::parse("USD").unwrap()
    }

    fn number(text: &str) -> Json {
        Json::Number(text.to_owned())
    }

    #[test]
    fn money_is_shown_as_python_shows_a_float() {
        let show = |minor, code| float(Money::new(Minor(minor), Currency::parse(code).unwrap()));
        for (minor, told) in
            [(5_000, "50.0"), (25, "0.25"), (1_050, "10.5"), (-5, "-0.05"), (0, "0.0")]
        {
            assert_eq!(show(minor, "USD"), told);
        }
        assert_eq!(show(7, "JPY"), "7.0");
        assert_eq!(show(1_250, "KWD"), "1.25");
        assert_eq!(largest(usd()), "9999999999999.99");
    }

    #[test]
    fn an_amount_is_read_from_the_digits_that_were_sent() {
        for (text, minor) in [
            ("1", 100),
            ("1.5", 150),
            ("1.50", 150),
            ("1e2", 10_000),
            ("1.005e1", 1_005),
            ("250e-2", 250),
            ("0.01", 1),
            ("1.10000000000000000000000", 110),
            ("9999999999999.99", 999_999_999_999_999),
        ] {
            assert_eq!(amount(&number(text), usd()), Ok(Minor(minor)), "{text}");
            let spaced = Json::text(format!(" {text}\n"));
            assert_eq!(amount(&spaced, usd()), Ok(Minor(minor)), "{text}");
        }
        for (text, told) in [
            ("0", NoAmount::Small),
            ("-0.0", NoAmount::Small),
            ("-5", NoAmount::Small),
            ("-0.001", NoAmount::Small),
            ("0.001", NoAmount::Decimals),
            ("1.005", NoAmount::Decimals),
            ("1e-999999999999999999999", NoAmount::Decimals),
            ("10000000000000", NoAmount::Large),
            ("1e999999999999999999999", NoAmount::Large),
        ] {
            assert_eq!(amount(&number(text), usd()), Err(told), "{text}");
        }
        for text in ["", "abc", "1_000", "0x10", "1e", "1e+", "--1", ".", "1.2.3", "١"] {
            assert_eq!(amount(&Json::text(text), usd()), Err(NoAmount::Text), "{text}");
        }
        for text in ["NaN", "inf", "-Infinity"] {
            assert_eq!(amount(&Json::text(text), usd()), Err(NoAmount::Infinite), "{text}");
        }
        for value in [Json::Null, Json::Bool(true), Json::List(Vec::new())] {
            assert_eq!(amount(&value, usd()), Err(NoAmount::Type));
        }
        let yen = Currency::parse("JPY").unwrap();
        assert_eq!(amount(&number("1.5"), yen), Err(NoAmount::Decimals));
    }

    #[test]
    fn an_integer_may_come_as_a_text_or_with_a_zero_fraction() {
        for value in [number("7"), number("7.0"), number("70e-1"), Json::text("7")] {
            assert_eq!(integer(&value), Ok(Some(7)));
        }
        assert_eq!(integer(&Json::text(" 7.0 ")), Ok(Some(7)));
        assert_eq!(integer(&number("-7")), Ok(Some(-7)));
        for far in ["99999999999999999999", "1e400"] {
            assert_eq!(integer(&number(far)), Ok(None), "{far}");
        }
        assert_eq!(integer(&Json::text("99999999999999999999")), Ok(None));
        assert_eq!(integer(&number("7.5")), Err(NoInteger::Fraction));
        for text in ["", "x", "7.5", "1e2", "."] {
            assert_eq!(integer(&Json::text(text)), Err(NoInteger::Text), "{text}");
        }
        assert_eq!(integer(&Json::Bool(true)), Err(NoInteger::Type));
    }
}
