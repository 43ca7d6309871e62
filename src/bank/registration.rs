//! Becoming a customer: a letter with a code, and the rest once it comes back.
//!
//! What was asked waits for a day and reserves nothing against its owner: several
//! registrations may wait with one address, each with a code of its own, so a stranger
//! who asks with somebody else's address can neither make that person's code void nor
//! take part in it; the letter tells them apart. Whoever sends a code back first has the
//! address, the phone number and the social security number, and the others are told.

use chrono::Duration;

use super::{
    act, attempt,
    challenge::refuse_unless_right,
    context::Bank,
    error::{Broken, Failure, unless_faulty},
    outbox,
    permit::Visitor,
    session,
    session::{Entrance, SignedIn},
};
use crate::{
    crypto::{mac, mac::Hash, seal, seal::Place},
    db::session::Session,
    domain::{
        account::AccountKind,
        attempt::Attempt,
        challenge::{CODE_DIGITS, GUESSES_MAX, Guess, judge},
        fault::Faults,
        password,
        password::Known,
        refusal::Refusal,
        session::Facade,
        user::{Profile, ProfileForm},
    },
    mail::templates,
    store::{
        account,
        audit::Act,
        registration,
        registration::{NewRegistration, Registration},
        session::Device,
        signup, user,
        user::NewUser,
    },
    types::{
        clock::Instant,
        entropy,
        id::{AccountId, RegistrationId, UserId},
        secret::Secret,
        text::{Email, Phone, SocialSecurity},
    },
};

pub(super) const REGISTER: &str = "register";
const RESEND: &str = "resendVerification";
const VERIFY_EMAIL: &str = "verifyEmail";
/// How long a registration waits for its code.
pub(super) const LIFE: Duration = Duration::hours(24);
/// Registrations that may wait with one address, each with details of its own.
pub(super) const WAITING_MAX: i64 = 3;
/// How many digits a customer number has.
const CUSTOMER_ID_DIGITS: usize = 16;
/// How often a random customer number is drawn before something must be wrong.
const DRAWS_MAX: usize = 16;

const PENDING: &str = "registrations.social_security";
const KEPT: &str = "users.social_security";

/// What finds a customer by their social security number.
pub(super) fn social_security_index(bank: &Bank, number: &SocialSecurity) -> Hash {
    mac::index(&bank.ring, KEPT, number.expose())
}

/// What a person says to register.
#[derive(Debug, Clone)]
pub struct Form {
    /// Their address.
    pub email: String,
    /// Their phone number.
    pub phone_number: String,
    /// Their social security number.
    pub social_security: Secret,
}

/// Takes a registration, and answers the same whether or not the person is known.
///
/// A stranger gets a code by letter, a customer a letter that says so. Either
/// way something waits for a code that nobody else can know, so that guessing
/// at it tells nothing either.
pub async fn register(bank: &Bank, visitor: &Visitor, form: &Form) -> Result<Instant, Failure> {
    let asked = read_form(form)?;
    attempt::count(bank, visitor, Attempt::Registration, asked.email.as_str()).await?;
    take(bank, &visitor.act(REGISTER), &asked).await
}

/// The same for the operator, whom no limit holds up.
pub async fn register_unlimited(bank: &Bank, form: &Form) -> Result<Instant, Failure> {
    take(bank, &bank.act(REGISTER), &read_form(form)?).await
}

/// A registration whose fields were read.
pub(super) struct Asked {
    pub(super) email: Email,
    pub(super) phone: Phone,
    pub(super) social_security: SocialSecurity,
}

pub(super) fn read_form(form: &Form) -> Result<Asked, Failure> {
    let mut faults = Faults::default();
    let email = faults.read("email", Email::parse(&form.email));
    let phone = faults.read("phoneNumber", Phone::parse(&form.phone_number));
    let ssn = SocialSecurity::parse(form.social_security.expose());
    let ssn = faults.read("socialSecurity", ssn);
    let read = email.zip(phone).zip(ssn);
    let ((email, phone), social_security) = unless_faulty(read, faults)?;
    Ok(Asked { email, phone, social_security })
}

/// What is kept of a registration, sealed and hashed.
pub(super) struct Pending {
    /// Names it.
    pub(super) id: RegistrationId,
    social_security: Vec<u8>,
    social_security_index: Hash,
    code_hash: Hash,
}

impl Pending {
    /// Of what was asked, with the code that must come back.
    pub(super) fn new(bank: &Bank, asked: &Asked, code: &str) -> Self {
        let id = RegistrationId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
        let place = Place { column: PENDING, row: id.as_bytes() };
        let plain = asked.social_security.expose().as_bytes();
        Self {
            id,
            social_security: seal::seal(&bank.ring, bank.entropy.as_ref(), place, plain),
            social_security_index: social_security_index(bank, &asked.social_security),
            code_hash: mac::code(&bank.ring, id.as_bytes(), code),
        }
    }

    /// As it is written.
    pub(super) fn row<'p>(
        &'p self,
        facade: Facade,
        asked: &'p Asked,
        now: Instant,
    ) -> NewRegistration<'p> {
        NewRegistration {
            registration_id: self.id,
            facade,
            email: &asked.email,
            phone: &asked.phone,
            social_security: &self.social_security,
            social_security_index: &self.social_security_index,
            code_hash: &self.code_hash,
            at: now,
            expires_at: now + LIFE,
        }
    }
}

async fn take(bank: &Bank, act: &Act, asked: &Asked) -> Result<Instant, Failure> {
    let now = bank.now();
    let expires_at = now + LIFE;
    let code = entropy::digits(bank.entropy.as_ref(), CODE_DIGITS);
    let pending = &Pending::new(bank, asked, &code);
    let (id, code) = (pending.id, code.as_str());
    let new = &pending.row(Facade::Graphql, asked, now);
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let numbers = Some((new.phone, new.social_security_index));
                registration::take_turn(s, new.email, numbers).await?;
                let to = new.email.as_str();
                let letter = if user::email_taken(s, new.email).await? {
                    templates::already_customer(to)
                } else {
                    templates::verify_email(to, code, new.phone.as_str())
                };
                registration::put(s, new, WAITING_MAX).await?;
                outbox::write(bank, s, &letter, now, expires_at).await?;
                // The same row for a person who is known: the log tells what was asked.
                act::done(bank, s, act.clone(), Some(id.uuid()), None).await?;
                Ok::<_, Failure>(())
            })
        })
        .await?;
    outbox::wake(bank);
    Ok(expires_at)
}

/// Sends a fresh code for what waits with an address; the older code is void then.
///
/// The answer is always the same: whoever is a customer already gets a letter that says
/// so, and where nothing waits nobody is written to. A fresh code gives no guess more,
/// unless all five are used up: then it begins anew, as registering again would. Both
/// are among the letters that an address is sent for a registration.
pub async fn resend(bank: &Bank, visitor: &Visitor, email: &str) -> Result<(), Failure> {
    let mut faults = Faults::default();
    let read = faults.read("email", Email::parse(email));
    let email = &unless_faulty(read, faults)?;
    attempt::count(bank, visitor, Attempt::Registration, email.as_str()).await?;
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                renew(bank, s, email).await?;
                act::done(bank, s, visitor.act(RESEND), None, None).await?;
                Ok::<_, Failure>(())
            })
        })
        .await?;
    outbox::wake(bank);
    Ok(())
}

async fn renew(bank: &Bank, s: &mut Session, email: &Email) -> Result<(), Failure> {
    let now = bank.now();
    let known = user::email_taken(s, email).await?;
    let mut waiting = registration::of_email(s, email, now).await?;
    // Other doors have codes of another form, and letters of their own.
    waiting.retain(|one| one.facade == Facade::Graphql);
    if known {
        // What waits with a customer's address has a code that nobody was told.
        waiting.clear();
    }
    for one in &waiting {
        let code = entropy::digits(bank.entropy.as_ref(), CODE_DIGITS);
        let hash = mac::code(&bank.ring, one.registration_id.as_bytes(), &code);
        registration::renew(s, one.registration_id, &hash, GUESSES_MAX).await?;
        let letter = templates::verify_email(&one.email, &code, &one.phone_number);
        outbox::write(bank, s, &letter, now, one.expires_at).await?;
    }
    if !waiting.is_empty() {
        return Ok(());
    }
    // The same statements where there is nobody, so that the time does not tell.
    let nobody = RegistrationId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let code = entropy::digits(bank.entropy.as_ref(), CODE_DIGITS);
    let hash = mac::code(&bank.ring, nobody.as_bytes(), &code);
    registration::renew(s, nobody, &hash, GUESSES_MAX).await?;
    let letter = if known {
        templates::already_customer(email.as_str())
    } else {
        templates::verify_email(outbox::NOBODY, &code, "")
    };
    outbox::write(bank, s, &letter, now, now + LIFE).await
}

/// What a person says once the code has come.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The address that registered.
    pub email: String,
    /// The code from the letter.
    pub code: Secret,
    /// Who they are.
    pub profile: ProfileForm,
    /// The password that they choose.
    pub password: Secret,
    /// The device in their hand.
    pub device: Device,
}

/// What is written when a person becomes a customer.
struct Admission<'a> {
    waiting: &'a Registration,
    email: &'a Email,
    phone: &'a Phone,
    profile: &'a Profile,
    password_hash: &'a str,
    social_security: &'a [u8],
}

/// Makes a customer of whoever sends the code back, and signs them in.
pub async fn verify_email(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    proof: &Proof,
) -> Result<SignedIn, Failure> {
    verify_all(bank, visitor, facade, proof, None).await
}

/// The same at a door whose clients say again with what they registered.
pub(super) async fn verify_all(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    proof: &Proof,
    again: Option<&Again>,
) -> Result<SignedIn, Failure> {
    attempt::count_address(bank, visitor, Attempt::Confirm).await?;
    let signed_in = verify_unaudited(bank, visitor, facade, proof, again).await;
    let signed_in = act::audited(bank, visitor.act(VERIFY_EMAIL), signed_in).await?;
    signed_in.ended.forget(bank);
    Ok(signed_in)
}

/// With what somebody says that they registered; what is none of the bank's form fits nothing.
pub(super) struct Again {
    /// Their phone number.
    pub(super) phone: Option<Phone>,
    /// Their social security number.
    pub(super) social_security: Option<SocialSecurity>,
}

impl Again {
    fn fits(&self, bank: &Bank, waiting: &Registration) -> bool {
        let phone = self.phone.as_ref();
        let phone_fits = phone.is_some_and(|phone| phone.as_str() == waiting.phone_number);
        let number = self.social_security.as_ref();
        let number_fits = number.is_some_and(|number| {
            mac::same(&social_security_index(bank, number), &waiting.social_security_index)
        });
        phone_fits && number_fits
    }
}

async fn verify_unaudited(
    bank: &Bank,
    visitor: &Visitor,
    facade: Facade,
    proof: &Proof,
    again: Option<&Again>,
) -> Result<SignedIn, Failure> {
    let (email, profile) = read(bank, proof)?;
    let waiting = guess(bank, facade, &email, proof.code.expose(), again).await?;
    let password_hash = bank.hasher.hash(bank.entropy.as_ref(), proof.password.clone()).await?;
    let phone = Phone::parse(&waiting.phone_number)
        .map_err(|_| Broken::Inconsistent("a registration's phone number"))?;
    let place = Place { column: PENDING, row: waiting.registration_id.as_bytes() };
    let social_security = seal::open(&bank.ring, place, &waiting.social_security)?;
    // The letter's spelling of the address is kept, not the one of the proof.
    let email = Email::parse(&waiting.email)
        .map_err(|_| Broken::Inconsistent("a registration's address"))?;
    let admission = &Admission {
        waiting: &waiting,
        email: &email,
        phone: &phone,
        profile: &profile,
        password_hash: &password_hash,
        social_security: &social_security,
    };
    let device = &session::tidy(&proof.device);
    bank.db
        .write_retrying(|s| {
            Box::pin(async move {
                let user_id = admit(bank, s, admission).await?;
                let user = user::lookup(s, user_id).await?;
                let user = user.ok_or(Broken::Inconsistent("a person who was just written"))?;
                let entrance = Entrance { facade, action: VERIFY_EMAIL, device };
                session::open(bank, s, user, visitor, &entrance).await
            })
        })
        .await
}

fn read(bank: &Bank, proof: &Proof) -> Result<(Email, Profile), Failure> {
    let mut faults = Faults::default();
    let email = faults.read("email", Email::parse(&proof.email));
    let profile = proof.profile.read(bank.now().date_naive(), &mut faults);
    let known = Known {
        email: email.as_ref(),
        first_name: Some(&proof.profile.first_name),
        last_name: Some(&proof.profile.last_name),
        username: None,
    };
    let fits = password::check(proof.password.expose(), &known);
    let fits = faults.read("password", fits);
    let read = email.zip(profile).zip(fits).map(|(both, ())| both);
    unless_faulty(read, faults)
}

/// Judges the code; the guess counts before anything is compared, in every registration
/// that waits with the address at the door, as the code may be any of theirs.
async fn guess(
    bank: &Bank,
    facade: Facade,
    email: &Email,
    code: &str,
    again: Option<&Again>,
) -> Result<Registration, Failure> {
    let (found, waits) = bank
        .db
        .write_retrying(|s| {
            Box::pin(async move {
                let found = registration::count_guess(s, facade, email, GUESSES_MAX).await?;
                let waits = !found.is_empty() || registration::waits(s, facade, email).await?;
                Ok::<_, Failure>((found, waits))
            })
        })
        .await?;
    let now = bank.now();
    // Where none fits, one that is still good says more than one that has expired.
    let mut told = if waits { Guess::UsedUp } else { Guess::Wrong };
    for one in found {
        let row = one.registration_id.as_bytes();
        let fits = mac::code_fits(&bank.ring, row, code.trim(), &one.code_hash)
            && again.is_none_or(|again| again.fits(bank, &one));
        let life = (one.expires_at - LIFE, one.expires_at);
        match judge(one.guesses, life, now, fits) {
            Guess::Right => return Ok(one),
            Guess::Wrong => told = Guess::Wrong,
            Guess::Expired if told == Guess::UsedUp => told = Guess::Expired,
            Guess::Expired | Guess::UsedUp => {}
        }
    }
    refuse_unless_right(told)?;
    Err(Refusal::BadCode.into())
}

async fn admit(bank: &Bank, s: &mut Session, admission: &Admission<'_>) -> Result<UserId, Failure> {
    let now = bank.now();
    let (waiting, profile) = (admission.waiting, admission.profile);
    if !registration::take(s, waiting.registration_id).await? {
        // Another request with the same code was faster.
        return Err(Refusal::BadCode.into());
    }
    registration::take_others(s, admission.email).await?;
    signup::take_of_email(s, admission.email).await?;
    refuse_if_taken(s, admission).await?;
    let user_id = UserId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let customer_id = free_customer_id(bank, s).await?;
    let place = Place { column: KEPT, row: user_id.as_bytes() };
    let sealed = seal::seal(&bank.ring, bank.entropy.as_ref(), place, admission.social_security);
    let new = NewUser {
        email_verified: true,
        names: Some((&profile.first_name, &profile.last_name)),
        phone: Some(admission.phone),
        date_of_birth: Some(profile.date_of_birth),
        address: Some(&profile.address),
        social_security: Some((&sealed, &waiting.social_security_index)),
        ..NewUser::known_by((user_id, &customer_id), admission.email, admission.password_hash, now)
    };
    if !user::insert(s, &new).await? {
        // Somebody took one of them between the look and the write: which one,
        // the next look will tell.
        refuse_if_taken(s, admission).await?;
        return Err(Refusal::AlreadyExists { field: "email", noun: "email address" }.into());
    }
    let wallet = AccountId::generate(bank.clock.as_ref(), bank.entropy.as_ref());
    let currency = bank.rules.default_currency();
    account::open(s, wallet, user_id, AccountKind::Wallet, currency, now).await?;
    Ok(user_id)
}

async fn refuse_if_taken(s: &mut Session, admission: &Admission<'_>) -> Result<(), Failure> {
    let taken = |field, noun| Err(Refusal::AlreadyExists { field, noun }.into());
    if user::email_taken(s, admission.email).await? {
        return taken("email", "email address");
    }
    if user::phone_taken(s, admission.phone).await? {
        return taken("phoneNumber", "phone number");
    }
    if user::social_security_taken(s, &admission.waiting.social_security_index).await? {
        return taken("socialSecurity", "social security number");
    }
    Ok(())
}

/// A customer number that nobody has; it begins with no zero, as some clients read it as a number.
pub(super) async fn free_customer_id(bank: &Bank, s: &mut Session) -> Result<String, Failure> {
    for _ in 0..DRAWS_MAX {
        let first = entropy::below(bank.entropy.as_ref(), 9) + 1;
        let rest = entropy::digits(bank.entropy.as_ref(), CUSTOMER_ID_DIGITS - 1);
        let drawn = format!("{first}{rest}");
        if !user::customer_id_taken(s, &drawn).await? {
            return Ok(drawn);
        }
    }
    Err(Broken::Inconsistent("no free customer number was found").into())
}
