//! Cards: made, shown, revealed.

use super::{
    act, challenge,
    context::Bank,
    error::{Broken, Failure},
    operation::Keyed,
    permit::Permit,
};
use crate::{
    crypto::{mac, seal, seal::Place},
    db::session::Session,
    domain::{
        account::AccountKind,
        card::{CARDS_MAX, expiration_date, expires_on, number, require_shown},
        posting::TransactionKind,
        refusal::Refusal,
        user::full_name,
    },
    ledger::posting::{Answer, End, Movement, Opening, Posting, Sum},
    store::{
        account,
        account::Account,
        card,
        card::{Card, NewCard},
        operation::ResultKind,
        posting,
        posting_rows::Text,
        session, user,
    },
    types::{
        id::{AccountId, TransactionId},
        money::{Currency, Minor},
        text::{CardNumber, masked_card_number},
    },
};

/// What the audit log calls the making of a card.
const CREATE: &str = "createCard";
/// What the audit log calls the showing of a card.
const REVEAL: &str = "revealCard";
/// The column of sealed card numbers; its index finds a card by its number.
const NUMBER: &str = "cards.number";
/// How often a random card number is drawn before something must be wrong.
const DRAWS_MAX: usize = 16;

/// A card with its money.
#[derive(Debug, Clone)]
pub struct CardView {
    /// The account that it is.
    pub account: Account,
    /// What it has beyond its money.
    pub card: Card,
}

/// A thing that was made, now or by an earlier request with the same key.
#[derive(Debug, Clone)]
pub struct Made<T> {
    /// The thing.
    pub thing: T,
    /// An earlier request made it.
    pub replayed: bool,
}

/// What stands on a card.
#[derive(Debug, Clone)]
pub struct CardDetails {
    /// All sixteen digits.
    pub number: CardNumber,
    /// `11/31`.
    pub expiration_date: String,
    /// The three digits on its back.
    pub cvv: String,
}

/// The caller's open cards, in the order of their making.
pub async fn list(bank: &Bank, permit: &Permit) -> Result<Vec<CardView>, Failure> {
    let mut s = bank.db.alone().await?;
    let open = card::open_of_owner(&mut s, permit.user_id).await?;
    Ok(open.into_iter().map(|(account, card)| CardView { account, card }).collect())
}

/// All of the caller's cards, closed ones too, in the order of their making.
pub async fn list_all(bank: &Bank, permit: &Permit) -> Result<Vec<CardView>, Failure> {
    let mut s = bank.db.read().await?;
    let all = account::of_owner(&mut s, permit.user_id).await?;
    let cards = all.into_iter().filter(|account| account.kind == AccountKind::Card);
    let mut cards = join(&mut s, cards.collect()).await?;
    // Two may be made in the same instant; these numbers are given one after the other.
    cards.sort_by_key(|view| view.card.legacy_id);
    Ok(cards)
}

/// Adds to accounts what they have as cards; one query for all of them.
pub(super) async fn join(
    s: &mut Session,
    accounts: Vec<Account>,
) -> Result<Vec<CardView>, Failure> {
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.account_id).collect();
    let cards = card::lookup_many(s, &ids).await?;
    let with_card = |account: Account| {
        let card = cards.iter().find(|card| card.account_id == account.account_id)?.clone();
        Some(CardView { account, card })
    };
    Ok(accounts.into_iter().filter_map(with_card).collect())
}

async fn own(bank: &Bank, permit: &Permit, id: Option<AccountId>) -> Result<CardView, Failure> {
    let missing = || Failure::from(Refusal::NotFound { field: "cardId", noun: "card" });
    let id = id.ok_or_else(missing)?;
    let mut s = bank.db.read().await?;
    let found = account::lookup(&mut s, id).await?;
    let own = found
        .filter(|account| account.kind == AccountKind::Card && account.owner_id == permit.user_id);
    join(&mut s, own.into_iter().collect()).await?.pop().ok_or_else(missing)
}

/// One of the caller's own cards, locked, in a session that is still alive.
pub(super) async fn lock(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    id: Option<AccountId>,
) -> Result<CardView, Failure> {
    let missing = || Refusal::NotFound { field: "cardId", noun: "card" };
    let id = id.ok_or_else(missing)?;
    let found = posting::lock_accounts(s, &[id]).await?.pop();
    let own = found.filter(|found| {
        found.account.kind == AccountKind::Card && found.account.owner_id == permit.user_id
    });
    let own = own.ok_or_else(missing)?;
    let facts = session::facts(s, permit.session_id, permit.user_id).await?;
    if !facts.is_some_and(|facts| facts.is_alive(bank.now())) {
        return Err(Refusal::SessionEnded.into());
    }
    let card = own.card.ok_or_else(missing)?;
    Ok(CardView { account: own.account, card })
}

/// Makes a card; in the sandbox it starts with a credit from the bank.
pub async fn create(
    bank: &Bank,
    permit: &Permit,
    currency: Option<&str>,
    key: Option<&str>,
) -> Result<Made<CardView>, Failure> {
    let prepared = prepare(bank, permit, currency, key).await;
    // The ledger notes what it refuses itself.
    let (id, replayed) = match act::audited(bank, permit.act(CREATE), prepared).await? {
        Prepared::Before(id) => (id, true),
        Prepared::Fresh(id, posting) => match bank.ledger.post(*posting).await? {
            Answer::Done(_) => (id, false),
            Answer::Replayed(before) => (AccountId::from_uuid(before.result_id), true),
            Answer::Refused(refusal) => return Err(refusal.into()),
        },
    };
    Ok(Made { thing: own(bank, permit, Some(id)).await?, replayed })
}

/// A card that is asked for.
enum Prepared {
    /// An earlier request with the same key made it.
    Before(AccountId),
    /// It is to be made.
    Fresh(AccountId, Box<Posting>),
}

async fn prepare(
    bank: &Bank,
    permit: &Permit,
    currency: Option<&str>,
    key: Option<&str>,
) -> Result<Prepared, Failure> {
    let currency = read_currency(bank, currency)?;
    let input = [currency.code().as_bytes()];
    let keyed = key.map(|key| Keyed::new(bank, permit.user_id, key, CREATE, &input));
    let mut s = bank.db.read().await?;
    if let Some(keyed) = &keyed
        && let Some(before) = keyed.replay(&mut s).await?
    {
        return Ok(Prepared::Before(AccountId::from_uuid(before.result_id)));
    }
    let opening = draw(bank, &mut s, permit, currency).await?;
    drop(s);
    let id = opening.account_id;
    let posting = Posting {
        key: keyed.map(|keyed| keyed.claiming(ResultKind::Card, id.uuid())),
        session: Some((permit.session_id, permit.user_id)),
        movement: opening_credit(bank, &opening),
        opens: Some(opening),
        ..Posting::new(permit.act(CREATE))
    };
    Ok(Prepared::Fresh(id, Box::new(posting)))
}

/// The currency that a client names; the bank's first where nothing is said.
pub(super) fn read_currency(bank: &Bank, code: Option<&str>) -> Result<Currency, Failure> {
    let Some(code) = code else {
        return Ok(bank.rules.default_currency());
    };
    let known = &bank.rules.currencies;
    known.iter().find(|known| known.code() == code).copied().ok_or_else(|| {
        let all: Vec<&str> = known.iter().map(Currency::code).collect();
        Refusal::invalid("currency", format!("must be one of {}", all.join(", "))).into()
    })
}

/// Draws a card with a number that nobody has.
async fn draw(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    currency: Currency,
) -> Result<Opening, Failure> {
    let holder = user::lookup(s, permit.user_id).await?.ok_or(Refusal::SessionEnded)?;
    let account_id = AccountId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    for _ in 0..DRAWS_MAX {
        let drawn = number(bank.entropy.as_ref());
        let index = mac::index(&bank.ring, NUMBER, drawn.expose());
        if card::number_taken(s, &index).await? {
            continue;
        }
        let place = Place { column: NUMBER, row: account_id.as_bytes() };
        let plain = drawn.expose().as_bytes();
        let last4 = drawn.last4().to_owned();
        let text = Text {
            account_id,
            label: masked_card_number(&last4),
            last4: Some(last4.clone()),
            party: Some(full_name(holder.first_name.as_deref(), holder.last_name.as_deref())),
        };
        let card = NewCard {
            account_id,
            holder_first_name: holder.first_name.unwrap_or_default(),
            holder_last_name: holder.last_name.unwrap_or_default(),
            number: seal::seal(&bank.ring, bank.entropy.as_ref(), place, plain),
            number_index: index.to_vec(),
            last4,
            expires_on: expires_on(bank.now().date_naive()),
        };
        return Ok(Opening {
            account_id,
            owner_id: permit.user_id,
            kind: AccountKind::Card,
            currency,
            card: Some(card),
            savings: None,
            limit: CARDS_MAX,
            noun: "cards",
            text,
        });
    }
    Err(Broken::Inconsistent("no free card number was found").into())
}

fn opening_credit(bank: &Bank, opening: &Opening) -> Option<Movement> {
    let amount: Minor = bank.rules.opening_credit_card(opening.currency)?;
    Some(Movement {
        transaction_id: TransactionId::generate(bank.clock.as_ref(), bank.entropy.as_ref()),
        kind: TransactionKind::OpeningCredit,
        reverses: None,
        from: End::Bank(AccountKind::OpeningCredits),
        to: End::Opened,
        sum: Sum::Minor(amount),
        note: None,
    })
}

/// What finds the card with this number, whoever's it is.
pub(super) fn number_index(bank: &Bank, number: &CardNumber) -> Vec<u8> {
    mac::index(&bank.ring, NUMBER, number.expose()).to_vec()
}

/// Shows what stands on a card, to its owner who has confirmed a second factor lately.
pub async fn reveal(
    bank: &Bank,
    permit: &Permit,
    id: Option<AccountId>,
) -> Result<(CardView, CardDetails), Failure> {
    let outcome = reveal_unaudited(bank, permit, id).await;
    act::audited(bank, permit.act(REVEAL), outcome).await
}

async fn reveal_unaudited(
    bank: &Bank,
    permit: &Permit,
    id: Option<AccountId>,
) -> Result<(CardView, CardDetails), Failure> {
    let view = own(bank, permit, id).await?;
    require_shown(view.account.status)?;
    challenge::require_step_up(bank, permit).await?;
    let shown = bank.db.write_retrying(|s| Box::pin(read_number(bank, s, permit, id)));
    let (view, sealed) = shown.await?;
    let number = open_number(bank, view.account.account_id, &sealed)?;
    let expiration_date = expiration_date(view.card.expires_on);
    let cvv = cvv(bank, &number, &expiration_date);
    Ok((view, CardDetails { number, expiration_date, cvv }))
}

/// The number of a card, unsealed.
pub(super) fn open_number(
    bank: &Bank,
    id: AccountId,
    sealed: &[u8],
) -> Result<CardNumber, Failure> {
    let plain = seal::open(&bank.ring, Place { column: NUMBER, row: id.as_bytes() }, sealed)?;
    let number = std::str::from_utf8(&plain).ok().and_then(|text| CardNumber::parse(text).ok());
    number.ok_or_else(|| Broken::Inconsistent("a sealed card number is none").into())
}

/// The three digits on the back of a card.
pub(super) fn cvv(bank: &Bank, number: &CardNumber, expiration_date: &str) -> String {
    mac::cvv(&bank.ring, number.expose(), expiration_date)
}

/// Reads the sealed number of a card with the row of the audit log that says so.
async fn read_number(
    bank: &Bank,
    s: &mut Session,
    permit: &Permit,
    id: Option<AccountId>,
) -> Result<(CardView, Vec<u8>), Failure> {
    // Asked again where the number is read: the card may be frozen and the session may
    // have ended meanwhile, even by another field of the same document.
    let view = lock(bank, s, permit, id).await?;
    require_shown(view.account.status)?;
    let facts = session::facts(s, permit.session_id, permit.user_id).await?;
    if !facts.is_some_and(|facts| facts.is_stepped_up(bank.now())) {
        return Err(Refusal::SessionEnded.into());
    }
    let id = view.account.account_id;
    let sealed = card::number(s, id).await?;
    let sealed = sealed.ok_or(Broken::Inconsistent("a card has no number"))?;
    act::done(bank, s, permit.act(REVEAL), Some(id.uuid()), None).await?;
    Ok((view, sealed))
}
