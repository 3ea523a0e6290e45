//! Links the system's OpenBLAS where the feature `clarabel-sdp` asks for it.
//!
//! `openblas-src` with its `system` feature would do no more, at the price of a downloader with a TLS stack in the build.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_CLARABEL_SDP").is_some() {
        println!("cargo::rustc-link-lib=openblas");
    }
}
