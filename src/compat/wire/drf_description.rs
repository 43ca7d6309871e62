//! How the two dialects of one framework describe what they share: bodies of JSON or forms,
//! and what is wrong.

use utoipa::openapi::{
    ComponentsBuilder, ObjectBuilder, RefOr, Response, Schema, Type,
    schema::AdditionalProperties,
    security::{ApiKey, ApiKeyValue, SecurityScheme},
};

use super::{
    answer::JSON,
    description::{Described, FORMS, Said},
    door::OUTCOME_UNKNOWN,
    drf::{Field, Style},
    shape::{self, Member, any_of, list, named, sentence},
};

/// A field as its document shows it.
pub fn member(field: &Field<'_>, about: &str, example: &str) -> Member {
    let min = usize::from(!field.may_be_blank());
    let member = Member::text(field.name(), about, example).length(min, field.most());
    if field.is_required() { member } else { member.optional() }
}

/// The whole `Authorization` header, for a scheme that OpenAPI has no word for.
pub fn whole_header(about: &str) -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("Authorization", about)))
}

/// Everything that is wrong with fields: one list of sentences for each.
fn faults() -> RefOr<Schema> {
    let sentences = list(ObjectBuilder::new().schema_type(Type::String).into());
    let sentences = match sentences {
        RefOr::T(schema) => AdditionalProperties::RefOr(RefOr::T(schema)),
        RefOr::Ref(reference) => AdditionalProperties::RefOr(RefOr::Ref(reference)),
    };
    ObjectBuilder::new().additional_properties(Some(sentences)).into()
}

fn bad_token(style: &Style) -> String {
    let [class, kind] = style.token_names;
    format!(
        r#"{{"detail":"Given token not valid for any token type","code":"token_not_valid","messages":[{{"{class}":"AccessToken","{kind}":"access","message":"Token is invalid or expired"}}]}}"#
    )
}

const ANONYMOUS: &str = r#"{"detail":"Authentication credentials were not provided."}"#;
const BAD_HEADER: &str = r#"{"detail":"Authorization header must contain two space-delimited values","code":"bad_authorization_header"}"#;

/// `{"detail":"…"}`, with an example.
pub fn detail(about: &str, text: &str) -> Said {
    let example = format!(r#"{{"detail":{}}}"#, serde_json::Value::from(text));
    Said::json(about, named("Detail")).example("said", &example)
}

/// What is wrong with the body.
pub fn bad(about: &str) -> Said {
    Said::json(about, any_of([named("Faults"), named("Detail")]))
}

/// The sign-in failed.
pub fn no_account(about: &str) -> Said {
    let told = "No active account found with the given credentials";
    detail(about, told).header("WWW-Authenticate")
}

/// The components of both.
pub fn components(style: &Style) -> ComponentsBuilder {
    let bad_token = bad_token(style);
    let anonymous = any_of([named("Detail"), named("BadToken"), named("BadHeader")]);
    let anonymous = Said::json("Whoever calls has not shown who they are", anonymous)
        .example("missing", ANONYMOUS)
        .example("malformed", BAD_HEADER)
        .example("ended", &bad_token)
        .header("WWW-Authenticate");
    let unknown = detail("There is no such thing here", "Not found.")
        .example("switched off", r#"{"detail":"Not Found"}"#);
    let wrong = detail("The path takes other methods", "Method \"GET\" not allowed.");
    let media = "Unsupported media type \"text/plain\" in request.";
    let throttled = detail("Asked too often", "Request was throttled.").header("Retry-After");
    let busy = detail("The server is busy", "Service Unavailable").header("Retry-After");
    let shared: [(&str, Said); 9] = [
        ("Anonymous", anonymous),
        ("NotFound", unknown),
        ("WrongMethod", wrong.header("Allow")),
        ("TooLarge", detail("The body is larger than may be", "Content Too Large")),
        ("WrongType", detail("The body is in no type that is read here", media)),
        ("Throttled", throttled),
        ("Broken", detail("Something broke inside; the log has the id", "Internal Server Error")),
        ("Busy", busy),
        ("Unknown", detail("Nobody knows whether it was done", OUTCOME_UNKNOWN)),
    ];
    let schemas = ComponentsBuilder::new()
        .schema("Detail", sentence("detail"))
        .schema("Faults", faults())
        .schema("BadToken", shape::like(&bad_token))
        .schema("BadHeader", shape::like(BAD_HEADER));
    shared.into_iter().fold(schemas, |all, (name, said)| all.response(name, Response::from(said)))
}

/// An operation with what any of both may answer.
#[must_use]
pub fn usual(described: Described) -> Described {
    let described = described.shares(&[
        (404, "NotFound"),
        (405, "WrongMethod"),
        (413, "TooLarge"),
        (429, "Throttled"),
        (500, "Broken"),
        (503, "Busy"),
    ]);
    if described.only_reads() { described } else { described.shares(&[(504, "Unknown")]) }
}

/// An operation that reads fields, as JSON or as a form.
#[must_use]
pub fn reads<const N: usize>(described: Described, members: [Member; N]) -> Described {
    let [urlencoded, multipart] = FORMS;
    let types = [JSON, urlencoded, multipart];
    described.takes(&types, &shape::body(members)).shares(&[(415, "WrongType")])
}
