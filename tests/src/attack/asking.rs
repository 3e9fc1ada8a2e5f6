//! A client that asks as one should, one question after the other.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use domain::base::Rtype;

use super::{Course, SERVER, ZONE, address};
use crate::dns::{Answer, Client, Connection};
use crate::wait;

/// By what it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// UDP.
    Udp,
    /// TCP, a connection for each question.
    NewConnection,
    /// TCP, on one connection.
    OldConnection,
}

/// How it fared.
#[derive(Debug, Default)]
pub struct Asked {
    /// From each question to its answer, by way.
    pub times: [Vec<Duration>; 3],
    /// Questions without an answer, in words, by way.
    pub lost: [Vec<String>; 3],
    /// Answers that are not those to the question.
    pub wrong: Vec<String>,
}

impl Way {
    /// All of them, in the order of [`Asked`].
    pub const ALL: [Way; 3] = [Way::Udp, Way::NewConnection, Way::OldConnection];
}

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(1);
/// For one answer. Clients wait for as long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks until it has so many answers in each way, and the attack has done what it was to.
pub(super) fn ask(names: u16, answers: usize, course: &Course) -> Asked {
    wait::until("the attack to be under way", || {
        course
            .is_under_way
            .load(Ordering::Acquire)
            .then_some(())
            .ok_or_else(|| "not yet".to_owned())
    });
    let client = Client::here(SERVER).impatient(PATIENCE);
    let mut old = None;
    let mut asked = Asked::default();
    let begun = Instant::now();
    let is_over = |asked: &Asked| {
        course.is_enough.load(Ordering::Acquire)
            && asked.times.iter().all(|times| times.len() >= answers)
    };
    while !is_over(&asked) {
        assert!(begun.elapsed() < 2 * wait::LIMIT, "no answers any more: {:?}", asked.lost);
        for way in Way::ALL {
            let number = fastrand::u16(..names);
            let name = format!("n{number}.{ZONE}");
            let at = Instant::now();
            let answer = match way {
                Way::Udp => client.ask(&name, Rtype::A),
                Way::NewConnection => Connection::open(SERVER, PATIENCE)
                    .and_then(|mut connection| connection.ask(&name, Rtype::A)),
                Way::OldConnection => by_old(&mut old, &name),
            };
            asked.take(way, at.elapsed(), number, answer);
        }
        thread::sleep(PAUSE);
    }
    asked
}

/// Opens another connection where there is none any more.
fn by_old(old: &mut Option<Connection>, name: &str) -> Result<Answer, String> {
    let mut connection = match old.take() {
        Some(connection) => connection,
        None => Connection::open(SERVER, PATIENCE)?,
    };
    let answer = connection.ask(name, Rtype::A)?;
    *old = Some(connection);
    Ok(answer)
}

impl Asked {
    fn take(&mut self, way: Way, time: Duration, number: u16, answer: Result<Answer, String>) {
        match answer {
            Ok(answer) => {
                self.times[way as usize].push(time);
                let right = answer.rcode == "NOERROR"
                    && answer.authoritative
                    && answer.addresses == [IpAddr::V4(address(number))];
                if !right {
                    self.wrong.push(format!("n{number}: {answer:?}"));
                }
            }
            Err(error) => self.lost[way as usize].push(error),
        }
    }
}
