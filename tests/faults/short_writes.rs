//! A disk that writes nothing now and then, and says so or fails: the server may stop, and
//! it never says what is not so.

use std::{path::PathBuf, time::Duration};

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::disk::{Press, Trial};
use crate::support::{
    databases,
    injury::FailingCalls,
    load::{Told, renewed},
    proof,
    server::{Server, teller},
};

/// What a write may meet: an error, and a write of nothing.
const FAULTS: [&str; 3] = ["error=EIO", "retval=0", "error=ENOSPC"];
/// A write fails once in so many, about.
const EVERY: u32 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_fail_at_random_never_make_a_wrong_total() {
    let fresh = databases::sqlite().await;
    let (folder, url) = (fresh.folder(), fresh.url.as_str());
    let server = Server::start(folder, url).await;
    let mut trial = Trial::default();
    trial.begin(&server).await;
    assert!(server.stop().await.success());
    let mut chance = ChaCha20Rng::seed_from_u64(proof::seed());
    let files: Vec<PathBuf> =
        ["teller.db", "teller.db-wal"].iter().map(|name| folder.join(name)).collect();
    // In full thirty minutes in all, each fault ten times.
    let (rounds, each) = (proof::sized(3, 30), proof::sized(2, 60));
    let (mut failed, mut crashes) = (0, 0);
    for round in 0..rounds {
        let mut server = Server::start(folder, url).await;
        trial.payers = renewed(&server, &trial.payers).await;
        let fault = FAULTS[round % FAULTS.len()];
        let (first, step) = (1 + chance.next_u32() % EVERY, EVERY / 2 + chance.next_u32() % EVERY);
        let when = format!("{first}+{step}");
        let failing = FailingCalls::writes(&server, folder, &files, fault, &when).await;
        let pressing = Press::start(&server, &trial.payers, round);
        tokio::time::sleep(Duration::from_secs(each as u64)).await;
        let mut noted = pressing.end().await;
        failed += failing.detach().await.len();
        if !server.runs() {
            // Those whom it told nothing are asked again below, as all that failed.
            crashes += 1;
            for (_, told) in &mut noted {
                if *told == Told::Silence {
                    *told = Told::Failed("no answer".to_owned());
                }
            }
        }
        let (acknowledged, open) = trial.note(noted);
        server.kill().await;
        let server = Server::start(folder, url).await;
        trial.compare(&server, &acknowledged, &open, teller(folder, url)).await;
        assert!(server.stop().await.success());
    }
    assert!(failed > 0, "no write has failed");
    let measured = format!(
        "{failed} writes failed in {rounds} rounds of {each} s, {} transfers, {crashes} crashes",
        trial.orders.len()
    );
    trial.conclude("F6 writes that write nothing or fail at random, SQLite", &measured);
    fresh.remove().await;
}
