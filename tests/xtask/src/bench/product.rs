//! The product's binary.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// Builds `rais` and the tests' server in release, and has the harness take them; a `rais` that
/// `RAIS_BIN` names is taken as it is.
pub(super) fn build() -> anyhow::Result<PathBuf> {
    build_package("rais-tests", "release")?;
    rais()
}

/// `rais` alone, as [`build`] has it.
pub(super) fn rais() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("RAIS_BIN") {
        return Ok(path.into());
    }
    build_package("rais", "release")?;
    let task = std::env::current_exe()?;
    // Cargo puts both in the folder of the profile.
    Ok(task.parent().context("a folder")?.join("rais"))
}

/// `rais` as it ships, for who measures its memory too; one that `RAIS_BIN` names is taken as it is.
pub(super) fn shipped() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("RAIS_BIN") {
        return Ok(path.into());
    }
    build_package("rais", "ship")?;
    let task = std::env::current_exe()?;
    // Cargo has a folder for each profile, side by side.
    let profiles = task.parent().and_then(Path::parent).context("a folder")?;
    Ok(profiles.join("ship/rais"))
}

/// Cargo says what it does: it may take minutes.
fn build_package(package: &str, profile: &str) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--profile", profile, "--bins", "--package", package])
        .status()?;
    ensure!(built.success(), "{package} does not build");
    Ok(())
}
