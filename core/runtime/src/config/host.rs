//! `[host]`: who this machine is and where it keeps what it must not forget.

use std::path::PathBuf;

use rais_proto::name::HostName;

/// `[host]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// What status shows and `drain` takes; the kernel's host name by default.
    pub name: HostName,
    /// Folder of host id, epochs, last sets, serials and journal.
    pub state: PathBuf,
    /// Taken on after the sockets are bound.
    pub user: Option<String>,
    /// Taken on after the sockets are bound.
    pub group: Option<String>,
}
