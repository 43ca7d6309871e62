//! The books of one batch: what was read under its locks, changed by each posting
//! that is accepted, so that the next one sees it.
//!
//! Nothing here waits or touches the database: facts go in, rows come out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::{
    bank_account,
    posting::{Allowance, End, Moved, MovedEnd, Movement, Opening, Posting, Sum},
};
use crate::{
    domain::{
        account::{AccountKind, AccountStatus, Balance},
        amount,
        bill::Bill,
        event::{self, EventKind},
        hold::Hold,
        limit::{CounterKey, LimitKind, Used},
        posting::{Decision, Leg, TransactionKind, decide},
        refusal::Refusal,
        session::Facts,
        trust,
    },
    store::{
        account::Account,
        posting::Customer,
        posting_rows::{
            Capture, NewBalance, NewEntry, NewEvent, NewText, NewTransaction, PaidBill, Side, Text,
            Written,
        },
    },
    types::{
        clock::Instant,
        entropy::{self, Entropy},
        id::{AccountId, BillId, HoldId, SessionId, TransactionId, UserId},
        money::{Currency, Minor, Money},
        text::masked_card_number,
    },
};

/// What a batch knows.
#[derive(Debug, Default)]
pub struct Books {
    /// Customers' accounts, as the postings so far have left them.
    pub customers: BTreeMap<AccountId, Customer>,
    /// Cards by the keyed index of their numbers.
    pub numbers: HashMap<Vec<u8>, AccountId>,
    /// Sessions.
    pub sessions: HashMap<(SessionId, UserId), Facts>,
    /// How many accounts of a kind a person has open.
    pub counts: HashMap<(UserId, AccountKind), i64>,
    /// Bills.
    pub bills: BTreeMap<BillId, Bill>,
    /// Holds.
    pub holds: BTreeMap<HoldId, Hold>,
    /// What remains to be reversed of transactions.
    pub reversible: BTreeMap<TransactionId, Money>,
    /// What was used of limits.
    pub limits: BTreeMap<CounterKey, Used>,
    touched: BTreeSet<AccountId>,
    spent: BTreeSet<CounterKey>,
    written: Written,
}

/// One end of a movement, found.
struct Found {
    text: Text,
    account_id: AccountId,
    customer: bool,
}

/// A movement whose every condition holds.
struct Allowed {
    from: Found,
    to: Found,
    amount: Money,
    decision: Decision,
    used: [Option<(CounterKey, Used)>; 2],
}

/// How the other side of a movement sees a customer's account.
pub(super) fn text_of(customer: &Customer) -> Text {
    let account_id = customer.account.account_id;
    match &customer.card {
        Some(card) => Text {
            account_id,
            label: masked_card_number(&card.last4),
            last4: Some(card.last4.clone()),
            party: Some(card.holder_name()),
        },
        None => Text {
            account_id,
            label: customer.account.kind.label().to_owned(),
            last4: None,
            party: Some(customer.owner_name.clone()),
        },
    }
}

/// The limit that the owner of a card has set for it, and its counter.
pub(super) fn card_limit(customer: &Customer) -> Option<(CounterKey, Minor)> {
    let account = &customer.account;
    let key = (account.account_id.uuid(), LimitKind::CardSpending, account.balance.currency);
    account.spending_limit.map(|limit| (key, limit))
}

impl Books {
    /// Does a posting, or tells why not; one that is refused leaves everything as it was.
    pub fn post(
        &mut self,
        posting: &Posting,
        now: Instant,
        chance: &dyn Entropy,
    ) -> Result<Option<Moved>, Refusal> {
        if let Some(session) = &posting.session {
            let facts = self.sessions.get(session).filter(|facts| facts.is_alive(now));
            trust::require(facts.ok_or(Refusal::SessionEnded)?)?;
        }
        let opened = posting.opens.as_ref().map(|opening| self.check(opening, now)).transpose()?;
        if let Some((opening, customer)) = posting.opens.as_ref().zip(opened) {
            // Put in for the movement, and taken out again if that is refused.
            self.customers.insert(opening.account_id, customer);
        }
        let allowed = match &posting.movement {
            None => Ok(None),
            Some(movement) => self.allow(posting, movement, now).map(Some),
        };
        match allowed {
            Ok(allowed) => Ok(self.accept(posting, allowed, now, chance)),
            Err(refusal) => {
                if let Some(opening) = &posting.opens {
                    self.customers.remove(&opening.account_id);
                }
                Err(refusal)
            }
        }
    }

    /// The person may have one more account of this kind; gives it as it will stand.
    fn check(&self, opening: &Opening, now: Instant) -> Result<Customer, Refusal> {
        let count = self.counts.get(&(opening.owner_id, opening.kind)).copied().unwrap_or(0);
        if count >= opening.limit {
            return Err(Refusal::TooMany { noun: opening.noun, limit: opening.limit });
        }
        let balance = Balance {
            posted: Minor::ZERO,
            held: Minor::ZERO,
            overdraft_limit: Minor::ZERO,
            version: 0,
            currency: opening.currency,
        };
        let account = Account {
            account_id: opening.account_id,
            owner_id: opening.owner_id,
            kind: opening.kind,
            status: AccountStatus::Active,
            balance,
            spending_limit: None,
            created_at: now,
        };
        Ok(Customer {
            account,
            card: None,
            savings: None,
            owner_name: String::new(),
            last_posted_at: None,
        })
    }

    /// Asks every condition of a movement.
    fn allow(
        &self,
        posting: &Posting,
        movement: &Movement,
        now: Instant,
    ) -> Result<Allowed, Refusal> {
        let currency = self.currency(posting, movement)?;
        let mut from = self.find(posting, &movement.from, currency)?;
        let mut to = self.find(posting, &movement.to, currency)?;
        for end in [&from, &to] {
            if let Some(customer) = self.customers.get(&end.account_id)
                && customer.account.balance.currency != currency
            {
                return Err(Refusal::CurrencyMismatch);
            }
        }
        let bill = self.bill(posting, currency)?;
        let frees = self.frees(posting, now)?;
        let amount = self.amount(movement, bill.or(frees), currency)?;
        if from.account_id == to.account_id {
            return Err(Refusal::SameAccount);
        }
        self.name_own(&mut from, &mut to);
        let out = amount.negated().ok_or_else(|| Refusal::invalid("amount", "is too large"))?;
        let leg = |end: &Found, amount, frees| Leg {
            account_id: end.account_id,
            customer: end.customer,
            currency,
            amount,
            frees,
        };
        let legs = [leg(&from, out, frees.unwrap_or(Minor::ZERO)), leg(&to, amount, Minor::ZERO)];
        let standing = |id: AccountId| self.customers.get(&id).map(Customer::standing);
        let decision = decide(&legs, standing, now)?;
        if movement.kind.is_funding()
            && let Some(to) = self.customers.get(&to.account_id)
        {
            amount::within_holding("amount", to.account.balance.posted, amount)?;
        }
        let elsewhere = self.leaves_its_owner(&from, &to);
        let used = match &posting.allowance {
            Some(allowance) if elsewhere => Some(self.spend(allowance, amount, currency, now)?),
            _ => None,
        };
        let spent = match frees {
            // Counted when it was placed: what is not captured is given back.
            Some(held) => self.give_back(posting, &from, held, amount, now),
            None if elsewhere => self.spend_card(movement.kind, &from, amount, now)?,
            None => None,
        };
        let used = [used, spent];
        let amount = Money::new(amount, currency);
        Ok(Allowed { from, to, amount, decision, used })
    }

    /// What the movement is counted in: the currency of its first end that is a customer's.
    fn currency(&self, posting: &Posting, movement: &Movement) -> Result<Currency, Refusal> {
        for end in [&movement.from, &movement.to] {
            if let Some(customer) = self.customer(posting, end)? {
                return Ok(customer.account.balance.currency);
            }
        }
        Err(Refusal::NotFound { field: "accountId", noun: "account" })
    }

    /// The customer's account at an end; `None` where the bank's own stands there.
    pub fn customer(&self, posting: &Posting, end: &End) -> Result<Option<&Customer>, Refusal> {
        match end {
            End::Bank(_) | End::Merchant(_) | End::Bill => Ok(None),
            End::Opened => {
                let opened = posting.opens.as_ref();
                let id = opened.map(|opening| opening.account_id);
                Ok(id.and_then(|id| self.customers.get(&id)))
            }
            End::Account { named, owner, field, hidden_when_closed } => {
                let fits = |customer: &&Customer| {
                    let account = &customer.account;
                    account.kind == named.kind
                        && owner.is_none_or(|owner| account.owner_id == owner)
                        && !(*hidden_when_closed && account.status == AccountStatus::Closed)
                };
                let found = self.customers.get(&named.id).filter(fits);
                found.map(Some).ok_or(Refusal::NotFound { field, noun: "account" })
            }
            End::Number { index, field } => {
                let id = self.numbers.get(index);
                let open = |customer: &&Customer| customer.account.status != AccountStatus::Closed;
                let found = id.and_then(|id| self.customers.get(id)).filter(open);
                found.map(Some).ok_or(Refusal::NotFound { field, noun: "card" })
            }
        }
    }

    fn find(&self, posting: &Posting, end: &End, currency: Currency) -> Result<Found, Refusal> {
        let of_the_bank = match end {
            End::Bank(kind) => Some(bank_account::text(*kind, currency)),
            End::Merchant(name) => {
                let account = bank_account::text(AccountKind::CardSettlement, currency);
                Some(Text { label: name.clone(), ..account })
            }
            End::Bill => {
                let account = bank_account::text(AccountKind::BillsPayable, currency);
                let label = self.due(posting)?.name.clone();
                Some(Text { label, ..account })
            }
            End::Account { .. } | End::Number { .. } | End::Opened => None,
        };
        if let Some(text) = of_the_bank {
            return Ok(Found { account_id: text.account_id, text, customer: false });
        }
        let missing = Refusal::NotFound { field: "accountId", noun: "account" };
        let customer = self.customer(posting, end)?.ok_or(missing)?;
        let account_id = customer.account.account_id;
        let text = match (end, &posting.opens) {
            (End::Opened, Some(opening)) => opening.text.clone(),
            _ => text_of(customer),
        };
        Ok(Found { text, account_id, customer: true })
    }

    /// The bill that a posting pays, where it is the person's who asks.
    fn due(&self, posting: &Posting) -> Result<&Bill, Refusal> {
        let found = posting.pays.and_then(|due| {
            self.bills.get(&due.bill_id).filter(|bill| bill.owner_id == due.owner_id)
        });
        found.ok_or(Refusal::NotFound { field: "billId", noun: "bill" })
    }

    /// How much a bill that is paid asks for.
    fn bill(&self, posting: &Posting, currency: Currency) -> Result<Option<Minor>, Refusal> {
        if posting.pays.is_none() {
            return Ok(None);
        }
        let bill = self.due(posting)?;
        bill.require_payable()?;
        if bill.currency == currency {
            Ok(Some(bill.amount))
        } else {
            Err(Refusal::CurrencyMismatch)
        }
    }

    /// Calls savings goals by their names where nobody but their owner reads it.
    fn name_own(&self, from: &mut Found, to: &mut Found) {
        let one = |end: &Found| self.customers.get(&end.account_id);
        let owner = |end: &Found| one(end).map(|customer| customer.account.owner_id);
        if owner(from) != owner(to) {
            return;
        }
        for end in [from, to] {
            if let Some(savings) = one(end).and_then(|customer| customer.savings.as_ref()) {
                end.text.label.clone_from(&savings.name);
            }
        }
    }

    /// What a captured hold gives back to its card.
    fn frees(&self, posting: &Posting, now: Instant) -> Result<Option<Minor>, Refusal> {
        let Some(id) = &posting.captures else {
            return Ok(None);
        };
        let missing = Refusal::NotFound { field: "holdId", noun: "hold" };
        let hold = self.holds.get(id).ok_or(missing)?;
        hold.require_open(now)?;
        Ok(Some(hold.amount))
    }

    /// How much moves: all of what the bill asks for, or within what the hold or the
    /// reversed transaction leaves.
    fn amount(
        &self,
        movement: &Movement,
        reserved: Option<Minor>,
        currency: Currency,
    ) -> Result<Minor, Refusal> {
        let remaining = match movement.reverses {
            Some(id) => {
                let missing = Refusal::NotFound { field: "transactionId", noun: "transaction" };
                Some(self.reversible.get(&id).ok_or(missing)?.minor)
            }
            None => None,
        };
        let wanted = match &movement.sum {
            Sum::Text(text) => amount::positive("amount", text, currency)?,
            Sum::Minor(minor) => *minor,
            Sum::Rest => remaining.or(reserved).unwrap_or(Minor::ZERO),
        };
        if let Some(remaining) = remaining
            && (wanted > remaining || remaining == Minor::ZERO)
        {
            let remaining = Money::new(remaining, currency);
            return Err(Refusal::AlreadyReversed { remaining });
        }
        if reserved.is_some_and(|held| wanted > held) {
            return Err(Refusal::invalid("amount", "is more than the hold"));
        }
        if wanted.is_positive() {
            Ok(wanted)
        } else {
            Err(Refusal::invalid("amount", "must be more than zero"))
        }
    }

    /// A move between a person's own accounts counts for no limit.
    fn leaves_its_owner(&self, from: &Found, to: &Found) -> bool {
        let owner = |end: &Found| self.customers.get(&end.account_id).map(|c| c.account.owner_id);
        owner(from).is_none() || owner(from) != owner(to)
    }

    /// Takes the amount from a person's limit of the day.
    fn spend(
        &self,
        allowance: &Allowance,
        amount: Minor,
        currency: Currency,
        now: Instant,
    ) -> Result<(CounterKey, Used), Refusal> {
        let key = (allowance.subject.uuid(), allowance.kind, currency);
        let limit = allowance.minor(currency);
        let used = self.used(&key, now).spend(key.1, limit, amount, currency, now);
        Ok((key, used.map_err(Refusal::LimitExceeded)?))
    }

    /// Takes the amount from the limit that the owner of a card has set for it.
    fn spend_card(
        &self,
        kind: TransactionKind,
        from: &Found,
        amount: Minor,
        now: Instant,
    ) -> Result<Option<(CounterKey, Used)>, Refusal> {
        let Some((key, limit)) = self.customers.get(&from.account_id).and_then(card_limit) else {
            return Ok(None);
        };
        if !kind.is_spending() {
            return Ok(None);
        }
        let used = self.used(&key, now).spend(key.1, limit, amount, key.2, now);
        Ok(Some((key, used.map_err(Refusal::LimitExceeded)?)))
    }

    /// Gives the limit of a card back what a hold reserved beyond what is captured of it.
    fn give_back(
        &self,
        posting: &Posting,
        from: &Found,
        held: Minor,
        captured: Minor,
        now: Instant,
    ) -> Option<(CounterKey, Used)> {
        let (key, _) = self.customers.get(&from.account_id).and_then(card_limit)?;
        let placed = self.holds.get(posting.captures.as_ref()?)?.created_at.date_naive();
        let rest = held.minus(captured)?;
        Some((key, self.used(&key, now).give_back(rest, placed)))
    }

    fn used(&self, key: &CounterKey, now: Instant) -> Used {
        let nothing = Used { window_start: now.date_naive(), used: Minor::ZERO };
        self.limits.get(key).copied().unwrap_or(nothing)
    }

    /// Changes the books and notes the rows.
    fn accept(
        &mut self,
        posting: &Posting,
        allowed: Option<Allowed>,
        now: Instant,
        chance: &dyn Entropy,
    ) -> Option<Moved> {
        if let Some(opening) = &posting.opens {
            *self.counts.entry((opening.owner_id, opening.kind)).or_default() += 1;
            let empty = Balance {
                posted: Minor::ZERO,
                held: Minor::ZERO,
                overdraft_limit: Minor::ZERO,
                version: 0,
                currency: opening.currency,
            };
            let body = event::account_changed(opening.account_id, Some(&empty));
            self.tell(opening.owner_id, EventKind::AccountChanged, body, now);
        }
        let (movement, allowed) = posting.movement.as_ref().zip(allowed)?;
        let Allowed { from, to, amount, decision, used } = allowed;
        let transaction_id = movement.transaction_id;
        let posted_at = decision.posted_at;
        for (key, used) in used.into_iter().flatten() {
            self.limits.insert(key, used);
            self.spent.insert(key);
        }
        for line in &decision.lines {
            let account_id = line.leg.account_id;
            self.written.entries.push(NewEntry {
                transaction_id,
                account_id,
                amount: line.leg.amount,
                after: line.after,
                posted_at,
                salt: entropy::bytes(chance),
            });
            if let (Some(after), Some(customer)) = (line.after, self.customers.get_mut(&account_id))
            {
                customer.account.balance = after;
                customer.last_posted_at = Some(posted_at);
                let owner = customer.account.owner_id;
                self.touched.insert(account_id);
                let body = event::entry_posted(transaction_id, account_id, &after);
                self.tell(owner, EventKind::EntryPosted, body, posted_at);
            }
        }
        self.settle(posting, movement, amount, posted_at);
        let claim = posting.claim.clone().map(|claim| (transaction_id, claim));
        self.written.claims.extend(claim);
        let kind = movement.kind;
        let reverses = movement.reverses;
        let new = NewTransaction { transaction_id, kind, reverses, posted_at };
        self.written.transactions.push(new);
        let end = |books: &mut Self, side, end: &End, found: Found| {
            let (text, note) = (found.text.clone(), movement.note.clone());
            let named = matches!(end, End::Number { .. });
            books.written.texts.push(NewText { transaction_id, side, text, note, named });
            let customer = books.customers.get(&found.account_id).cloned();
            MovedEnd { text: found.text, customer }
        };
        let from = end(self, Side::From, &movement.from, from);
        let to = end(self, Side::To, &movement.to, to);
        let note = movement.note.clone();
        Some(Moved { transaction_id, kind, reverses, posted_at, amount, note, from, to })
    }

    /// Marks the bill as paid, the hold as captured, and what is left of a reversed transaction.
    fn settle(&mut self, posting: &Posting, movement: &Movement, amount: Money, at: Instant) {
        if let Some(bill) = posting.pays.and_then(|due| self.bills.get_mut(&due.bill_id)) {
            let (bill_id, owner_id) = (bill.bill_id, bill.owner_id);
            let transaction_id = movement.transaction_id;
            bill.pay(transaction_id, at);
            self.written.bills.push(PaidBill { bill_id, transaction_id, paid_at: at });
            self.tell(owner_id, EventKind::BillChanged, event::bill_changed(bill_id), at);
        }
        if let Some(hold) = posting.captures.and_then(|id| self.holds.get_mut(&id)) {
            let (hold_id, transaction_id) = (hold.hold_id, movement.transaction_id);
            hold.capture(amount.minor, transaction_id);
            let captured = amount.minor;
            self.written.captures.push(Capture { hold_id, captured, transaction_id });
        }
        if let Some(left) = movement.reverses.and_then(|id| self.reversible.get_mut(&id)) {
            // It was compared before: no more than what remains is ever taken.
            left.minor = left.minor.minus(amount.minor).unwrap_or(Minor::ZERO);
        }
    }

    fn tell(&mut self, owner_id: UserId, kind: EventKind, body: String, occurred_at: Instant) {
        self.written.events.push(NewEvent { owner_id, back: 0, kind, body, occurred_at });
    }

    /// The rows of all that was accepted, balances and limits as they stand at the end.
    pub fn close(mut self) -> Written {
        for account_id in &self.touched {
            if let Some(customer) = self.customers.get(account_id)
                && let Some(last_posted_at) = customer.last_posted_at
            {
                let (account_id, balance) = (*account_id, customer.account.balance);
                self.written.balances.push(NewBalance { account_id, balance, last_posted_at });
            }
        }
        for key in &self.spent {
            if let Some(used) = self.limits.get(key) {
                self.written.limits.push((*key, *used));
            }
        }
        let mut later: HashMap<Uuid, i64> = HashMap::new();
        for event in self.written.events.iter_mut().rev() {
            let back = later.entry(event.owner_id.uuid()).or_default();
            event.back = *back;
            *back += 1;
        }
        self.written
    }
}
