//! What a person asks of a history, read once.

use super::{amount::AMOUNT_MAX, posting::TransactionKind, refusal::Refusal};
use crate::types::{
    clock::Instant,
    money::{AmountError, Currency, DecimalText, Minor},
};

/// The newest entries among which a text is looked for.
pub const SEARCHED_MAX: i64 = 10_000;
/// Entries of a filtered history that are counted; more are told as too many to count.
pub const COUNTED_MAX: i64 = 10_000;
/// Characters of a text that is looked for.
const TEXT_MAX: usize = 100;

/// Which way money went, seen from an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It came in.
    In,
    /// It went out.
    Out,
}

/// A filter as it was typed; what is absent lets everything through.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// What the movements were.
    pub kinds: Option<Vec<TransactionKind>>,
    /// Which way.
    pub direction: Option<Direction>,
    /// Not earlier.
    pub posted_from: Option<Instant>,
    /// Earlier.
    pub posted_before: Option<Instant>,
    /// Not less.
    pub min_amount: Option<DecimalText>,
    /// Not more.
    pub max_amount: Option<DecimalText>,
    /// Stands in the note or in what the other side is called.
    pub text: Option<String>,
}

/// A filter that was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Sieve {
    /// Only these; none for all.
    pub kinds: Vec<TransactionKind>,
    /// Only this way.
    pub direction: Option<Direction>,
    /// Only what was posted then or later.
    pub from: Option<Instant>,
    /// Only what was posted earlier.
    pub before: Option<Instant>,
    least: Option<DecimalText>,
    most: Option<DecimalText>,
    /// Only where this stands, in lower case.
    pub text: Option<String>,
}

impl Filter {
    /// Reads a filter for accounts in these currencies, of which there is one at least.
    pub fn read(self, currencies: &[Currency]) -> Result<Sieve, Refusal> {
        if self.kinds.as_ref().is_some_and(Vec::is_empty) {
            return Err(Refusal::invalid("filter.kinds", "must name one kind at least"));
        }
        if let (Some(from), Some(before)) = (self.posted_from, self.posted_before)
            && from >= before
        {
            let reason = "must be later than postedFrom";
            return Err(Refusal::invalid("filter.postedBefore", reason));
        }
        let finest = currencies.iter().copied().max_by_key(Currency::digits);
        let least = amount("filter.minAmount", self.min_amount.as_ref(), finest)?;
        let most = amount("filter.maxAmount", self.max_amount.as_ref(), finest)?;
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            return Err(Refusal::invalid("filter.maxAmount", "must not be less than minAmount"));
        }
        Ok(Sieve {
            kinds: self.kinds.unwrap_or_default(),
            direction: self.direction,
            from: self.posted_from,
            before: self.posted_before,
            least: self.min_amount,
            most: self.max_amount,
            text: self.text.as_deref().map(text).transpose()?,
        })
    }
}

/// An amount in the currency that has the most decimals.
fn amount(
    field: &'static str,
    amount: Option<&DecimalText>,
    finest: Option<Currency>,
) -> Result<Option<Minor>, Refusal> {
    let (Some(amount), Some(finest)) = (amount, finest) else {
        return Ok(None);
    };
    match amount.in_currency(finest) {
        Ok(minor) if minor < Minor::ZERO => {
            Err(Refusal::invalid(field, "must not be less than zero"))
        }
        Ok(minor) if minor <= AMOUNT_MAX => Ok(Some(minor)),
        Ok(_) | Err(AmountError::TooLarge) => Err(Refusal::invalid(field, "is too large")),
        Err(AmountError::Decimals) => {
            let reason = format!("must have at most {} decimals in {finest}", finest.digits());
            Err(Refusal::invalid(field, reason))
        }
    }
}

fn text(typed: &str) -> Result<String, Refusal> {
    let text = typed.trim().to_lowercase();
    if (1..=TEXT_MAX).contains(&text.chars().count()) {
        Ok(text)
    } else {
        Err(Refusal::invalid("filter.text", "must have 1 to 100 characters"))
    }
}

impl Sieve {
    /// It lets everything through.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// The least and the most that may have moved, in minor units of a currency; where the
    /// currency has fewer decimals than the amounts, what lies between counts.
    pub fn amounts(&self, currency: Currency) -> (Minor, Minor) {
        let bound = |amount: &Option<DecimalText>, up, open| match amount {
            None => open,
            Some(amount) => amount.rounded(currency, up).unwrap_or(Minor(i64::MAX)),
        };
        (bound(&self.least, true, Minor::ZERO), bound(&self.most, false, Minor(i64::MAX)))
    }

    /// Its text stands in a note or in what the other side is called.
    pub fn reads(&self, note: Option<&str>, label: &str) -> bool {
        let Some(text) = &self.text else {
            return true;
        };
        let stands = |place: &str| place.to_lowercase().contains(text.as_str());
        stands(label) || note.is_some_and(stands)
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, Sieve};
    use crate::types::money::{Currency, DecimalText, Minor};

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn told(filter: Filter) -> String {
        filter.read(&[currency("USD"), currency("JPY")]).unwrap_err().sentence()
    }

    #[test]
    fn a_bad_filter_is_refused_by_the_name_of_its_field() {
        let decimal = |text| DecimalText::parse(text);
        let min = |text| told(Filter { min_amount: decimal(text), ..Filter::default() });
        assert_eq!(min("-1"), "filter.minAmount must not be less than zero.");
        assert_eq!(min("1.005"), "filter.minAmount must have at most 2 decimals in USD.");
        assert_eq!(min("9223372036854775808"), "filter.minAmount is too large.");
        let both =
            Filter { min_amount: decimal("2"), max_amount: decimal("1.99"), ..Filter::default() };
        assert_eq!(told(both), "filter.maxAmount must not be less than minAmount.");
        let none = Filter { kinds: Some(Vec::new()), ..Filter::default() };
        assert_eq!(told(none), "filter.kinds must name one kind at least.");
        for text in ["", "  ", "x".repeat(101).as_str()] {
            let text = Filter { text: Some(text.to_owned()), ..Filter::default() };
            assert_eq!(told(text), "filter.text must have 1 to 100 characters.");
        }
        let at = "2026-11-21T10:00:00Z".parse().ok();
        let never = Filter { posted_from: at, posted_before: at, ..Filter::default() };
        assert_eq!(told(never), "filter.postedBefore must be later than postedFrom.");
    }

    #[test]
    fn an_amount_between_two_units_of_a_currency_bounds_what_lies_within() {
        let decimal = |text| DecimalText::parse(text);
        let filter = Filter {
            min_amount: decimal("1.50"),
            max_amount: decimal("2.50"),
            ..Filter::default()
        };
        let sieve = filter.read(&[currency("USD"), currency("JPY")]).unwrap();
        assert_eq!(sieve.amounts(currency("USD")), (Minor(150), Minor(250)));
        assert_eq!(sieve.amounts(currency("JPY")), (Minor(2), Minor(2)));
        assert_eq!(Sieve::default().amounts(currency("USD")), (Minor(0), Minor(i64::MAX)));
    }

    #[test]
    fn a_text_is_found_in_whatever_case() {
        let filter = Filter { text: Some(" ÜBER ".to_owned()), ..Filter::default() };
        let sieve = filter.read(&[currency("USD")]).unwrap();
        assert!(sieve.reads(Some("Drüber hinaus"), "Shop"));
        assert!(sieve.reads(None, "Über uns"));
        assert!(!sieve.reads(None, "unter"));
    }
}
