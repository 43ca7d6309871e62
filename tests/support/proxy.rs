//! An address that passes bytes on, and breaks what passes: it cuts requests, swallows
//! answers and is slow, as a network does. What it leads to can be moved.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

use super::chance::Chance;

/// What passes at once.
const PIECE: usize = 64 * 1024;
/// Of so many pieces, the numbers below say how many are broken.
const OF: u64 = 1_000;

/// How the way is broken, each for a thousand pieces that pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Pieces of requests of which half arrives, and then nothing any more.
    pub cut: u64,
    /// Pieces of answers that never arrive; what was asked has been done.
    pub lost: u64,
    /// Pieces of answers that come late.
    pub late: u64,
    /// How late they come.
    pub latency: Duration,
}

/// How often something was broken.
#[derive(Debug, Default)]
pub struct Counts {
    /// Requests that were cut.
    pub cut: AtomicUsize,
    /// Answers that were swallowed.
    pub lost: AtomicUsize,
    /// Answers that came late.
    pub late: AtomicUsize,
}

/// The address. Its connections end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    way: Arc<Way>,
    target: watch::Sender<u16>,
    listening: JoinHandle<()>,
}

/// What all connections share.
#[derive(Debug)]
struct Way {
    faults: Mutex<Faults>,
    counts: Counts,
}

impl Proxy {
    /// Leads to a port of a host, whole at first.
    pub async fn to(host: &str, port: u16, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let (target, moves) = watch::channel(port);
        let way = Arc::new(Way { faults: Mutex::default(), counts: Counts::default() });
        let listening =
            tokio::spawn(listen(listener, host.to_owned(), Arc::clone(&way), moves, seed));
        Self { address, way, target, listening }
    }

    /// From now on the way is broken like this.
    pub fn breaks(&self, faults: Faults) {
        *self.way.faults.lock().expect("nobody panics while holding it") = faults;
    }

    /// From now on it leads to this port; what was connected is cut.
    pub fn lead_to(&self, port: u16) {
        self.target.send_replace(port);
    }

    /// How often something was broken.
    pub fn counts(&self) -> &Counts {
        &self.way.counts
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(
    listener: TcpListener,
    host: String,
    way: Arc<Way>,
    moves: watch::Receiver<u16>,
    seed: u64,
) {
    let mut connections = tokio::task::JoinSet::new();
    for number in 0.. {
        let Ok((near, _)) = listener.accept().await else { return };
        let (host, way, mut moves) = (host.clone(), Arc::clone(&way), moves.clone());
        connections.spawn(async move {
            let port = *moves.borrow_and_update();
            // Where nobody listens the caller finds the connection closed.
            let Ok(far) = TcpStream::connect((host.as_str(), port)).await else { return };
            for side in [&near, &far] {
                side.set_nodelay(true).expect("a socket takes its settings");
            }
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            // Whichever ends first ends both.
            tokio::select! {
                () = ask(near_in, far_out, &way, Chance::new(seed + 2 * number)) => {}
                () = answer(far_in, near_out, &way, Chance::new(seed + 2 * number + 1)) => {}
                _ = moves.changed() => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

impl Way {
    fn faults(&self) -> Faults {
        *self.faults.lock().expect("nobody panics while holding it")
    }
}

/// Passes requests on.
async fn ask(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: &Way, mut chance: Chance) {
    let mut piece = vec![0; PIECE];
    loop {
        let count = from.read(&mut piece).await.unwrap_or(0);
        let cut = chance.below(OF) < way.faults().cut;
        if count > 0 && cut {
            way.counts.cut.fetch_add(1, Ordering::Relaxed);
            let _ = to.write_all(&piece[..count / 2]).await;
            return;
        }
        if count == 0 || to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}

/// Passes answers on.
async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: &Way, mut chance: Chance) {
    let mut piece = vec![0; PIECE];
    loop {
        let count = from.read(&mut piece).await.unwrap_or(0);
        let faults = way.faults();
        let drawn = chance.below(OF);
        if count > 0 && drawn < faults.lost {
            way.counts.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if count > 0 && chance.below(OF) < faults.late {
            way.counts.late.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(faults.latency).await;
        }
        if count == 0 || to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}
