//! Keys that hosts share.

use crate::host::Host;

/// Has the first host make a key in the key ring `folder`, and gives the others copies of it.
#[track_caller]
pub fn share(hosts: &[&Host], folder: &str) {
    let (first, others) = hosts.split_first().expect("a host");
    first.rais(&["key", "new", "--keys", folder]).expect_code(0);
    let made = first.path(folder);
    for other in others {
        let copies = other.path(folder);
        std::fs::create_dir_all(&copies).expect("a folder for keys");
        for entry in std::fs::read_dir(&made).expect("the key ring") {
            let entry = entry.expect("a key");
            // The mode goes with it: a key file is 0600.
            std::fs::copy(entry.path(), copies.join(entry.file_name())).expect("a copy of a key");
        }
    }
}
