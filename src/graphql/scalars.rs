//! The schema's own scalars. A wrong shape is refused before anything runs
//! (`shape`), so what is parsed here has the right one.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::NaiveDate;

use crate::types::{clock, clock::Instant, money, money::DecimalText, page};

/// An exact decimal in a string, such as "12.50"; an integer is accepted as input, a JSON float never.
#[derive(Debug, Clone)]
pub struct Decimal(pub DecimalText);

/// An exact decimal in a string, such as "12.50"; an integer is accepted as input, a JSON float never.
#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = match &value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
            _ => None,
        };
        let parsed = text.and_then(|text| DecimalText::parse(&text)).map(Self);
        parsed.ok_or_else(|| InputValueError::expected_type(value))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.as_str().to_owned())
    }
}

/// A whole number of up to 63 bits in a string.
#[derive(Debug, Clone, Copy)]
pub struct BigInt(pub i64);

/// A whole number of up to 63 bits in a string.
#[Scalar]
impl ScalarType for BigInt {
    fn parse(value: Value) -> InputValueResult<Self> {
        let parsed = match &value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.as_i64(),
            _ => None,
        };
        parsed.map(Self).ok_or_else(|| InputValueError::expected_type(value))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// RFC 3339 in UTC with whole microseconds, such as 2026-11-21T19:27:01.680936Z.
#[derive(Debug, Clone, Copy)]
pub struct DateTime(pub Instant);

/// RFC 3339 in UTC with whole microseconds, such as 2026-11-21T19:27:01.680936Z.
#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let parsed = match &value {
            Value::String(text) => chrono::DateTime::parse_from_rfc3339(text).ok(),
            _ => None,
        };
        let parsed = parsed.map(|instant| Self(instant.to_utc()));
        parsed.ok_or_else(|| InputValueError::expected_type(value))
    }

    fn to_value(&self) -> Value {
        Value::String(clock::show(self.0))
    }
}

/// A calendar day, such as 2026-11-21.
#[derive(Debug, Clone, Copy)]
pub struct Date(pub NaiveDate);

/// A calendar day, such as 2026-11-21.
#[Scalar]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let parsed = match &value {
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        parsed.map(Self).ok_or_else(|| InputValueError::expected_type(value))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// An opaque position in a list or in a stream of events.
#[derive(Debug, Clone)]
pub struct Cursor(pub page::Cursor);

/// An opaque position in a list or in a stream of events.
#[Scalar]
impl ScalarType for Cursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(page::Cursor::from_wire(&text))),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.as_str().to_owned())
    }
}

/// A URL in a string.
#[derive(Debug, Clone)]
pub struct Url(pub String);

/// A URL in a string.
#[Scalar(name = "URL")]
impl ScalarType for Url {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// Made by the client, 1 to 255 visible ASCII characters, unique for its user over all mutations.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub String);

/// Made by the client, 1 to 255 visible ASCII characters, unique for its user over all mutations.
#[Scalar]
impl ScalarType for IdempotencyKey {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text)
                if (1..=255).contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                Ok(Self(text))
            }
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// An ISO 4217 code.
#[derive(Debug, Clone)]
pub struct CurrencyCode(pub String);

/// An ISO 4217 code.
#[Scalar]
impl ScalarType for CurrencyCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

impl From<money::Currency> for CurrencyCode {
    fn from(currency: money::Currency) -> Self {
        Self(currency.code().to_owned())
    }
}
