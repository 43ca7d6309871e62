//! What operators and their programs are served beside everybody else: health and figures.
//!
//! Nothing of it stands behind limits, sessions or the Host that a request names; where the
//! operator gives it an address of its own, nobody else is served there.

use axum::{Router, middleware};

use super::{health, metrics, metrics::Readers, router, tally, tally::Tally};
use crate::bank::heart::Pulse;

/// The routes of an address that is the operator's own.
pub fn routes(pulse: Pulse, readers: Readers, tally: Tally) -> Router {
    let routes = health::routes(pulse).merge(metrics::routes(readers));
    let routes = routes.layer(middleware::from_fn_with_state(tally, tally::count));
    routes.layer(middleware::map_response(router::guard))
}
