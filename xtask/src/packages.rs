//! System packages by `apt-get`, for machines that lack them.

use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use crate::shell;

/// Whether this process is root.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Installs Debian packages, as root or through a `sudo` that asks no password.
pub fn install(packages: &[&str]) -> Result<(), String> {
    let wanted = packages.join(" ");
    let by_hand = format!("install them by hand: apt-get install {wanted}");
    if !shell::exists("apt-get", "--version") {
        return Err(format!("{wanted} missing, and there is no apt-get here; {by_hand}"));
    }
    if !is_root() && !sudo_works() {
        return Err(format!(
            "{wanted} missing, and neither root nor a sudo without password is available; {by_hand}"
        ));
    }
    println!("    installing {wanted} with apt-get");
    shell::capture(apt_get().args(["update", "-q"]))?;
    shell::capture(apt_get().args(["install", "-y", "-q", "--no-install-recommends"]).args(packages))?;
    Ok(())
}

fn apt_get() -> Command {
    let mut command = if is_root() { Command::new("env") } else { Command::new("sudo") };
    if !is_root() {
        command.args(["-n", "env"]);
    }
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command
}

fn sudo_works() -> bool {
    Command::new("sudo")
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
