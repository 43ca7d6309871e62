//! Threads for those who tell what happens, apart from those that serve requests.

use std::{
    num::NonZero,
    panic::catch_unwind,
    sync::{Arc, OnceLock},
    thread::available_parallelism,
};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::types::courtesy::stand_back;

/// How far these threads stand back, in steps of `nice`: where there is more to do than
/// there are cores, a movement of money goes before those who are told of it.
const NICE: i32 = 5;

/// The threads on which sockets, streams and subscriptions run. They are started for the
/// first, and end with the last clone.
#[derive(Debug, Clone, Default)]
pub struct Threads {
    runtime: Arc<OnceLock<Option<Own>>>,
}

/// A runtime that is let go without waiting, from wherever it is dropped.
#[derive(Debug)]
struct Own(Option<Runtime>);

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Threads {
    /// Where to start what tells. Without threads of its own, which a system may refuse, it
    /// runs among the requests.
    pub fn handle(&self) -> Handle {
        let own = self.runtime.get_or_init(start).as_ref().and_then(|own| own.0.as_ref());
        own.map_or_else(Handle::current, |own| own.handle().clone())
    }
}

/// Starts them; what fails is not tried again.
fn start() -> Option<Own> {
    // The runtime panics where it gets no thread.
    let started = catch_unwind(|| {
        Builder::new_multi_thread()
            .worker_threads(available_parallelism().map_or(1, NonZero::get))
            .thread_name("teller-live")
            .on_thread_start(|| stand_back(NICE))
            .enable_all()
            .build()
    });
    match started {
        Ok(Ok(runtime)) => return Some(Own(Some(runtime))),
        Ok(Err(error)) => tracing::error!(%error, "no threads for subscriptions"),
        Err(_) => tracing::error!("the system has no threads for subscriptions"),
    }
    tracing::warn!("subscriptions run among the requests until the next start");
    None
}
