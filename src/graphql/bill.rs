//! Bills.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, Result, SimpleObject};

use super::{
    account,
    entry::{Account, PageInfo, Transaction},
    errors,
    errors::UserError,
    money::Money,
    request,
    scalars::{CurrencyCode, Cursor, DateTime, Decimal, IdempotencyKey},
    viewer,
};
use crate::{
    bank::{bill, bill::Charge, error::Failure},
    domain,
    types::{
        clock::Instant,
        id::{BillId, TransactionId},
        page::{Page, Window},
    },
};

/// Where a bill stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum BillStatus {
    /// It waits to be paid, and there is time.
    Due,
    /// It waits to be paid, and its time is over.
    Overdue,
    /// It was paid.
    Paid,
    /// It was given up.
    Cancelled,
}

impl From<domain::bill::BillStatus> for BillStatus {
    fn from(status: domain::bill::BillStatus) -> Self {
        match status {
            domain::bill::BillStatus::Due => Self::Due,
            domain::bill::BillStatus::Overdue => Self::Overdue,
            domain::bill::BillStatus::Paid => Self::Paid,
            domain::bill::BillStatus::Cancelled => Self::Cancelled,
        }
    }
}

impl From<BillStatus> for domain::bill::BillStatus {
    fn from(status: BillStatus) -> Self {
        match status {
            BillStatus::Due => Self::Due,
            BillStatus::Overdue => Self::Overdue,
            BillStatus::Paid => Self::Paid,
            BillStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// Something to be paid, once.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Bill {
    #[graphql(skip)]
    transaction_id: Option<TransactionId>,
    /// Names the bill.
    #[graphql(owned)]
    pub(super) id: ID,
    /// Its number for clients that know integers only.
    legacy_id: i32,
    /// What it is for.
    name: String,
    /// How much is to be paid.
    amount: Money,
    /// Until when it is to be paid.
    due_at: DateTime,
    /// Where it stands now.
    status: BillStatus,
    /// When it was paid.
    paid_at: Option<DateTime>,
    /// When it was made.
    created_at: DateTime,
}

impl Bill {
    /// A bill as it stands at an instant.
    pub(super) fn at(bill: domain::bill::Bill, now: Instant) -> Self {
        Self {
            transaction_id: bill.transaction_id,
            id: bill.bill_id.to_wire().into(),
            legacy_id: i32::try_from(bill.legacy_id).unwrap_or(i32::MAX),
            amount: bill.money().into(),
            due_at: DateTime(bill.due_at),
            status: bill.status(now).into(),
            paid_at: bill.paid_at.map(DateTime),
            created_at: DateTime(bill.created_at),
            name: bill.name,
        }
    }
}

#[ComplexObject]
impl Bill {
    /// The movement that paid it.
    async fn payment(&self, ctx: &Context<'_>) -> Result<Option<Transaction>> {
        let Some(id) = self.transaction_id else {
            return Ok(None);
        };
        let view = viewer::current(ctx)?.loaders.transaction(id).await?;
        Ok(Some(Transaction(view.ok_or_else(|| errors::lost("a bill's payment"))?)))
    }
}

/// A bill with its place in the list.
#[derive(Debug, Clone, SimpleObject)]
pub struct BillEdge {
    /// Its place.
    cursor: Cursor,
    /// The bill.
    node: Bill,
}

/// A page of bills.
#[derive(Debug, Clone)]
pub struct BillConnection {
    status: Option<domain::bill::BillStatus>,
    page: Page<domain::bill::Bill>,
    now: Instant,
}

/// A page of bills; totalCount is counted only when asked for.
#[Object]
impl BillConnection {
    /// The bills with their places.
    async fn edges(&self) -> Vec<BillEdge> {
        let edge = |one: &domain::bill::Bill| BillEdge {
            cursor: Cursor(bill::cursor(one)),
            node: Bill::at(one.clone(), self.now),
        };
        self.page.rows.iter().map(edge).collect()
    }

    /// The bills.
    async fn nodes(&self) -> Vec<Bill> {
        self.page.rows.iter().cloned().map(|bill| Bill::at(bill, self.now)).collect()
    }

    /// Where the page stands in the list.
    async fn page_info(&self) -> PageInfo {
        PageInfo {
            has_next_page: self.page.has_next,
            has_previous_page: self.page.has_previous,
            start_cursor: self.page.rows.first().map(|one| Cursor(bill::cursor(one))),
            end_cursor: self.page.rows.last().map(|one| Cursor(bill::cursor(one))),
        }
    }

    /// How many bills the whole list has: exact without a status, else null beyond 10,000.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
        let viewer = viewer::current(ctx)?;
        let count = bill::count(request::bank(ctx), &viewer.permit, self.status).await;
        let count = count.map_err(|failure| errors::query(ctx, failure))?;
        Ok(count.and_then(|count| i32::try_from(count).ok()))
    }
}

/// Reads a page of the caller's bills.
pub(super) async fn connect(
    ctx: &Context<'_>,
    status: Option<BillStatus>,
    first: Option<i32>,
    after: Option<Cursor>,
    last: Option<i32>,
    before: Option<Cursor>,
) -> Result<BillConnection> {
    let viewer = viewer::current(ctx)?;
    let cursor = |cursor: Option<Cursor>| cursor.map(|cursor| cursor.0);
    let window = Window::parse(first, cursor(after), last, cursor(before));
    let window = window.map_err(|error| errors::argument(error.argument, error.reason))?;
    let (bank, status) = (request::bank(ctx), status.map(Into::into));
    let page = bill::list(bank, &viewer.permit, status, &window).await;
    let page = page.map_err(|failure| errors::query(ctx, failure))?;
    Ok(BillConnection { status, page, now: bank.now() })
}

/// The query for bills.
#[derive(Default)]
pub struct BillQuery;

#[Object]
impl BillQuery {
    /// The same as me.bills.
    async fn bills(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only bills that stand so now; all where nothing is said.")]
        status: Option<BillStatus>,
        #[graphql(desc = "How many from the earliest due on; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only bills due later than this one.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the latest due back; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only bills due earlier than this one.")] before: Option<Cursor>,
    ) -> Result<BillConnection> {
        connect(ctx, status, first, after, last, before).await
    }
}

/// Something to be paid.
#[derive(Debug, Clone, InputObject)]
pub struct CreateBillInput {
    /// What it is for: 1 to 255 characters on one line.
    name: String,
    /// How much is to be paid; more than zero.
    amount: Decimal,
    /// Until when, between the years 1970 and 9999; a bill may be overdue from the beginning.
    due_at: DateTime,
    /// What it is counted in; the bank's first currency where nothing is said.
    currency: Option<CurrencyCode>,
    /// The client's key: a repeated request answers with the same bill.
    idempotency_key: Option<IdempotencyKey>,
}

/// A bill that is meant.
#[derive(Debug, Clone, InputObject)]
pub struct BillRefInput {
    /// The bill's id.
    bill_id: ID,
}

/// A bill to pay.
#[derive(Debug, Clone, InputObject)]
pub struct PayBillInput {
    /// The client's key: a repeated request pays nothing and gets the same answer.
    idempotency_key: IdempotencyKey,
    /// The bill's id.
    bill_id: ID,
    /// The caller's own account that pays: a card, a savings goal or the wallet.
    from_account_id: ID,
}

/// What became of a mutation on a bill.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct BillPayload {
    /// The bill as it is now.
    bill: Option<Bill>,
    /// This key made this bill before.
    replayed: bool,
    /// Why it was refused.
    errors: Vec<UserError>,
}

/// What became of paying a bill.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct PayBillPayload {
    /// The bill as it is now.
    bill: Option<Bill>,
    /// The movement that paid it.
    transaction: Option<Transaction>,
    /// The account that paid, after the movement.
    account: Option<Account>,
    /// This key paid this bill before.
    replayed: bool,
    /// Why it was refused.
    errors: Vec<UserError>,
}

fn show(
    ctx: &Context<'_>,
    outcome: Result<(domain::bill::Bill, bool), Failure>,
) -> Result<BillPayload> {
    match outcome {
        Ok((bill, replayed)) => {
            let bill = Some(Bill::at(bill, request::bank(ctx).now()));
            Ok(BillPayload { bill, replayed, errors: Vec::new() })
        }
        Err(failure) => {
            let errors = errors::payload(ctx, failure)?;
            Ok(BillPayload { errors, ..BillPayload::default() })
        }
    }
}

/// The mutations of bills.
#[derive(Default)]
pub struct BillMutation;

#[Object]
impl BillMutation {
    /// Notes something to be paid: at most 500 bills may be open.
    async fn create_bill(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What bill.")] input: CreateBillInput,
    ) -> Result<BillPayload> {
        let viewer = viewer::bearer(ctx)?;
        let charge = Charge {
            name: input.name,
            amount: input.amount.0,
            due_at: input.due_at.0,
            currency: input.currency.map(|currency| currency.0),
            key: input.idempotency_key.map(|key| key.0),
        };
        let made = bill::create(request::bank(ctx), &viewer.permit, &charge).await;
        show(ctx, made.map(|made| (made.thing, made.replayed)))
    }

    /// Gives a bill up that is due or overdue; one that was paid or cancelled is a `CONFLICT`.
    async fn cancel_bill(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which bill.")] input: BillRefInput,
    ) -> Result<BillPayload> {
        let viewer = viewer::bearer(ctx)?;
        let id = BillId::from_wire(&input.bill_id);
        let cancelled = bill::cancel(request::bank(ctx), &viewer.permit, id).await;
        show(ctx, cancelled.map(|bill| (bill, false)))
    }

    /// Pays a bill that is due or overdue, in whole and once whatever the race; one that was paid
    /// or cancelled is `BILL_NOT_PAYABLE`.
    async fn pay_bill(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which bill, and from which account.")] input: PayBillInput,
    ) -> Result<PayBillPayload> {
        let viewer = viewer::bearer(ctx)?;
        let (bank, key) = (request::bank(ctx), input.idempotency_key.0.as_str());
        let id = BillId::from_wire(&input.bill_id);
        let from = account::from_wire(&input.from_account_id);
        let paid = match bill::pay(bank, &viewer.permit, Some(key), id, from).await {
            Ok(paid) => paid,
            Err(failure) => {
                // The amount is the bill's, so that the account is what can be mended.
                let errors = errors::payload(ctx, failure)?;
                let errors = errors::instead_of_amount("fromAccountId", errors);
                return Ok(PayBillPayload { errors, ..PayBillPayload::default() });
            }
        };
        let transaction = match paid.moved.transaction {
            Some(view) => Some(view),
            None => viewer.loaders.transaction(paid.moved.transaction_id).await?,
        };
        Ok(PayBillPayload {
            bill: Some(Bill::at(paid.bill, bank.now())),
            transaction: transaction.map(Transaction),
            account: paid.moved.account.map(Into::into),
            replayed: paid.moved.replayed,
            errors: Vec::new(),
        })
    }
}
