//! The paths of accounts, and what every answer of it carries.

use axum::http::{HeaderName, HeaderValue, header};

use super::{errors, reset, session, settings};
use crate::compat::wire::{
    answer::Answer,
    dialect::Dialect,
    door::{self, BodyMax, Door, Operation, Resource},
};

/// One operation; what it does not give is said by the mapping of this dialect.
macro_rules! operation {
    ($method:literal, $run:path) => {
        operation!($method, $run, door::acts($method))
    };
    ($method:literal, $run:path, $acts:expr) => {
        Operation {
            method: $method,
            acts: $acts,
            run: |doors, call| {
                Box::pin(async move { errors::settle(call, $run(doors, call).await) })
            },
        }
    };
}

const fn resource(
    path: &'static str,
    allow: &'static str,
    operations: &'static [Operation],
) -> Resource {
    Resource { path, allow, body_max: BodyMax::Usual, operations }
}

static RESOURCES: [Resource; 6] = [
    resource("/api/auth/signup/", "POST, OPTIONS", &[operation!("POST", session::sign_up)]),
    resource("/api/auth/get-token/", "POST, OPTIONS", &[operation!("POST", session::get_token)]),
    resource(
        "/api/auth/change-email/",
        "OPTIONS, PATCH",
        &[operation!("PATCH", settings::change_email)],
    ),
    resource(
        "/api/auth/change-password/",
        "OPTIONS, PATCH",
        &[operation!("PATCH", settings::change_password)],
    ),
    resource(
        "/api/users/settings/",
        "GET, PUT, PATCH, HEAD, OPTIONS",
        &[
            operation!("GET", settings::show),
            operation!("PUT", settings::change),
            operation!("PATCH", settings::change),
        ],
    ),
    resource(
        "/api/auth/reset-password/",
        "GET, POST, PATCH, HEAD, OPTIONS",
        &[
            // It sends a code.
            operation!("GET", reset::send, true),
            operation!("POST", reset::confirm),
            operation!("PATCH", reset::set),
            operation!("HEAD", reset::look),
        ],
    ),
];

/// accounts.
pub static DOOR: Door =
    Door { dialect: Dialect::Accounts, resources: &RESOURCES, refuse: errors::refuse, finish };

fn finish(resource: Option<&'static Resource>, answer: Answer) -> Answer {
    let text = HeaderValue::from_static;
    let answer = answer
        .with(header::VARY, text("Accept"))
        .with(header::X_FRAME_OPTIONS, text("DENY"))
        .with(header::X_CONTENT_TYPE_OPTIONS, text("nosniff"))
        .with(header::REFERRER_POLICY, text("same-origin"))
        .with(HeaderName::from_static("cross-origin-opener-policy"), text("same-origin"));
    match resource {
        Some(resource) => answer.with(header::ALLOW, text(resource.allow)),
        None => answer,
    }
}
