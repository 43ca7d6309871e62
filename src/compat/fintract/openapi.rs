//! How fintract describes itself.

use utoipa::openapi::{HttpMethod, OpenApi};

use super::{
    errors::{EMAIL_TAKEN, STYLE, USERNAME_TAKEN},
    fields::{EMAIL, USERNAME},
    register::{
        CUSTOMER_ID, GENDER, GENDERS, NAME, PAGE, PASSWORD, PASSWORD_AGAIN, PHONE, USER_TYPE,
    },
    user_type::USER_TYPES,
};
use crate::compat::wire::{
    description::{Described, Page, Said, bearer, document},
    dialect::Dialect,
    drf_description::{bad, components, detail, member, no_account, reads, usual},
    shape::{self, Member, or_null, words},
};

const ABOUT: &str = "People sign in by an address and a password, then by a code that is mailed, \
    and show the access token in the `Authorization` header. Bodies are JSON or forms. An access \
    token lives for an hour or until its session ends; the refresh token opens nothing. `{id}` \
    is one's own. A customer type other than CUSTOMER is asked for by registering and gives no \
    right until staff approve. This API is kept for clients that exist already; new ones use \
    GraphQL.";

const COMING_IN: &str = "Coming in";
const PROFILE: &str = "Profile";
const LEAVING: &str = "Leaving";
const STAFF: &str = "Staff";

const NOT_JSON: &str = r#"{"detail":"JSON parse error - Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"}"#;
const REQUIRED: &str = r#"{"email":["This field is required."]}"#;

const REGISTERED: &str = r#"{"id":78,"username":"JohnDoe0303","email":"johndoe@gmail.com","name":"John","user_type":"DEVELOPER","phone":"1234567890","customer_id":"7001808879932062","gender":"MALE"}"#;
const SIGNED_IN: &str = r#"{"message":"Successfully Logged In","id":93,"customer_id":"7001808879932062","email":"johndoe@gmail.com","username":"JohnDoe0303","verification_status":true,"tokens":{"refresh":"eyJhbGciOiJIUzI1NiJ9.e30.c2ln","access":"eyJhbGciOiJIUzI1NiJ9.e30.c2ln"},"user_type":"DEVELOPER"}"#;
const INFO: &str = r#"{"id":93,"email":"johndoe@gmail.com","avatar":"","gender":"MALE","username":"JohnDoe0303","name":"John","net balance":0,"net_balance":0,"customer-id":"2160658639884","verification_status":true,"phone":"1234567890","country":"","citizenship":"","national_id":"","address":"","bank_name":""}"#;
const WITH_AVATAR: &str = r#"{"id":93,"password":"","last_login":"2026-11-21T19:27:41.704096Z","is_superuser":false,"user_type":"CUSTOMER","gender":"FEMALE","username":"Johndoe34","email":"johndoe@gmail.com","phone":"1234567890","avatar":"http://127.0.0.1:8080/files/b906a186.png?key=00112233445566778899aabbccddeeff","customer_id":"865565869898","name":"John Doe","country":"USA","citizenship":"","national_id":"","address":"","is_staff":false,"is_active":true,"is_deactivate":false,"is_verified":true,"admin_approved":true,"bank":"","otp":"0","groups":[],"user_permissions":[]}"#;
const UPLOADED: &str =
    r#"{"url":"http://127.0.0.1:8080/files/c3510aee.csv?key=00112233445566778899aabbccddeeff"}"#;

/// The document.
pub fn page() -> OpenApi {
    document(Page {
        dialect: Dialect::Fintract,
        about: ABOUT,
        schemes: vec![("bearer", bearer("`Authorization: Bearer ACCESS`"))],
        components: components(&STYLE),
        operations: vec![
            deactivate(),
            register(),
            log_in(),
            confirm(),
            approve(),
            avatar(),
            delete(),
            resend(),
            info(),
            update(),
            rename(),
            upload(),
            open(),
        ],
    })
}

fn new(method: HttpMethod, path: &'static str, id: &str, summary: &str) -> Described {
    usual(Described::new(method, path, id, summary))
}

/// One that only who is signed in may ask, and not everybody of them.
fn own(described: Described) -> Described {
    let told = "You do not have permission to perform this action.";
    let forbidden = detail("Another's, or for others", told);
    described.needs(&["bearer"]).shares(&[(401, "Anonymous")]).says(403, forbidden)
}

fn id(described: Described) -> Described {
    let id = Member::integer("", "The person's number", 93).range(1, 999_999_999_999_999_999);
    described.in_path("id", id)
}

fn done(about: &str, member: &str, text: &str) -> Said {
    Said::json(about, words(member, &[text]))
}

fn email() -> Member {
    member(&EMAIL, "The address", "johndoe@gmail.com").format("email")
}

fn username() -> Member {
    let about = "A name to sign in by: letters, digits and `@.+-_`";
    member(&USERNAME, about, "JohnDoe0303")
}

/// A bad request where the bank itself may say no, in a sentence.
fn unmade() -> Said {
    bad("Nothing is changed").example("missing", REQUIRED).example("no JSON", NOT_JSON)
}

fn deactivate() -> Described {
    let path = "/auth/account-deactivate/";
    let about = "All sessions end at once, and nobody signs the person in until staff reactivate.";
    let told = "Account deactivate request submitted!";
    own(new(HttpMethod::Put, path, "deactivate", "Ask to be deactivated").tag(LEAVING))
        .about(about)
        .says(200, done("It is asked for", "msg", told))
        .says(400, bad("The bank refuses it, and says why"))
}

fn register() -> Described {
    let described = new(HttpMethod::Post, "/auth/register/", "register", "Become a customer");
    let fields = [
        email(),
        username(),
        member(&NAME, "First and last name; the last word is the last name", "John"),
        member(&USER_TYPE, "What one wants to be; CUSTOMER where it is missing", "DEVELOPER")
            .one_of(&USER_TYPES),
        member(&PASSWORD, "8 to 128 characters, not a common one", "quiet harbour 42"),
        member(&PASSWORD_AGAIN, "The same once more", "quiet harbour 42"),
        member(&PHONE, "A number to be called by", "1234567890"),
        member(&CUSTOMER_ID, "12 to 17 digits; made here where it is missing", "7001808879932062")
            .pattern("^[0-9]{12,17}$"),
        member(&GENDER, "The gender", "MALE").one_of(&GENDERS),
    ];
    let (email, username) = (
        format!(r#"{{"email":["{EMAIL_TAKEN}"]}}"#),
        format!(r#"{{"username":["{USERNAME_TAKEN}"]}}"#),
    );
    let customer_id = r#"{"customer_id":["user with this customer id already exists."]}"#;
    reads(described.tag(COMING_IN).about("A letter with a link proves the address."), fields)
        .says(201, Said::like("The person, whose address is not proven yet", REGISTERED))
        .says(
            400,
            bad("Nobody was made")
                .example("email", &email)
                .example("username", &username)
                .example("customer id", customer_id)
                .example("passwords", r#"{"password":["Password fields didn't match."]}"#)
                .example("weak", r#"{"password":["The password is too common."]}"#)
                .example("missing", REQUIRED)
                .example("no JSON", NOT_JSON),
        )
}

fn log_in() -> Described {
    let described = new(HttpMethod::Post, "/auth/login/", "logIn", "Sign in: the password");
    let text = |name, about, example| Member::text(name, about, example).length(1, None);
    let fields = [
        email(),
        text("otpType", "Where the code goes, whatever its letters' case", "Email")
            .one_of(&["Email", "Phone"]),
        text("userType", "What the person is, whatever its letters' case", "DEVELOPER")
            .one_of(&USER_TYPES)
            .optional(),
        text("password", "The password", "quiet harbour 42"),
    ];
    let phone = r#"{"otpType":["No SMS gateway is set up."]}"#;
    reads(described.tag(COMING_IN), fields)
        .about("The code has 6 digits, lives for ten minutes, and takes five guesses.")
        .says(200, Said::like("A code is on its way", r#"{"data":{"id":93}}"#))
        .says(400, unmade().example("phone", phone))
        .says(401, no_account("The address, the password or the type is wrong"))
}

fn confirm() -> Described {
    let described = new(HttpMethod::Post, "/auth/login/{id}/", "confirm", "Sign in: the code");
    let code = Member::text("otp", "The code of the letter", "123456").length(1, None);
    let message = shape::any_of([
        shape::named("Faults"),
        shape::named("Detail"),
        words("message", &["Invalid OTP"]),
    ]);
    reads(id(described.tag(COMING_IN)), [code])
        .about("A code that comes back by letter proves the address.")
        .says(200, Said::like("Signed in", SIGNED_IN))
        .says(
            400,
            Said::json("Whatever is wrong with the code or the number", message)
                .example("code", r#"{"message":"Invalid OTP"}"#)
                .example("missing", r#"{"otp":["This field is required."]}"#),
        )
}

fn approve() -> Described {
    let path = "/auth/admin_approval/";
    let described = new(HttpMethod::Post, path, "approve", "Approve a customer").tag(STAFF);
    let customer = Member::text("customer_id", "The customer's number", "34712234559419273");
    own(reads(described, [customer.length(1, Some(255))]))
        .about("For a FINTRACT_ADMIN.")
        .says(200, done("Approved", "msg", "User admin approved"))
        .says(400, unmade())
}

const MULTIPART: &str = "multipart/form-data";

fn takes_file(described: Described, about: &str) -> Described {
    let body = shape::body([Member::file("file", about)]);
    own(described.takes(&[MULTIPART], &body)).shares(&[(415, "WrongType")]).says(
        400,
        bad("The file is not taken")
            .example("none", r#"{"file":["No file was submitted."]}"#)
            .example("empty", r#"{"file":["The submitted file is empty."]}"#)
            .example("type", r#"{"file":["File type is not supported."]}"#)
            .example("size", r#"{"file":["File is too large."]}"#),
    )
}

fn avatar() -> Described {
    let path = "/auth/avatar/{id}/";
    let described = new(HttpMethod::Post, path, "setAvatar", "Set one's image").tag(PROFILE);
    let user = or_null(shape::like(WITH_AVATAR), "last_login");
    let whole = shape::object("user", user);
    takes_file(id(described), "A jpg, png or webp of at most 5 MiB")
        .says(201, Said::json("The person with the image", whole))
}

fn delete() -> Described {
    let about = "The person is anonymised, the books stay. Refused while there is money left.";
    own(new(HttpMethod::Delete, "/auth/delete/", "delete", "Leave for good").tag(LEAVING))
        .about(about)
        .says(200, done("The person is gone", "msg", "Account Successfully deleted"))
        .says(400, bad("The bank refuses it, and says why"))
}

fn resend() -> Described {
    let path = "/auth/re-verify-email/";
    let described = new(HttpMethod::Post, path, "resend", "Have a new link mailed");
    reads(
        described.tag(COMING_IN).about("The same for known, verified and unknown addresses."),
        [email()],
    )
    .says(201, done("A link is on its way where it is needed", "message", "New token sent"))
    .says(400, unmade())
}

fn info() -> Described {
    let path = "/auth/info/{id}/";
    own(id(new(HttpMethod::Get, path, "info", "What is known of oneself").tag(PROFILE)))
        .about("`net balance` and `net_balance` are the total in whole units, rounded down.")
        .says(200, Said::like("The person", INFO))
}

fn update() -> Described {
    let path = "/auth/update/usr/{id}/";
    let described = new(HttpMethod::Patch, path, "update", "Change what is known of oneself");
    let text =
        |name, about, example| Member::text(name, about, example).length(0, Some(255)).optional();
    let fields = [
        text("email", "Counts once the link that is mailed to it is opened", "john@example.net")
            .length(0, Some(254)),
        text("username", "A name to sign in by", "JohnDoe0303").length(0, Some(150)),
        text("name", "First and last name", "John Doe").length(0, Some(150)),
        text("phone", "A number to be called by", "1234567890").length(0, Some(32)),
        text("country", "The country", "USA"),
        text("citizenship", "The citizenship", "USA"),
        text("national_id", "The national number", "A1234567"),
        text("address", "The address", "1 Main Street"),
    ];
    let taken = format!(r#"{{"email":["{EMAIL_TAKEN}"]}}"#);
    own(reads(id(described.tag(PROFILE)), fields))
        .about("An empty text changes nothing.")
        .says(200, done("Changed", "message", "Updated Successfully"))
        .says(400, unmade().example("taken", &taken))
}

fn rename() -> Described {
    let path = "/auth/user-update/";
    let described = new(HttpMethod::Put, path, "rename", "Change one's names").tag(PROFILE);
    let name = Member::text("name", "First and last name", "John Doe").length(1, Some(150));
    let taken = format!(r#"{{"username":["{USERNAME_TAKEN}"]}}"#);
    own(reads(described, [username(), name]))
        .says(200, done("Changed", "msg", "Account Successfully Updated"))
        .says(400, unmade().example("taken", &taken))
}

fn upload() -> Described {
    let path = "/auth/upload/";
    let described = new(HttpMethod::Post, path, "upload", "Bring a file").tag(PROFILE);
    takes_file(described, "A jpg, png, webp, pdf, csv or txt of at most 5 MiB")
        .says(201, Said::like("Where the file is, for whoever has the link", UPLOADED))
}

fn open() -> Described {
    let token = Member::text("", "What the letter's link carries", "dG9rZW4");
    let done = "Your email address is verified. You can close this page.\n";
    let bad = "This link is wrong, was used, or has expired. Ask for a new letter.\n";
    Described::new(HttpMethod::Get, "/verify-email/", "verifyEmail", "Open a letter's link")
        .tag(COMING_IN)
        .query("token", true, token)
        .says(200, Said::page("The address is proven", PAGE, done))
        .says(404, Said::page("The link opens nothing", PAGE, bad))
        .shares(&[
            (504, "Unknown"),
            (405, "WrongMethod"),
            (413, "TooLarge"),
            (429, "Throttled"),
            (500, "Broken"),
            (503, "Busy"),
        ])
}
