//! The binary: an allocator, a runtime, and the command line.

use std::process::ExitCode;

/// Answers are made of many small pieces, which this allocator is quick with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Pages of 2 MiB would hold far more memory than is used: a server at rest takes 10 MiB
    // less without them. Where the system knows no such pages there is nothing to refuse.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a machine without threads or sockets cannot run a server");
    let code = runtime.block_on(teller::cli::run(std::env::args_os().collect()));
    // What still hashes a password for somebody who was given up keeps nobody waiting.
    runtime.shutdown_background();
    code
}
