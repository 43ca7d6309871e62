//! Days and times on the wire, without a zone.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};

use crate::types::clock::Instant;

/// Why a text is no day and no time, in the words that clients know.
pub type Unread = &'static str;

const SHORT: Unread = "input is too short";
const SEPARATOR: Unread = "invalid date separator, expected `-`";
const MONTH: Unread = "month value is outside expected range of 1-12";
const DAY: Unread = "day value is outside expected range";
const EXTRA: Unread = "unexpected extra characters at the end of the input";

/// A number of digits that stand at a place.
fn digits(bytes: &[u8], count: usize, wrong: Unread) -> Result<(u32, &[u8]), Unread> {
    let (digits, rest) = bytes.split_at_checked(count).ok_or(EXTRA)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(wrong);
    }
    Ok((digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')), rest))
}

fn separator(bytes: &[u8]) -> Result<&[u8], Unread> {
    bytes.strip_prefix(b"-").ok_or(SEPARATOR)
}

/// A day, and what follows it.
fn day_and_rest(text: &str) -> Result<(NaiveDate, &[u8]), Unread> {
    if text.len() < 10 {
        return Err(SHORT);
    }
    let (year, rest) = digits(text.as_bytes(), 4, "invalid character in year")?;
    let (month, rest) = digits(separator(rest)?, 2, "invalid character in month")?;
    let (day, rest) = digits(separator(rest)?, 2, "invalid character in day")?;
    if !(1..=12).contains(&month) {
        return Err(MONTH);
    }
    let year = i32::try_from(year).unwrap_or(0);
    Ok((NaiveDate::from_ymd_opt(year, month, day).ok_or(DAY)?, rest))
}

/// Seconds with their fraction cut to microseconds.
fn seconds(bytes: &[u8]) -> Result<(u32, u32, &[u8]), Unread> {
    let (second, rest) = digits(bytes, 2, "invalid character in second")?;
    let Some(fraction) = rest.strip_prefix(b".") else {
        return Ok((second, 0, rest));
    };
    let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&length) {
        return Err(EXTRA);
    }
    let micros = fraction[..length].iter().chain(b"000000").take(6);
    let micros = micros.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    Ok((second, micros, &fraction[length..]))
}

/// `Z`, `+02:00`, `-0730` or nothing.
fn is_offset(bytes: &[u8]) -> bool {
    match bytes {
        [] | [b'Z' | b'z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] | [b'+' | b'-', h1, h2, m1, m2] => {
            let all = [h1, h2, m1, m2];
            all.iter().all(|digit| digit.is_ascii_digit())
                && (h1 - b'0') * 10 + (h2 - b'0') < 24
                && *m1 < b'6'
        }
        _ => false,
    }
}

/// The time behind a day; an offset is dropped and nothing is converted.
fn time(bytes: &[u8]) -> Result<NaiveTime, Unread> {
    let (hour, rest) = digits(bytes, 2, "invalid character in hour")?;
    let rest = rest.strip_prefix(b":").ok_or(EXTRA)?;
    let (minute, rest) = digits(rest, 2, "invalid character in minute")?;
    let (second, micros, rest) = match rest.strip_prefix(b":") {
        Some(rest) => seconds(rest)?,
        None => (0, 0, rest),
    };
    if !is_offset(rest) {
        return Err(EXTRA);
    }
    NaiveTime::from_hms_micro_opt(hour, minute, second, micros).ok_or(EXTRA)
}

/// Reads a day with its time; a day alone begins at midnight.
pub fn date_time(text: &str) -> Result<NaiveDateTime, Unread> {
    let (day, rest) = day_and_rest(text)?;
    match rest {
        [] => Ok(day.and_time(NaiveTime::MIN)),
        [b'T' | b't' | b' ' | b'_', rest @ ..] => Ok(day.and_time(time(rest)?)),
        _ => Err(EXTRA),
    }
}

/// Reads a day; a time behind it must be midnight.
pub fn date(text: &str) -> Result<NaiveDate, Unread> {
    let read = date_time(text)?;
    if read.time() == NaiveTime::MIN { Ok(read.date()) } else { Err(EXTRA) }
}

/// An instant as it is told: in UTC, without saying so; six digits of fraction, or none.
pub fn show(at: Instant) -> String {
    let format = if at.nanosecond() == 0 { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%dT%H:%M:%S%.6f" };
    at.format(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::{date, date_time, show};

    #[test]
    fn a_time_keeps_what_the_clock_on_the_wall_says() {
        for (text, told) in [
            ("2019-08-24T14:15:22.123+02:00", "2019-08-24T14:15:22.123000"),
            ("2019-08-24T14:15:22Z", "2019-08-24T14:15:22"),
            ("2019-08-24 14:15", "2019-08-24T14:15:00"),
            ("2019-08-24t14:15:22-0730", "2019-08-24T14:15:22"),
            ("2019-08-24T14:15:22.123456789", "2019-08-24T14:15:22.123456"),
            ("2019-08-24", "2019-08-24T00:00:00"),
        ] {
            assert_eq!(show(date_time(text).unwrap().and_utc()), told, "{text}");
        }
        for (text, told) in [
            ("", "input is too short"),
            ("zz", "input is too short"),
            ("03/02/1990", "invalid character in year"),
            ("1990/02/03", "invalid date separator, expected `-`"),
            ("1990-x2-03", "invalid character in month"),
            ("1990-02/03", "invalid date separator, expected `-`"),
            ("1990-02-x3", "invalid character in day"),
            ("1990-13-03", "month value is outside expected range of 1-12"),
            ("1990-00-03", "month value is outside expected range of 1-12"),
            ("1990-02-30", "day value is outside expected range"),
            ("1990-02-03x", "unexpected extra characters at the end of the input"),
            ("1990-02-03Tx4:15", "invalid character in hour"),
            ("1990-02-03T14:x5", "invalid character in minute"),
            ("1990-02-03T14:15:x2", "invalid character in second"),
            ("1990-02-03T14", "unexpected extra characters at the end of the input"),
            ("1990-02-03T24:00", "unexpected extra characters at the end of the input"),
            ("1990-02-03T14:15:22.", "unexpected extra characters at the end of the input"),
            ("1990-02-03T14:15:22+24:00", "unexpected extra characters at the end of the input"),
            ("1990-02-03T14:15:22 UTC", "unexpected extra characters at the end of the input"),
            ("\u{e9}990-02-03", "invalid character in year"),
        ] {
            assert_eq!(date_time(text), Err(told), "{text}");
        }
    }

    #[test]
    fn a_day_has_no_time_but_midnight() {
        let day = "1990-02-03".parse().unwrap();
        for text in ["1990-02-03", "1990-02-03T00:00:00Z"] {
            assert_eq!(date(text), Ok(day), "{text}");
        }
        assert!(date("1990-02-03T00:00:01").is_err());
        assert_eq!(date("zz"), Err("input is too short"));
    }
}
