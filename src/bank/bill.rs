//! Bills: made, listed, cancelled, paid once.

use uuid::Uuid;

use super::{
    act,
    act::Told,
    card::{Made, read_currency},
    context::Bank,
    error::{Failure, read_back},
    operation::{Claimed, Keyed},
    permit::Permit,
    session, transfer,
    transfer::MovedMoney,
};
use crate::{
    db::session::Session,
    domain::{
        account::AccountRef,
        amount,
        bill::{Bill, BillState, BillStatus, OPEN_MAX, due_at},
        event::{self, EventKind},
        posting::TransactionKind,
        refusal::Refusal,
    },
    ledger::posting::{Due, End, Movement, Posting, Sum},
    store::{bill, bill::Position, operation::ResultKind, posting, user},
    types::{
        clock::Instant,
        id::{BillId, TransactionId},
        money::DecimalText,
        page::{Cursor, Page, Window},
        text::Line,
    },
};

const CREATE: &str = "createBill";
const CANCEL: &str = "cancelBill";
const PAY: &str = "payBill";
/// Marks the cursors of a person's bills.
const LIST: u8 = 3;
/// How many bills are told at once to who knows no pages.
const IN_ORDER_MAX: i64 = 1_000;
/// How far bills of one state are counted.
const COUNT_MAX: i64 = 10_000;

/// What a person says they have to pay.
#[derive(Debug, Clone)]
pub struct Charge {
    /// What for.
    pub name: String,
    /// How much.
    pub amount: DecimalText,
    /// Until when.
    pub due_at: Instant,
    /// Counted in what; the bank's first currency where nothing is said.
    pub currency: Option<String>,
    /// The client's key.
    pub key: Option<String>,
}

/// A bill that was paid, now or by an earlier request with the same key.
#[derive(Debug, Clone)]
pub struct Payment {
    /// The bill.
    pub bill: Bill,
    /// What moved.
    pub moved: MovedMoney,
}

fn missing() -> Failure {
    Refusal::NotFound { field: "billId", noun: "bill" }.into()
}

/// The cursor of a bill in its person's list.
pub fn cursor(bill: &Bill) -> Cursor {
    let micros = bill.due_at.timestamp_micros().to_be_bytes();
    Cursor::seal(LIST, &[&micros[..], bill.bill_id.as_bytes()].concat())
}

fn position(cursor: &Cursor) -> Option<Position> {
    let key = cursor.open(LIST)?;
    let (micros, id) = key.split_first_chunk::<8>()?;
    let id: [u8; 16] = id.try_into().ok()?;
    let at = Instant::from_timestamp_micros(i64::from_be_bytes(*micros))?;
    // Beyond these the two databases do not agree on what an instant is.
    let known = (Position::FIRST.due_at..=Position::LAST.due_at).contains(&at);
    known.then(|| Position { due_at: at, bill_id: BillId::from_uuid(Uuid::from_bytes(id)) })
}

fn bound(
    cursor: Option<&Cursor>,
    field: &'static str,
    open: Position,
) -> Result<Position, Refusal> {
    let Some(cursor) = cursor else {
        return Ok(open);
    };
    position(cursor).ok_or_else(|| Refusal::invalid(field, "must be a cursor that this list gave"))
}

/// A page of the caller's bills, the earliest due first: all, or those that stand so now.
pub async fn list(
    bank: &Bank,
    permit: &Permit,
    status: Option<BillStatus>,
    window: &Window,
) -> Result<Page<Bill>, Failure> {
    let first = bound(window.after.as_ref(), "after", Position::FIRST)?;
    let last = bound(window.before.as_ref(), "before", Position::LAST)?;
    let limit = i64::try_from(window.size).unwrap_or(0) + 1;
    let status = status.map(|status| (status, bank.now()));
    let mut s = bank.db.read().await?;
    let between = (first, last);
    let rows =
        bill::of_owner(&mut s, permit.user_id, status, between, window.reading, limit).await?;
    Ok(Page::from_read(rows, window))
}

/// How many bills that are: all of them exactly; of one status none beyond 10,000.
pub async fn count(
    bank: &Bank,
    permit: &Permit,
    status: Option<BillStatus>,
) -> Result<Option<i64>, Failure> {
    let mut s = bank.db.read().await?;
    let Some(status) = status else {
        return Ok(Some(bill::count(&mut s, permit.user_id).await?));
    };
    let status = (status, bank.now());
    let count = bill::count_some(&mut s, permit.user_id, status, COUNT_MAX + 1).await?;
    Ok((count <= COUNT_MAX).then_some(count))
}

/// One of the caller's own bills; another's is as unknown as one that never was.
pub async fn find(bank: &Bank, permit: &Permit, id: BillId) -> Result<Option<Bill>, Failure> {
    let mut s = bank.db.read().await?;
    let found = bill::lookup(&mut s, id).await?;
    Ok(found.filter(|bill| bill.owner_id == permit.user_id))
}

/// The caller's own bill with this integer for an id.
pub async fn by_legacy_id(
    bank: &Bank,
    permit: &Permit,
    legacy_id: i64,
) -> Result<Option<Bill>, Failure> {
    let mut s = bank.db.read().await?;
    Ok(bill::by_legacy_id(&mut s, permit.user_id, legacy_id).await?)
}

/// The caller's bills in the bank's first currency that were not given up, in the order of
/// their making; of more than a thousand the newest.
pub async fn in_order(bank: &Bank, permit: &Permit) -> Result<Vec<Bill>, Failure> {
    let mut s = bank.db.read().await?;
    let currency = bank.rules.default_currency();
    let mut bills = bill::newest(&mut s, permit.user_id, currency, IN_ORDER_MAX).await?;
    bills.reverse();
    Ok(bills)
}

/// Bills of the caller among these, in no particular order.
pub async fn own_many(bank: &Bank, permit: &Permit, ids: &[BillId]) -> Result<Vec<Bill>, Failure> {
    Ok(bill::lookup_many(&mut bank.db.alone().await?, permit.user_id, ids).await?)
}

async fn own(bank: &Bank, permit: &Permit, id: BillId) -> Result<Bill, Failure> {
    find(bank, permit, id).await?.ok_or_else(missing)
}

fn told(bill: &Bill) -> Told {
    let body = event::bill_changed(bill.bill_id);
    Told { owner_id: bill.owner_id, kind: EventKind::BillChanged, body }
}

/// Notes something that is to be paid; it may be overdue already.
pub async fn create(bank: &Bank, permit: &Permit, asked: &Charge) -> Result<Made<Bill>, Failure> {
    let outcome = create_unaudited(bank, permit, asked).await;
    act::audited(bank, permit.act(CREATE), outcome).await
}

fn read(bank: &Bank, permit: &Permit, asked: &Charge) -> Result<Bill, Failure> {
    let currency = read_currency(bank, asked.currency.as_deref())?;
    let name = Line::parse(&asked.name).map_err(|error| Refusal::invalid("name", error.0))?;
    let amount = amount::positive("amount", &asked.amount, currency)?;
    let due_at = due_at(asked.due_at)?;
    Ok(Bill {
        bill_id: BillId::generate(bank.clock.as_ref(), bank.entropy.as_ref()),
        legacy_id: 0,
        owner_id: permit.user_id,
        name: name.as_str().to_owned(),
        amount,
        currency,
        due_at,
        status: BillState::Due,
        transaction_id: None,
        paid_at: None,
        created_at: bank.now(),
    })
}

async fn create_unaudited(
    bank: &Bank,
    permit: &Permit,
    asked: &Charge,
) -> Result<Made<Bill>, Failure> {
    let new = &read(bank, permit, asked)?;
    let (amount, due_at) =
        (new.amount.0.to_be_bytes(), new.due_at.timestamp_micros().to_be_bytes());
    let input =
        [new.name.as_bytes(), amount.as_slice(), due_at.as_slice(), new.currency.code().as_bytes()];
    let keyed = asked.key.as_ref().map(|key| Keyed::new(bank, permit.user_id, key, CREATE, &input));
    let made = bank.db.write_retrying(|s| Box::pin(insert(bank, s, permit, keyed.as_ref(), new)));
    let (id, replayed) = made.await?;
    Ok(Made { thing: read_back(own(bank, permit, id).await)?, replayed })
}

async fn insert(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    keyed: Option<&Keyed>,
    new: &Bill,
) -> Result<(BillId, bool), Failure> {
    let id = new.bill_id;
    if let Some(keyed) = keyed {
        let claim = keyed.clone().claiming(ResultKind::Bill, id.uuid());
        if let Claimed::Before(operation) = keyed.claim(bank, s, &claim).await? {
            return Ok((BillId::from_uuid(operation.result_id), true));
        }
    }
    // Whoever makes another bill for this person waits, so that what is counted stays true.
    user::lock(s, permit.user_id).await?;
    session::require_alive(bank, s, permit).await?;
    if bill::count_open(s, permit.user_id).await? >= OPEN_MAX {
        return Err(Refusal::TooMany { noun: "open bills", limit: OPEN_MAX }.into());
    }
    bill::insert(s, new).await?;
    act::done(bank, s, permit.act(CREATE), Some(id.uuid()), Some(told(new))).await?;
    Ok((id, false))
}

/// Gives a bill up that waits to be paid, overdue or not.
pub async fn cancel(bank: &Bank, permit: &Permit, id: Option<BillId>) -> Result<Bill, Failure> {
    let outcome = bank.db.write_retrying(|s| Box::pin(end(bank, s, permit, id))).await;
    act::audited(bank, permit.act(CANCEL), outcome).await
}

async fn end(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    id: Option<BillId>,
) -> Result<Bill, Failure> {
    let id = id.ok_or_else(missing)?;
    let found = posting::lock_bills(s, &[id]).await?.pop();
    let own = found.filter(|bill| bill.owner_id == permit.user_id);
    let mut bill = own.ok_or_else(missing)?;
    session::require_alive(bank, s, permit).await?;
    bill.require_cancellable()?;
    bill::cancel(s, id).await?;
    bill.status = BillState::Cancelled;
    act::done(bank, s, permit.act(CANCEL), Some(id.uuid()), Some(told(&bill))).await?;
    Ok(bill)
}

/// Pays a bill from one of the caller's accounts: once, whoever else tries.
pub async fn pay(
    bank: &Bank,
    permit: &Permit,
    key: Option<&str>,
    id: Option<BillId>,
    from: Option<AccountRef>,
) -> Result<Payment, Failure> {
    let prepared = prepare(bank, permit, key, id, from);
    // The ledger notes what it refuses itself.
    let (bill_id, named, posting) = act::audited(bank, permit.act(PAY), prepared).await?;
    let moved = transfer::settle(bank, permit, posting, named.id).await?;
    Ok(Payment { bill: read_back(own(bank, permit, bill_id).await)?, moved })
}

fn prepare(
    bank: &Bank,
    permit: &Permit,
    key: Option<&str>,
    id: Option<BillId>,
    from: Option<AccountRef>,
) -> Result<(BillId, AccountRef, Posting), Failure> {
    let bill_id = id.ok_or_else(missing)?;
    let (named, from) = transfer::own(permit, from, "fromAccountId")?;
    let input = [bill_id.as_bytes().as_slice(), named.id.as_bytes()];
    let keyed = Keyed::optional(bank, permit.user_id, key, PAY, &input);
    let transaction_id = TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let posting = Posting {
        key: keyed.map(|keyed| keyed.claiming(ResultKind::Transaction, transaction_id.uuid())),
        session: Some((permit.session_id, permit.user_id)),
        pays: Some(Due { bill_id, owner_id: permit.user_id }),
        movement: Some(Movement {
            transaction_id,
            kind: TransactionKind::BillPayment,
            reverses: None,
            from,
            to: End::Bill,
            sum: Sum::Rest,
            note: None,
        }),
        ..Posting::new(permit.act(PAY))
    };
    Ok((bill_id, named, posting))
}

#[cfg(test)]
mod tests {
    use super::{cursor, position};
    use crate::{
        domain::bill::{Bill, BillState},
        store::bill::Position,
        types::{
            clock::SystemClock,
            entropy::SystemEntropy,
            id::{BillId, UserId},
            money::{Currency, Minor},
            page::Cursor,
        },
    };

    #[test]
    fn a_cursor_gives_back_the_place_of_its_bill() {
        let bill = Bill {
            bill_id: BillId::generate(&SystemClock, &SystemEntropy),
            legacy_id: 1,
            owner_id: UserId::generate(&SystemClock, &SystemEntropy),
            name: "Rent".to_owned(),
            amount: Minor(1),
            currency: Currency::parse("USD").unwrap(),
            due_at: "2026-11-21T19:27:01.680936Z".parse().unwrap(),
            status: BillState::Due,
            transaction_id: None,
            paid_at: None,
            created_at: "2026-11-21T19:27:01.680936Z".parse().unwrap(),
        };
        assert_eq!(position(&cursor(&bill)), Some(Position::of(&bill)));
        assert_eq!(position(&Cursor::seal(3, &[0xff; 24])), None, "before 1970");
        assert_eq!(position(&Cursor::seal(1, &[0; 24])), None, "a cursor of another list");
    }
}
