//! The paths of fintract.

use super::{errors, login, profile, register, staff, upload};
use crate::compat::wire::{
    answer::Answer,
    dialect::Dialect,
    door::{self, BodyMax, Door, Operation, Resource},
};

/// A path with its one operation.
macro_rules! resource {
    ($method:literal, $allow:literal, $path:literal, $run:path, $max:expr) => {
        resource!($method, $allow, $path, $run, $max, door::acts($method))
    };
    ($method:literal, $allow:literal, $path:literal, $run:path, $max:expr, $acts:expr) => {
        Resource {
            path: $path,
            allow: $allow,
            body_max: $max,
            operations: &[Operation {
                method: $method,
                acts: $acts,
                run: |doors, call| {
                    Box::pin(async move { errors::settle(call, $run(doors, call).await) })
                },
            }],
        }
    };
}

const USUAL: BodyMax = BodyMax::Usual;
const FILE: BodyMax = BodyMax::File {
    bytes: upload::BODY_MAX,
    admit: |doors, call| Box::pin(upload::admit(doors, call)),
};
const IMAGE: BodyMax = BodyMax::File {
    bytes: upload::BODY_MAX,
    admit: |doors, call| Box::pin(upload::admit_oneself(doors, call)),
};

static RESOURCES: [Resource; 13] = [
    resource!("PUT", "PUT, OPTIONS", "/auth/account-deactivate/", profile::deactivate, USUAL),
    resource!("POST", "POST, OPTIONS", "/auth/register/", register::register, USUAL),
    resource!("POST", "POST, OPTIONS", "/auth/login/", login::log_in, USUAL),
    resource!("POST", "POST, OPTIONS", "/auth/login/{id}/", login::confirm, USUAL),
    resource!("POST", "POST, OPTIONS", "/auth/admin_approval/", staff::approve, USUAL),
    resource!("POST", "POST, OPTIONS", "/auth/avatar/{id}/", upload::avatar, IMAGE),
    resource!("DELETE", "DELETE, OPTIONS", "/auth/delete/", profile::delete, USUAL),
    resource!("POST", "POST, OPTIONS", "/auth/re-verify-email/", register::resend, USUAL),
    resource!("GET", "GET, HEAD, OPTIONS", "/auth/info/{id}/", profile::info, USUAL),
    resource!("PATCH", "PATCH, OPTIONS", "/auth/update/usr/{id}/", profile::update, USUAL),
    resource!("PUT", "PUT, OPTIONS", "/auth/user-update/", profile::rename, USUAL),
    resource!("POST", "POST, OPTIONS", "/auth/upload/", upload::upload, FILE),
    // The link of the letters; HEAD confirms nothing.
    resource!("GET", "GET, OPTIONS", "/verify-email/", register::open, USUAL, true),
];

/// fintract.
pub static DOOR: Door =
    Door { dialect: Dialect::Fintract, resources: &RESOURCES, refuse: errors::refuse, finish };

fn finish(_: Option<&'static Resource>, answer: Answer) -> Answer {
    answer
}
