//! Money: a whole number of minor units with its currency, always checked.
//!
//! No binary float ever touches an amount. A text becomes minor units here, and
//! minor units become a text again; between the two there is only `i64`.

use std::fmt;

use rust_decimal::Decimal;

/// A number of minor units (cents, where the currency has two digits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, sqlx::Type)]
#[sqlx(transparent)]
pub struct Minor(pub i64);

impl Minor {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum; `None` where 63 bits do not hold it.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` where 63 bits do not hold it.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The same amount in the other direction; `None` for the one number that has none.
    pub fn negated(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }

    /// The amount without its direction; `None` for the one number that has none.
    pub fn magnitude(self) -> Option<Self> {
        self.0.checked_abs().map(Self)
    }

    /// More than nothing.
    pub fn is_positive(self) -> bool {
        self.0 > 0
    }
}

/// An ISO 4217 code: three capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// The currencies of ISO 4217 whose minor unit is not a hundredth.
const OTHER_DIGITS: &[(&str, u8)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("UYI", 0),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
    ("CLF", 4),
    ("UYW", 4),
];

/// The currencies of ISO 4217 whose minor unit is a hundredth.
const HUNDREDTHS: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB \
    BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD \
    FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT \
    LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK \
    NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP \
    STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR \
    ZMW ZWG";

/// Letters that a code may have in each of its places.
const LETTERS: usize = 26;

/// Stands in [`DIGITS`] where no currency has these letters.
const UNKNOWN: u8 = u8::MAX;

/// How many decimal digits each three letters have. Each row that is read, and each amount
/// that is shown, looks here.
static DIGITS: [u8; LETTERS * LETTERS * LETTERS] = digits_of_all();

#[expect(clippy::large_stack_arrays, reason = "it is made once, by the compiler")]
const fn digits_of_all() -> [u8; LETTERS * LETTERS * LETTERS] {
    let mut all = [UNKNOWN; LETTERS * LETTERS * LETTERS];
    let hundredths = HUNDREDTHS.as_bytes();
    let mut next = 0;
    while next < hundredths.len() {
        all[place([hundredths[next], hundredths[next + 1], hundredths[next + 2]])] = 2;
        // A space follows.
        next += 4;
    }
    let mut next = 0;
    while next < OTHER_DIGITS.len() {
        let (code, digits) = OTHER_DIGITS[next];
        let code = code.as_bytes();
        all[place([code[0], code[1], code[2]])] = digits;
        next += 1;
    }
    all
}

/// The place of three capital letters in [`DIGITS`].
const fn place([first, second, third]: [u8; 3]) -> usize {
    const fn of(letter: u8) -> usize {
        (letter - b'A') as usize
    }
    (of(first) * LETTERS + of(second)) * LETTERS + of(third)
}

impl Currency {
    /// Reads a code that ISO 4217 knows; `None` for any other text.
    pub fn parse(code: &str) -> Option<Self> {
        let letters: [u8; 3] = code.as_bytes().try_into().ok()?;
        let known = letters.iter().all(u8::is_ascii_uppercase) && DIGITS[place(letters)] != UNKNOWN;
        known.then_some(Self(letters))
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is made of ASCII letters")
    }

    /// How many decimal digits the minor unit stands for.
    pub fn digits(&self) -> u32 {
        u32::from(DIGITS[place(self.0)])
    }
}

/// A stored code is none of ISO 4217.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no currency of ISO 4217")]
pub struct UnknownCurrency(String);

impl TryFrom<String> for Currency {
    type Error = UnknownCurrency;

    fn try_from(code: String) -> Result<Self, UnknownCurrency> {
        Self::parse(&code).ok_or(UnknownCurrency(code))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// How much.
    pub minor: Minor,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// An amount in a currency.
    pub const fn new(minor: Minor, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The exact decimal, with all digits of the currency: `12.50`.
    pub fn decimal(&self) -> String {
        Decimal::new(self.minor.0, self.currency.digits()).to_string()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

/// A decimal as a client wrote it: digits that were not yet understood as money.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DecimalText(String);

/// Why a decimal is not an amount of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// More decimals than the currency has.
    #[error("has more decimals than the currency allows")]
    Decimals,
    /// Beyond what 63 bits of minor units hold.
    #[error("is too large")]
    TooLarge,
}

/// The longest decimal text that is read; the largest amount has 20 characters.
pub const DECIMAL_LENGTH_MAX: usize = 64;

impl DecimalText {
    /// Reads `-?digits(.digits)?`; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let fits = text.len() <= DECIMAL_LENGTH_MAX && digits(whole) && digits(fraction);
        fits.then(|| Self(text.to_owned()))
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The amount in minor units of `currency`, exactly or not at all.
    pub fn in_currency(&self, currency: Currency) -> Result<Minor, AmountError> {
        let (whole, fraction) = self.0.split_once('.').unwrap_or((&self.0, ""));
        let places = usize::try_from(currency.digits()).expect("a currency has few digits");
        if fraction.len() > places {
            return Err(AmountError::Decimals);
        }
        let digits = format!("{whole}{fraction:0<places$}");
        digits.parse().map(Minor).map_err(|_| AmountError::TooLarge)
    }

    /// An amount that is not negative in minor units of `currency`, or the next one above or
    /// below it that the currency has.
    pub fn rounded(&self, currency: Currency, up: bool) -> Result<Minor, AmountError> {
        let (whole, fraction) = self.0.split_once('.').unwrap_or((&self.0, ""));
        let places = usize::try_from(currency.digits()).expect("a currency has few digits");
        let (kept, cut) = fraction.split_at(places.min(fraction.len()));
        let below = Self(format!("{whole}.{kept}")).in_currency(currency)?;
        if up && cut.bytes().any(|digit| digit != b'0') {
            below.plus(Minor(1)).ok_or(AmountError::TooLarge)
        } else {
            Ok(below)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{AmountError, Currency, DecimalText, Minor, Money};

    fn usd(text: &str) -> Result<Minor, AmountError> {
        DecimalText::parse(text).unwrap().in_currency(Currency::parse("USD").unwrap())
    }

    #[test]
    fn a_decimal_becomes_minor_units_exactly() {
        assert_eq!(usd("12.50"), Ok(Minor(1_250)));
        assert_eq!(usd("12.5"), Ok(Minor(1_250)));
        assert_eq!(usd("12"), Ok(Minor(1_200)));
        assert_eq!(usd("-0.01"), Ok(Minor(-1)));
        assert_eq!(usd("-0"), Ok(Minor(0)));
        assert_eq!(usd("92233720368547758.07"), Ok(Minor(i64::MAX)));
    }

    #[test]
    fn what_minor_units_cannot_hold_is_refused() {
        assert_eq!(usd("1.005"), Err(AmountError::Decimals));
        assert_eq!(usd("92233720368547758.08"), Err(AmountError::TooLarge));
        assert_eq!(usd("9223372036854775808"), Err(AmountError::TooLarge));
        let yen = Currency::parse("JPY").unwrap();
        let half = DecimalText::parse("0.5").unwrap();
        assert_eq!(half.in_currency(yen), Err(AmountError::Decimals));
    }

    #[test]
    fn only_plain_decimals_are_read() {
        for text in ["", ".5", "5.", "1e3", "NaN", "+1", "1,000", " 1", "0x10", "--1", "١"] {
            assert_eq!(DecimalText::parse(text), None, "{text}");
        }
    }

    #[test]
    fn digits_follow_iso_4217() {
        let digits = |code| Currency::parse(code).unwrap().digits();
        assert_eq!([digits("USD"), digits("JPY"), digits("KWD"), digits("CLF")], [2, 0, 3, 4]);
        assert_eq!(Currency::parse("usd"), None);
        for unknown in ["XXZ", "ZZZ", "AAA", "US", "USDX", "", "U D", "ÄB"] {
            assert_eq!(Currency::parse(unknown), None, "{unknown}");
        }
        let others = super::OTHER_DIGITS.iter().map(|&(code, digits)| (code, u32::from(digits)));
        for (code, places) in super::HUNDREDTHS.split(' ').map(|code| (code, 2)).chain(others) {
            assert_eq!(Currency::parse(code).map(|one| one.digits()), Some(places), "{code}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_the_same(minor in any::<i64>()) {
            for code in ["USD", "JPY", "KWD"] {
                let currency = Currency::parse(code).unwrap();
                let shown = Money::new(Minor(minor), currency).decimal();
                let read = DecimalText::parse(&shown).unwrap().in_currency(currency);
                prop_assert_eq!(read, Ok(Minor(minor)));
            }
        }
    }
}
