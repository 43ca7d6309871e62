//! People.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};

use super::{
    bill,
    bill::{BillConnection, BillStatus},
    card,
    card::Card,
    entry,
    entry::EntryConnection,
    errors,
    errors::UserError,
    history::{Asked, HistoryFilter},
    limit::Limit,
    money::Money,
    request, savings,
    savings::SavingsAccount,
    scalars::{Cursor, Date, DateTime, Url},
    second_factor,
    second_factor::{PasswordDialect, SecondFactor},
    session,
    session::Session,
    viewer, wallet,
    wallet::Wallet,
};
use crate::{
    bank::{error::Failure, file, limit, user},
    domain, store,
    types::id::UserId,
};

/// What a person may do beyond their own things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UserRole {
    /// Their own things only.
    Customer,
    /// Their own things only; a developer against the API.
    Developer,
    /// Also reads customers.
    DeveloperAdmin,
    /// Also approves, records deposits, reverses and holds.
    BankAdmin,
    /// Also makes staff.
    PlatformAdmin,
}

impl From<domain::user::UserRole> for UserRole {
    fn from(role: domain::user::UserRole) -> Self {
        match role {
            domain::user::UserRole::Customer => Self::Customer,
            domain::user::UserRole::Developer => Self::Developer,
            domain::user::UserRole::DeveloperAdmin => Self::DeveloperAdmin,
            domain::user::UserRole::BankAdmin => Self::BankAdmin,
            domain::user::UserRole::PlatformAdmin => Self::PlatformAdmin,
        }
    }
}

/// Where a person stands with the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UserStatus {
    /// A customer.
    Active,
    /// Has asked to leave.
    DeactivationRequested,
    /// Has left.
    Deactivated,
}

impl From<domain::user::UserStatus> for UserStatus {
    fn from(status: domain::user::UserStatus) -> Self {
        match status {
            domain::user::UserStatus::Active => Self::Active,
            domain::user::UserStatus::DeactivationRequested => Self::DeactivationRequested,
            domain::user::UserStatus::Deactivated => Self::Deactivated,
        }
    }
}

/// Where a person lives.
#[derive(Debug, Clone, SimpleObject)]
pub struct Address {
    /// Street and number.
    line: String,
    /// City.
    city: String,
    /// State, province or region.
    state: String,
    /// Post code.
    post_code: String,
    /// Country.
    country: Option<String>,
}

/// A person.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct User {
    /// Names the person.
    #[graphql(owned)]
    pub(super) id: ID,
    /// Their number for clients that know integers only.
    pub(super) legacy_id: i32,
    /// Their customer number: sixteen digits.
    pub(super) customer_id: String,
    /// Their email address as they wrote it.
    pub(super) email: String,
    /// A mailed code came back from it.
    pub(super) email_verified: bool,
    /// The name they chose.
    pub(super) username: Option<String>,
    /// First name.
    pub(super) first_name: Option<String>,
    /// Last name.
    pub(super) last_name: Option<String>,
    /// Phone number.
    pub(super) phone_number: Option<String>,
    /// Day of birth.
    pub(super) date_of_birth: Option<Date>,
    /// Where they live.
    pub(super) address: Option<Address>,
    /// What they may do.
    pub(super) role: UserRole,
    /// What they asked to be when they registered, until staff have decided.
    pub(super) requested_role: Option<UserRole>,
    /// Staff let them move money, or never had to.
    pub(super) approved: bool,
    /// Where they stand.
    pub(super) status: UserStatus,
    /// Since when they are a customer.
    pub(super) created_at: DateTime,
}

impl From<store::user::User> for User {
    fn from(user: store::user::User) -> Self {
        let address = match (user.address_line, user.city, user.state, user.post_code) {
            (Some(line), Some(city), Some(state), Some(post_code)) => {
                Some(Address { line, city, state, post_code, country: user.country })
            }
            _ => None,
        };
        Self {
            id: user.user_id.to_wire().into(),
            legacy_id: i32::try_from(user.legacy_id).unwrap_or(i32::MAX),
            customer_id: user.customer_id,
            email: user.email,
            email_verified: user.email_verified_at.is_some(),
            username: user.username,
            first_name: user.first_name,
            last_name: user.last_name,
            phone_number: user.phone_number,
            date_of_birth: user.date_of_birth.map(Date),
            address,
            role: user.role.into(),
            requested_role: user.role_asked.map(Into::into),
            approved: user.approved_at.is_some(),
            status: user.status.into(),
            created_at: DateTime(user.created_at),
        }
    }
}

#[ComplexObject]
impl User {
    /// The image that they are shown by; whoever has this URL sees it.
    async fn avatar_url(&self, ctx: &Context<'_>) -> Result<Option<Url>> {
        viewer::current(ctx)?;
        let Some(user_id) = UserId::from_wire(&self.id) else {
            return Ok(None);
        };
        let url = file::avatar_url(request::bank(ctx), user_id).await;
        Ok(url.map_err(|failure| errors::query(ctx, failure))?.map(Url))
    }

    /// Their open cards, in the order of their making.
    async fn cards(&self, ctx: &Context<'_>) -> Result<Vec<Card>> {
        card::list(ctx).await
    }

    /// Their open savings goals, in the order of their making.
    async fn savings(&self, ctx: &Context<'_>) -> Result<Vec<SavingsAccount>> {
        savings::list(ctx).await
    }

    /// Their e-wallet.
    async fn wallet(&self, ctx: &Context<'_>) -> Result<Option<Wallet>> {
        wallet::find(ctx).await
    }

    /// Their bills, the earliest due first.
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
        bill::connect(ctx, status, first, after, last, before).await
    }

    /// Of all accounts, the newest first; a move between two of the person's own accounts is two entries.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which entries; all where nothing is said.")] filter: Option<
            HistoryFilter,
        >,
        #[graphql(desc = "How many from the newest on; at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only entries older than this one.")] after: Option<Cursor>,
        #[graphql(desc = "How many from the oldest back; at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only entries newer than this one.")] before: Option<Cursor>,
    ) -> Result<EntryConnection> {
        entry::of_owner(ctx, Asked { filter, first, after, last, before }).await
    }

    /// What they may move in a day: in each currency to others and, where people may top up, from
    /// outside; then from each open card that has a limit of its own, in the order of their making.
    async fn limits(&self, ctx: &Context<'_>) -> Result<Vec<Limit>> {
        let viewer = viewer::current(ctx)?;
        let limits = limit::of_person(request::bank(ctx), &viewer.permit).await;
        let limits = limits.map_err(|failure| errors::query(ctx, failure))?;
        Ok(limits.into_iter().map(Into::into).collect())
    }

    /// The posted balances of all accounts, summed for each currency.
    async fn net_worth(&self, ctx: &Context<'_>) -> Result<Vec<Money>> {
        let viewer = viewer::current(ctx)?;
        let sums = limit::net_worth(request::bank(ctx), &viewer.permit).await;
        let sums = sums.map_err(|failure| errors::query(ctx, failure))?;
        Ok(sums.into_iter().map(Into::into).collect())
    }

    /// How they confirm that it is them.
    async fn second_factors(&self, ctx: &Context<'_>) -> Result<Vec<SecondFactor>> {
        second_factor::list(ctx, &self.id).await
    }

    /// The password-only dialects that may sign this person in.
    async fn legacy_access(&self, ctx: &Context<'_>) -> Result<Vec<PasswordDialect>> {
        second_factor::legacy_access(ctx, &self.id).await
    }

    /// Their open sessions, the newest first.
    async fn sessions(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        session::list(ctx).await
    }
}

/// What became of a mutation on a person.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct UserPayload {
    /// The person as they are now.
    user: Option<User>,
    /// Why it was refused.
    errors: Vec<UserError>,
}

impl UserPayload {
    /// What became of a mutation that gives a person.
    pub(super) fn show(
        ctx: &Context<'_>,
        outcome: Result<store::user::User, Failure>,
    ) -> Result<Self> {
        Ok(match outcome {
            Ok(user) => Self { user: Some(user.into()), errors: Vec::new() },
            Err(failure) => Self { user: None, errors: errors::payload(ctx, failure)? },
        })
    }
}

/// The query for the caller.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The signed-in person.
    async fn me(&self, ctx: &Context<'_>) -> Result<User> {
        find(ctx).await
    }
}

/// The caller.
pub(super) async fn find(ctx: &Context<'_>) -> Result<User> {
    let viewer = viewer::current(ctx)?;
    let user = user::me(request::bank(ctx), &viewer.permit).await;
    Ok(user.map_err(|failure| errors::query(ctx, failure))?.into())
}
