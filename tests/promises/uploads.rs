//! Uploads that mean harm: each is refused by name, and none of them costs memory.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{Method, StatusCode},
    response::Response,
};
use image::ImageFormat;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::support::{
    bank::{TestBank, each_database, test_name},
    databases,
    people::text,
    proof::{record, sized, tally},
    server::{Server, client, teller},
    strangers::join,
    uploads::{BOUNDARY, Sent, bomb, form, form_type, picture},
};

/// What is sent, and what its refusal must say.
struct Hostile {
    what: &'static str,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
    told: &'static str,
}

fn hostile(
    what: &'static str,
    (name, content_type): (&str, &str),
    content: &[u8],
    (status, code, told): (u16, &'static str, &'static str),
) -> Hostile {
    Hostile { what, body: form("file", name, content_type, content), status, code, told }
}

const UNKNOWN: (u16, &str, &str) = (415, "FILE_NOT_TAKEN", "must be a JPEG, PNG or WebP image");
const LYING: (u16, &str, &str) = (415, "FILE_NOT_TAKEN", "something else than what its content");
const CUT: (u16, &str, &str) = (400, "INVALID_INPUT", "file is cut off");
const NO_FORM: (u16, &str, &str) = (400, "BAD_USER_INPUT", "no complete multipart/form-data");

/// Everything that is refused for what it is.
fn all_hostile() -> Vec<Hostile> {
    let png = picture(64, 64, ImageFormat::Png);
    let with_path = (415, "FILE_NOT_TAKEN", "must have a plain name, without a path");
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    let html = b"<!doctype html><script>alert(1)</script>";
    let any = "application/octet-stream";
    let mut all = vec![
        hostile("a name that climbs", ("../../x", any), &png, with_path),
        hostile("a path to a secret", ("../data/secret.key", any), &png, with_path),
        hostile("a path of another system", ("..\\..\\x.png", any), &png, with_path),
        hostile("a page called an image", ("me.png", "image/png"), html, UNKNOWN),
        hostile("an SVG with a script", ("me.svg", "image/svg+xml"), svg, UNKNOWN),
        hostile("an SVG called a text", ("me.txt", "text/plain"), svg, UNKNOWN),
        hostile("a program", ("me.png", "image/png"), b"\x7fELF\x02\x01\x01\0", UNKNOWN),
        hostile("an archive", ("me.zip", any), b"PK\x03\x04\x14\0\0\0", UNKNOWN),
        hostile("an image called another", ("me.jpg", "image/jpeg"), &png, LYING),
        hostile("an image called a document", ("me.pdf", any), &png, LYING),
        hostile("a text called an image", ("me.png", "image/png"), b"hello", LYING),
        hostile("nothing", ("me.png", "image/png"), b"", (400, "INVALID_INPUT", "not be empty")),
        hostile(
            "a bomb of pixels",
            ("me.png", "image/png"),
            &bomb(30_000),
            (413, "FILE_TOO_LARGE", "at most 25000000 pixels"),
        ),
        hostile(
            "a byte too many",
            ("me.txt", "text/plain"),
            &vec![b'a'; 10 * 1024 * 1024 + 1],
            (413, "FILE_TOO_LARGE", "at most 10 MiB"),
        ),
        Hostile {
            what: "another field",
            body: form("avatar", "me.png", "image/png", &png),
            status: 400,
            code: "BAD_USER_INPUT",
            told: "no field file",
        },
    ];
    for (format, name) in
        [(ImageFormat::Png, "a.png"), (ImageFormat::Jpeg, "a.jpg"), (ImageFormat::WebP, "a.webp")]
    {
        let whole = picture(64, 64, format);
        all.push(hostile("half an image", (name, any), &whole[..whole.len() / 2], CUT));
        all.push(hostile("the head of an image", (name, any), &whole[..16], CUT));
    }
    let whole = form("file", "me.png", "image/png", &png);
    let (status, code, told) = NO_FORM;
    for cut in [0, 10, 100, whole.len() - 30] {
        let body = whole[..cut].to_vec();
        all.push(Hostile { what: "half a form", body, status, code, told });
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_upload_is_refused_by_name_and_leaves_nothing() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        for Hostile { what, body, status, code, told } in all_hostile() {
            let answer = bank.post_file(Some(&ann.token), body).await;
            let error = answer.json()["errors"][0].clone();
            let said = (answer.status.as_u16(), error["extensions"]["code"].as_str());
            assert_eq!(said, (status, Some(code)), "{what}: {error}");
            assert!(text(&error["message"]).contains(told), "{what}: {error}");
            assert_eq!(error["extensions"]["inputPath"], json!(["file"]), "{what}");
        }
        let mut s = bank.bank.db.read().await.expect("the database is read");
        let rows: Option<i64> =
            s.query("SELECT COUNT(*) FROM files").scalar().await.expect("files are counted");
        assert_eq!(rows, Some(0), "{}", bank.database);
        drop(s);
        let log = bank.audit_log().await;
        let refused = |result: &str| {
            log.iter().filter(|(act, came)| act == "uploadFile" && came == result).count()
        };
        assert_eq!((refused("FILE_NOT_TAKEN"), refused("FILE_TOO_LARGE")), (11, 2), "{log:?}");
        assert_eq!(refused("DONE"), 0);

        // Nobody is asked who they are after the body was read, but before.
        let body = form("file", "a.txt", "text/plain", b"hello");
        assert_eq!(bank.post_file(None, body.clone()).await.status, 401);
        assert_eq!(bank.post_file(Some("nonsense"), body).await.status, 401);
        let request = TestBank::request(Method::POST, "/files")
            .header("authorization", format!("Bearer {}", ann.token))
            .header("content-type", "application/json");
        let answer = bank.send(request.body("{}".into()).expect("a request")).await;
        assert_eq!(answer.status, 415);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_behind_an_image_is_gone() {
    each_database(async |bank| {
        let ann = bank.join("ann", 1).await;
        for (name, format) in [
            ("a.png", ImageFormat::Png),
            ("a.jpg", ImageFormat::Jpeg),
            ("a.webp", ImageFormat::WebP),
        ] {
            let mut content = picture(20, 10, format);
            content.extend_from_slice(b"<html><script>alert(1)</script></html>PK\x03\x04\x14\0");
            let sent = bank.upload(&ann, name, &content).await;
            let shown = bank.get_file(None, &sent.path).await.body;
            let has = |what: &[u8]| shown.windows(what.len()).any(|window| window == what);
            assert!(!has(b"<script") && !has(b"PK\x03\x04"), "{name}");
            let read = image::load_from_memory_with_format(&shown, format).expect("an image");
            assert_eq!((read.width(), read.height()), (20, 10), "{name}");
        }
    })
    .await;
}

/// A figure in KiB of a process, such as `VmRSS`.
fn memory(process: u32, figure: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"));
    let status = status.expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(figure));
    let digits: String = line.unwrap_or("").chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("a figure in KiB")
}

/// Sends a head and then pieces until the server answers; the answer, and how many
/// bytes were sent.
async fn pour(server: &Server, token: &str, length: &str, piece: &[u8]) -> (String, u64) {
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let head = format!(
        "POST /files HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: {}\r\n{length}\r\n\r\n",
        form_type()
    );
    stream.write_all(head.as_bytes()).await.expect("the head is sent");
    let (mut reader, mut writer) = stream.into_split();
    let mut sent = 0;
    let mut answer = vec![0; 4096];
    let answered = reader.read(&mut answer);
    tokio::pin!(answered);
    let read = loop {
        tokio::select! {
            read = &mut answered => break read.expect("the server answers"),
            written = writer.write_all(piece), if !piece.is_empty() => match written {
                Ok(()) => sent += piece.len() as u64,
                // It reads no more; its answer is on the way.
                Err(_) => break answered.await.expect("the server answers"),
            },
        }
    };
    (String::from_utf8_lossy(&answer[..read]).into_owned(), sent)
}

/// Sockets on which strangers hold back the end of a file at once, for each path.
const HELD_BACK: usize = 60;

/// Sends all but the last byte of the largest file that fintract takes, as nobody, until the
/// server answers; the status line.
async fn hold_back(address: String, path: &'static str) -> String {
    let mut stream = TcpStream::connect(&address).await.expect("the server listens");
    let length = 5 * 1024 * 1024;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {}\r\n\
         Content-Length: {length}\r\n\r\n",
        form_type()
    );
    stream.write_all(head.as_bytes()).await.expect("the head is sent");
    let (mut reader, mut writer) = stream.into_split();
    let body = vec![b'a'; length - 1];
    let mut answer = vec![0; 4096];
    let answered = reader.read(&mut answer);
    tokio::pin!(answered);
    let read = tokio::select! {
        read = &mut answered => read,
        // The rest is held back; or it reads no more, and its answer is on the way.
        _ = writer.write_all(&body) => answered.await,
    };
    let read = read.expect("the server answers");
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    answer.lines().next().unwrap_or_default().to_owned()
}

/// Strangers at both routes that take files in fintract: together they would fill more than
/// the server may have.
async fn bear_strangers(server: &Server) {
    let address = server.url.trim_start_matches("http://");
    let mut all = JoinSet::new();
    for path in ["/auth/upload/", "/auth/avatar/1/"] {
        for _ in 0..HELD_BACK {
            all.spawn(hold_back(address.to_owned(), path));
        }
    }
    while let Some(told) = all.join_next().await {
        let told = told.expect("a stranger ends well");
        assert!(told.starts_with("HTTP/1.1 401 "), "nobody is asked first: {told}");
    }
}

/// A round of everything that a server must bear, over real sockets.
async fn bear(server: &Server, token: &str, all: &[Hostile]) {
    let client = client();
    for Hostile { what, body, status, .. } in all {
        let request = client.post(format!("{}/files", server.url)).bearer_auth(token);
        let request = request.header("content-type", form_type()).body(body.clone());
        // One that is too long may be cut off while it is still being sent.
        if let Ok(answer) = request.send().await {
            assert_eq!(answer.status().as_u16(), *status, "{what}");
        } else {
            assert_eq!(*status, 413, "{what}");
        }
    }
    let (answer, _) = pour(server, token, "Content-Length: 10737418240", &[]).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "10 GiB are announced: {answer}");
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
    );
    let begin = format!("{:x}\r\n{head}\r\n", head.len());
    let endless = [begin.as_bytes(), b"10000\r\n", &vec![b'a'; 65_536], b"\r\n"].concat();
    let (answer, sent) = pour(server, token, "Transfer-Encoding: chunked", &endless).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "an endless body: {answer}");
    assert!(sent < 64 * 1024 * 1024, "{sent} bytes were read of an endless body");
    bear_strangers(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_uploads_leave_the_memory_of_a_server_flat() {
    let (rounds, growth_max) = (sized(3, 60), 64 * 1024);
    for fresh in databases::both().await {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let server = Server::start(folder.path(), &fresh.url).await;
        let token = join(&server, "ann", 1).await;
        let all = all_hostile();
        // The first round fills what is kept for good: caches, pools, threads.
        bear(&server, &token, &all).await;
        let before = memory(server.process(), "VmRSS:");
        for _ in 0..rounds {
            bear(&server, &token, &all).await;
        }
        let after = memory(server.process(), "VmRSS:");
        let peak = memory(server.process(), "VmHWM:");
        let growth = after.saturating_sub(before);
        let held = growth <= growth_max && peak <= 512 * 1024;
        record(
            &format!("hostile uploads, {}", fresh.name),
            "memory grows by 64 MiB at most, peak 512 MiB",
            &format!("{} KiB in {rounds} rounds, peak {} MiB", growth, peak / 1024),
            held,
        );
        assert!(held, "{}: {before} KiB became {after}, peak {peak}", fresh.name);
        let stored = stored(folder.path());
        assert_eq!(stored, Vec::<String>::new(), "nothing of it was kept");
        tally(fresh.name, &test_name());
        assert!(server.stop().await.success());
        fresh.remove().await;
    }
}

/// The names of all files in the server's folder of files.
fn stored(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("files")).expect("the folder of files is there");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.expect("the folder is listed").file_name().to_string_lossy().into_owned()
    };
    entries.map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_keeps_files_in_its_folder_and_logs_no_key() {
    let fresh = databases::sqlite().await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = teller(folder.path(), &fresh.url);
    command.env("TELLER_LOG", "debug");
    let server = Server::start_with(&mut command).await;
    let token = join(&server, "ann", 1).await;
    let client = client();
    let body = form("file", "a.txt", "text/plain", b"hello");
    let request = client.post(format!("{}/files", server.url)).bearer_auth(&token);
    let request = request.header("content-type", form_type()).body(body);
    let answer = request.send().await.expect("the server answers");
    assert_eq!(answer.status().as_u16(), 201);
    let answer: Value = answer.json().await.expect("the answer is JSON");
    let (url, sent) = (text(&answer["url"]), Sent::read(&answer));
    assert!(url.starts_with(&server.url), "{url} is where the server listens");
    let name = sent.bare().trim_start_matches("/files/").to_owned();
    assert_eq!(stored(folder.path()), std::slice::from_ref(&name));
    let mode = std::fs::metadata(folder.path().join("files")).expect("the folder is there");
    let mode = std::os::unix::fs::PermissionsExt::mode(&mode.permissions());
    assert_eq!(mode & 0o777, 0o700, "nobody else looks into it");
    let shown = client.get(&url).send().await.expect("the server answers");
    assert_eq!(shown.text().await.expect("a text"), "hello");
    let missing = client.get(format!("{url}0")).send().await.expect("the server answers");
    assert_eq!(missing.status().as_u16(), 404);
    // Bytes that are lost are missed by nobody but the log.
    std::fs::remove_file(folder.path().join("files").join(&name)).expect("the file is removed");
    let lost = client.get(&url).send().await.expect("the server answers");
    assert_eq!(lost.status().as_u16(), 404);
    // The log is read from a pipe, a little behind.
    let told = async {
        while !server.log().contains("has no bytes") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(20), told).await;
    let log = server.log();
    assert!(told.is_ok(), "{log}");
    let (_, key) = url.split_once("?key=").expect("a key");
    assert!(!log.contains(key) && !log.contains(&token), "the log tells a secret: {log}");
    assert!(server.stop().await.success());
    fresh.remove().await;
}

/// What is in a bucket, and whether its store answers.
#[derive(Default)]
struct Bucket {
    kept: Mutex<Vec<(String, Vec<u8>)>>,
    away: AtomicBool,
}

/// The part of an S3-compatible store that a bank needs, for a bucket that is called `papers`.
async fn s3(State(bucket): State<Arc<Bucket>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = |status: u16, body: Vec<u8>| {
        let mut response = Response::new(body.into());
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        let headers = response.headers_mut();
        headers.insert("etag", "\"1\"".parse().expect("a header"));
        headers.insert("last-modified", "Sat, 21 Nov 2026 10:00:00 GMT".parse().expect("a header"));
        response
    };
    let signed = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
    let signed = signed.is_some_and(|value| {
        value.starts_with("AWS4-HMAC-SHA256 Credential=TELLER/") && value.contains("/eu-test-1/s3/")
    });
    if bucket.away.load(Ordering::SeqCst) {
        return answer(503, Vec::new());
    }
    if !signed {
        return answer(403, Vec::new());
    }
    let path = parts.uri.path().to_owned();
    let body = to_bytes(body, usize::MAX).await.expect("a body in memory");
    let mut kept = bucket.kept.lock().expect("nobody panics with the bucket");
    match parts.method.as_str() {
        "PUT" => {
            kept.push((path, body.to_vec()));
            answer(200, Vec::new())
        }
        "GET" => match kept.iter().find(|(name, _)| *name == path) {
            Some((_, content)) => answer(200, content.clone()),
            None => answer(404, Vec::new()),
        },
        "DELETE" => {
            kept.retain(|(name, _)| *name != path);
            answer(204, Vec::new())
        }
        _ => answer(400, Vec::new()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_keeps_files_in_a_bucket_of_an_s3_compatible_store() {
    let bucket = Arc::new(Bucket::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let store = Router::new().fallback(s3).with_state(bucket.clone());
    let store = tokio::spawn(async move { axum::serve(listener, store).await });

    let fresh = databases::sqlite().await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = teller(folder.path(), &fresh.url);
    command.env("TELLER_FILE_STORE", "s3://papers/teller/files");
    command.env("TELLER_S3_ENDPOINT", &endpoint).env("TELLER_S3_REGION", "eu-test-1");
    command.env("TELLER_S3_ACCESS_KEY_ID", "TELLER").env("TELLER_S3_SECRET_ACCESS_KEY", "secret");
    let server = Server::start_with(&mut command).await;
    let token = join(&server, "ann", 1).await;
    let client = client();
    let bring = async || {
        let body = form("file", "a.png", "image/png", &picture(8, 8, ImageFormat::Png));
        let request = client.post(format!("{}/files", server.url)).bearer_auth(&token);
        let request = request.header("content-type", form_type()).body(body);
        request.send().await.expect("the server answers")
    };
    let answer = bring().await;
    assert_eq!(answer.status().as_u16(), 201);
    let answer: Value = answer.json().await.expect("the answer is JSON");
    let sent = Sent::read(&answer);
    let name = sent.bare().trim_start_matches("/files/").to_owned();
    let kept = || bucket.kept.lock().expect("nobody panics with the bucket").clone();
    assert_eq!(kept()[0].0, format!("/papers/teller/files/{name}"));
    let shown = client.get(text(&answer["url"])).send().await.expect("the server answers");
    assert_eq!(shown.status().as_u16(), 200);
    assert_eq!(shown.bytes().await.expect("an image")[..], kept()[0].1);
    let mutation =
        "mutation ($id: ID) { setAvatar(input: { fileId: $id }) { errors { message } } }";
    server.run(Some(&token), mutation, json!({ "id": sent.id })).await;
    server.run(Some(&token), mutation, json!({ "id": null })).await;
    assert_eq!(kept(), [], "an avatar that was removed is gone from the bucket");
    // A store that is away is told as such, and leaves nothing to be seen.
    bucket.away.store(true, Ordering::SeqCst);
    let answer = bring().await;
    assert_eq!(answer.status().as_u16(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    store.abort();
    assert!(server.stop().await.success());
    fresh.remove().await;
}
