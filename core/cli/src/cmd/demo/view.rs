//! How the demo is shown: live on a terminal, else as plain lines.

use std::io::{self, Write};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::keys;
use super::recipe::ZONE;
use super::screen::Screen;
use super::show::Input;
use super::table::{Picture, WHAT, told};
use super::watch::Zone;
use super::which::Which;

/// Where the picture goes.
#[derive(Debug)]
pub(super) enum View {
    /// A table that changes in place.
    Live(Live),
    /// A line for every change.
    Lines(Lines),
}

/// Whether anybody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Most likely.
    ToSomebody,
    /// The reader of our output is gone.
    ToNobody,
}

/// On a terminal.
#[derive(Debug)]
pub(super) struct Live {
    screen: Screen,
    drawn: Option<Instant>,
    keys: Option<JoinHandle<()>>,
}

/// To wherever standard output goes.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Events told so far; none before the greeting.
    told: Option<usize>,
    zone: Option<Zone>,
}

/// Faster is only flicker.
const REDRAW_EVERY: Duration = Duration::from_millis(200);

impl View {
    /// Takes the terminal; keys go to `inputs`.
    ///
    /// # Errors
    /// What the terminal says.
    pub(super) fn live(inputs: UnboundedSender<Input>) -> io::Result<View> {
        let screen = Screen::take()?;
        Ok(View::Live(Live { screen, drawn: None, keys: Some(keys::start(inputs)?) }))
    }

    /// Plain text.
    pub(super) fn lines() -> View {
        View::Lines(Lines::default())
    }

    /// Shows what is new in `picture`.
    ///
    /// # Errors
    /// Standard output's.
    pub(super) fn show(&mut self, picture: &Picture<'_>) -> io::Result<Shown> {
        match self {
            View::Live(live) => live.show(picture).map(|()| Shown::ToSomebody),
            View::Lines(lines) => {
                let text = lines.news(picture);
                if text.is_empty() {
                    return Ok(Shown::ToSomebody);
                }
                let mut out = io::stdout();
                match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Shown::ToNobody),
                    outcome => outcome.map(|()| Shown::ToSomebody),
                }
            }
        }
    }
}

impl Live {
    fn show(&mut self, picture: &Picture<'_>) -> io::Result<()> {
        let now = Instant::now();
        if self.drawn.is_some_and(|drawn| now.duration_since(drawn) < REDRAW_EVERY) {
            return Ok(());
        }
        self.drawn = Some(now);
        let rows = self.screen.rows();
        self.screen.draw(&picture.lines(rows))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // A key that is pressed from now on is for whoever has the terminal next.
        if let Some(keys) = self.keys.take() {
            let _ = keys.join();
        }
    }
}

impl Lines {
    /// All that is new, each in a line of its own.
    fn news(&mut self, picture: &Picture<'_>) -> String {
        let mut text = String::new();
        let mut line = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        let events = picture.story.lines();
        let known = self.told.replace(events.len()).unwrap_or_else(|| {
            greeting(picture).iter().for_each(|text| line(text));
            0
        });
        events.get(known..).unwrap_or_default().iter().for_each(|event| line(&told(event)));
        if let Some(zone) = picture.story.zone()
            && self.zone.as_ref() != Some(zone)
        {
            line(&format!("          zone {ZONE}, serial {}:", zone.serial));
            zone.records().for_each(|record| line(&format!("            {record}")));
            self.zone = Some(zone.clone());
        }
        text
    }
}

fn greeting(picture: &Picture<'_>) -> Vec<String> {
    let facts = picture.facts;
    let mut lines = vec![WHAT.to_owned()];
    lines.extend(Which::ALL.map(|which| {
        let (address, paper) = (facts.addresses[which], which.in_paper());
        format!("  {which}  http://{address}/  ({paper} in Fig. 2 of the paper)")
    }));
    lines.push(format!("  configurations and logs: {}", facts.folder.display()));
    lines.push(facts.second_terminal());
    lines.extend(facts.closer());
    lines
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::path::PathBuf;

    use super::super::story::Story;
    use super::super::table::Facts;
    use super::super::which::Each;
    use super::*;

    fn facts() -> Facts {
        Facts {
            program: "rais".to_owned(),
            addresses: Each::new(|which| SocketAddr::from((which.address(), 8080))),
            dns: SocketAddr::from(([127, 0, 0, 1], 5300)),
            folder: PathBuf::from("/tmp/rais-demo-abcdef"),
            socket: PathBuf::from("/tmp/rais-demo-abcdef/binder.sock"),
            no_commands: Some("another demo listens to them".to_owned()),
        }
    }

    fn news(lines: &mut Lines, facts: &Facts, story: &Story) -> String {
        lines.news(&Picture {
            facts,
            story,
            heard: None,
            processes: Each::default(),
            now: Duration::ZERO,
            end: None,
        })
    }

    #[test]
    fn each_change_is_told_once_and_without_escape_codes() {
        let (mut lines, facts, mut story) = (Lines::default(), facts(), Story::new());
        let greeting = news(&mut lines, &facts, &story);
        for part in [
            "  web2  http://127.0.0.12:8080/  (129.144.168.2 in Fig. 2 of the paper)\n",
            "no commands from a second terminal: another demo listens to them\n",
        ] {
            assert!(greeting.contains(part), "{part} in {greeting}");
        }
        assert!(!greeting.contains('\u{1b}'));
        assert_eq!(news(&mut lines, &facts, &story), "");
        story.see_zone(Duration::from_millis(1234), Zone::of(7, &Which::ALL));
        let wanted = "   1.2 s  web1, web2 and web3 are in the answers
          zone www.isg.sun.com, serial 7:
            www.isg.sun.com. 10 IN A 127.0.0.11
            www.isg.sun.com. 10 IN A 127.0.0.12
            www.isg.sun.com. 10 IN A 127.0.0.13\n";
        assert_eq!(news(&mut lines, &facts, &story), wanted);
        assert_eq!(news(&mut lines, &facts, &story), "");
        story.killed(Duration::from_secs(2), Which::Web2);
        assert_eq!(news(&mut lines, &facts, &story), "   2.0 s  web2 killed\n");
    }
}
