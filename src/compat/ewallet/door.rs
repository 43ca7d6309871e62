//! The paths of ewallet.

use super::{
    errors::{self, LOGIN, MOVEMENT, REFRESH},
    money, token,
};
use crate::compat::wire::{
    answer::Answer,
    dialect::Dialect,
    door::{BodyMax, Door, Operation, Resource},
};

/// A path with its one operation, and what that says whatever is wrong.
macro_rules! resource {
    ($path:literal, $run:path, $usual:path) => {
        Resource {
            path: $path,
            allow: "OPTIONS, POST",
            body_max: BodyMax::Usual,
            operations: &[Operation {
                method: "POST",
                acts: true,
                run: |doors, call| {
                    Box::pin(async move { errors::settle(call, $usual, $run(doors, call).await) })
                },
            }],
        }
    };
}

static RESOURCES: [Resource; 5] = [
    resource!("/token/auth", token::log_in, LOGIN),
    resource!("/token/refresh", token::refresh, REFRESH),
    resource!("/token/remove", token::log_out, LOGIN),
    resource!("/api/topup", money::top_up, MOVEMENT),
    resource!("/api/transfer", money::transfer, MOVEMENT),
];

/// ewallet.
pub static DOOR: Door =
    Door { dialect: Dialect::Ewallet, resources: &RESOURCES, refuse: errors::refuse, finish };

fn finish(_: Option<&'static Resource>, answer: Answer) -> Answer {
    answer
}
