//! Threads for those who tell what happens, apart from those that serve requests.

use std::{
    num::NonZero,
    sync::{Arc, Mutex, PoisonError},
    thread::available_parallelism,
};

use tokio::runtime::{Builder, Handle, Runtime};

/// How far these threads stand back, in steps of `nice`: where there is more to do than
/// there are cores, a movement of money goes before those who are told of it.
const NICE: i32 = 10;

/// The threads on which sockets, streams and subscriptions run. They are started for the
/// first, and end with the last clone.
#[derive(Debug, Clone, Default)]
pub struct Threads {
    runtime: Arc<Mutex<Option<Own>>>,
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
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if runtime.is_none() {
            *runtime = start();
        }
        let own = runtime.as_ref().and_then(|own| own.0.as_ref());
        own.map_or_else(Handle::current, |own| own.handle().clone())
    }
}

fn start() -> Option<Own> {
    let started = Builder::new_multi_thread()
        .worker_threads(available_parallelism().map_or(1, NonZero::get))
        .thread_name("teller-live")
        .on_thread_start(|| {
            // Where they may not stand back they run as everybody else does.
            let _ = rustix::process::nice(NICE);
        })
        .enable_all()
        .build();
    match started {
        Ok(runtime) => Some(Own(Some(runtime))),
        Err(error) => {
            tracing::error!(%error, "subscriptions run among the requests: no threads for them");
            None
        }
    }
}
