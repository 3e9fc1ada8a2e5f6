//! Asks the compiler its version, which a library's manifest tells.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("-V").output().ok();
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.as_deref().map(str::trim).unwrap_or_default();
    println!("cargo::rustc-env=RAIS_RUSTC={}", version.strip_prefix("rustc ").unwrap_or(version));
}
