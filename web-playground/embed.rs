//! The build script: hands the built playground to the compiler, or says that there is none.
//!
//! `make playground` (or `npm run build` here) writes `dist/playground.pack`. Without it
//! the binary is built all the same, and its page says what to run.

use std::{
    env, fs,
    io::{Write as _, stdout},
    path::Path,
};

fn main() {
    let here = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo says where the crate is"))
        .join("web-playground/dist");
    // A folder that is not there would be taken for one that has changed, each time. Where it
    // cannot be made, nothing worse happens than that.
    let _ = fs::create_dir_all(&here);
    let watched = format!(
        "cargo:rerun-if-changed={}\ncargo:rerun-if-changed=web-playground/embed.rs\n",
        here.display()
    );
    stdout().write_all(watched.as_bytes()).expect("cargo reads what a build script says");
    let pack = fs::read(here.join("playground.pack")).unwrap_or_default();
    let out = env::var("OUT_DIR").expect("cargo says where to write");
    fs::write(Path::new(&out).join("playground.pack"), pack)
        .expect("cargo's folder can be written");
}
