//! The terminal, taken for the live view and given back as it was.

use std::io::{self, Stdout, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap,
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, size,
};
use crossterm::{execute, queue};

/// Whether the terminal is ours and not given back yet.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal in raw mode, on its alternate screen; given back when dropped, and on a panic
/// before it is told.
#[derive(Debug)]
pub(super) struct Screen {
    out: Stdout,
    colour: Colour,
}

/// Whether lines keep their colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    Shown,
    Stripped,
}

/// Where no size can be had.
const USUAL_ROWS: u16 = 24;

impl Screen {
    /// Takes the terminal of standard output.
    ///
    /// # Errors
    /// What the terminal says.
    pub(super) fn take() -> io::Result<Screen> {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |about| {
            give_back();
            told(about);
        }));
        TAKEN.store(true, Ordering::SeqCst);
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = if no_colour { Colour::Stripped } else { Colour::Shown };
        let mut screen = Screen { out: io::stdout(), colour };
        enable_raw_mode()?;
        execute!(screen.out, EnterAlternateScreen, Hide, DisableLineWrap)?;
        Ok(screen)
    }

    /// How many lines there is room for.
    pub(super) fn rows(&self) -> usize {
        usize::from(size().map_or(USUAL_ROWS, |(_, rows)| rows))
    }

    /// Puts `lines` in the place of what is there; what is too wide is cut off.
    ///
    /// # Errors
    /// What the terminal says.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        queue!(self.out, BeginSynchronizedUpdate)?;
        for (row, line) in (0_u16..).zip(lines) {
            queue!(self.out, MoveTo(0, row))?;
            match self.colour {
                Colour::Shown => write!(self.out, "{line}")?,
                Colour::Stripped => write!(self.out, "{}", anstream::adapter::strip_str(line))?,
            }
            queue!(self.out, Clear(ClearType::UntilNewLine))?;
        }
        if lines.len() < self.rows() {
            let row = u16::try_from(lines.len()).unwrap_or(u16::MAX);
            queue!(self.out, MoveTo(0, row), Clear(ClearType::FromCursorDown))?;
        }
        queue!(self.out, EndSynchronizedUpdate)?;
        self.out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Once only: done twice it would move the cursor onto what was printed in between.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs nothing back.
        let _ = execute!(io::stdout(), EnableLineWrap, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}
