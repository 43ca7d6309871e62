//! How financelime describes itself.

use utoipa::openapi::{ComponentsBuilder, HttpMethod, OpenApi, Response};

use super::{
    errors::{JSON, PLAIN},
    user::{TEXT_MAX, TEXT_MIN},
};
use crate::compat::wire::{
    answer,
    description::{Described, Page, Said, bearer, document},
    dialect::Dialect,
    shape::{self, Member, like, list, named},
};

const ABOUT: &str = "People sign up with an invite code and confirm a link that is mailed; the \
    server makes their password and mails it. Every call below `/v1` carries a `request-id` of \
    29 characters; a GET may say it as `rid` in the query. Access tokens live for 15 minutes, \
    refresh tokens for 30 days, and each refresh gives new ones. An access token works until it \
    expires, also after its session was removed. This API is kept for clients that exist \
    already; new ones use GraphQL.";

const SERVICE: &str = "Service";
const USER: &str = "User";
const OAUTH: &str = "OAuth";
const SESSION: &str = "Session";

const REQUEST_ID: &str = "K7800-H7625-Z5852-N1693-K1972";
const REQUEST_ID_LENGTH: usize = 29;
const SESSION_ID: &str = "f58d1c3c4c9e4f6d8a0b1c2d3e4f5a6bf58d1c3c4c9e4f6d8a0b1c2d3e4f5a6b";
const TOKENS: &str = r#"{"sessionID":"f58d1c3c4c9e4f6d8a0b1c2d3e4f5a6bf58d1c3c4c9e4f6d8a0b1c2d3e4f5a6b","accessToken":"eyJhbGciOiJIUzI1NiJ9.e30.c2ln","refreshToken":"dG9rZW4tb2YtYS1zZXNzaW9u"}"#;
const LISTED: &str = r#"{"sessionID":"f58d1c3c4c9e4f6d8a0b1c2d3e4f5a6bf58d1c3c4c9e4f6d8a0b1c2d3e4f5a6b","updatedAt":"2026-11-21T19:27:41.704096Z","platform":"Linux x86_64"}"#;

/// The document.
pub fn page() -> OpenApi {
    document(Page {
        dialect: Dialect::Financelime,
        about: ABOUT,
        schemes: vec![("bearer", bearer("`authorization: bearer ACCESS`"))],
        components: components(),
        operations: vec![
            version(),
            sign_up(),
            confirm_sign_up(),
            reset_password(),
            confirm_reset(),
            create(),
            renew(),
            sessions(),
            remove(),
        ],
    })
}

/// A failure, with its examples.
fn failure(about: &str, examples: &[(u16, &str)]) -> Said {
    let said = Said::of(about, JSON, named("Failure"));
    examples.iter().fold(said, |said, (code, message)| {
        said.example(message, &format!(r#"{{"code":{code},"message":"{message}"}}"#))
    })
}

fn components() -> ComponentsBuilder {
    let common = |about, code, message: &str| failure(about, &[(code, message)]);
    let shared: [(&str, Said); 9] = [
        ("Anonymous", common("Whoever calls has not shown who they are", 401, "401 Unauthorized")),
        ("Forbidden", common("The bank refuses it", 403, "403 Forbidden")),
        ("NotFound", common("There is no such thing here", 404, "404 Not Found")),
        ("WrongMethod", Said::nothing("The path takes other methods").header("Allow")),
        ("TooLarge", common("The body is larger than may be", 413, "413 Content Too Large")),
        (
            "Throttled",
            common("Asked too often", 429, "429 Too Many Requests").header("Retry-After"),
        ),
        (
            "Broken",
            common("Something broke inside; the log has the id", 500, "500 Internal Server Error"),
        ),
        (
            "Busy",
            common("The server is busy", 503, "503 Service Unavailable").header("Retry-After"),
        ),
        ("Unknown", common("Nobody knows whether it was done", 504, "504 Gateway Timeout")),
    ];
    let failure = like(r#"{"code":400,"message":"BAD_PARAMETERS"}"#);
    let schemas = ComponentsBuilder::new().schema("Failure", failure);
    shared.into_iter().fold(schemas, |all, (name, said)| all.response(name, Response::from(said)))
}

fn usual(described: Described) -> Described {
    let described = described.shares(&[
        (405, "WrongMethod"),
        (413, "TooLarge"),
        (429, "Throttled"),
        (500, "Broken"),
        (503, "Busy"),
    ]);
    if described.only_reads() { described } else { described.shares(&[(504, "Unknown")]) }
}

/// One below `/v1`, which carries a name.
fn new(method: HttpMethod, path: &'static str, id: &str, summary: &str) -> Described {
    let name = || {
        Member::text("", "What the client calls this request", REQUEST_ID)
            .length(REQUEST_ID_LENGTH, Some(REQUEST_ID_LENGTH))
    };
    let only_reads = method == HttpMethod::Get;
    let described = usual(Described::new(method, path, id, summary));
    if only_reads {
        described.header("request-id", false, name()).query("rid", false, name())
    } else {
        described.header("request-id", true, name())
    }
}

fn own(described: Described) -> Described {
    described.tag(SESSION).needs(&["bearer"]).shares(&[
        (401, "Anonymous"),
        (403, "Forbidden"),
        (404, "NotFound"),
    ])
}

fn bad(about: &str, more: &[(u16, &str)]) -> Said {
    failure(about, &[&[(400, "400 Bad Request"), (400, "BAD_PARAMETERS")], more].concat())
}

fn not_found(about: &str) -> Said {
    failure(about, &[(404, "USER_NOT_FOUND"), (404, "404 Not Found")])
}

fn email() -> Member {
    Member::text("email", "The address", "max@example.org").length(TEXT_MIN, Some(TEXT_MAX))
}

fn version() -> Described {
    let shown = r#"{"number":"v0.2.0-alpha","build":"fc56bb1 [2021-05-07_11:12:09]"}"#;
    new(HttpMethod::Get, "/v1/version", "version", "Which version answers")
        .tag(SERVICE)
        .says(200, Said::of("The version", JSON, like(shown)))
        .says(400, failure("The request has no name", &[(400, "400 Bad Request")]))
        .shares(&[(404, "NotFound")])
}

fn sign_up() -> Described {
    let code = Member::text("inviteCode", "A code that invites", "testInviteCode")
        .pattern("^[0-9a-zA-Z_-]{3,16}$");
    let language = Member::text("language", "Of the letters", "en").one_of(&["en", "ru"]);
    let taken = [(409, "INVITE_NOT_FOUND"), (409, "INVITE_HAS_ENDED"), (409, "USER_ALREADY_EXIST")];
    new(HttpMethod::Post, "/v1/user/signup", "signUp", "Ask to become a customer")
        .tag(USER)
        .about("A link is mailed, which is good for a day and holds the invite meanwhile.")
        .takes(&[answer::JSON], &shape::body([email(), code, language]))
        .says(204, Said::nothing("The link is on its way"))
        .says(400, bad("The request has no name, or a field is wrong", &[]))
        .says(409, failure("Nobody can come by this", &taken))
        .shares(&[(403, "Forbidden"), (404, "NotFound")])
}

fn link(path: &'static str, id: &str, summary: &str, done: &str) -> Described {
    let key = Member::text("", "What the link of the letter carries", "abcefghijkmnopqr");
    let described = usual(Described::new(HttpMethod::Get, path, id, summary)).tag(USER);
    described
        .in_path("confirmationKey", key.length(1, None))
        .says(200, Said::page("A page that says so", PLAIN, done))
        .shares(&[(403, "Forbidden"), (404, "NotFound"), (504, "Unknown")])
}

fn confirm_sign_up() -> Described {
    let done =
        "Your registration is confirmed. A letter with your password is on its way to you.\n";
    link("/u/{confirmationKey}", "confirmSignUp", "Confirm a registration", done)
}

fn reset_password() -> Described {
    new(HttpMethod::Post, "/v1/user/password", "resetPassword", "Ask for a new password")
        .tag(USER)
        .about("A link is mailed, which is good for 15 minutes.")
        .takes(&[answer::JSON], &shape::body([email()]))
        .says(204, Said::nothing("The link is on its way"))
        .says(400, bad("The request has no name, or the address is none", &[]))
        .says(404, not_found("Nobody has this address"))
        .shares(&[(403, "Forbidden")])
}

fn confirm_reset() -> Described {
    let done = "Your password is reset. A letter with the new password is on its way to you.\n";
    link("/p/{confirmationKey}", "confirmReset", "Confirm that a password is reset", done)
        .about("All sessions of the person end.")
}

fn create() -> Described {
    let password = Member::text("password", "The mailed password", "k3x9w2m5q8r1t4z7")
        .length(TEXT_MIN, Some(TEXT_MAX));
    let client = Member::text("clientID", "What program this is", "PWA_v0.0.1").optional();
    let device = Member::object(
        "device",
        "What it runs on",
        [
            Member::text("platform", "The system", "Linux x86_64").optional(),
            Member::integer("height", "Of the screen", 1920).optional(),
            Member::integer("width", "Of the screen", 1060).optional(),
            Member::text("language", "The language", "en-US").optional(),
            Member::text("timezone", "The time zone", "2").optional(),
        ],
    );
    new(HttpMethod::Post, "/v1/oauth/create", "createTokens", "Sign in")
        .tag(OAUTH)
        .about("A letter tells the person of it.")
        .takes(&[answer::JSON], &shape::body([email(), password, client, device.optional()]))
        .says(200, Said::of("The tokens of a new session", JSON, like(TOKENS)))
        .says(400, bad("The request has no name, or a field is wrong", &[]))
        .says(404, not_found("The address or the password is wrong"))
        .shares(&[(403, "Forbidden")])
}

fn renew() -> Described {
    let token = Member::text("refreshToken", "The refresh token", "dG9rZW4tb2YtYS1zZXNzaW9u");
    let more = [(400, "BAD_REFRESH_TOKEN")];
    new(HttpMethod::Put, "/v1/oauth/refresh", "refreshTokens", "Get new tokens")
        .tag(OAUTH)
        .takes(&[answer::JSON], &shape::body([token]))
        .says(200, Said::of("New tokens of the same session", JSON, like(TOKENS)))
        .says(400, bad("The request has no name, or this is no refresh token", &more))
        .says(404, not_found("The session has ended"))
        .shares(&[(403, "Forbidden")])
}

fn sessions() -> Described {
    own(new(HttpMethod::Get, "/v1/session/list", "listSessions", "Where one is signed in"))
        .says(200, Said::of("The sessions of this API", JSON, list(like(LISTED))))
        .says(400, failure("The request has no name", &[(400, "400 Bad Request")]))
}

fn remove() -> Described {
    let about = "Which; the current one where it is missing or empty";
    let id = Member::text("sessionID", about, SESSION_ID).optional();
    own(new(HttpMethod::Delete, "/v1/session/remove", "removeSession", "End a session"))
        .about("Whatever was ended before, or is another's, is passed by.")
        .takes(&[answer::JSON], &shape::body([id]))
        .says(204, Said::nothing("There is no such session any more"))
        .says(400, bad("The request has no name, or the body is wrong", &[]))
}
