//! Control groups, version 2: the kernel's admin-guide/cgroup-v2.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::{CgroupName, System, SystemError};

/// One control group of this host; it need not be there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup {
    system: System,
    /// Where the hierarchy is mounted.
    mount: String,
    /// Below that.
    below: PathBuf,
}

impl Cgroup {
    /// The group that `name` means on `system`.
    ///
    /// # Errors
    /// Where version 2 is not mounted, or this process is outside of what is.
    pub fn find(system: &System, name: &CgroupName) -> Result<Cgroup, SystemError> {
        let (top, mount) = mounted(system)?;
        let below = match name {
            CgroupName::Below(below) => below.clone(),
            CgroupName::Own => {
                let own = own(system)?;
                let outside = || SystemError::OwnOutside(own.clone());
                let below = Path::new(&own).strip_prefix(&top).map_err(|_| outside())?;
                // A namespace shows what is above its own root by `..`.
                if below.components().any(|part| part.as_os_str() == "..") {
                    return Err(outside());
                }
                below.to_owned()
            }
        };
        Ok(Cgroup { system: system.clone(), mount, below })
    }

    /// The group that a configuration names, as [`CgroupName`] says.
    ///
    /// # Errors
    /// Also where `name` is none.
    pub fn named(system: &System, name: &str) -> Result<Cgroup, SystemError> {
        Self::find(system, &name.parse()?)
    }

    /// This one, and those above it, up to the top of what is mounted here. Above a container's
    /// top there may be more, which it cannot see.
    pub fn lineage(&self) -> impl Iterator<Item = Cgroup> {
        self.below.ancestors().map(|below| Cgroup { below: below.to_owned(), ..self.clone() })
    }

    /// What stands in its file of this name; `None` where it has none, as the root and groups
    /// without the file's controller.
    ///
    /// # Errors
    /// Where the group is not there, or the file cannot be read.
    pub fn read(&self, file: &str) -> Result<Option<String>, SystemError> {
        match fs::read_to_string(self.system.place(&self.file(file))) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(SystemError::read(self.file(file).as_ref(), error))
            }
            Err(_) if self.system.place(&self.folder()).is_dir() => Ok(None),
            Err(_) => Err(SystemError::NoCgroup(self.folder().into())),
        }
    }

    /// As [`read`](Self::read), of a file that must be there.
    ///
    /// # Errors
    /// Also where there is no such file.
    pub fn require(&self, file: &str) -> Result<String, SystemError> {
        self.read(file)?.ok_or_else(|| SystemError::NoController(self.file(file).into()))
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> String {
        match self.below.to_string_lossy() {
            top if top.is_empty() => self.mount.clone(),
            below => format!("{}/{below}", self.mount),
        }
    }

    /// The path of its file of this name.
    #[must_use]
    pub fn file(&self, file: &str) -> String {
        format!("{}/{file}", self.folder())
    }
}

/// Of the first mount of version 2: which group is its top, and where it is. In a container without
/// a namespace of its own the top is not `/`.
fn mounted(system: &System) -> Result<(String, String), SystemError> {
    let mounts = system.read("/proc/self/mountinfo")?;
    // proc_pid_mountinfo(5): number, parent, device, root, mount point, options … - type, source …
    let mount = mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(3);
        let (top, point) = (fields.next()?, fields.next()?);
        after.starts_with("cgroup2 ").then(|| (top.to_owned(), point.to_owned()))
    });
    mount.ok_or(SystemError::NoHierarchy)
}

/// The group of this process, by its line of version 2 (number 0) in cgroups(7).
fn own(system: &System) -> Result<String, SystemError> {
    const OWN: &str = "/proc/self/cgroup";
    let text = system.read(OWN)?;
    let own = text.lines().find_map(|line| line.strip_prefix("0::"));
    own.map(str::to_owned).ok_or_else(|| SystemError::malformed(OWN, "line 0::"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    const MOUNT: &str = "24 30 0:22 / /proc rw - proc proc rw\n\
         30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

    fn tree(mounts: &str, own: &str) -> Tree {
        Tree::new().with("/proc/self/mountinfo", mounts).with("/proc/self/cgroup", own)
    }

    fn folder(tree: &Tree, name: &str) -> Result<String, String> {
        let found = Cgroup::named(&tree.system(), name);
        found.map(|cgroup| cgroup.folder()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_own_group_is_found_wherever_it_is_mounted() {
        let of = |mounts: &str, own: &str| folder(&tree(mounts, own), "self");
        let monitor = "0::/system.slice/rais-monitor.service\n";
        let there = "/sys/fs/cgroup/system.slice/rais-monitor.service".to_owned();
        assert_eq!(of(MOUNT, monitor), Ok(there));
        assert_eq!(of(MOUNT, "0::/\n"), Ok("/sys/fs/cgroup".to_owned()));

        // Both versions side by side.
        let hybrid = MOUNT.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified");
        let own = "4:memory:/elsewhere\n0::/a\n";
        assert_eq!(of(&hybrid, own), Ok("/sys/fs/cgroup/unified/a".to_owned()));

        // A container without a cgroup namespace of its own: its mount begins at its group.
        let container = MOUNT.replace(" / /sys", " /docker/4711 /sys");
        assert_eq!(of(&container, "0::/docker/4711\n"), Ok("/sys/fs/cgroup".to_owned()));
        let below = of(&container, "0::/docker/4711/www\n");
        assert_eq!(below, Ok("/sys/fs/cgroup/www".to_owned()));

        let outside =
            |own: &str| Err(format!("the own cgroup, {own}, is outside of what is mounted here"));
        assert_eq!(of(&container, "0::/docker/47\n"), outside("/docker/47"));
        assert_eq!(of(MOUNT, "0::/../other\n"), outside("/../other"));
        assert_eq!(of(MOUNT, "4:memory:/\n"), Err("/proc/self/cgroup: no line 0:: in it".into()));
        let first = MOUNT.lines().next().unwrap();
        assert_eq!(of(first, monitor), Err("no cgroup v2 is mounted on this host".into()));
    }

    #[test]
    fn a_named_group_is_below_the_mount_and_knows_those_above() {
        let tree = tree(MOUNT, "0::/\n");
        let cgroup = Cgroup::named(&tree.system(), "/system.slice/www.service").unwrap();
        let lineage: Vec<_> = cgroup.lineage().map(|it| it.folder()).collect();
        let slice = "/sys/fs/cgroup/system.slice";
        assert_eq!(lineage, [&format!("{slice}/www.service"), slice, "/sys/fs/cgroup"]);
    }

    #[test]
    fn a_file_that_lacks_is_told_from_a_group_that_lacks() {
        let tree = tree(MOUNT, "0::/\n").with("/sys/fs/cgroup/www/memory.max", "max\n");
        let find = |name: &str| Cgroup::named(&tree.system(), name).unwrap();
        let www = find("/www");
        assert_eq!(www.read("memory.max").unwrap().as_deref(), Some("max\n"));
        assert_eq!(www.read("cpu.max").unwrap(), None);
        let error = www.require("cpu.max").unwrap_err().to_string();
        let off = "not there; its controller is off for this cgroup";
        assert_eq!(error, format!("/sys/fs/cgroup/www/cpu.max: {off}"));
        let error = find("/gone").read("cpu.max").unwrap_err().to_string();
        assert_eq!(error, "/sys/fs/cgroup/gone: there is no such cgroup");
    }
}
