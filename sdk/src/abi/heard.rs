//! Who hears a panic, and where it was: between the guards and a library's panic hook.
//!
//! Without that hook (in a built-in plugin) nothing is noted here, and no place is known.

use std::cell::{Cell, RefCell};

thread_local! {
    /// Guards that are entered.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
    /// The newest panic that a guard is to catch.
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// One panic, as the hook sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panic {
    pub(crate) text: String,
    /// File and line.
    pub(crate) place: String,
}

/// To whom a panic comes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A guard will catch it, and tell.
    ByGuard,
    /// It ends a thread of the plugin's own.
    ByNobody(Panic),
    /// The process ends: this one was thrown while another unwound, or where nothing may unwind.
    Last(Panic),
}

/// How the standard library puts what it cannot unwind from.
const LAST_WORDS: [&str; 2] =
    ["panic in a destructor during cleanup", "panic in a function that cannot unwind"];

/// As long as it lives, panics of this thread are a guard's.
pub(crate) struct Entered(());

impl Entered {
    pub(crate) fn new() -> Self {
        GUARDS.set(GUARDS.get() + 1);
        Self(())
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        GUARDS.set(GUARDS.get() - 1);
    }
}

/// For the hook.
pub(crate) fn heard(panic: Panic) -> Heard {
    if LAST_WORDS.contains(&panic.text.as_str()) {
        return Heard::Last(take().unwrap_or(panic));
    }
    if GUARDS.get() == 0 {
        return Heard::ByNobody(panic);
    }
    // While a thread ends nothing can be noted any more: then the place is missing.
    let _ = LAST.try_with(|last| last.replace(Some(panic)));
    Heard::ByGuard
}

/// For the guard that has caught `text`: its place. A panic that the author caught before, or threw
/// on without the hook, is another.
pub(crate) fn place_of(text: &str) -> Option<String> {
    take().filter(|panic| panic.text == text).map(|panic| panic.place)
}

/// The newest, which is then forgotten.
pub(crate) fn take() -> Option<Panic> {
    LAST.try_with(RefCell::take).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panic(text: &str) -> Panic {
        Panic { text: text.to_owned(), place: "src/lib.rs:12".to_owned() }
    }

    #[test]
    fn a_guard_has_the_place_of_what_it_caught() {
        let _entered = Entered::new();
        assert_eq!(heard(panic("boom")), Heard::ByGuard);
        assert_eq!(place_of("boom").as_deref(), Some("src/lib.rs:12"));
        assert_eq!(place_of("boom"), None);
        assert_eq!(heard(panic("the author's own")), Heard::ByGuard);
        assert_eq!(place_of("thrown on"), None);
        assert_eq!(take(), None);
    }

    #[test]
    fn without_a_guard_nobody_hears() {
        assert_eq!(heard(panic("boom")), Heard::ByNobody(panic("boom")));
        drop(Entered::new());
        assert_eq!(heard(panic("boom")), Heard::ByNobody(panic("boom")));
        assert_eq!(take(), None);
    }

    #[test]
    fn the_last_words_are_of_what_ended_the_process() {
        let _entered = Entered::new();
        assert_eq!(heard(panic("first")), Heard::ByGuard);
        assert_eq!(heard(panic("second")), Heard::ByGuard);
        assert_eq!(heard(panic(LAST_WORDS[0])), Heard::Last(panic("second")));
        assert_eq!(heard(panic(LAST_WORDS[1])), Heard::Last(panic(LAST_WORDS[1])));
    }
}
