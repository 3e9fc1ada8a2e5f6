//! Doc comments.

use super::*;

/// Of the table itself.
#[config]
struct Table {
    /// One line.
    one: u8,
    /// Over two
    /// lines.
    ///
    /// For who reads the code.
    two: u8,
    none: u8,
    /** A block
     * without stars is as it comes. */
    #[doc = "Said otherwise."]
    block: u8,
    #[doc = concat!("Put ", "together.")]
    put: u8,
    /// Says "so" and C:\back.
    quoted: u8,
}

#[test]
fn the_first_paragraph_on_one_line() {
    let texts = texts::<Table>();
    assert_eq!(texts[..3], ["One line.", "Over two lines.", ""]);
    assert!(texts[3].ends_with("Said otherwise."), "{}", texts[3]);
    assert_eq!(texts[4..], ["Put together.", "Says \"so\" and C:\\back."]);
}
