//! Amounts that a person names for a movement.

use super::refusal::Refusal;
use crate::types::money::{AmountError, Currency, DecimalText, Minor};

/// The largest amount of one movement, in minor units: fifteen digits, which every
/// client can hold exactly.
///
/// Were it the largest number there is, a stranger could bring a balance close to
/// the edge of its range, and learn from the refusal how high it had been.
pub const AMOUNT_MAX: Minor = Minor(999_999_999_999_999);

/// Money that may be brought in must leave an account at most this.
pub fn within_holding(field: &'static str, balance: Minor, amount: Minor) -> Result<(), Refusal> {
    match balance.plus(amount) {
        Some(after) if after <= AMOUNT_MAX => Ok(()),
        _ => Err(Refusal::invalid(field, "would make the account hold too much")),
    }
}

/// Reads an amount of `currency` that may be nothing; `field` is the input's field.
pub fn not_negative(
    field: &'static str,
    amount: &DecimalText,
    currency: Currency,
) -> Result<Minor, Refusal> {
    match amount.in_currency(currency) {
        Ok(Minor::ZERO) => Ok(Minor::ZERO),
        Ok(minor) if minor < Minor::ZERO => {
            Err(Refusal::invalid(field, "must not be less than zero"))
        }
        _ => positive(field, amount, currency),
    }
}

/// Reads a positive amount of `currency`; `field` is the input's field.
pub fn positive(
    field: &'static str,
    amount: &DecimalText,
    currency: Currency,
) -> Result<Minor, Refusal> {
    match amount.in_currency(currency) {
        Ok(minor) if minor > AMOUNT_MAX => Err(Refusal::invalid(field, "is too large")),
        Ok(minor) if minor.is_positive() => Ok(minor),
        Ok(_) => Err(Refusal::invalid(field, "must be more than zero")),
        Err(AmountError::Decimals) => {
            let reason = format!("must have at most {} decimals in {currency}", currency.digits());
            Err(Refusal::invalid(field, reason))
        }
        Err(AmountError::TooLarge) => Err(Refusal::invalid(field, "is too large")),
    }
}

#[cfg(test)]
mod tests {
    use super::{AMOUNT_MAX, positive, within_holding};
    use crate::types::money::{Currency, DecimalText, Minor};

    #[test]
    fn only_a_positive_amount_of_the_currency_can_move() {
        let read = |text| {
            let amount = DecimalText::parse(text).unwrap();
            positive("amount", &amount, Currency::parse("USD").unwrap())
        };
        assert_eq!(read("0.01"), Ok(Minor(1)));
        let told = |text| read(text).unwrap_err().sentence();
        assert_eq!(told("0"), "amount must be more than zero.");
        assert_eq!(told("-0.00"), "amount must be more than zero.");
        assert_eq!(told("-5"), "amount must be more than zero.");
        assert_eq!(told("1.005"), "amount must have at most 2 decimals in USD.");
        assert_eq!(told("9223372036854775808"), "amount is too large.");
        assert_eq!(told("10000000000000"), "amount is too large.");
        assert_eq!(read("9999999999999.99"), Ok(AMOUNT_MAX));
    }

    #[test]
    fn an_account_is_filled_from_outside_up_to_a_bound() {
        assert_eq!(within_holding("amount", Minor(1), Minor(AMOUNT_MAX.0 - 1)), Ok(()));
        assert!(within_holding("amount", Minor(2), Minor(AMOUNT_MAX.0 - 1)).is_err());
        assert!(within_holding("amount", Minor(i64::MAX), AMOUNT_MAX).is_err());
    }
}
