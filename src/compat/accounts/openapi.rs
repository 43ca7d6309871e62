//! How accounts describes itself.

use utoipa::openapi::{HttpMethod, OpenApi};

use super::{
    errors::{EMAIL_TAKEN, STYLE},
    session::{EMAIL, NO_PHONE, PASSWORD, PASSWORD_AGAIN, PHONE},
    settings::{FIRST_NAME, LAST_NAME},
};
use crate::compat::wire::{
    description::{Described, Page, Said, bearer, document},
    dialect::Dialect,
    drf_description::{bad, components, detail, member, no_account, reads, usual, whole_header},
    shape::{Member, sentence},
};

const ABOUT: &str = "People sign in by an address and a password, and show the access token in \
    the `Authorization` header. Bodies are JSON or forms; names of fields are taken in camel \
    case and in snake case. An access token lives for a day or until its session ends; the \
    refresh token opens nothing. Only those sign in whom a dialect like this one made, or who \
    have allowed it. This API is kept for clients that exist already; new ones use GraphQL.";

const COMING_IN: &str = "Coming in";
const SETTINGS: &str = "Settings";
const LOST_PASSWORD: &str = "A lost password";

const SETTINGS_SHOWN: &str = r#"{"email":"admin@admin.com","firstName":"Admin","lastName":"Adminovich","phoneNumber":"15487711"}"#;
const NO_USER: &str = r#"{"email":["No user ann@example.org was found."]}"#;
const NOT_JSON: &str = r#"{"detail":"JSON parse error - Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"}"#;
const REQUIRED: &str = r#"{"email":["This field is required."]}"#;

/// The document.
pub fn page() -> OpenApi {
    let jwt = whole_header("`JWT ACCESS`: the word JWT, a space, and the access token.");
    document(Page {
        dialect: Dialect::Accounts,
        about: ABOUT,
        schemes: vec![("bearer", bearer("`Authorization: Bearer ACCESS`")), ("jwt", jwt)],
        components: components(&STYLE),
        operations: vec![
            sign_up(),
            get_token(),
            change_email(),
            change_password(),
            show_settings(),
            change_settings(HttpMethod::Put, "replaceSettings"),
            change_settings(HttpMethod::Patch, "updateSettings"),
            send_code(),
            look(),
            confirm_code(),
            set_password(),
        ],
    })
}

fn new(method: HttpMethod, path: &'static str, id: &str, summary: &str) -> Described {
    usual(Described::new(method, path, id, summary))
}

/// One that only who is signed in may ask.
fn own(described: Described) -> Described {
    let forbidden = detail("The bank refuses it, and says why", "This person is suspended.");
    described.needs(&["bearer"]).needs(&["jwt"]).shares(&[(401, "Anonymous")]).says(403, forbidden)
}

fn email(example: &str) -> Member {
    member(&EMAIL, "The address; its letters' case says nothing", example).format("email")
}

fn sign_up() -> Described {
    let taken = format!(r#"{{"email":["{EMAIL_TAKEN}"]}}"#);
    let said = r#"{"email":"ann@example.org","phoneNumber":"+000000000"}"#;
    let described =
        new(HttpMethod::Post, "/api/auth/signup/", "signUp", "Become a customer").tag(COMING_IN);
    let about = format!("A number to be called by; `{NO_PHONE}` stands for none");
    reads(
        described,
        [
            email("ann@example.org"),
            member(&PHONE, &about, NO_PHONE),
            member(&PASSWORD, "8 to 128 characters, not a common one", "quiet harbour 42"),
            member(&PASSWORD_AGAIN, "The same once more", "quiet harbour 42"),
        ],
    )
    .says(201, Said::like("The person is a customer", said))
    .says(
        400,
        bad("Nobody was made")
            .example("taken", &taken)
            .example("address", r#"{"email":["Enter a valid email address."]}"#)
            .example("passwords", r#"{"nonFieldErrors":["Passwords don't match!"]}"#)
            .example("weak", r#"{"password":["The password is too common."]}"#)
            .example("missing", REQUIRED)
            .example("no JSON", NOT_JSON),
    )
}

fn get_token() -> Described {
    let path = "/api/auth/get-token/";
    let described = new(HttpMethod::Post, path, "getToken", "Sign in").tag(COMING_IN);
    let email = Member::text("email", "The address", "ann@example.org").length(1, None);
    let tokens =
        r#"{"refresh":"eyJhbGciOiJIUzI1NiJ9.e30.c2ln","access":"eyJhbGciOiJIUzI1NiJ9.e30.c2ln"}"#;
    reads(described, [email, member(&PASSWORD, "The password", "quiet harbour 42")])
        .says(200, Said::like("The tokens of a new session", tokens))
        .says(
            400,
            bad("A field is missing").example("missing", REQUIRED).example("no JSON", NOT_JSON),
        )
        .says(401, no_account("The address or the password is wrong, or may not be used here"))
}

fn change_email() -> Described {
    let path = "/api/auth/change-email/";
    let described = new(HttpMethod::Patch, path, "changeEmail", "Change one's address");
    let about = "The new address holds at once and is unverified until a code that is mailed to \
        it comes back. The old one gets a notice.";
    let taken = format!(r#"{{"detail":["{EMAIL_TAKEN}"]}}"#);
    let factor = r#"{"detail":["Change your email where your second factor is asked for."]}"#;
    own(reads(described.tag(SETTINGS).about(about), [email("ann@example.net")]))
        .says(200, Said::like("The address as it was sent", r#"{"email":"ann@example.net"}"#))
        .says(
            400,
            bad("The address stays")
                .example("taken", &taken)
                .example("address", r#"{"detail":["Enter a valid email address."]}"#)
                .example("missing", r#"{"detail":["This field may not be null."]}"#)
                .example("second factor", factor),
        )
}

fn change_password() -> Described {
    let path = "/api/auth/change-password/";
    let described = new(HttpMethod::Patch, path, "changePassword", "Change one's password");
    let about = "All other sessions of the person end.";
    let text = |name, about, example| Member::text(name, about, example).length(1, None);
    let fields = [
        text("password", "The present password", "quiet harbour 42"),
        text("newPassword", "The new one: 8 to 128 characters", "loud mountain 17"),
        text("newPassword2", "The new one once more", "loud mountain 17"),
    ];
    let done =
        Said::like("The password is changed", r#"{"message":"Successfully changed password."}"#);
    own(reads(described.tag(SETTINGS).about(about), fields)).says(200, done).says(
        400,
        bad("The password stays")
            .example("blank", r#"{"detail":"No blank fields allowed!"}"#)
            .example("present", r#"{"detail":["Old password is incorrect!"]}"#)
            .example("differ", r#"{"detail":["New passwords don't match!"]}"#)
            .example("weak", r#"{"detail":["The password is too common."]}"#),
    )
}

const SETTINGS_PATH: &str = "/api/users/settings/";

fn show_settings() -> Described {
    let summary = "What is known of oneself";
    own(new(HttpMethod::Get, SETTINGS_PATH, "showSettings", summary).tag(SETTINGS))
        .says(200, Said::like("The settings", SETTINGS_SHOWN))
}

fn change_settings(method: HttpMethod, id: &str) -> Described {
    let described = new(method, SETTINGS_PATH, id, "Change what is known of oneself");
    let about = "What is not sent stays as it was, by both methods. An email is passed by.";
    let fields = [
        member(&FIRST_NAME, "The first name", "Admin"),
        member(&LAST_NAME, "The last name", "Adminovich"),
        member(&PHONE, "A number to be called by", "15487711"),
    ];
    let long = r#"{"phoneNumber":["Ensure this field has no more than 16 characters."]}"#;
    own(reads(described.tag(SETTINGS).about(about), fields))
        .says(200, Said::like("The settings as they are now", SETTINGS_SHOWN))
        .says(400, bad("Nothing is changed").example("long", long).example("no JSON", NOT_JSON))
}

const RESET_PATH: &str = "/api/auth/reset-password/";

fn send_code() -> Described {
    let sent = r#"{"success":"Successfully sent a reset code to ann@example.org."}"#;
    let email = Member::text("", "Where the code goes", "ann@example.org").format("email");
    new(HttpMethod::Get, RESET_PATH, "sendResetCode", "Have a code mailed")
        .tag(LOST_PASSWORD)
        .shares(&[(504, "Unknown")])
        .about("The code has 4 digits and lives for two minutes. At most 3 an hour, 5 a day.")
        .query("email", true, email)
        .says(200, Said::like("The code is on its way", sent))
        .says(400, bad("No code").example("unknown", NO_USER).example("missing", REQUIRED))
}

fn look() -> Described {
    new(HttpMethod::Head, RESET_PATH, "lookAtReset", "Nothing is sent")
        .tag(LOST_PASSWORD)
        .says(200, Said::nothing("The path is there"))
}

fn confirm_code() -> Described {
    let path = RESET_PATH;
    let described = new(HttpMethod::Post, path, "confirmResetCode", "Change a code for a token");
    let code = Member::text("code", "The code of the letter", "0427").length(1, None);
    let token = r#"{"sessionToken":"TynWuwurQ7oZKImtynKggGoKFK5TiXdh"}"#;
    reads(described.tag(LOST_PASSWORD), [email("ann@example.org"), code])
        .about("Five wrong guesses void the code. A code that comes back proves the address.")
        .says(200, Said::like("A token that sets the password once, within ten minutes", token))
        .says(
            400,
            bad("No token")
                .example("wrong", r#"{"code":["Code has expired or it is incorrect."]}"#)
                .example("form", r#"{"code":["Invalid code provided."]}"#)
                .example("unknown", NO_USER),
        )
}

fn set_password() -> Described {
    let path = RESET_PATH;
    let described = new(HttpMethod::Patch, path, "setPassword", "Set a new password by the token");
    let text = |name, about, example| Member::text(name, about, example).length(1, None);
    let fields = [
        email("ann@example.org"),
        text("sessionToken", "The token", "TynWuwurQ7oZKImtynKggGoKFK5TiXdh"),
        text("newPassword", "8 to 128 characters, not a common one", "loud mountain 17"),
        text("newPassword2", "The same once more", "loud mountain 17"),
    ];
    let done = "The password is set and every session of the person ended";
    let ended = r#"{"sessionToken":["Session token has expired or it is incorrect."]}"#;
    let success = r#"{"success":"Successfully changed password for ann@example.org."}"#;
    reads(described.tag(LOST_PASSWORD), fields)
        .says(200, Said::json(done, sentence("success")).example("done", success))
        .says(
            400,
            bad("The password stays")
                .example("token", ended)
                .example("form", r#"{"sessionToken":["Invalid session token provided."]}"#)
                .example("differ", r#"{"nonFieldErrors":["New passwords don't match!"]}"#)
                .example("weak", r#"{"newPassword":["The password is too common."]}"#)
                .example("unknown", NO_USER),
        )
}
