//! How card-bank describes itself, and its people; `openapi_money` has the rest.

use utoipa::openapi::{
    ComponentsBuilder, HttpMethod, OpenApi, Response,
    security::{ApiKey, ApiKeyValue, SecurityScheme},
};

use super::{
    openapi_money,
    openapi_terms::{acts, detail, new, own, reads, sentences, text},
};
use crate::compat::wire::{
    description::{Described, Page, Said, document},
    dialect::Dialect,
    door::ASK_BY_KEY,
    shape::{self, Member, list, named, sentence, words},
};

const ABOUT: &str = "People register with an address, a phone number and a social security \
    number, prove the address by a mailed code, and sign in by a password and another mailed \
    code. They are known by the cookie `authorization`, which scripts cannot read and which \
    lives for 45 minutes; the `Authorization` header is passed by. Money is told in floats with \
    at least one decimal, and read from the digits that were sent. This API is kept for clients \
    that exist already; new ones use GraphQL.";

const SERVICE: &str = "Service";
const PEOPLE: &str = "People";

/// The document.
pub fn page() -> OpenApi {
    let about = "Set by a sign-in; 45 minutes";
    let cookie = ApiKeyValue::with_description("authorization", about);
    let people = vec![
        root(),
        register(),
        verify_email(),
        request_code(),
        confirm_code(),
        me(),
        send_reset(),
        set_password(),
        log_out(),
        clean_up(),
    ];
    document(Page {
        dialect: Dialect::CardBank,
        about: ABOUT,
        schemes: vec![("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)))],
        components: components(),
        operations: people
            .into_iter()
            .chain(openapi_money::operations())
            .chain([reset_page()])
            .collect(),
    })
}

const MISSING: &str = r#"{"detail":[{"type":"missing","loc":["body","email"],"msg":"Field required","input":{"phone_number":"+12025550123"}}]}"#;
const NOT_JSON: &str = r#"{"detail":[{"type":"json_invalid","loc":["body",1],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting property name enclosed in double quotes"}}]}"#;
const NO_ADDRESS: &str = r#"{"detail":[{"type":"value_error","loc":["body","email"],"msg":"value is not a valid email address: An email address must have an @-sign.","input":"nope","ctx":{"reason":"An email address must have an @-sign."}}]}"#;

fn components() -> ComponentsBuilder {
    let anonymous = ["Not a valid token", "Could not validate credentials", "Token expired"];
    let invalid = Said::json("What is wrong with the body, all of it", named("Invalid"))
        .example("missing", MISSING)
        .example("no JSON", NOT_JSON)
        .example("address", NO_ADDRESS);
    let shared: [(&str, Said); 10] = [
        ("Anonymous", detail("Nobody is signed in", &anonymous)),
        ("NotFound", detail("There is no such thing here", &["Not Found"])),
        (
            "WrongMethod",
            detail("The path takes other methods", &["Method Not Allowed"]).header("Allow"),
        ),
        ("TooLarge", detail("The body is larger than may be", &["Content Too Large"])),
        ("Invalid", invalid),
        ("Throttled", detail("Asked too often", &["Request was throttled."]).header("Retry-After")),
        (
            "Broken",
            detail("Something broke inside; the log has the id", &["Internal Server Error"]),
        ),
        ("Busy", detail("The server is busy", &["Service Unavailable"]).header("Retry-After")),
        ("Unknown", detail("Nobody knows whether it was done", &[ASK_BY_KEY])),
        (
            "Foreign",
            sentences(
                "The page may not use this server, or the bank refuses it",
                &["Origin not allowed"],
            ),
        ),
    ];
    let schemas = ComponentsBuilder::new()
        .schema("Detail", sentence("detail"))
        .schema("Invalid", shape::object("detail", list(shape::fault())));
    shared.into_iter().fold(schemas, |all, (name, said)| all.response(name, Response::from(said)))
}

fn message(about: &str, told: &str) -> Said {
    Said::json(about, words("message", &[told]))
}

fn email() -> Member {
    text("email", "The address", "ann@example.org").format("email")
}

fn phone() -> Member {
    text("phone_number", "The phone number", "+12025550123")
}

fn social_security() -> Member {
    text("social_security", "The social security number", "078-05-1120")
}

fn root() -> Described {
    let up = Said::json("It runs", words("Status", &["Server up and running"]));
    new(HttpMethod::Get, "/", "root", "Whether the server runs")
        .tag(SERVICE)
        .about("At the root, who accepts `text/html` gets a page for people.")
        .says(200, up)
}

fn register() -> Described {
    let described = new(HttpMethod::Post, "/auth/register", "register", "Ask to be a customer");
    acts(reads(described.tag(PEOPLE), [email(), phone(), social_security()]))
        .about("A code of 8 characters is mailed, which is good for a day and takes five guesses.")
        .says(200, message("The code is on its way", "Mail has been send"))
        .says(409, detail("One of the three is somebody's", &["User already exists"]))
}

fn verify_email() -> Described {
    let described = new(HttpMethod::Post, "/auth/verify-email", "verifyEmail", "Become a customer");
    let fields = [
        text("first_name", "The first name", "Ann"),
        text("last_name", "The last name", "Lee"),
        email(),
        phone(),
        text("date_of_birth", "The day of birth", "1990-03-02").format("date"),
        social_security(),
        text("address", "Street and number", "1 Main Street"),
        text("city", "The city", "Springfield"),
        text("state", "The state", "IL"),
        text("post_code", "The post code", "62701"),
        text("password", "8 to 128 characters, not a common one", "quiet harbour 42"),
        text("verification_code", "The code of the letter", "A1B2C3D4"),
    ];
    let wrong = "The code is wrong, or a number is another than was registered";
    acts(reads(described.tag(PEOPLE), fields))
        .says(200, message("Signed in", "Access granted").header("Set-Cookie"))
        .says(406, detail(wrong, &["Wrong code"]))
}

fn login_fields() -> [Member; 3] {
    [
        text("email", "The address", "ann@example.org"),
        text("password", "The password", "quiet harbour 42").or_null(),
        text("twofa_code", "The code of the letter", "A1B2C3D4").or_null(),
    ]
}

fn request_code() -> Described {
    let path = "/auth/2fa/request";
    let described = new(HttpMethod::Post, path, "requestCode", "Sign in: the password");
    let told = "Could not validate credentials";
    acts(reads(described.tag(PEOPLE), login_fields()))
        .about("A code of 8 characters is mailed, for ten minutes and five guesses.")
        .says(200, message("The code is on its way", "Request sended"))
        .says(401, detail("The address or the password is wrong", &[told]))
}

fn confirm_code() -> Described {
    let path = "/auth/2fa/confirm";
    let described = new(HttpMethod::Post, path, "confirmCode", "Sign in: the code");
    let told = "Not valid code or user is not requested";
    acts(reads(described.tag(PEOPLE), login_fields()))
        .says(200, message("Signed in", "Access granted").header("Set-Cookie"))
        .says(401, detail("Whatever is wrong", &[told]))
}

fn me() -> Described {
    let shown = r#"{"name":"Ann","surname":"Lee","cards":[{"balance":50.0,"last4":"6122"}]}"#;
    own(new(HttpMethod::Get, "/auth/me", "me", "Who one is, and one's cards").tag(PEOPLE))
        .says(200, Said::like("The person", shown))
}

fn send_reset() -> Described {
    let path = "/auth/reset";
    let described = new(HttpMethod::Post, path, "sendReset", "Have a link for a password mailed");
    let told = "Could not validate credentials";
    acts(reads(described.tag(PEOPLE), [email(), phone(), social_security()]))
        .about("The link is good for an hour.")
        .says(200, message("The link is on its way", "Email sended"))
        .says(401, detail("The three are not one person's", &[told]))
}

fn set_password() -> Described {
    let path = "/auth/reset";
    let described = new(HttpMethod::Patch, path, "setPassword", "Set a new password");
    let token = "dG9rZW4tb2YtYS1saW5rLW9mLWEtbGV0dGVyLTEyMzQ";
    let fields = [
        text("token", "What the link carries", token),
        text("new_password", "8 to 128 characters, not a common one", "loud mountain 17"),
    ];
    acts(reads(described.tag(PEOPLE), fields))
        .about("All sessions of the person end, and nobody is signed in.")
        .says(200, message("The password is set", "Password changed"))
        .says(401, detail("The link opens nothing", &["Reset token is not valid"]))
}

fn log_out() -> Described {
    let done = message("Signed out, or was never in", "Goodbye").header("Set-Cookie");
    acts(new(HttpMethod::Post, "/auth/logout", "logOut", "Sign out").tag(PEOPLE)).says(200, done)
}

fn clean_up() -> Described {
    let path = "/cleanup-unverified";
    let described = new(HttpMethod::Delete, path, "cleanUp", "Forget old registrations");
    let told = r#"{"message":"Removed 0 expired unverified users."}"#;
    acts(described.tag(SERVICE)).says(200, Said::like("How many were forgotten", told))
}

fn reset_page() -> Described {
    let html = "text/html; charset=utf-8";
    new(HttpMethod::Get, "/reset", "resetPage", "The page that a letter's link leads to")
        .tag(PEOPLE)
        .about("Only below `/compat/card-bank`, where the bank has no front end.")
        .query("token", false, Member::text("", "What the link carries", "dG9rZW4"))
        .says(200, Said::page("The page", html, "<!doctype html>"))
}
