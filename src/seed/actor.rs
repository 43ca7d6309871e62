//! Somebody who does things in the past: signed in, with a card, a wallet and a goal.

use chrono::Duration;

use super::people::{PASSWORD, decimal, device, visitor};
use crate::{
    bank::{
        account, bill,
        bill::Charge,
        card,
        context::Bank,
        error::{Broken, Failure},
        password_sign_in,
        permit::Permit,
        refresh, savings,
        savings::Wish,
        session,
        session::SignedIn,
        sign_in::Form,
        transfer,
        transfer::{Aside, Payment, Remittance, Target, TopUp},
    },
    domain::{
        account::{AccountKind, AccountRef, OutsideBank},
        second_factor::PasswordDialect,
        session::Facade,
    },
    types::{
        clock::Instant,
        id::{AccountId, BillId},
        money::DecimalText,
        secret::Secret,
    },
};

/// After how long a session is renewed, which ends after thirty days without.
const RENEWED_AFTER: Duration = Duration::days(7);
/// After how long another one is opened, as each ends after ninety days.
const OPENED_AFTER: Duration = Duration::days(60);

/// A signed-in demo person.
#[derive(Debug)]
pub struct Actor {
    email: String,
    signed_in: SignedIn,
    opened_at: Instant,
    renewed_at: Instant,
    /// Their first card.
    pub card: AccountRef,
    wallet: Option<AccountRef>,
}

/// An amount of so many hundredths, in the digits that the bank's first currency has.
pub fn amount(bank: &Bank, hundredths: i64) -> DecimalText {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match bank.rules.default_currency().digits() {
        0 => decimal(&whole.max(1).to_string()),
        1 => decimal(&format!("{whole}.{}", rest / 10)),
        _ => decimal(&format!("{whole}.{rest:02}")),
    }
}

impl Actor {
    /// What they may do.
    pub fn permit(&self) -> &Permit {
        &self.signed_in.permit
    }

    /// Gives a new customer their first card.
    pub async fn begin(bank: &Bank, email: &str, signed_in: SignedIn) -> Result<Self, Failure> {
        let permit = &signed_in.permit;
        let card = card::create(bank, permit, None, Some("seed-card")).await?.thing;
        let card = AccountRef { kind: AccountKind::Card, id: card.account.account_id };
        let wallet = account::wallet(bank, permit).await?;
        let now = bank.now();
        let email = email.to_owned();
        Ok(Self { email, signed_in, opened_at: now, renewed_at: now, card, wallet })
    }

    /// Keeps the person signed in, however long the last time was ago.
    pub async fn wake(&mut self, bank: &Bank) -> Result<(), Failure> {
        let now = bank.now();
        if now - self.opened_at >= OPENED_AFTER {
            session::log_out(bank, &self.signed_in.permit).await?;
            let form = Form {
                email: self.email.clone(),
                password: Secret::new(PASSWORD),
                device: device(),
                role: None,
            };
            let dialect = PasswordDialect::Ewallet;
            self.signed_in = password_sign_in::log_in(bank, &visitor(), dialect, &form).await?;
            (self.opened_at, self.renewed_at) = (now, now);
        } else if now - self.renewed_at >= RENEWED_AFTER {
            let token = self.signed_in.tokens.refresh.clone();
            let token = token.ok_or(Broken::Inconsistent("a session that is never renewed"))?;
            let facade: Facade = self.signed_in.permit.facade;
            self.signed_in = refresh::refresh(bank, &visitor(), facade, &token).await?;
            self.renewed_at = now;
        }
        Ok(())
    }

    /// Signs out: nobody is signed in whom nobody signed in.
    pub async fn end(self, bank: &Bank) -> Result<(), Failure> {
        session::log_out(bank, &self.signed_in.permit).await
    }

    /// Gets a salary on the card.
    pub async fn earn(&self, bank: &Bank, key: &str, hundredths: i64) -> Result<(), Failure> {
        self.top_up(bank, key, Some(self.card), hundredths, "Salary").await
    }

    /// Pays into the wallet.
    pub async fn fill_wallet(&self, bank: &Bank, key: &str, units: i64) -> Result<(), Failure> {
        self.top_up(bank, key, self.wallet, units * 100, "topup").await
    }

    async fn top_up(
        &self,
        bank: &Bank,
        key: &str,
        account: Option<AccountRef>,
        hundredths: i64,
        note: &str,
    ) -> Result<(), Failure> {
        let top_up = TopUp {
            key: Some(key.to_owned()),
            account,
            amount: amount(bank, hundredths),
            note: Some(note.to_owned()),
            claim: None,
        };
        transfer::top_up(bank, &self.signed_in.permit, &top_up).await?;
        Ok(())
    }

    /// Sends money of the wallet to a bank outside.
    pub async fn remit(
        &self,
        bank: &Bank,
        key: &str,
        to: OutsideBank,
        units: i64,
    ) -> Result<(), Failure> {
        let remittance = Remittance {
            key: Some(key.to_owned()),
            from: self.wallet,
            to,
            amount: amount(bank, units * 100),
            claim: None,
        };
        transfer::remit(bank, &self.signed_in.permit, &remittance).await?;
        Ok(())
    }

    /// Pays somebody.
    pub async fn pay(
        &self,
        bank: &Bank,
        key: &str,
        to: AccountRef,
        hundredths: i64,
        note: &str,
    ) -> Result<(), Failure> {
        let payment = Payment {
            key: Some(key.to_owned()),
            from: Some(self.card),
            to: Target::Account(Some(to)),
            amount: amount(bank, hundredths),
            note: Some(note.to_owned()),
        };
        transfer::pay(bank, &self.signed_in.permit, &payment).await?;
        Ok(())
    }

    /// Begins to save for something.
    pub async fn wish(&self, bank: &Bank, name: &str, units: i64) -> Result<AccountId, Failure> {
        let wish = Wish {
            name: name.to_owned(),
            goal: amount(bank, units * 100),
            currency: None,
            key: Some(format!("seed-goal-{name}")),
        };
        let made = savings::create(bank, &self.signed_in.permit, &wish).await?;
        Ok(made.thing.account.account_id)
    }

    /// Moves money of the card to a goal, or back where it is less than nothing.
    pub async fn put_aside(
        &self,
        bank: &Bank,
        key: &str,
        goal: AccountId,
        units: i64,
    ) -> Result<(), Failure> {
        let aside = Aside {
            key: Some(key.to_owned()),
            savings: Some(goal),
            card: Some(self.card.id),
            amount: amount(bank, units.abs() * 100),
        };
        let permit = &self.signed_in.permit;
        if units < 0 {
            transfer::withdraw_savings(bank, permit, &aside).await?;
        } else {
            transfer::top_up_savings(bank, permit, &aside).await?;
        }
        Ok(())
    }

    /// Notes a bill that is due in so many days, or was.
    pub async fn owe(
        &self,
        bank: &Bank,
        key: &str,
        name: &str,
        hundredths: i64,
        days: i64,
    ) -> Result<BillId, Failure> {
        let charge = Charge {
            name: name.to_owned(),
            amount: amount(bank, hundredths),
            due_at: bank.now() + Duration::days(days),
            currency: None,
            key: Some(key.to_owned()),
        };
        Ok(bill::create(bank, &self.signed_in.permit, &charge).await?.thing.bill_id)
    }

    /// Pays a bill from the card.
    pub async fn settle(&self, bank: &Bank, key: &str, bill: BillId) -> Result<(), Failure> {
        let permit = &self.signed_in.permit;
        bill::pay(bank, permit, Some(key), Some(bill), Some(self.card)).await?;
        Ok(())
    }
}
