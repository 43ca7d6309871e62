//! Every mutation with an input that is taken, and how it can be spoiled.
//!
//! What is wrong with the shape of an input is made from the schema; what is wrong with
//! its meaning stands here. A word that begins with `$` names something of `world`.

/// An input that has the right shape and is refused: where it is changed, to what, and with
/// which code and at which field it is refused.
pub type Row = (&'static str, &'static str, &'static str, &'static str);

/// A mutation with an input that is taken.
pub struct Entry {
    /// Its name.
    pub mutation: &'static str,
    /// Who asks, by the names of the world's people, or nobody, who needs no token.
    pub caller: &'static str,
    /// An input that is taken, as JSON; empty where there is none.
    pub valid: &'static str,
    /// The code for an id that names nothing.
    pub unknown: &'static str,
    /// What has the right shape and is refused.
    pub rows: &'static [Row],
    /// The tables that a refusal may write, and why it must.
    pub writes: &'static [(&'static str, &'static str)],
}

const fn entry(
    mutation: &'static str,
    caller: &'static str,
    valid: &'static str,
    rows: &'static [Row],
) -> Entry {
    Entry { mutation, caller, valid, unknown: "NOT_FOUND", rows, writes: &[] }
}

const GUESSES: (&str, &str) = ("challenges", "a guess counts, whatever becomes of it");
const FACTORS: (&str, &str) = ("totp_factors", "a guess counts, whatever becomes of it");
const TRIES: (&str, &str) = ("attempts", "a stranger's try counts, whatever becomes of it");
const NUMBERS: (&str, &str) =
    ("attempts", "a card number that nobody has counts as one that was tried");
const PENDING: (&str, &str) = ("registrations", "a guess counts, whatever becomes of it");

/// All mutations of the schema.
pub const TABLE: &[Entry] = &[
    entry(
        "register",
        "nobody",
        r#"{"email": "dora@example.org", "phoneNumber": "+12025550177", "socialSecurity": "111223333"}"#,
        &[
            ("/email", r#""dora""#, "INVALID_INPUT", "email"),
            ("/email", r#""dora@example.org\r\nBcc: eve@example.org""#, "INVALID_INPUT", "email"),
            ("/phoneNumber", r#""12""#, "INVALID_INPUT", "phoneNumber"),
            ("/socialSecurity", r#""?""#, "INVALID_INPUT", "socialSecurity"),
        ],
    ),
    Entry {
        writes: &[PENDING, TRIES],
        ..entry(
            "verifyEmail",
            "nobody",
            r#"{"email": "carl@example.org", "code": "$carl.code", "firstName": "Carl",
                "lastName": "Lee", "dateOfBirth": "1990-04-01", "password": "seven white herons",
                "address": {"line": "1 Main Street", "city": "Springfield", "state": "Oregon",
                    "postCode": "97477"}}"#,
            &[
                ("/email", r#""nobody@example.org""#, "BAD_CODE", "code"),
                ("/code", r#""000000x""#, "BAD_CODE", "code"),
                ("/firstName", r#""""#, "INVALID_INPUT", "firstName"),
                ("/lastName", r#""4""#, "INVALID_INPUT", "lastName"),
                ("/dateOfBirth", r#""2100-01-01""#, "INVALID_INPUT", "dateOfBirth"),
                ("/address/city", r#""""#, "INVALID_INPUT", "address.city"),
                ("/password", r#""short""#, "INVALID_INPUT", "password"),
                ("/password", r#""password1""#, "INVALID_INPUT", "password"),
            ],
        )
    },
    Entry {
        writes: &[TRIES],
        ..entry(
            "login",
            "nobody",
            r#"{"email": "ann@example.org", "password": "$password"}"#,
            &[
                ("/email", r#""nobody@example.org""#, "BAD_CREDENTIALS", ""),
                ("/password", r#""wrong""#, "BAD_CREDENTIALS", ""),
            ],
        )
    },
    Entry {
        unknown: "BAD_CODE",
        writes: &[GUESSES, TRIES],
        ..entry(
            "confirmLogin",
            "nobody",
            r#"{"challengeId": "$challenge", "code": "$challenge.code"}"#,
            &[("/code", r#""000000x""#, "BAD_CODE", "code")],
        )
    },
    entry(
        "createCard",
        "ann",
        r#"{"currency": "USD", "idempotencyKey": "$key"}"#,
        &[("/currency", r#""ZZZ""#, "INVALID_INPUT", "currency")],
    ),
    entry(
        "revealCard",
        "ann",
        r#"{"cardId": "$card"}"#,
        &[
            ("/cardId", r#""$bob.card""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$goal""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$frozen""#, "ACCOUNT_FROZEN", ""),
            ("/cardId", r#""$closed""#, "ACCOUNT_CLOSED", ""),
        ],
    ),
    entry(
        "freezeCard",
        "ann",
        r#"{"cardId": "$card.other"}"#,
        &[
            ("/cardId", r#""$bob.card""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$goal""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$closed""#, "ACCOUNT_CLOSED", ""),
        ],
    ),
    entry(
        "unfreezeCard",
        "ann",
        r#"{"cardId": "$card.other"}"#,
        &[
            ("/cardId", r#""$bob.card""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$goal""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$closed""#, "ACCOUNT_CLOSED", ""),
        ],
    ),
    entry(
        "setCardLimit",
        "ann",
        r#"{"cardId": "$card.other", "amount": "9"}"#,
        &[
            ("/cardId", r#""$bob.card""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$goal""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$closed""#, "ACCOUNT_CLOSED", ""),
        ],
    ),
    entry(
        "closeCard",
        "ann",
        r#"{"cardId": "$card.empty"}"#,
        &[
            ("/cardId", r#""$bob.card""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$goal""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$card""#, "ACCOUNT_NOT_EMPTY", ""),
            ("/cardId", r#""$frozen""#, "ACCOUNT_FROZEN", ""),
            ("/cardId", r#""$closed""#, "ACCOUNT_CLOSED", ""),
        ],
    ),
    entry(
        "topUp",
        "ann",
        r#"{"idempotencyKey": "$key", "accountId": "$card", "amount": "1", "note": "n"}"#,
        &[
            ("/accountId", r#""$bob.card""#, "NOT_FOUND", "accountId"),
            ("/accountId", r#""$closed""#, "ACCOUNT_CLOSED", ""),
            ("/amount", r#""2000000""#, "LIMIT_EXCEEDED", "amount"),
            ("/note", r#""two\nlines""#, "INVALID_INPUT", "note"),
        ],
    ),
    Entry {
        writes: &[NUMBERS],
        ..entry(
            "transfer",
            "ann",
            r#"{"idempotencyKey": "$key", "fromAccountId": "$card", "to": {"accountId": "$bob.card"},
                "amount": "1"}"#,
            &[
                ("/fromAccountId", r#""$bob.card""#, "NOT_FOUND", "fromAccountId"),
                ("/fromAccountId", r#""$frozen""#, "ACCOUNT_FROZEN", ""),
                ("/fromAccountId", r#""$closed""#, "ACCOUNT_CLOSED", ""),
                ("/fromAccountId", r#""$euro""#, "CURRENCY_MISMATCH", ""),
                ("/to/accountId", r#""$card""#, "SAME_ACCOUNT", ""),
                ("/to/accountId", r#""$euro""#, "CURRENCY_MISMATCH", ""),
                ("/to/accountId", r#""$closed""#, "NOT_FOUND", "to.accountId"),
                ("/to", r#"{"cardNumber": "4111111111111111"}"#, "NOT_FOUND", "to.cardNumber"),
                ("/to", r#"{"cardNumber": "4111111111111112"}"#, "INVALID_INPUT", "to.cardNumber"),
                ("/amount", r#""500000""#, "INSUFFICIENT_FUNDS", "amount"),
                ("/note", r#""two\nlines""#, "INVALID_INPUT", "note"),
            ],
        )
    },
    entry(
        "createSavings",
        "ann",
        r#"{"name": "Boat", "goal": "10", "currency": "USD", "idempotencyKey": "$key"}"#,
        &[
            ("/name", r#""  ""#, "INVALID_INPUT", "name"),
            ("/name", r#""two\nlines""#, "INVALID_INPUT", "name"),
            ("/currency", r#""ZZZ""#, "INVALID_INPUT", "currency"),
        ],
    ),
    entry(
        "updateSavings",
        "ann",
        r#"{"savingsId": "$goal", "name": "Sea", "goal": "11"}"#,
        &[
            ("/savingsId", r#""$bob.goal""#, "NOT_FOUND", "savingsId"),
            ("/savingsId", r#""$card""#, "NOT_FOUND", "savingsId"),
            ("/savingsId", r#""$goal.closed""#, "ACCOUNT_CLOSED", ""),
            ("/name", r#""""#, "INVALID_INPUT", "name"),
        ],
    ),
    entry(
        "topUpSavings",
        "ann",
        r#"{"idempotencyKey": "$key", "savingsId": "$goal", "cardId": "$card", "amount": "1"}"#,
        &[
            ("/savingsId", r#""$bob.goal""#, "NOT_FOUND", "savingsId"),
            ("/savingsId", r#""$card""#, "NOT_FOUND", "savingsId"),
            ("/savingsId", r#""$goal.closed""#, "ACCOUNT_CLOSED", ""),
            ("/savingsId", r#""$goal.euro""#, "CURRENCY_MISMATCH", ""),
            ("/cardId", r#""$bob.card""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$goal""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$frozen""#, "ACCOUNT_FROZEN", ""),
            ("/cardId", r#""$closed""#, "ACCOUNT_CLOSED", ""),
            ("/cardId", r#""$euro""#, "CURRENCY_MISMATCH", ""),
            ("/amount", r#""500000""#, "INSUFFICIENT_FUNDS", "amount"),
        ],
    ),
    entry(
        "withdrawSavings",
        "ann",
        r#"{"idempotencyKey": "$key", "savingsId": "$goal", "cardId": "$card", "amount": "1"}"#,
        &[
            ("/savingsId", r#""$bob.goal""#, "NOT_FOUND", "savingsId"),
            ("/savingsId", r#""$goal.closed""#, "ACCOUNT_CLOSED", ""),
            ("/savingsId", r#""$goal.euro""#, "CURRENCY_MISMATCH", ""),
            ("/cardId", r#""$bob.card""#, "NOT_FOUND", "cardId"),
            ("/cardId", r#""$closed""#, "ACCOUNT_CLOSED", ""),
            ("/amount", r#""500000""#, "INSUFFICIENT_FUNDS", "amount"),
        ],
    ),
    entry(
        "closeSavings",
        "ann",
        r#"{"savingsId": "$goal.empty"}"#,
        &[
            ("/savingsId", r#""$bob.goal""#, "NOT_FOUND", "savingsId"),
            ("/savingsId", r#""$card""#, "NOT_FOUND", "savingsId"),
            ("/savingsId", r#""$goal""#, "ACCOUNT_NOT_EMPTY", ""),
            ("/savingsId", r#""$goal.closed""#, "ACCOUNT_CLOSED", ""),
        ],
    ),
    entry(
        "createBill",
        "ann",
        r#"{"name": "Rent", "amount": "10", "dueAt": "2026-12-01T00:00:00Z", "currency": "USD",
            "idempotencyKey": "$key"}"#,
        &[
            ("/name", r#""""#, "INVALID_INPUT", "name"),
            ("/currency", r#""ZZZ""#, "INVALID_INPUT", "currency"),
            ("/dueAt", r#""1969-12-31T23:59:59Z""#, "INVALID_INPUT", "dueAt"),
        ],
    ),
    entry(
        "cancelBill",
        "ann",
        r#"{"billId": "$bill.other"}"#,
        &[
            ("/billId", r#""$bob.bill""#, "NOT_FOUND", "billId"),
            ("/billId", r#""$card""#, "NOT_FOUND", "billId"),
            ("/billId", r#""$bill.paid""#, "CONFLICT", ""),
            ("/billId", r#""$bill.cancelled""#, "CONFLICT", ""),
        ],
    ),
    entry(
        "payBill",
        "ann",
        r#"{"idempotencyKey": "$key", "billId": "$bill", "fromAccountId": "$card"}"#,
        &[
            ("/billId", r#""$bob.bill""#, "NOT_FOUND", "billId"),
            ("/billId", r#""$bill.paid""#, "BILL_NOT_PAYABLE", "billId"),
            ("/billId", r#""$bill.cancelled""#, "BILL_NOT_PAYABLE", "billId"),
            ("/billId", r#""$bill.dear""#, "INSUFFICIENT_FUNDS", "fromAccountId"),
            ("/fromAccountId", r#""$bob.card""#, "NOT_FOUND", "fromAccountId"),
            ("/fromAccountId", r#""$frozen""#, "ACCOUNT_FROZEN", ""),
            ("/fromAccountId", r#""$closed""#, "ACCOUNT_CLOSED", ""),
            ("/fromAccountId", r#""$euro""#, "CURRENCY_MISMATCH", ""),
        ],
    ),
    entry(
        "recordDeposit",
        "staff",
        r#"{"idempotencyKey": "$key", "accountId": "$card", "amount": "1", "reference": "r"}"#,
        &[
            ("/accountId", r#""$closed""#, "ACCOUNT_CLOSED", ""),
            ("/amount", r#""9999999999999.99""#, "INVALID_INPUT", "amount"),
            ("/reference", r#""""#, "INVALID_INPUT", "reference"),
        ],
    ),
    entry(
        "reverseTransaction",
        "staff",
        r#"{"idempotencyKey": "$key", "transactionId": "$transaction", "amount": "1", "reason": "r"}"#,
        &[
            ("/transactionId", r#""$reversed""#, "ALREADY_REVERSED", "amount"),
            ("/transactionId", r#""$reversal""#, "CONFLICT", ""),
            ("/amount", r#""500000""#, "ALREADY_REVERSED", "amount"),
            ("/reason", r#""""#, "INVALID_INPUT", "reason"),
        ],
    ),
    entry("setOverdraftLimit", "staff", r#"{"accountId": "$card", "limit": "5"}"#, &[]),
    entry(
        "placeHold",
        "staff",
        r#"{"idempotencyKey": "$key", "card": {"accountId": "$card"}, "amount": "1",
            "merchant": "Shop"}"#,
        &[
            ("/card/accountId", r#""$goal""#, "INVALID_INPUT", "card.accountId"),
            ("/card/accountId", r#""$frozen""#, "ACCOUNT_FROZEN", ""),
            ("/card/accountId", r#""$closed""#, "ACCOUNT_CLOSED", ""),
            ("/card", r#"{"cardNumber": "4111111111111111"}"#, "NOT_FOUND", "card"),
            ("/card", r#"{"cardNumber": "4111111111111112"}"#, "INVALID_INPUT", "card.cardNumber"),
            ("/amount", r#""500000""#, "INSUFFICIENT_FUNDS", "amount"),
            ("/merchant", r#""""#, "INVALID_INPUT", "merchant"),
            ("/expiresAt", r#""2020-01-01T00:00:00Z""#, "INVALID_INPUT", "expiresAt"),
            ("/expiresAt", r#""2099-01-01T00:00:00Z""#, "INVALID_INPUT", "expiresAt"),
        ],
    ),
    entry(
        "captureHold",
        "staff",
        r#"{"idempotencyKey": "$key", "holdId": "$hold", "amount": "1"}"#,
        &[
            ("/holdId", r#""$hold.ended""#, "CONFLICT", ""),
            ("/amount", r#""500000""#, "INVALID_INPUT", "amount"),
        ],
    ),
    entry(
        "releaseHold",
        "staff",
        r#"{"holdId": "$hold.other"}"#,
        &[("/holdId", r#""$hold.ended""#, "CONFLICT", "")],
    ),
    Entry {
        writes: &[TRIES],
        ..entry("resendLoginCode", "nobody", r#"{"challengeId": "$challenge.again"}"#, &[])
    },
    entry(
        "resendVerification",
        "nobody",
        r#"{"email": "carl@example.org"}"#,
        &[("/email", r#""carl""#, "INVALID_INPUT", "email")],
    ),
    entry(
        "requestPasswordReset",
        "nobody",
        r#"{"email": "nobody@example.org"}"#,
        &[
            ("/email", r#""bob""#, "INVALID_INPUT", "email"),
            ("/phoneNumber", r#""12""#, "INVALID_INPUT", "phoneNumber"),
            ("/socialSecurity", r#""?""#, "INVALID_INPUT", "socialSecurity"),
        ],
    ),
    Entry {
        writes: &[TRIES],
        ..entry(
            "resetPassword",
            "nobody",
            r#"{"token": "$reset", "newPassword": "nine green geese"}"#,
            &[
                ("/token", r#""nonsense""#, "BAD_CODE", "token"),
                ("/newPassword", r#""short""#, "INVALID_INPUT", "newPassword"),
                ("/newPassword", r#""password1""#, "INVALID_INPUT", "newPassword"),
            ],
        )
    },
    Entry {
        unknown: "BAD_CODE",
        writes: &[GUESSES, TRIES],
        ..entry(
            "confirmChallenge",
            "ivan",
            r#"{"challengeId": "$step", "code": "$step.code"}"#,
            &[("/code", r#""000000x""#, "BAD_CODE", "code")],
        )
    },
    Entry {
        writes: &[GUESSES, TRIES],
        ..entry(
            "confirmEmailChange",
            "ann",
            r#"{"code": "$email.code"}"#,
            &[("/code", r#""000000x""#, "BAD_CODE", "code")],
        )
    },
    Entry {
        writes: &[TRIES],
        ..entry(
            "requestEmailChange",
            "ann",
            r#"{"newEmail": "ann.lee@example.org", "password": "$password"}"#,
            &[
                ("/newEmail", r#""ann""#, "INVALID_INPUT", "newEmail"),
                ("/newEmail", r#""ann@example.org""#, "INVALID_INPUT", "newEmail"),
                ("/password", r#""wrong""#, "BAD_CREDENTIALS", ""),
            ],
        )
    },
    Entry {
        writes: &[TRIES],
        ..entry(
            "changePassword",
            "ann",
            r#"{"currentPassword": "$password", "newPassword": "nine green geese"}"#,
            &[
                ("/currentPassword", r#""wrong""#, "BAD_CREDENTIALS", ""),
                ("/newPassword", r#""short""#, "INVALID_INPUT", "newPassword"),
                ("/newPassword", r#""password1""#, "INVALID_INPUT", "newPassword"),
            ],
        )
    },
    entry(
        "updateProfile",
        "ann",
        r#"{"username": "ann.lee", "firstName": "Ann", "address": {"line": "1 Main Street",
            "city": "Springfield", "state": "Oregon", "postCode": "97477"}}"#,
        &[
            ("/username", r#""x""#, "INVALID_INPUT", "username"),
            ("/firstName", r#""""#, "INVALID_INPUT", "firstName"),
            ("/phoneNumber", r#""12""#, "INVALID_INPUT", "phoneNumber"),
            ("/phoneNumber", r#""+12025550002""#, "ALREADY_EXISTS", "phoneNumber"),
            ("/address/city", r#""""#, "INVALID_INPUT", "address.city"),
        ],
    ),
    entry(
        "setAvatar",
        "ann",
        r#"{"fileId": "$image"}"#,
        &[
            ("/fileId", r#""$bob.image""#, "NOT_FOUND", "fileId"),
            ("/fileId", r#""$paper""#, "NOT_FOUND", "fileId"),
            ("/fileId", r#""$card""#, "NOT_FOUND", "fileId"),
        ],
    ),
    entry("setLegacyAccess", "ann", r#"{"dialect": "EWALLET", "enabled": true}"#, &[]),
    entry("beginTotp", "ann", "", &[]),
    Entry {
        writes: &[FACTORS],
        ..entry(
            "confirmTotp",
            "gina",
            r#"{"code": "$totp.code"}"#,
            &[("/code", r#""000000x""#, "BAD_CODE", "code")],
        )
    },
    entry("renewRecoveryCodes", "hans", "", &[]),
    Entry {
        writes: &[FACTORS],
        ..entry(
            "removeTotp",
            "jane",
            r#"{"code": "$jane.code"}"#,
            &[("/code", r#""000000x""#, "BAD_CODE", "code")],
        )
    },
    entry(
        "approveCustomer",
        "staff",
        r#"{"customerId": "$bob.number"}"#,
        &[
            ("/customerId", r#""""#, "NOT_FOUND", "customerId"),
            ("/customerId", r#""nonsense""#, "NOT_FOUND", "customerId"),
            ("/customerId", r#""$staff.number""#, "FORBIDDEN", ""),
            ("/customerId", r#""$boss.number""#, "FORBIDDEN", ""),
            ("/customerId", r#""$left.number""#, "CONFLICT", ""),
        ],
    ),
    entry(
        "confirmDeactivation",
        "staff",
        r#"{"customerId": "$leaving.number"}"#,
        &[
            ("/customerId", r#""nonsense""#, "NOT_FOUND", "customerId"),
            ("/customerId", r#""$staff.number""#, "FORBIDDEN", ""),
            ("/customerId", r#""$boss.number""#, "FORBIDDEN", ""),
            ("/customerId", r#""$bob.number""#, "CONFLICT", ""),
        ],
    ),
    entry(
        "reactivateCustomer",
        "staff",
        r#"{"customerId": "$left.number"}"#,
        &[
            ("/customerId", r#""nonsense""#, "NOT_FOUND", "customerId"),
            ("/customerId", r#""$staff.number""#, "FORBIDDEN", ""),
            ("/customerId", r#""$boss.number""#, "FORBIDDEN", ""),
        ],
    ),
    entry("requestDeactivation", "jane", "", &[]),
    Entry {
        writes: &[TRIES],
        ..entry(
            "deleteAccount",
            "kate",
            r#"{"password": "$password"}"#,
            &[("/password", r#""wrong""#, "BAD_CREDENTIALS", "")],
        )
    },
    entry(
        "revokeSession",
        "ann",
        r#"{"sessionId": "$session.other"}"#,
        &[("/sessionId", r#""$bob.session""#, "NOT_FOUND", "sessionId")],
    ),
    entry("revokeOtherSessions", "ann", "", &[]),
    entry(
        "refreshSession",
        "nobody",
        r#"{"refreshToken": "$refresh"}"#,
        &[
            ("/refreshToken", r#""""#, "BAD_CREDENTIALS", "refreshToken"),
            ("/refreshToken", r#""nonsense""#, "BAD_CREDENTIALS", "refreshToken"),
            ("/refreshToken", r#""$access""#, "BAD_CREDENTIALS", "refreshToken"),
            ("/refreshToken", "null", "INVALID_INPUT", "refreshToken"),
        ],
    ),
    // It ends what it is asked with, and so stands last.
    entry("logout", "ann", "", &[]),
];
