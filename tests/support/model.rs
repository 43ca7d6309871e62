//! The ledger in a few plain lines: what it should do, written a second time and in
//! another way, so that the two can be compared.

use std::collections::HashMap;

use chrono::NaiveDate;
use teller::{
    domain::{
        account::{AccountKind, AccountRef, AccountStatus},
        bill::{Bill, BillState},
        limit::LimitKind,
        posting::TransactionKind,
    },
    ledger::posting::{Allowance, Due, End, Movement, Opening, Posting, Sum},
    store::{
        audit::Act,
        bill,
        operation::{NewOperation, ResultKind},
        posting_rows::Text,
        savings::NewSavings,
    },
    types::{
        clock::Instant,
        id::{AccountId, BillId, SessionId, TransactionId, UserId},
        money::{Currency, Minor},
    },
};
use uuid::Uuid;

use super::{bank::TestBank, chance::Chance};
use teller::ledger::batch::Means;

/// Accounts of one kind that a person may have in the model's bank.
const ACCOUNTS_MAX: i64 = 5;
/// Whole units a day that a person may pay to others.
const LIMIT: i64 = 500;

/// What the ledger should answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    Done,
    Replayed(Uuid),
    Refused(&'static str),
}

#[derive(Debug, Clone)]
struct Account {
    id: AccountId,
    owner: UserId,
    currency: Currency,
    status: AccountStatus,
    posted: i64,
    version: i64,
}

#[derive(Debug, Clone)]
struct Moved {
    id: TransactionId,
    kind: TransactionKind,
    from: Option<AccountId>,
    to: Option<AccountId>,
    left: i64,
}

/// The model.
#[derive(Debug)]
pub struct Model {
    people: Vec<(SessionId, UserId)>,
    accounts: Vec<Account>,
    keys: HashMap<(Uuid, String), (Vec<u8>, Uuid)>,
    moved: Vec<Moved>,
    bills: Vec<Bill>,
    used: HashMap<(UserId, Currency), (NaiveDate, i64)>,
    sent: Vec<Posting>,
    serial: u64,
}

type Told = Result<(), &'static str>;

impl Model {
    /// A bank of these people without accounts: their sessions and their ids.
    pub fn new(people: &[(Uuid, Uuid)]) -> Self {
        let people = people
            .iter()
            .map(|&(session, user)| (SessionId::from_uuid(session), UserId::from_uuid(user)))
            .collect();
        Self {
            people,
            accounts: Vec::new(),
            keys: HashMap::new(),
            moved: Vec::new(),
            bills: Vec::new(),
            used: HashMap::new(),
            sent: Vec::new(),
            serial: 0,
        }
    }

    /// Something to be asked of the ledger, sensible or not.
    pub fn draw(&mut self, chance: &mut Chance, means: &Means) -> Posting {
        if chance.below(10) == 0
            && let Some(before) = chance.pick(&self.sent)
        {
            // The same again; now and then the same key with another wish.
            let mut again = before.clone();
            if chance.below(4) == 0
                && let Some(key) = &mut again.key
            {
                key.fingerprint = vec![1];
            }
            return again;
        }
        let (session, user) = *chance.pick(&self.people).expect("the model has people");
        let id = TransactionId::generate(means.clock.as_ref(), means.chance.as_ref());
        let mut posting = match chance.below(20) {
            0 => Self::opening(chance, means, user, id),
            1 | 2 => self.reversal(chance, id),
            3 | 4 => self.payment(chance, user, id),
            5..=7 => funding(self.target(chance, None), amount(chance), id),
            _ => self.transfer(chance, user, id),
        };
        self.serial += 1;
        posting.session = Some((session, user));
        posting.key = Some(NewOperation {
            scope_id: user.uuid(),
            key: format!("k{}", self.serial),
            fingerprint: vec![0],
            result_kind: ResultKind::Transaction,
            result_id: id.uuid(),
        });
        if chance.below(10) == 0 {
            posting.key = None;
        }
        if posting.key.is_some() && self.sent.len() < 10_000 {
            self.sent.push(posting.clone());
        }
        posting
    }

    fn opening(chance: &mut Chance, means: &Means, owner_id: UserId, id: TransactionId) -> Posting {
        let account_id = AccountId::generate(means.clock.as_ref(), means.chance.as_ref());
        let code = if chance.below(4) == 0 { "EUR" } else { "USD" };
        let currency = Currency::parse(code).expect("a code of ISO 4217");
        let text = Text { account_id, label: "Goal".to_owned(), last4: None, party: None };
        let opens = Opening {
            account_id,
            owner_id,
            kind: AccountKind::Savings,
            currency,
            card: None,
            savings: Some(NewSavings { name: "Goal".to_owned(), goal: Minor(100) }),
            limit: ACCOUNTS_MAX,
            noun: "goals",
            text,
        };
        let from = End::Bank(AccountKind::OpeningCredits);
        let movement = movement(id, TransactionKind::OpeningCredit, from, End::Opened, 20_000);
        Posting { opens: Some(opens), movement: Some(movement), ..posting() }
    }

    fn reversal(&self, chance: &mut Chance, id: TransactionId) -> Posting {
        let Some(one) = chance.pick(&self.moved) else {
            return funding(self.target(chance, None), 1, id);
        };
        let end = |account: Option<AccountId>| match account {
            Some(id) => end(id, None, false),
            None => End::Bank(AccountKind::CashClearing),
        };
        let part = i64::try_from(chance.below(8)).expect("few") - 1;
        let sum = if part < 0 { Sum::Rest } else { Sum::Minor(Minor(part * 1_000)) };
        let mut back = movement(id, TransactionKind::Reversal, end(one.to), end(one.from), 0);
        back.reverses = Some(one.id);
        back.sum = sum;
        Posting { movement: Some(back), ..posting() }
    }

    /// Pays a bill, mostly one of this person's that waits for it.
    fn payment(&self, chance: &mut Chance, user: UserId, id: TransactionId) -> Posting {
        let waits = |bill: &&Bill| bill.owner_id == user && bill.status == BillState::Due;
        let waiting: Vec<&Bill> = self.bills.iter().filter(waits).collect();
        let bill_id = match chance.below(6) {
            0 => chance.pick(&self.bills).map(|bill| bill.bill_id),
            _ => chance.pick(&waiting).map(|bill| bill.bill_id),
        };
        let bill_id = bill_id.unwrap_or(BillId::from_uuid(Uuid::from_u128(9)));
        let from = end(self.target(chance, Some(user)), Some(user), false);
        let mut movement = movement(id, TransactionKind::BillPayment, from, End::Bill, 0);
        movement.sum = Sum::Rest;
        let pays = Some(Due { bill_id, owner_id: user });
        Posting { pays, movement: Some(movement), ..posting() }
    }

    fn transfer(&self, chance: &mut Chance, user: UserId, id: TransactionId) -> Posting {
        let from = end(self.target(chance, Some(user)), Some(user), false);
        let to = end(self.target(chance, None), None, true);
        let movement = movement(id, TransactionKind::Transfer, from, to, amount(chance));
        let allowance = Allowance { subject: user, kind: LimitKind::Transfer, units: LIMIT };
        Posting { allowance: Some(allowance), movement: Some(movement), ..posting() }
    }

    /// An account, mostly one of this person's, now and then one that never was.
    fn target(&self, chance: &mut Chance, owner: Option<UserId>) -> AccountId {
        let own: Vec<&Account> = self
            .accounts
            .iter()
            .filter(|account| owner.is_none_or(|owner| account.owner == owner))
            .collect();
        match chance.below(50) {
            0 => AccountId::from_uuid(Uuid::from_u128(7)),
            1 => chance.pick(&self.accounts).map_or(AccountId::from_uuid(Uuid::nil()), |a| a.id),
            _ => chance.pick(&own).map_or(AccountId::from_uuid(Uuid::nil()), |a| a.id),
        }
    }

    /// An account, to do something with it beside the ledger.
    pub fn any_account(&self, chance: &mut Chance) -> Option<AccountId> {
        chance.pick(&self.accounts).map(|account| account.id)
    }

    /// An account is frozen, or no longer.
    pub async fn set_status(&mut self, bank: &TestBank, id: AccountId, status: AccountStatus) {
        let mut s = bank.bank.db.write().await.expect("the database is written");
        let sql = "UPDATE balances SET status = $2 WHERE account_id = $1";
        s.query(sql).bind(id).bind(status).execute().await.expect("the status is set");
        s.commit().await.expect("the status is kept");
        if let Some(account) = self.account_mut(id) {
            account.status = status;
        }
    }

    /// Somebody has something to pay, or gives it up, beside the ledger.
    pub async fn bill(&mut self, bank: &TestBank, chance: &mut Chance, means: &Means) {
        let mut s = bank.bank.db.write().await.expect("the database is written");
        let open = self.bills.iter().rposition(|bill| bill.status == BillState::Due);
        if let Some(place) = open.filter(|_| chance.below(4) == 0) {
            let given_up = &mut self.bills[place];
            given_up.status = BillState::Cancelled;
            assert!(bill::cancel(&mut s, given_up.bill_id).await.expect("the bill is given up"));
        } else {
            let (_, owner_id) = *chance.pick(&self.people).expect("the model has people");
            let code = if chance.below(4) == 0 { "EUR" } else { "USD" };
            let new = Bill {
                bill_id: BillId::generate(means.clock.as_ref(), means.chance.as_ref()),
                legacy_id: 0,
                owner_id,
                name: "Rent".to_owned(),
                amount: Minor(1 + i64::from(chance.small(6_000))),
                currency: Currency::parse(code).expect("a code of ISO 4217"),
                due_at: means.clock.now(),
                status: BillState::Due,
                transaction_id: None,
                paid_at: None,
                created_at: means.clock.now(),
            };
            bill::insert(&mut s, &new).await.expect("the bill is written");
            self.bills.push(new);
        }
        s.commit().await.expect("the bill is kept");
    }

    fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    fn account_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.id == id)
    }

    /// What the ledger should answer, and the model does.
    pub fn apply(&mut self, posting: &Posting, now: Instant) -> Expected {
        let key = posting.key.as_ref();
        if let Some(key) = key
            && let Some((fingerprint, made)) = self.keys.get(&(key.scope_id, key.key.clone()))
        {
            return if *fingerprint == key.fingerprint {
                Expected::Replayed(*made)
            } else {
                Expected::Refused("IDEMPOTENCY_CONFLICT")
            };
        }
        if let Err(code) = self.attempt(posting, now) {
            return Expected::Refused(code);
        }
        if let Some(key) = key {
            let made = (key.fingerprint.clone(), key.result_id);
            self.keys.insert((key.scope_id, key.key.clone()), made);
        }
        Expected::Done
    }

    fn attempt(&mut self, posting: &Posting, now: Instant) -> Told {
        let before = self.accounts.len();
        if let Some(opening) = &posting.opens {
            let open = self.accounts.iter().filter(|one| one.owner == opening.owner_id).count();
            if i64::try_from(open).expect("few") >= opening.limit {
                return Err("TOO_MANY");
            }
            self.accounts.push(Account {
                id: opening.account_id,
                owner: opening.owner_id,
                currency: opening.currency,
                status: AccountStatus::Active,
                posted: 0,
                version: 0,
            });
        }
        let movement = posting.movement.as_ref().expect("the model only moves money");
        let told = self.move_money(posting, movement, now);
        if told.is_err() {
            self.accounts.truncate(before);
        }
        told
    }

    /// The customer's account at an end; `None` for one of the bank's.
    fn at(&self, posting: &Posting, end: &End) -> Result<Option<Account>, &'static str> {
        match end {
            End::Bank(_) | End::Merchant(_) | End::Bill => Ok(None),
            End::Opened => {
                let id = posting.opens.as_ref().map(|opening| opening.account_id);
                Ok(id.and_then(|id| self.account(id)).cloned())
            }
            End::Account { named, owner, .. } => {
                let account = self.account(named.id).cloned();
                let own = account.filter(|one| owner.is_none_or(|owner| one.owner == owner));
                own.map(Some).ok_or("NOT_FOUND")
            }
            End::Number { .. } => Err("NOT_FOUND"),
        }
    }

    fn move_money(&mut self, posting: &Posting, movement: &Movement, now: Instant) -> Told {
        let from = self.at(posting, &movement.from)?;
        let to = self.at(posting, &movement.to)?;
        let owed = posting.pays.map(|due| self.owed(&due)).transpose()?;
        let currencies: Vec<Currency> =
            [&from, &to].into_iter().flatten().map(|account| account.currency).collect();
        if currencies.windows(2).any(|two| two[0] != two[1]) {
            return Err("CURRENCY_MISMATCH");
        }
        if let Some(bill) = &owed {
            if bill.status != BillState::Due {
                return Err("BILL_NOT_PAYABLE");
            }
            if bill.currency != currencies[0] {
                return Err("CURRENCY_MISMATCH");
            }
        }
        let left = movement.reverses.map(|id| {
            let original = self.moved.iter().find(|one| one.id == id);
            original.filter(|one| one.kind != TransactionKind::Reversal).map_or(0, |one| one.left)
        });
        let amount = match &movement.sum {
            Sum::Minor(minor) => minor.0,
            Sum::Rest => owed.as_ref().map_or(left.unwrap_or(0), |bill| bill.amount.0),
            Sum::Text(_) => return Err("INVALID_INPUT"),
        };
        if left.is_some_and(|left| left == 0 || amount > left) {
            return Err("ALREADY_REVERSED");
        }
        if amount <= 0 {
            return Err("INVALID_INPUT");
        }
        if from.as_ref().map(|one| one.id) == to.as_ref().map(|one| one.id) {
            return Err("SAME_ACCOUNT");
        }
        if let Some(from) = &from {
            if from.status == AccountStatus::Frozen {
                return Err("ACCOUNT_FROZEN");
            }
            if from.posted < amount {
                return Err("INSUFFICIENT_FUNDS");
            }
        }
        let between = from.as_ref().map(|one| one.owner) == to.as_ref().map(|one| one.owner);
        if let Some(allowance) = posting.allowance.filter(|_| !between) {
            self.spend(allowance.subject, currencies[0], amount, now)?;
        }
        for (account, change) in [(&from, -amount), (&to, amount)] {
            if let Some(account) = account.as_ref().and_then(|one| self.account_mut(one.id)) {
                account.posted += change;
                account.version += 1;
            }
        }
        if let Some(original) = movement.reverses {
            let original = self.moved.iter_mut().find(|one| one.id == original);
            original.expect("it was found before").left -= amount;
        }
        if let Some(owed) = owed {
            let paid = self.bills.iter_mut().find(|bill| bill.bill_id == owed.bill_id);
            paid.expect("it was found before").status = BillState::Paid;
        }
        let (from, to) = (from.map(|one| one.id), to.map(|one| one.id));
        let (id, kind) = (movement.transaction_id, movement.kind);
        self.moved.push(Moved { id, kind, from, to, left: amount });
        Ok(())
    }

    /// The bill that is to be paid, where it is this person's.
    fn owed(&self, due: &Due) -> Result<Bill, &'static str> {
        let own = |bill: &&Bill| bill.bill_id == due.bill_id && bill.owner_id == due.owner_id;
        self.bills.iter().find(own).cloned().ok_or("NOT_FOUND")
    }

    fn spend(&mut self, who: UserId, currency: Currency, amount: i64, now: Instant) -> Told {
        let today = now.date_naive();
        let (day, used) = self.used.get(&(who, currency)).copied().unwrap_or((today, 0));
        let used = if day < today { amount } else { used + amount };
        if used > LIMIT * 100 {
            return Err("LIMIT_EXCEEDED");
        }
        self.used.insert((who, currency), (today, used));
        Ok(())
    }

    /// The books have what the posting would make.
    pub async fn stands(&self, bank: &TestBank, posting: &Posting) -> bool {
        let Some(movement) = &posting.movement else {
            return false;
        };
        let mut s = bank.bank.db.read().await.expect("the database is read");
        let sql = "SELECT COUNT(*) FROM transactions WHERE transaction_id = $1";
        let count: Option<i64> =
            s.query(sql).bind(movement.transaction_id).scalar().await.expect("it is counted");
        count == Some(1) && !self.moved.iter().any(|one| one.id == movement.transaction_id)
    }

    /// The books have exactly the model's accounts.
    pub async fn compare(&self, bank: &TestBank, seed: u64) {
        let mut s = bank.bank.db.read().await.expect("the database is read");
        let sql = "SELECT b.account_id, b.posted, b.version FROM balances b
            JOIN accounts a ON a.account_id = b.account_id WHERE a.kind = 'SAVINGS'";
        let mut found: Vec<(AccountId, i64, i64)> = s.query(sql).all().await.expect("balances");
        found.sort_unstable();
        let mut ours: Vec<_> =
            self.accounts.iter().map(|one| (one.id, one.posted, one.version)).collect();
        ours.sort_unstable();
        assert_eq!(found, ours, "seed {seed}: the books and the model differ");
        let sql = "SELECT bill_id, status FROM bills ORDER BY bill_id";
        let found: Vec<(BillId, BillState)> = s.query(sql).all().await.expect("the bills");
        let mut ours: Vec<_> = self.bills.iter().map(|one| (one.bill_id, one.status)).collect();
        ours.sort_unstable_by_key(|(id, _)| *id);
        assert_eq!(found, ours, "seed {seed}: the bills and the model's differ");
    }
}

fn posting() -> Posting {
    let act = Act {
        actor_id: None,
        session_id: None,
        action: "simulate",
        ip_address: None,
        request_id: None,
    };
    Posting::new(act)
}

fn movement(id: TransactionId, kind: TransactionKind, from: End, to: End, minor: i64) -> Movement {
    let sum = Sum::Minor(Minor(minor));
    Movement { transaction_id: id, kind, reverses: None, from, to, sum, note: None }
}

fn end(id: AccountId, owner: Option<UserId>, hidden_when_closed: bool) -> End {
    let named = AccountRef { kind: AccountKind::Savings, id };
    End::Account { named, owner, field: "accountId", hidden_when_closed }
}

fn funding(to: AccountId, minor: i64, id: TransactionId) -> Posting {
    let from = End::Bank(AccountKind::CashClearing);
    let movement = movement(id, TransactionKind::Income, from, end(to, None, false), minor);
    Posting { movement: Some(movement), ..posting() }
}

/// Mostly small, now and then nothing, or more than anybody has.
fn amount(chance: &mut Chance) -> i64 {
    match chance.below(40) {
        0 => 0,
        1 => 10_000_000,
        _ => 1 + i64::from(chance.small(6_000)),
    }
}
