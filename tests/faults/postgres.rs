//! PostgreSQL that is gone for a while: frozen where it stands, and ended without ceremony.
//! The server says that it is not ready, lives on, and goes on by itself.

use std::time::Duration;

use crate::support::{
    bank::test_name,
    cluster::Postgres,
    crowd::Crowd,
    ledgers::{Harm, NO_HARM},
    proof,
    server::{Server, teller},
};

/// How long it may take until the server says that it is ready, or not ready any more.
const TOLD: Duration = Duration::from_secs(5);

/// How long it took the server to notice.
#[derive(Debug, Clone, Copy)]
struct Noticed {
    gone: Duration,
    back: Duration,
}

impl Noticed {
    fn in_time(self) -> bool {
        self.gone < TOLD && self.back < TOLD
    }

    fn figures(self) -> String {
        format!("{} ms, {} ms", self.gone.as_millis(), self.back.as_millis())
    }
}

async fn noticed_gone(server: &Server) -> Duration {
    let told = server.until_ready_is(503, proof::within(TOLD)).await;
    let (taken, told) = told.unwrap_or_else(|| panic!("not ready in time: {}", server.log()));
    assert_eq!(told["ready"], false, "{told}");
    taken
}

async fn noticed_back(server: &Server) -> Duration {
    let told = server.until_ready_is(200, proof::within(TOLD)).await;
    told.unwrap_or_else(|| panic!("ready again in time: {}", server.log())).0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_for_a_while_is_told_and_comes_back_by_itself() {
    let lasts = Duration::from_secs(u64::try_from(proof::sized(4, 60)).expect("a number"));
    let mut postgres = Postgres::start().await;
    let url = postgres.bank("teller").await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let server = Server::start(folder.path(), &url).await;
    let process = server.process();
    let crowd = Crowd::gather(&server, proof::sized(8, 64), 4).await;
    crowd.work(50).await;
    noticed_back(&server).await;

    postgres.freeze();
    let gone = noticed_gone(&server).await;
    tokio::time::sleep(lasts).await;
    postgres.thaw();
    let frozen = Noticed { gone, back: noticed_back(&server).await };
    crowd.work(50).await;

    postgres.stop().await;
    let gone = noticed_gone(&server).await;
    tokio::time::sleep(lasts).await;
    postgres.restart().await;
    let ended = Noticed { gone, back: noticed_back(&server).await };
    crowd.work(50).await;

    assert_eq!(server.process(), process, "nobody started it again");
    let panicked = server.log().contains("panic");
    assert!(!panicked, "{}", server.log());
    let told = crowd.tally.list();
    let auditor = teller(folder.path(), &url);
    let (harm, transfers) = Harm::after(crowd, server, auditor).await;
    let exact = harm == Harm::default();
    for (how, noticed) in [("frozen", frozen), ("ended at once", ended)] {
        proof::record(
            &format!("F10 PostgreSQL {how} for {} s under clients", lasts.as_secs()),
            "not ready within 5 s, ready again within 5 s, no panic, no restart",
            &noticed.figures(),
            noticed.in_time() && !panicked,
        );
    }
    proof::record(
        "F10 the books after PostgreSQL was gone twice",
        NO_HARM,
        &format!("{transfers} transfers: {}", harm.figures()),
        exact,
    );
    proof::tally("postgres", &test_name());
    assert!(exact, "{harm:?}: {told}");
    let measured = proof::scale() == proof::Scale::Full;
    assert!(!measured || (frozen.in_time() && ended.in_time()), "{frozen:?}, {ended:?}");
}
