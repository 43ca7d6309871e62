//! The paths of financelime.

use super::{confirmation, errors, oauth, request_id, session, user, version};
use crate::compat::wire::{
    answer::Answer,
    dialect::Dialect,
    door::{self, BodyMax, Door, Operation, Resource},
};

/// A path with its one operation; the calls of programs must have a name.
macro_rules! resource {
    ($method:literal, $path:literal, $run:path) => {
        Resource {
            path: $path,
            allow: $method,
            body_max: BodyMax::Usual,
            operations: &[Operation {
                method: $method,
                acts: door::acts($method),
                run: |doors, call| {
                    Box::pin(async move {
                        let outcome = match request_id::require(call) {
                            Ok(()) => $run(doors, call).await,
                            Err(answer) => Err(answer.into()),
                        };
                        errors::settle(call, outcome)
                    })
                },
            }],
        }
    };
}

/// A path that a browser opens: what a letter's link does is done by reading it.
macro_rules! link {
    ($path:literal, $run:path) => {
        Resource {
            path: $path,
            allow: "GET",
            body_max: BodyMax::Usual,
            operations: &[Operation {
                method: "GET",
                acts: true,
                run: |doors, call| {
                    Box::pin(async move { errors::settle(call, $run(doors, call).await) })
                },
            }],
        }
    };
}

static RESOURCES: [Resource; 9] = [
    resource!("GET", "/v1/version", version::show),
    resource!("POST", "/v1/user/signup", user::sign_up),
    resource!("POST", "/v1/user/password", user::reset_password),
    resource!("POST", "/v1/oauth/create", oauth::create),
    resource!("PUT", "/v1/oauth/refresh", oauth::renew),
    resource!("GET", "/v1/session/list", session::list),
    resource!("DELETE", "/v1/session/remove", session::remove),
    link!("/u/{confirmationKey}", confirmation::sign_up),
    link!("/p/{confirmationKey}", confirmation::reset),
];

/// financelime.
pub static DOOR: Door =
    Door { dialect: Dialect::Financelime, resources: &RESOURCES, refuse: errors::refuse, finish };

fn finish(_: Option<&'static Resource>, answer: Answer) -> Answer {
    answer
}
