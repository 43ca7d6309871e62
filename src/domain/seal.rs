//! The sealed journal: what a seal covers, line by line, and how each hash follows
//! from the one before.
//!
//! A hash is SHA-256 over the hash before it and the SHA-256 of each line, all as raw
//! bytes. Because lines enter as hashes, a receipt may show some in clear and others
//! as their hash only, and whoever reads it computes the same.
//!
//! No two different rows give the same line: parts are parted by one space, and no
//! part has one, because it is a UUID, a number, an instant, hexadecimal, a word of
//! capital letters, `-` for nothing, or else a JSON string, which alone begins with a
//! quotation mark and ends at the next one that is not escaped.

use std::{collections::BTreeMap, fmt::Write as _};

use chrono::SecondsFormat;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::types::{
    clock::Instant,
    id::{AccountId, TransactionId, UserId},
    money::Minor,
};

/// A hash of 256 bits.
pub type Hash = [u8; 32];

/// What stands before the first seal.
pub const BEFORE_ALL: Hash = [0; 32];

/// What a seal can be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SealKind {
    /// A transaction with its entries.
    Transaction,
    /// A row of the audit log.
    Audit,
}

impl SealKind {
    /// How people call it.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Audit => "audit row",
        }
    }
}

/// Where a seal stands in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its number; the first is 1 and none is missing.
    pub sequence: i64,
    /// When it was sealed.
    pub sealed_at: Instant,
}

/// A transaction as its row says it; the kind as text, because a row that was tampered
/// with must be hashed like any other.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Transaction {
    /// Names it.
    pub transaction_id: TransactionId,
    /// What it was.
    pub kind: String,
    /// The transaction that it reverses.
    pub reverses: Option<TransactionId>,
    /// When.
    pub posted_at: Instant,
}

/// An entry as its row says it, with its account's currency.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Entry {
    /// Its transaction.
    pub transaction_id: TransactionId,
    /// Its account.
    pub account_id: AccountId,
    /// The account is a customer's, not one of the bank's own.
    pub customer: bool,
    /// What came in (positive) or went out (negative).
    pub amount: Minor,
    /// The account's currency.
    pub currency: String,
    /// The balance after it; none of the bank's own accounts has one.
    pub balance_after: Option<Minor>,
    /// The account's version after it.
    pub version: Option<i64>,
    /// When.
    pub posted_at: Instant,
    /// Random bytes, so that nobody can guess the line behind its hash.
    pub salt: Vec<u8>,
    /// Whose account it is, who may see the line; not part of it.
    pub owner_id: Option<UserId>,
}

/// A row of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AuditRow {
    /// Names it.
    pub audit_id: Uuid,
    /// Who acted; none for the bank itself.
    pub actor_id: Option<Uuid>,
    /// In which session.
    pub session_id: Option<Uuid>,
    /// What was done.
    pub action: String,
    /// What came of it.
    pub result: String,
    /// What it was done to.
    pub subject_id: Option<Uuid>,
    /// From where.
    pub ip_address: Option<String>,
    /// By which request.
    pub request_id: Option<String>,
    /// When.
    pub occurred_at: Instant,
}

/// RFC 3339 with microseconds; with more digits where somebody wrote more, which the
/// bank never does, so that this too is seen.
fn instant(at: Instant) -> String {
    let whole = at.timestamp_subsec_nanos().is_multiple_of(1_000);
    let format = if whole { SecondsFormat::Micros } else { SecondsFormat::Nanos };
    at.to_rfc3339_opts(format, true)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A word of capital letters as it is, anything else quoted.
fn word(text: &str) -> String {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    if plain { text.to_owned() } else { quoted(text) }
}

fn or_none<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}

impl Transaction {
    /// The line of the transaction, which also says where its seal stands.
    pub fn line(&self, place: &Place) -> String {
        format!(
            "transaction {} {} {} {} {} {}",
            self.transaction_id.uuid(),
            word(&self.kind),
            or_none(self.reverses, |id| id.uuid().to_string()),
            instant(self.posted_at),
            place.sequence,
            instant(place.sealed_at),
        )
    }
}

impl Entry {
    /// The line of the entry.
    pub fn line(&self) -> String {
        format!(
            "entry {} {} {} {} {} {} {} {} {}",
            self.transaction_id.uuid(),
            self.account_id.uuid(),
            if self.customer { "customer" } else { "bank" },
            self.amount.0,
            word(&self.currency),
            or_none(self.balance_after, |balance| balance.0.to_string()),
            or_none(self.version, |version| version.to_string()),
            instant(self.posted_at),
            hex::encode(&self.salt),
        )
    }
}

impl AuditRow {
    /// The line of the row, which also says where its seal stands. Texts are always
    /// quoted, so that an absent one differs from every text.
    pub fn line(&self, place: &Place) -> String {
        format!(
            "audit {} {} {} {} {} {} {} {} {} {} {}",
            self.audit_id,
            or_none(self.actor_id, |id| id.to_string()),
            or_none(self.session_id, |id| id.to_string()),
            quoted(&self.action),
            quoted(&self.result),
            or_none(self.subject_id, |id| id.to_string()),
            or_none(self.ip_address.as_deref(), quoted),
            or_none(self.request_id.as_deref(), quoted),
            instant(self.occurred_at),
            place.sequence,
            instant(place.sealed_at),
        )
    }
}

/// The hash of a line.
pub fn digest(line: &str) -> Hash {
    Sha256::digest(line.as_bytes()).into()
}

/// What is sealed as one, with the lines hashed that do not depend on its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A transaction, and the hashes of its entries' lines in the order of their accounts.
    Transaction(Transaction, Vec<Hash>),
    /// A row of the audit log.
    Audit(AuditRow),
}

impl Subject {
    /// A transaction with its entries, which are ordered by account.
    pub fn transaction(transaction: Transaction, entries: &[Entry]) -> Self {
        let digests = entries.iter().map(|entry| digest(&entry.line())).collect();
        Self::Transaction(transaction, digests)
    }

    /// What it is.
    pub fn kind(&self) -> SealKind {
        match self {
            Self::Transaction(..) => SealKind::Transaction,
            Self::Audit(_) => SealKind::Audit,
        }
    }

    /// Names it.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Transaction(transaction, _) => transaction.transaction_id.uuid(),
            Self::Audit(row) => row.audit_id,
        }
    }

    /// Its hash at a place of the chain.
    pub fn seal(&self, previous: &Hash, place: &Place) -> Hash {
        let mut hash = Sha256::new().chain_update(previous);
        match self {
            Self::Transaction(transaction, entries) => {
                hash.update(digest(&transaction.line(place)));
                for entry in entries {
                    hash.update(entry);
                }
            }
            Self::Audit(row) => hash.update(digest(&row.line(place))),
        }
        hash.finalize().into()
    }
}

/// Puts together what can be sealed, by its id. Entries are ordered by transaction and
/// then by account.
pub fn gather(
    transactions: Vec<Transaction>,
    entries: &[Entry],
    rows: Vec<AuditRow>,
) -> BTreeMap<Uuid, Subject> {
    let transactions = transactions.into_iter().map(|transaction| {
        let entries = of_transaction(entries, transaction.transaction_id);
        Subject::transaction(transaction, entries)
    });
    let subjects = transactions.chain(rows.into_iter().map(Subject::Audit));
    subjects.map(|subject| (subject.id(), subject)).collect()
}

/// The entries of one transaction among those of many, which are ordered by transaction.
pub fn of_transaction(entries: &[Entry], id: TransactionId) -> &[Entry] {
    let first = entries.partition_point(|entry| entry.transaction_id < id);
    let rest = &entries[first..];
    &rest[..rest.partition_point(|entry| entry.transaction_id == id)]
}

/// The lines of a transaction as one person may read them: their own entries in clear,
/// every other as its hash. The entries are ordered by account.
pub fn content(
    transaction: &Transaction,
    entries: &[Entry],
    place: &Place,
    reader: UserId,
) -> String {
    let mut content = transaction.line(place);
    for entry in entries {
        let line = entry.line();
        let own = entry.owner_id == Some(reader);
        let shown = if own { line } else { hex::encode(digest(&line)) };
        write!(content, "\n{shown}").expect("a text takes any text");
    }
    content
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sha2::{Digest as _, Sha256};
    use uuid::Uuid;

    use super::{AuditRow, BEFORE_ALL, Entry, Place, Subject, Transaction, content, digest};
    use crate::types::{
        id::{AccountId, TransactionId, UserId},
        money::Minor,
    };

    const PLACE: &str = "2026-11-21T19:27:02.000001Z";

    fn place() -> Place {
        Place { sequence: 17, sealed_at: PLACE.parse().unwrap() }
    }

    fn transaction() -> Transaction {
        Transaction {
            transaction_id: TransactionId::from_uuid(Uuid::from_u128(1)),
            kind: "TOP_UP".to_owned(),
            reverses: None,
            posted_at: "2026-11-21T19:27:01.680936Z".parse().unwrap(),
        }
    }

    fn entry(account: u128, owner: Option<u128>, amount: i64) -> Entry {
        Entry {
            transaction_id: TransactionId::from_uuid(Uuid::from_u128(1)),
            account_id: AccountId::from_uuid(Uuid::from_u128(account)),
            customer: owner.is_some(),
            amount: Minor(amount),
            currency: "USD".to_owned(),
            balance_after: owner.map(|_| Minor(900)),
            version: owner.map(|_| 3),
            posted_at: "2026-11-21T19:27:01.680936Z".parse().unwrap(),
            salt: vec![0xab; 16],
            owner_id: owner.map(|owner| UserId::from_uuid(Uuid::from_u128(owner))),
        }
    }

    fn row() -> AuditRow {
        AuditRow {
            audit_id: Uuid::from_u128(4),
            actor_id: None,
            session_id: Some(Uuid::from_u128(5)),
            action: "TRANSFER".to_owned(),
            result: "DONE".to_owned(),
            subject_id: None,
            ip_address: Some("127.0.0.1".to_owned()),
            request_id: None,
            occurred_at: "2026-11-21T19:27:01.68Z".parse().unwrap(),
        }
    }

    #[test]
    fn lines_are_plain_words_with_single_spaces() {
        assert_eq!(
            transaction().line(&place()),
            "transaction 00000000-0000-0000-0000-000000000001 TOP_UP - \
             2026-11-21T19:27:01.680936Z 17 2026-11-21T19:27:02.000001Z",
        );
        assert_eq!(
            entry(2, Some(9), 50).line(),
            "entry 00000000-0000-0000-0000-000000000001 00000000-0000-0000-0000-000000000002 \
             customer 50 USD 900 3 2026-11-21T19:27:01.680936Z abababababababababababababababab",
        );
        assert_eq!(
            entry(3, None, -50).line(),
            "entry 00000000-0000-0000-0000-000000000001 00000000-0000-0000-0000-000000000003 \
             bank -50 USD - - 2026-11-21T19:27:01.680936Z abababababababababababababababab",
        );
        assert_eq!(
            row().line(&place()),
            "audit 00000000-0000-0000-0000-000000000004 - 00000000-0000-0000-0000-000000000005 \
             \"TRANSFER\" \"DONE\" - \"127.0.0.1\" - 2026-11-21T19:27:01.680000Z 17 \
             2026-11-21T19:27:02.000001Z",
        );
    }

    #[test]
    fn different_rows_never_give_the_same_line() {
        let text = |text: &str| Some(text.to_owned());
        let rows = [
            row(),
            AuditRow { ip_address: None, ..row() },
            AuditRow { ip_address: text("-"), ..row() },
            AuditRow { ip_address: text(""), ..row() },
            AuditRow { ip_address: text("\""), ..row() },
            AuditRow { ip_address: text("a\" \"b"), ..row() },
            AuditRow { ip_address: text("a"), request_id: text("b"), ..row() },
            AuditRow { ip_address: text("a\n"), ..row() },
            AuditRow { action: "TRANSFER\" \"DONE".to_owned(), result: String::new(), ..row() },
            AuditRow { action: String::new(), result: "TRANSFER DONE".to_owned(), ..row() },
        ];
        let lines: BTreeSet<_> = rows.iter().map(|row| row.line(&place())).collect();
        assert_eq!(lines.len(), rows.len());
        assert!(lines.iter().all(|line| !line.contains('\n')));
        let odd = Transaction { kind: "TOP_UP - 2026".to_owned(), ..transaction() };
        assert!(odd.line(&place()).contains(" \"TOP_UP - 2026\" - "));
        let later = "2026-11-21T19:27:01.680936001Z".parse().unwrap();
        let finer = Transaction { posted_at: later, ..transaction() };
        assert_ne!(finer.line(&place()), transaction().line(&place()));
    }

    #[test]
    fn every_reader_computes_the_same_hash() {
        let entries = [entry(2, Some(9), -50), entry(3, Some(8), 50)];
        let sealed = Subject::transaction(transaction(), &entries).seal(&BEFORE_ALL, &place());
        for reader in [9, 8, 7] {
            let reader = UserId::from_uuid(Uuid::from_u128(reader));
            let content = content(&transaction(), &entries, &place(), reader);
            let mut bytes = BEFORE_ALL.to_vec();
            for line in content.lines() {
                match hex::decode(line) {
                    Ok(hash) => bytes.extend(hash),
                    Err(_) => bytes.extend(digest(line)),
                }
            }
            assert_eq!(<[u8; 32]>::from(Sha256::digest(&bytes)), sealed);
        }
    }

    #[test]
    fn a_seal_covers_its_place_and_what_stands_before_it() {
        let subject = Subject::Audit(row());
        let sealed = subject.seal(&BEFORE_ALL, &place());
        let later = Place { sequence: 18, ..place() };
        assert_ne!(subject.seal(&BEFORE_ALL, &later), sealed);
        assert_ne!(subject.seal(&[1; 32], &place()), sealed);
    }
}
