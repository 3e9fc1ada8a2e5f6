//! Which control group is meant.

use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use crate::NameError;

/// A control group as a configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CgroupName {
    /// `"self"`: that of this process.
    Own,
    /// `"/system.slice/www.service"`: below the root of what is mounted here. Kept without its
    /// leading slash, and without `.` and `..`.
    Below(PathBuf),
}

impl FromStr for CgroupName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text == "self" {
            return Ok(Self::Own);
        }
        let below = Path::new(text).strip_prefix("/").map_err(|_| NameError(text.to_owned()))?;
        if below.components().all(|part| matches!(part, Component::Normal(_))) {
            Ok(Self::Below(below.to_owned()))
        } else {
            Err(NameError(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_one_or_one_below_the_root() {
        let below = |path: &str| Ok(CgroupName::Below(path.into()));
        assert_eq!("self".parse(), Ok(CgroupName::Own));
        assert_eq!("/system.slice/www.service".parse(), below("system.slice/www.service"));
        assert_eq!("/a//b/".parse(), below("a/b"));
        assert_eq!("/".parse(), below(""));
        for text in ["", "own", "system.slice", "../a", "/../a", "/a/../../b", "./a"] {
            let parsed: Result<CgroupName, _> = text.parse();
            assert_eq!(parsed, Err(NameError(text.to_owned())));
        }
    }
}
