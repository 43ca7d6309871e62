//! How ewallet describes itself.

use axum::http::Method;
use utoipa::openapi::{
    ComponentsBuilder, HttpMethod, OpenApi, Response,
    security::{ApiKey, ApiKeyValue, SecurityScheme},
};

use super::{
    door::DOOR,
    errors::{LOGIN, MOVEMENT, NOT_OURS, REFRESH, Usual, refuse},
    money::{CLAIM_MAX, DIGITS_MAX},
    tokens::Cookie,
};
use crate::{
    compat::wire::{
        answer::{Answer, JSON},
        description::{Described, Page, Said, document},
        dialect::Dialect,
        door::{ASK_BY_KEY, Fault},
        shape::{self, Member, words},
    },
    domain::account::OutsideBank,
};

const ABOUT: &str = "People sign in by an address and a password, and are known by cookies: two \
    tokens that scripts cannot read, and beside each a value that a page repeats in the header \
    `X-CSRF-TOKEN`. Amounts are whole units. There is no way to register here: only those sign \
    in whom another password-only dialect or the operator made, or who have allowed it; money \
    moves once their address is verified. This API is kept for clients that exist already; new \
    ones use GraphQL.";

const SESSIONS: &str = "Sessions";
const MONEY: &str = "Money";

fn cookie(which: Cookie, about: &str) -> SecurityScheme {
    let value = ApiKeyValue::with_description(which.name(), about);
    SecurityScheme::ApiKey(ApiKey::Cookie(value))
}

fn header(name: &str, about: &str) -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, about)))
}

/// The document.
pub fn page() -> OpenApi {
    document(Page {
        dialect: Dialect::Ewallet,
        about: ABOUT,
        schemes: vec![
            ("access", cookie(Cookie::Access, "Set by a sign-in; 15 minutes")),
            ("refresh", cookie(Cookie::Refresh, "Set by a sign-in; 30 days")),
            ("refreshHeader", header(Cookie::Refresh.name(), "In place of the cookie")),
            ("csrf", header("X-CSRF-TOKEN", "What the cookie beside the token says")),
        ],
        components: components(),
        operations: vec![log_in(), refresh(), log_out(), top_up(), transfer()],
    })
}

/// What an answer of the code says, as an example.
fn text_of(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn page_of(about: &str, fault: Fault) -> Said {
    let answer = refuse(&Method::GET, fault);
    Said::page(about, "text/html; charset=utf-8", &text_of(&answer))
}

fn msg(about: &str, texts: &[&str]) -> Said {
    Said::json(about, words("msg", texts))
}

fn components() -> ComponentsBuilder {
    let unknown = page_of("There is no such thing here", Fault::UnknownPath);
    let wrong = Fault::WrongMethod(&DOOR.resources[0]);
    let shared: [(&str, Said); 7] = [
        ("NotFound", unknown),
        ("WrongMethod", page_of("The path takes other methods", wrong).header("Allow")),
        ("TooLarge", msg("The body is larger than may be", &["Content Too Large"])),
        ("Throttled", msg("Asked too often", &["Too many requests."]).header("Retry-After")),
        ("Broken", msg("Something broke inside; the log has the id", &["Internal Server Error"])),
        ("Busy", msg("The server is busy", &["Service Unavailable"]).header("Retry-After")),
        ("Unknown", msg("Nobody knows whether it was done", &[ASK_BY_KEY])),
    ];
    let none = ComponentsBuilder::new();
    shared.into_iter().fold(none, |all, (name, said)| all.response(name, Response::from(said)))
}

fn new(path: &'static str, id: &str, summary: &str) -> Described {
    Described::new(HttpMethod::Post, path, id, summary).shares(&[
        (404, "NotFound"),
        (405, "WrongMethod"),
        (413, "TooLarge"),
        (429, "Throttled"),
        (500, "Broken"),
        (503, "Busy"),
        (504, "Unknown"),
    ])
}

fn fails(described: Described, usual: Usual, about: &str) -> Described {
    described.says(usual.status.as_u16(), msg(about, &[usual.words]))
}

fn log_in() -> Described {
    let body = shape::body([
        Member::text("email", "The address", "ann@example.org"),
        Member::text("password", "The password in plain text", "quiet harbour 42"),
    ]);
    let done = msg("Signed in: four cookies are set", &["login success."]).header("Set-Cookie");
    let described = new("/token/auth", "logIn", "Sign in").tag(SESSIONS);
    fails(described.takes(&[JSON], &body).says(200, done), LOGIN, "Whatever is wrong")
}

fn refresh() -> Described {
    let done = "A new access token: two cookies are set";
    let described = new("/token/refresh", "refresh", "Get a new access token")
        .tag(SESSIONS)
        .about("Takes no body. The refresh token is taken from its cookie, else from the header.")
        .needs(&["refresh", "csrf"])
        .needs(&["refreshHeader", "csrf"])
        .says(200, msg(done, &["token refreshed."]).header("Set-Cookie"));
    fails(described, REFRESH, "Whatever is wrong")
}

fn log_out() -> Described {
    new("/token/remove", "logOut", "Sign out")
        .tag(SESSIONS)
        .about(
            "Takes no body. The session is found by `csrf_access_token` or \
            `csrf_refresh_token`, the cookies that a browser sends there.",
        )
        .says(
            200,
            msg("Signed out, or was never in: all cookies are cleared", &["logout success."])
                .header("Set-Cookie"),
        )
        .says(401, msg("A page of another origin asks, and nobody is signed out", &[NOT_OURS]))
}

fn movement(described: Described) -> Described {
    let claim = |about, example| Member::text("", about, example).length(1, Some(CLAIM_MAX));
    let described = described
        .tag(MONEY)
        .needs(&["access", "csrf"])
        .header("location", true, claim("Where the client says it is", "Jakarta"))
        .header("ip-address", true, claim("Where the client says it calls from", "203.0.113.7"))
        .idempotent()
        .says(200, msg("The money moved", &["transaction success."]))
        .says(
            401,
            msg(
                "Not signed in",
                &[
                    "Missing cookie \"access_token_cookie\"",
                    "Missing CSRF token",
                    "Token has expired",
                    NOT_OURS,
                    "Token has been revoked",
                ],
            ),
        )
        .says(
            422,
            msg(
                "No token of this API",
                &[
                    "Not enough segments",
                    "Signature verification failed",
                    "Only access tokens are allowed",
                ],
            ),
        );
    fails(described, MOVEMENT, "Whatever else is wrong, and nothing moved")
}

fn amount() -> Member {
    let max = 10_usize.pow(DIGITS_MAX) - 1;
    Member::integer("amount", "Whole units: 5 is 5.00", 25).range(1, max)
}

fn top_up() -> Described {
    let described = new("/api/topup", "topUp", "Put money into the wallet");
    movement(described.takes(&[JSON], &shape::body([amount()])))
}

fn transfer() -> Described {
    let codes = OutsideBank::ALL.map(OutsideBank::code);
    let code = Member::text("code", "The bank outside", codes[0]).one_of(&codes);
    let described = new("/api/transfer", "transfer", "Send money to a bank outside");
    movement(described.takes(&[JSON], &shape::body([amount(), code])))
}
