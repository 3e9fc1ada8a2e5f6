//! Keys pressed in the live view.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc::UnboundedSender;

use super::show::Input;
use super::which::Which;

/// How soon it is noticed that nobody listens any more.
const LOOK_UP_EVERY: Duration = Duration::from_millis(50);

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Press {
    /// Kill a server that runs, revive one that does not.
    Toggle(Which),
    /// Enough.
    Quit,
}

/// Reads keys on a thread of its own for as long as somebody listens.
///
/// # Errors
/// No thread can be had.
pub(super) fn start(inputs: UnboundedSender<Input>) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("keys".to_owned()).spawn(move || {
        while !inputs.is_closed() {
            let press = match event::poll(LOOK_UP_EVERY) {
                Ok(false) => continue,
                Ok(true) => event::read().map(|event| meaning(&event)),
                Err(error) => Err(error),
            };
            // Whose terminal is gone has left.
            let press = press.unwrap_or(Some(Press::Quit));
            if let Some(press) = press
                && (inputs.send(Input::Press(press)).is_err() || press == Press::Quit)
            {
                return;
            }
        }
    })
}

fn meaning(event: &Event) -> Option<Press> {
    let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) = *event else {
        return None;
    };
    match code {
        KeyCode::Char('c' | 'd') if modifiers.contains(KeyModifiers::CONTROL) => Some(Press::Quit),
        KeyCode::Char('q' | 'Q') => Some(Press::Quit),
        KeyCode::Char('1') => Some(Press::Toggle(Which::Web1)),
        KeyCode::Char('2') => Some(Press::Toggle(Which::Web2)),
        KeyCode::Char('3') => Some(Press::Toggle(Which::Web3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Option<Press> {
        meaning(&Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn each_key_has_its_meaning() {
        let plain = |letter| key(KeyCode::Char(letter), KeyModifiers::NONE);
        assert_eq!(plain('1'), Some(Press::Toggle(Which::Web1)));
        assert_eq!(plain('2'), Some(Press::Toggle(Which::Web2)));
        assert_eq!(plain('3'), Some(Press::Toggle(Which::Web3)));
        assert_eq!(plain('q'), Some(Press::Quit));
        for letter in ['c', 'd', '4', 'k'] {
            assert_eq!(plain(letter), None, "{letter}");
        }
        // In raw mode Ctrl-C is a key like others.
        assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Press::Quit));
        assert_eq!(meaning(&Event::Resize(80, 24)), None);
    }
}
