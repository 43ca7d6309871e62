//! The binary: an allocator, a runtime, and the command line.

use std::process::ExitCode;

/// Answers are made of many small pieces, which this allocator is quick with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a machine without threads or sockets cannot run a server");
    runtime.block_on(teller::cli::run(std::env::args_os().collect()))
}
