//! A name that is asked for, in the form in which it is looked up.

/// Octets of a name on the wire (RFC 1035 §2.3.4).
pub(crate) const MAX_NAME: usize = 255;
/// Labels of such a name, the root's not counted.
const MAX_LABELS: usize = 127;
/// Octets of a label (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// A name in lower case (RFC 4343), with the places of its labels. Made once and filled again for
/// each query.
#[derive(Debug)]
pub(crate) struct Lowered {
    octets: [u8; MAX_NAME],
    len: usize,
    /// Where each label begins.
    starts: [u8; MAX_LABELS],
    labels: usize,
}

impl Lowered {
    /// The root.
    pub(crate) const fn new() -> Lowered {
        Lowered { octets: [0; MAX_NAME], len: 1, starts: [0; MAX_LABELS], labels: 0 }
    }

    /// Reads the name at `at` of a message, and says where it ends. A compressed one is none here:
    /// in a question there is nothing before it to point to.
    #[inline]
    pub(crate) fn read(&mut self, message: &[u8], at: usize) -> Option<usize> {
        let rest = message.get(at..)?;
        let mut end = 0;
        let mut labels = 0;
        loop {
            let length = usize::from(*rest.get(end)?);
            if length == 0 {
                break;
            }
            // The longest name leaves one octet for the root.
            if length > MAX_LABEL || end + length + 1 >= MAX_NAME {
                return None;
            }
            // Below 255 by the line above, as `labels` is below 127.
            *self.starts.get_mut(labels)? = end as u8;
            labels += 1;
            end += 1 + length;
        }
        let len = end + 1;
        let octets = self.octets.get_mut(..len)?;
        octets.copy_from_slice(rest.get(..len)?);
        // A length is below any capital letter, so that lengths stay as they are.
        octets.make_ascii_lowercase();
        self.len = len;
        self.labels = labels;
        Some(at + len)
    }

    /// The whole name.
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }

    /// How many labels it has, the root's not counted.
    #[inline]
    pub(crate) fn labels(&self) -> usize {
        self.labels
    }

    /// Its last labels, so many of them.
    #[inline]
    pub(crate) fn suffix(&self, labels: usize) -> &[u8] {
        let start = match self.labels.checked_sub(labels).and_then(|skip| self.starts.get(skip)) {
            Some(start) if labels > 0 => usize::from(*start),
            _ => self.len - 1,
        };
        self.octets.get(start..self.len).unwrap_or_default()
    }
}

/// The number of labels of a sound name, the root's not counted.
pub(crate) fn label_count(name: &[u8]) -> usize {
    labels(name).count()
}

/// The places at which the labels of a sound name begin, the root's not counted.
pub(crate) fn labels(name: &[u8]) -> impl Iterator<Item = usize> {
    let length = |at: usize| name.get(at).copied().map(usize::from).filter(|length| *length > 0);
    let first = length(0).map(|_| 0);
    std::iter::successors(first, move |at| {
        let next = at + 1 + length(*at)?;
        length(next).map(|_| next)
    })
}

/// A name as people read it, without the last dot.
pub(crate) fn to_text(name: &[u8]) -> String {
    let label = |at: usize| {
        let length = name.get(at).copied().map_or(0, usize::from);
        String::from_utf8_lossy(name.get(at + 1..at + 1 + length).unwrap_or_default()).into_owned()
    };
    labels(name).map(label).collect::<Vec<_>>().join(".")
}

/// What stands in a configuration or a file name, checked by [`rais_zone`], on the wire.
pub(crate) fn to_wire(text: &str) -> Vec<u8> {
    let mut wire = Vec::with_capacity(text.len() + 2);
    for label in text.split('.').filter(|label| !label.is_empty()) {
        // 63 at most, as it was checked.
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_in_lower_case_with_its_labels() {
        let mut name = Lowered::new();
        assert_eq!(name.read(b"..\x03wWw\x07eXample\0!", 2), Some(15));
        assert_eq!(name.as_slice(), b"\x03www\x07example\0");
        assert_eq!(name.labels(), 2);
        assert_eq!(name.suffix(1), b"\x07example\0");
        assert_eq!((name.suffix(0), name.suffix(2)), (&b"\0"[..], name.as_slice()));
        assert_eq!(name.read(b"\0", 0), Some(1));
        assert_eq!((name.as_slice(), name.labels(), name.suffix(0)), (&b"\0"[..], 0, &b"\0"[..]));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let mut name = Lowered::new();
        for bad in [&b""[..], b"\x03ww", b"\x03www", b"\xc0\x0c", b"\x40", b"\x01a\xc0\0"] {
            assert_eq!(name.read(bad, 0), None, "{bad:?}");
        }
        let of = |lengths: &[u8]| {
            let label = |length: &u8| [vec![*length], vec![b'x'; usize::from(*length)]].concat();
            [lengths.iter().map(label).collect::<Vec<_>>().concat(), vec![0]].concat()
        };
        assert_eq!(name.read(&of(&[63, 63, 63, 61]), 0), Some(255));
        assert_eq!(name.read(&of(&[63, 63, 63, 62]), 0), None);
        assert_eq!(name.read(&of(&[1; 127]), 0), Some(255));
        assert_eq!(name.labels(), 127);
        assert_eq!(name.read(&of(&[1; 128]), 0), None);
    }

    #[test]
    fn text_and_wire() {
        assert_eq!(to_wire("www.example"), b"\x03www\x07example\0");
        assert_eq!(to_text(b"\x03www\x07example\0"), "www.example");
        assert_eq!(label_count(b"\x03www\x07example\0"), 2);
        assert_eq!(label_count(b"\0"), 0);
    }
}
