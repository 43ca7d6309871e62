//! The paths of card-bank.

use super::{bill, card, errors, history, registration, reset, root, savings, sign_in};
use crate::compat::wire::{
    answer::Answer,
    dialect::Dialect,
    door::{self, BodyMax, Door, Operation, Resource},
};

/// A path with what can be done there.
macro_rules! resource {
    ($path:literal, $allow:literal, $($method:literal => $run:path),+) => {
        Resource {
            path: $path,
            allow: $allow,
            body_max: BodyMax::Usual,
            operations: &[$(Operation {
                method: $method,
                acts: door::acts($method),
                run: |doors, call| {
                    Box::pin(async move { errors::settle(call, $run(doors, call).await) })
                },
            }),+],
        }
    };
}

static RESOURCES: [Resource; 24] = [
    resource!("/", "GET", "GET" => root::read),
    resource!("/auth/register", "POST", "POST" => registration::register),
    resource!("/auth/verify-email", "POST", "POST" => registration::verify_email),
    resource!("/auth/2fa/request", "POST", "POST" => sign_in::request),
    resource!("/auth/2fa/confirm", "POST", "POST" => sign_in::confirm),
    resource!("/auth/me", "GET", "GET" => sign_in::me),
    resource!("/auth/reset", "POST, PATCH", "POST" => reset::send, "PATCH" => reset::set),
    resource!("/auth/logout", "POST", "POST" => sign_in::log_out),
    resource!("/cleanup-unverified", "DELETE", "DELETE" => registration::clean_up),
    resource!("/card", "GET", "GET" => card::list),
    resource!("/card/create", "POST", "POST" => card::create),
    resource!("/card/delete", "DELETE", "DELETE" => card::delete),
    resource!("/card/transfer", "POST", "POST" => card::transfer),
    resource!("/card/history", "POST", "POST" => history::of_card),
    resource!("/card/{four_digits}", "GET", "GET" => card::show),
    resource!("/savings", "GET", "GET" => savings::list),
    resource!("/savings/create", "POST", "POST" => savings::create),
    resource!("/savings/topUp", "POST", "POST" => savings::top_up),
    resource!("/savings/decrease", "POST", "POST" => savings::decrease),
    resource!("/savings/delete", "DELETE", "DELETE" => savings::delete),
    resource!("/bills", "GET", "GET" => bill::list),
    resource!("/bills/create", "POST", "POST" => bill::create),
    resource!("/bills/pay", "POST", "POST" => bill::pay),
    // The link of a letter, where there is no front end.
    resource!("/reset", "GET", "GET" => reset::page),
];

/// card-bank.
pub static DOOR: Door =
    Door { dialect: Dialect::CardBank, resources: &RESOURCES, refuse: errors::refuse, finish };

fn finish(_: Option<&'static Resource>, answer: Answer) -> Answer {
    answer
}
