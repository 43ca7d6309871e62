//! Bodies: each field is read for itself, and all that is wrong is told together, in the
//! order of the schema.

use chrono::{NaiveDate, NaiveDateTime};

use super::{
    fault,
    fault::{Echo, Fault, Place},
    moment, number,
    number::{Id, NoAmount, NoInteger},
};
use crate::{
    compat::wire::{answer::Answer, call::Call, json::Json, outcome::No},
    types::{
        money::{Currency, DecimalText, Minor, Money},
        text::Email,
    },
};

/// The longest text of a field, in characters.
const TEXT_MAX: usize = 255;

/// Money that somebody names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    money: Money,
}

impl Amount {
    /// As it is told.
    pub fn told(&self) -> String {
        number::float(self.money)
    }

    /// As the bank reads it.
    pub fn decimal(&self) -> DecimalText {
        DecimalText::parse(&self.money.decimal()).expect("a decimal that was just written")
    }
}

/// A body that is read field by field.
#[derive(Debug)]
pub struct Input {
    body: Json,
    faults: Vec<Json>,
    echo: Echo,
}

impl Input {
    /// The body of a call, which must be an object.
    pub fn read(call: &Call) -> Result<Self, Answer> {
        Ok(Self::of(fault::object(call, false)?))
    }

    /// The same of a body that has a secret: nothing of it comes back that may be one.
    pub fn read_secret(call: &Call) -> Result<Self, Answer> {
        Ok(Self::of(fault::object(call, true)?))
    }

    fn of(body: Json) -> Self {
        Self { body, faults: Vec::new(), echo: Echo::default() }
    }

    /// Gives what was read, or tells everything that is wrong.
    pub fn done<T>(self, read: Option<T>) -> Result<T, No> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(fault::refuse(self.faults).into()),
        }
    }

    fn note(&mut self, name: &str, fault: Fault) {
        let input = self.echo.of(&fault.input);
        self.faults.push(Fault { input, ..fault }.at(Place::Member(name)));
    }

    fn member(&mut self, name: &str) -> Option<Json> {
        let found = self.body.get(name).cloned();
        if found.is_none() {
            let input = self.echo.of(&self.body);
            let fault = Fault::new("missing", "Field required", input);
            self.faults.push(fault.at(Place::Member(name)));
        }
        found
    }

    fn as_text(&mut self, name: &str, value: Json) -> Option<String> {
        match value {
            Json::Text(text) if text.chars().count() <= TEXT_MAX => Some(text),
            long @ Json::Text(_) => {
                let told = format!("String should have at most {TEXT_MAX} characters");
                let most = Json::Number(TEXT_MAX.to_string());
                self.note(name, Fault::new("string_too_long", told, long).with("max_length", most));
                None
            }
            other => {
                self.note(name, Fault::new("string_type", "Input should be a valid string", other));
                None
            }
        }
    }

    /// A text.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let value = self.member(name)?;
        self.as_text(name, value)
    }

    /// A text that may be null or missing.
    pub fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.body.get(name).cloned() {
            None | Some(Json::Null) => None,
            Some(value) => self.as_text(name, value),
        }
    }

    /// An address, with its domain in lower case.
    pub fn email(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        match email(&text) {
            Ok(email) => Some(email),
            Err(reason) => {
                let told = format!("value is not a valid email address: {reason}");
                let fault = Fault::new("value_error", told, Json::text(text));
                self.note(name, fault.with("reason", Json::text(reason)));
                None
            }
        }
    }

    /// An amount of more than nothing.
    pub fn amount(&mut self, name: &str, currency: Currency) -> Option<Amount> {
        let value = self.member(name)?;
        match number::amount(&value, currency) {
            Ok(minor) => Some(Amount { money: Money::new(minor, currency) }),
            Err(no) => {
                self.note(name, no_amount(no, value, currency));
                None
            }
        }
    }

    /// An integer for an id.
    pub fn id(&mut self, name: &str) -> Option<Id> {
        let value = self.member(name)?;
        let (kind, told) = match number::integer(&value) {
            Ok(id) => return Some(id),
            Err(NoInteger::Type) => ("int_type", "Input should be a valid integer"),
            Err(NoInteger::Text) => (
                "int_parsing",
                "Input should be a valid integer, unable to parse string as an integer",
            ),
            Err(NoInteger::Fraction) => (
                "int_from_float",
                "Input should be a valid integer, got a number with a fractional part",
            ),
        };
        self.note(name, Fault::new(kind, told, value));
        None
    }

    /// A day.
    pub fn date(&mut self, name: &str) -> Option<NaiveDate> {
        let told = ["date_type", "date_from_datetime_parsing", "date", "date or datetime"];
        self.moment(name, told, moment::date)
    }

    /// A day with its time.
    pub fn date_time(&mut self, name: &str) -> Option<NaiveDateTime> {
        let told = ["datetime_type", "datetime_from_date_parsing", "datetime", "datetime or date"];
        self.moment(name, told, moment::date_time)
    }

    fn moment<T>(
        &mut self,
        name: &str,
        [no_text, unread, noun, nouns]: [&'static str; 4],
        read: fn(&str) -> Result<T, moment::Unread>,
    ) -> Option<T> {
        let value = self.member(name)?;
        let Json::Text(text) = &value else {
            let told = format!("Input should be a valid {noun}");
            self.note(name, Fault::new(no_text, told, value));
            return None;
        };
        match read(text) {
            Ok(moment) => Some(moment),
            Err(reason) => {
                let told = format!("Input should be a valid {nouns}, {reason}");
                let fault = Fault::new(unread, told, value);
                self.note(name, fault.with("error", Json::text(reason)));
                None
            }
        }
    }
}

/// Reads an address; its domain becomes lower case.
fn email(text: &str) -> Result<String, &'static str> {
    let (local, domain) =
        text.trim().rsplit_once('@').ok_or("An email address must have an @-sign.")?;
    if local.is_empty() {
        return Err("There must be something before the @-sign.");
    }
    if domain.is_empty() {
        return Err("There must be something after the @-sign.");
    }
    if !domain.contains('.') {
        return Err("The part after the @-sign is not valid. It should have a period.");
    }
    let email = format!("{local}@{}", domain.to_ascii_lowercase());
    match Email::parse(&email) {
        Ok(email) => Ok(email.as_str().to_owned()),
        Err(_) => Err("The email address is not valid."),
    }
}

fn no_amount(no: NoAmount, value: Json, currency: Currency) -> Fault {
    match no {
        NoAmount::Type => Fault::new("float_type", "Input should be a valid number", value),
        NoAmount::Text => {
            let told = "Input should be a valid number, unable to parse string as a number";
            Fault::new("float_parsing", told, value)
        }
        NoAmount::Infinite => Fault::new("finite_number", "Input should be a finite number", value),
        NoAmount::Small => {
            let nothing = number::money(Minor::ZERO, currency);
            Fault::new("greater_than", "Input should be greater than 0", value).with("gt", nothing)
        }
        NoAmount::Large => {
            let most = number::largest(currency);
            let told = format!("Input should be less than or equal to {most}");
            Fault::new("less_than_equal", told, value).with("le", Json::Number(most))
        }
        NoAmount::Decimals => {
            let places = currency.digits();
            let told = format!("Decimal input should have no more than {places} decimal places");
            let places = Json::Number(places.to_string());
            Fault::new("decimal_max_places", told, value).with("decimal_places", places)
        }
    }
}
