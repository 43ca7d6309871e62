//! Cards.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, Result, SimpleObject};

use super::{
    account,
    account::{AccountKind, AccountStatus},
    errors,
    errors::UserError,
    money::{Balance, Money},
    request,
    scalars::{CurrencyCode, Date, DateTime, Decimal, IdempotencyKey},
    viewer,
};
use crate::{
    bank::{
        card,
        card::{CardDetails as Details, CardView},
        card_state,
        error::Failure,
    },
    domain::user::full_name,
    types::{id::AccountId, text::masked_card_number},
};

/// A payment card; its money is an account of its own.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Card {
    #[graphql(skip)]
    pub(super) account_id: AccountId,
    /// Names the card.
    #[graphql(owned)]
    pub(super) id: ID,
    /// Its number for clients that know integers only.
    pub(super) legacy_id: i32,
    /// Always CARD.
    pub(super) kind: AccountKind,
    /// What may happen with it.
    pub(super) status: AccountStatus,
    /// How the person's own lists call it: the masked number.
    pub(super) label: String,
    /// What it is counted in.
    pub(super) currency: CurrencyCode,
    /// The holder's name as it was when the card was made.
    pub(super) holder_name: String,
    /// The last four digits.
    pub(super) last4: String,
    /// The number with all but its last four digits hidden.
    pub(super) masked_number: String,
    /// The last day on which it is good.
    pub(super) expires_on: Date,
    /// Spending allowed in a day; null where none is set.
    pub(super) spending_limit: Option<Money>,
    /// When it was made.
    pub(super) created_at: DateTime,
    /// Its money.
    pub(super) balance: Balance,
}

impl From<CardView> for Card {
    fn from(CardView { account: money, card }: CardView) -> Self {
        let names = (Some(card.holder_first_name.as_str()), Some(card.holder_last_name.as_str()));
        Self {
            account_id: money.account_id,
            id: account::to_wire(AccountKind::Card, money.account_id),
            legacy_id: i32::try_from(card.legacy_id).unwrap_or(i32::MAX),
            kind: AccountKind::Card,
            status: money.status.into(),
            label: masked_card_number(&card.last4),
            currency: money.balance.currency.into(),
            holder_name: full_name(names.0, names.1),
            masked_number: masked_card_number(&card.last4),
            last4: card.last4,
            expires_on: Date(card.expires_on),
            spending_limit: money.spending_limit.map(|limit| money.balance.money(limit).into()),
            created_at: DateTime(money.created_at),
            balance: (&money.balance).into(),
        }
    }
}

/// What stands on a card.
#[derive(Debug, Clone, SimpleObject)]
pub struct CardDetails {
    /// All sixteen digits.
    number: String,
    /// The month and year until which it is good: 11/31.
    expiration_date: String,
    /// The three digits on its back.
    cvv: String,
}

impl From<Details> for CardDetails {
    fn from(details: Details) -> Self {
        Self {
            number: details.number.expose().to_owned(),
            expiration_date: details.expiration_date,
            cvv: details.cvv,
        }
    }
}

/// Which card. Two cards with the same last four digits: the newest.
#[derive(Debug, Clone, OneofObject)]
pub enum CardSelector {
    /// By its id.
    Id(ID),
    /// By its last four digits.
    Last4(String),
    /// By its number for clients that know integers only.
    LegacyId(i32),
}

/// The queries about cards.
#[derive(Default)]
pub struct CardQuery;

#[Object]
impl CardQuery {
    /// The same as me.cards.
    async fn cards(&self, ctx: &Context<'_>) -> Result<Vec<Card>> {
        list(ctx).await
    }

    /// One of the caller's cards.
    async fn card(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which card.")] by: CardSelector,
    ) -> Result<Option<Card>> {
        let viewer = viewer::current(ctx)?;
        let cards = card::list_all(request::bank(ctx), &viewer.permit).await;
        let cards = cards.map_err(|failure| errors::query(ctx, failure))?;
        let mut cards = cards.into_iter().map(Card::from);
        // The list is in the order of making, so the last one that fits is the newest.
        Ok(match &by {
            CardSelector::Id(id) => cards.find(|card| card.id == *id),
            CardSelector::LegacyId(legacy_id) => cards.find(|card| card.legacy_id == *legacy_id),
            // Four digits name no closed card, whose id still does.
            CardSelector::Last4(last4) => {
                cards.rfind(|card| card.status != AccountStatus::Closed && card.last4 == *last4)
            }
        })
    }
}

/// The caller's open cards, in the order of their making.
pub(super) async fn list(ctx: &Context<'_>) -> Result<Vec<Card>> {
    let viewer = viewer::current(ctx)?;
    let cards = card::list(request::bank(ctx), &viewer.permit).await;
    let cards = cards.map_err(|failure| errors::query(ctx, failure))?;
    Ok(cards.into_iter().map(Into::into).collect())
}

/// A card to be made.
#[derive(Debug, Clone, Default, InputObject)]
pub struct CreateCardInput {
    /// What it shall be counted in; the bank's first currency where nothing is said.
    currency: Option<CurrencyCode>,
    /// The client's key: a repeated request answers with the same card.
    idempotency_key: Option<IdempotencyKey>,
}

/// A card that is meant.
#[derive(Debug, Clone, InputObject)]
pub struct CardRefInput {
    /// The card's id.
    card_id: ID,
}

/// What may be spent from a card in a day.
#[derive(Debug, Clone, InputObject)]
pub struct SetCardLimitInput {
    /// The card's id.
    card_id: ID,
    /// How much, in the card's currency; null, or nothing said, removes the limit.
    amount: Option<Decimal>,
}

/// What became of a mutation on a card.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct CardPayload {
    /// The card as it is now.
    card: Option<Card>,
    /// This key made this card before.
    replayed: bool,
    /// Why it was refused.
    errors: Vec<UserError>,
}

/// What became of revealing a card.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct RevealCardPayload {
    /// The card.
    card: Option<Card>,
    /// What stands on it.
    details: Option<CardDetails>,
    /// Why it was refused.
    errors: Vec<UserError>,
}

fn show(ctx: &Context<'_>, outcome: Result<CardView, Failure>) -> Result<CardPayload> {
    Ok(match outcome {
        Ok(view) => CardPayload { card: Some(view.into()), ..CardPayload::default() },
        Err(failure) => {
            CardPayload { errors: errors::payload(ctx, failure)?, ..CardPayload::default() }
        }
    })
}

/// The mutations of cards.
#[derive(Default)]
pub struct CardMutation;

#[Object]
impl CardMutation {
    /// Makes a card. In the sandbox it starts with a credit of 50 from the bank.
    async fn create_card(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What card.")] input: Option<CreateCardInput>,
    ) -> Result<CardPayload> {
        let viewer = viewer::bearer(ctx)?;
        let input = input.unwrap_or_default();
        let currency = input.currency.as_ref().map(|currency| currency.0.as_str());
        let key = input.idempotency_key.as_ref().map(|key| key.0.as_str());
        match card::create(request::bank(ctx), &viewer.permit, currency, key).await {
            Ok(made) => Ok(CardPayload {
                card: Some(made.thing.into()),
                replayed: made.replayed,
                errors: Vec::new(),
            }),
            Err(failure) => {
                let errors = errors::payload(ctx, failure)?;
                Ok(CardPayload { errors, ..CardPayload::default() })
            }
        }
    }

    /// Freezes a card: nothing leaves it and its number is not shown; money still comes in, and
    /// what merchants have reserved can still be captured.
    async fn freeze_card(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which card.")] input: CardRefInput,
    ) -> Result<CardPayload> {
        let viewer = viewer::bearer(ctx)?;
        let id = account::card_from_wire(&input.card_id);
        show(ctx, card_state::freeze(request::bank(ctx), &viewer.permit, id).await)
    }

    /// Lets a frozen card be used again.
    async fn unfreeze_card(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which card.")] input: CardRefInput,
    ) -> Result<CardPayload> {
        let viewer = viewer::bearer(ctx)?;
        let id = account::card_from_wire(&input.card_id);
        show(ctx, card_state::unfreeze(request::bank(ctx), &viewer.permit, id).await)
    }

    /// Sets what may be spent from a card in a day, or removes the limit. Payments to others
    /// count, and purchases from the moment at which a merchant reserves their money; moves
    /// between the person's own accounts do not.
    async fn set_card_limit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which card, and how much.")] input: SetCardLimitInput,
    ) -> Result<CardPayload> {
        let viewer = viewer::bearer(ctx)?;
        let id = account::card_from_wire(&input.card_id);
        let amount = input.amount.map(|amount| amount.0);
        let bank = request::bank(ctx);
        show(ctx, card_state::set_limit(bank, &viewer.permit, id, amount.as_ref()).await)
    }

    /// Closes a card for good. It must not be frozen, have 0 posted and no open hold.
    async fn close_card(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which card.")] input: CardRefInput,
    ) -> Result<CardPayload> {
        let viewer = viewer::bearer(ctx)?;
        let id = account::card_from_wire(&input.card_id);
        show(ctx, card_state::close(request::bank(ctx), &viewer.permit, id).await)
    }

    /// Shows a card's full number, last day and CVV, once a second factor was confirmed in this
    /// session within the last five minutes; else it answers `StepUpRequired`.
    async fn reveal_card(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which card.")] input: CardRefInput,
    ) -> Result<RevealCardPayload> {
        let viewer = viewer::bearer(ctx)?;
        let id = account::card_from_wire(&input.card_id);
        match card::reveal(request::bank(ctx), &viewer.permit, id).await {
            Ok((view, details)) => Ok(RevealCardPayload {
                card: Some(view.into()),
                details: Some(details.into()),
                errors: Vec::new(),
            }),
            Err(failure) => {
                let errors = errors::payload(ctx, failure)?;
                Ok(RevealCardPayload { errors, ..RevealCardPayload::default() })
            }
        }
    }
}
