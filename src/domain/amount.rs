//! Amounts that a person names for a movement.

use super::refusal::Refusal;
use crate::types::money::{AmountError, Currency, DecimalText, Minor};

/// Reads a positive amount of `currency`; `field` is the input's field.
pub fn positive(
    field: &'static str,
    amount: &DecimalText,
    currency: Currency,
) -> Result<Minor, Refusal> {
    match amount.in_currency(currency) {
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
    use super::positive;
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
    }
}
