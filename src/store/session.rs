//! Sign-ins of people on their devices.

use uuid::Uuid;

use super::statements::statements;
use crate::{
    db::{error::DbError, session::Session as Db},
    domain::{
        session::{Facade, Facts},
        user::UserStatus,
    },
    types::{
        clock::Instant,
        id::{SessionId, UserId},
    },
};

/// What a client says of its device.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Device {
    /// What it is: "iPhone", "Firefox on Linux".
    pub platform: Option<String>,
    /// The language it speaks.
    pub language: Option<String>,
    /// Where its clock is.
    pub timezone: Option<String>,
    /// Its screen, in pixels.
    pub screen_width: Option<i64>,
    /// Its screen, in pixels.
    pub screen_height: Option<i64>,
    /// The client program's own name for itself.
    pub client_id: Option<String>,
}

/// A session that is about to be written.
#[derive(Debug)]
pub struct NewSession<'n> {
    /// Names the session.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The door it came in by.
    pub facade: Facade,
    /// The device.
    pub device: &'n Device,
    /// The program.
    pub user_agent: Option<&'n str>,
    /// Where from.
    pub ip_address: &'n str,
    /// The first refresh token's hash.
    pub refresh_hash: &'n [u8],
    /// When it ends without a refresh.
    pub refresh_expires_at: Instant,
    /// When it ends whatever happens.
    pub expires_at: Instant,
    /// Now.
    pub at: Instant,
}

/// What is shown of a session.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Session {
    /// Names the session.
    pub session_id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// The door it came in by.
    pub facade: Facade,
    /// What the device called itself.
    pub platform: Option<String>,
    /// The program.
    pub user_agent: Option<String>,
    /// The client program's own name for itself.
    pub client_id: Option<String>,
    /// Where from.
    pub ip_address: String,
    /// Since when.
    pub created_at: Instant,
    /// When it was last used.
    pub last_active_at: Instant,
    /// When it ends whatever happens.
    pub expires_at: Instant,
}

/// A session with its refresh token, read under its lock.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Family {
    /// The session.
    #[sqlx(flatten)]
    pub session: Session,
    /// Which of its refresh tokens is the latest.
    pub generation: i64,
    /// Its hash.
    pub refresh_hash: Vec<u8>,
    /// Since when it is the latest, where it is not the first.
    pub refreshed_at: Option<Instant>,
}

/// The next refresh token of a session, and where it was asked for.
#[derive(Debug)]
pub struct NewRefresh<'n> {
    /// The session.
    pub session_id: SessionId,
    /// Which of its refresh tokens it is.
    pub generation: i64,
    /// Its hash.
    pub hash: &'n [u8],
    /// When the session ends without another refresh.
    pub expires_at: Instant,
    /// Where from.
    pub ip_address: &'n str,
    /// Now.
    pub at: Instant,
}

#[derive(sqlx::FromRow)]
pub(super) struct FactsRow {
    ended_at: Option<Instant>,
    expires_at: Instant,
    refresh_expires_at: Instant,
    refreshed_at: Option<Instant>,
    second_factor_at: Instant,
    status: UserStatus,
    email_verified_at: Option<Instant>,
    approved_at: Option<Instant>,
}

impl FactsRow {
    pub(super) fn facts(self) -> Facts {
        Facts {
            ended_at: self.ended_at,
            expires_at: self.expires_at,
            refresh_expires_at: self.refresh_expires_at,
            refreshed_at: self.refreshed_at,
            second_factor_at: self.second_factor_at,
            status: self.status,
            email_verified: self.email_verified_at.is_some(),
            approved: self.approved_at.is_some(),
        }
    }
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    session_id: SessionId,
    user_id: UserId,
    last_active_at: Instant,
    #[sqlx(flatten)]
    facts: FactsRow,
}

statements! {
    INSERT = "
        INSERT INTO sessions (
            session_id, user_id, facade, platform, language, timezone, screen_width, screen_height,
            user_agent, client_id, ip_address, generation, refresh_hash, refresh_expires_at,
            second_factor_at, created_at, last_active_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13, $14, $14, $14, $15)";

    SET_CSRF = "
        UPDATE sessions SET csrf_access_hash = $2,
            csrf_refresh_hash = COALESCE($3, csrf_refresh_hash)
        WHERE session_id = $1";

    BY_CSRF_ACCESS = "
        SELECT session_id, user_id FROM sessions
        WHERE csrf_access_hash = $1 AND ended_at IS NULL";

    BY_CSRF_REFRESH = "
        SELECT session_id, user_id FROM sessions
        WHERE csrf_refresh_hash = $1 AND ended_at IS NULL";

    /// Beyond the limit the oldest go.
    END_SURPLUS = "
        UPDATE sessions SET ended_at = $2
        WHERE user_id = $1 AND ended_at IS NULL AND session_id NOT IN (
            SELECT s.session_id FROM sessions s WHERE s.user_id = $1 AND s.ended_at IS NULL
            ORDER BY s.created_at DESC, s.session_id DESC LIMIT $3)
        RETURNING session_id";

    /// A person who is barred counts as one who has left.
    KNOWN = "
        SELECT s.session_id, s.user_id, s.last_active_at, s.ended_at, s.expires_at,
            s.refresh_expires_at, s.refreshed_at, s.second_factor_at,
            CASE WHEN u.barred_at IS NULL THEN u.status ELSE 'DEACTIVATED' END AS status,
            u.email_verified_at, u.approved_at
        FROM sessions s JOIN users u ON u.user_id = s.user_id
        WHERE s.session_id = $1 AND s.user_id = $2";

    KNOWN_MANY = "
        SELECT s.session_id, s.user_id, s.last_active_at, s.ended_at, s.expires_at,
            s.refresh_expires_at, s.refreshed_at, s.second_factor_at,
            CASE WHEN u.barred_at IS NULL THEN u.status ELSE 'DEACTIVATED' END AS status,
            u.email_verified_at, u.approved_at
        FROM sessions s JOIN users u ON u.user_id = s.user_id
        WHERE s.session_id IN ($1..)";

    OPEN_OF = "
        SELECT session_id, user_id, facade, platform, user_agent, client_id, ip_address,
            created_at, last_active_at, expires_at
        FROM sessions
        WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 AND refresh_expires_at > $2
        ORDER BY created_at DESC, session_id DESC";

    LOOKUP_MANY = "
        SELECT session_id, user_id, facade, platform, user_agent, client_id, ip_address,
            created_at, last_active_at, expires_at
        FROM sessions WHERE user_id = $1 AND session_id IN ($2..)";

    STEP_UP = "
        UPDATE sessions SET second_factor_at = $2 WHERE session_id = $1 AND ended_at IS NULL";

    END = "UPDATE sessions SET ended_at = $2 WHERE session_id = $1 AND ended_at IS NULL";

    /// Changes nothing: the row's lock makes those who show its refresh tokens wait for
    /// each other.
    LOCK = "
        UPDATE sessions SET generation = generation WHERE session_id = $1
        RETURNING session_id, user_id, facade, platform, user_agent, client_id, ip_address,
            created_at, last_active_at, expires_at, generation, refresh_hash, refreshed_at";

    ROTATE = "
        UPDATE sessions SET generation = $2, spent_hash = refresh_hash, refresh_hash = $3, refresh_expires_at = $4,
            ip_address = $5, refreshed_at = $6, last_active_at = $6
        WHERE session_id = $1";

    REFRESH_HASHES = "SELECT refresh_hash, spent_hash FROM sessions WHERE session_id = $1";

    /// Only where nobody has noted it lately.
    TOUCH = "
        UPDATE sessions SET last_active_at = $2, ip_address = $3
        WHERE session_id = $1 AND last_active_at <= $4 AND ended_at IS NULL";

    /// Also those that are over by this clock: another one may be behind it.
    END_OTHERS = "
        UPDATE sessions SET ended_at = $2
        WHERE user_id = $1 AND session_id <> $3 AND ended_at IS NULL
        RETURNING session_id, expires_at > $2 AND refresh_expires_at > $2 AS was_open";

    /// Access that outlived the end of its session ends as well.
    END_ACCESS = "
        UPDATE sessions SET access_until = NULL
        WHERE user_id = $1 AND session_id <> $2 AND access_until IS NOT NULL";

    END_OF_FACADE = "
        UPDATE sessions SET ended_at = $3, access_until = NULL
        WHERE user_id = $1 AND facade = $2 AND ended_at IS NULL
        RETURNING session_id, expires_at > $3 AND refresh_expires_at > $3 AS was_open";

    END_ACCESS_OF_FACADE = "
        UPDATE sessions SET access_until = NULL
        WHERE user_id = $1 AND facade = $2 AND access_until IS NOT NULL";

    OWNER = "SELECT user_id FROM sessions WHERE session_id = $1";

    /// What ended long ago is of no use to anybody; questions asked in it go first.
    SWEEP_CHALLENGES = "
        DELETE FROM challenges WHERE session_id IN (
            SELECT session_id FROM sessions WHERE expires_at <= $1)";
    SWEEP = "DELETE FROM sessions WHERE expires_at <= $1";
}

/// Writes a session, and ends the oldest beyond `sessions_max`; tells which they are.
pub async fn insert(
    session: &mut Db,
    new: &NewSession<'_>,
    sessions_max: i64,
) -> Result<Vec<SessionId>, DbError> {
    let device = new.device;
    session
        .query(INSERT)
        .bind(new.session_id)
        .bind(new.user_id)
        .bind(new.facade)
        .bind(device.platform.as_deref())
        .bind(device.language.as_deref())
        .bind(device.timezone.as_deref())
        .bind(device.screen_width)
        .bind(device.screen_height)
        .bind(new.user_agent)
        .bind(device.client_id.as_deref())
        .bind(new.ip_address)
        .bind(new.refresh_hash)
        .bind(new.refresh_expires_at)
        .bind(new.at)
        .bind(new.expires_at)
        .execute()
        .await?;
    let surplus = session.query(END_SURPLUS).bind(new.user_id).bind(new.at).bind(sessions_max);
    Ok(ids(surplus.all().await?))
}

/// What is known of a session of this person, and when it was last used.
pub async fn known(
    session: &mut Db,
    id: SessionId,
    user_id: UserId,
) -> Result<Option<(Facts, Instant)>, DbError> {
    let row: Option<KnownRow> = session.query(KNOWN).bind(id).bind(user_id).maybe().await?;
    Ok(row.map(|row| (row.facts.facts(), row.last_active_at)))
}

/// The same of many sessions, by session and person, in no particular order.
pub async fn known_many(
    session: &mut Db,
    ids: &[SessionId],
) -> Result<Vec<((SessionId, UserId), (Facts, Instant))>, DbError> {
    let ids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
    let rows: Vec<KnownRow> = session.query(KNOWN_MANY).bind_ids(&ids).all().await?;
    let read =
        |row: KnownRow| ((row.session_id, row.user_id), (row.facts.facts(), row.last_active_at));
    Ok(rows.into_iter().map(read).collect())
}

/// Keeps what a page must repeat with a session's access token, and with its refresh token
/// where that is new.
pub async fn set_csrf(
    session: &mut Db,
    id: SessionId,
    access: &[u8],
    refresh: Option<&[u8]>,
) -> Result<(), DbError> {
    session.query(SET_CSRF).bind(id).bind(access).bind(refresh).execute().await?;
    Ok(())
}

/// The open session whose page repeats this with its access token.
pub async fn by_csrf_access(
    session: &mut Db,
    hash: &[u8],
) -> Result<Option<(SessionId, UserId)>, DbError> {
    session.query(BY_CSRF_ACCESS).bind(hash).maybe().await
}

/// The open session whose page repeats this with its refresh token.
pub async fn by_csrf_refresh(
    session: &mut Db,
    hash: &[u8],
) -> Result<Option<(SessionId, UserId)>, DbError> {
    session.query(BY_CSRF_REFRESH).bind(hash).maybe().await
}

/// What is known of a session of this person.
pub async fn facts(
    session: &mut Db,
    id: SessionId,
    user_id: UserId,
) -> Result<Option<Facts>, DbError> {
    Ok(known(session, id, user_id).await?.map(|(facts, _)| facts))
}

/// Reads a session and locks it.
pub async fn lock(session: &mut Db, id: SessionId) -> Result<Option<Family>, DbError> {
    session.query(LOCK).bind(id).maybe().await
}

/// Puts the next refresh token in the place of the latest, under the session's lock.
pub async fn rotate(session: &mut Db, new: &NewRefresh<'_>) -> Result<(), DbError> {
    let query = session.query(ROTATE).bind(new.session_id).bind(new.generation).bind(new.hash);
    query.bind(new.expires_at).bind(new.ip_address).bind(new.at).execute().await?;
    Ok(())
}

/// The hashes of a session's latest refresh token and of the one before it.
pub async fn refresh_hashes(session: &mut Db, id: SessionId) -> Result<Vec<Vec<u8>>, DbError> {
    let row = session.query(REFRESH_HASHES).bind(id).maybe().await?;
    let hashes = row.map(|(latest, spent): (Vec<u8>, Option<Vec<u8>>)| [Some(latest), spent]);
    Ok(hashes.into_iter().flatten().flatten().collect())
}

/// Notes that a session is in use, where nobody has since `before`.
pub async fn touch(
    session: &mut Db,
    id: SessionId,
    ip_address: &str,
    at: Instant,
    before: Instant,
) -> Result<(), DbError> {
    session.query(TOUCH).bind(id).bind(at).bind(ip_address).bind(before).execute().await?;
    Ok(())
}

/// A person's open sessions, the newest first.
pub async fn open_of(
    session: &mut Db,
    user_id: UserId,
    now: Instant,
) -> Result<Vec<Session>, DbError> {
    session.query(OPEN_OF).bind(user_id).bind(now).all().await
}

/// A person's own sessions among these, open or not, in no particular order.
pub async fn lookup_many(
    session: &mut Db,
    user_id: UserId,
    ids: &[SessionId],
) -> Result<Vec<Session>, DbError> {
    session.query(LOOKUP_MANY).bind(user_id).bind_list(ids).all().await
}

/// Notes that a second factor was confirmed in a session; false where it has ended.
pub async fn step_up(session: &mut Db, id: SessionId, at: Instant) -> Result<bool, DbError> {
    Ok(session.query(STEP_UP).bind(id).bind(at).execute().await? == 1)
}

/// Ends a session; false where it had ended before.
pub async fn end(session: &mut Db, id: SessionId, at: Instant) -> Result<bool, DbError> {
    Ok(session.query(END).bind(id).bind(at).execute().await? == 1)
}

/// Whose session it is, open or not.
pub async fn owner(session: &mut Db, id: SessionId) -> Result<Option<UserId>, DbError> {
    session.query(OWNER).bind(id).scalar().await
}

/// Ends all sessions of a person but one, and tells which were open.
pub async fn end_others(
    session: &mut Db,
    user_id: UserId,
    kept: Option<SessionId>,
    at: Instant,
) -> Result<Vec<SessionId>, DbError> {
    // No session has the name of no bits.
    let kept = kept.unwrap_or(SessionId::from_uuid(Uuid::nil()));
    let ended = session.query(END_OTHERS).bind(user_id).bind(at).bind(kept);
    let ended: Vec<(SessionId, bool)> = ended.all().await?;
    session.query(END_ACCESS).bind(user_id).bind(kept).execute().await?;
    Ok(ended.into_iter().filter(|one| one.1).map(|one| one.0).collect())
}

/// Ends all sessions of a person that came in by a door, with what access outlived them, and
/// tells which were open.
pub async fn end_of_facade(
    session: &mut Db,
    user_id: UserId,
    facade: Facade,
    at: Instant,
) -> Result<Vec<SessionId>, DbError> {
    let ended = session.query(END_OF_FACADE).bind(user_id).bind(facade).bind(at);
    let ended: Vec<(SessionId, bool)> = ended.all().await?;
    session.query(END_ACCESS_OF_FACADE).bind(user_id).bind(facade).execute().await?;
    Ok(ended.into_iter().filter(|one| one.1).map(|one| one.0).collect())
}

fn ids(rows: Vec<(SessionId,)>) -> Vec<SessionId> {
    rows.into_iter().map(|row| row.0).collect()
}

/// Removes sessions that ended by age before an instant, and tells how many.
pub async fn sweep(session: &mut Db, before: Instant) -> Result<u64, DbError> {
    session.query(SWEEP_CHALLENGES).bind(before).execute().await?;
    session.query(SWEEP).bind(before).execute().await
}
