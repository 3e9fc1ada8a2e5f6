//! What the name server really serves, by its own word.

use std::time::Duration;

use domain::base::Serial;
use domain::base::iana::Rtype;
use rais_dns::{Answered, Conversation, Deadline, DnsError, Life, Question, Server};
use rais_sdk::{Owner, Record, Served};
use rais_zone::OwnerName;

/// Questions under way at once.
const WINDOW: usize = 64;
/// Pauses between looks at the serial, from the first to the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// For all questions about a zone: the host waits for a minute.
const WHOLE: Duration = Duration::from_secs(50);

/// Why it is not known to serve what it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ServingError {
    #[error(transparent)]
    Dns(#[from] DnsError),
    #[error("the server has serial {served}, not {wanted}")]
    Serial { served: u32, wanted: u32 },
}

/// Questions to a name server.
#[derive(Debug)]
pub(crate) struct Serving<'a> {
    server: &'a Server,
    talk: Conversation<'a>,
}

impl<'a> Serving<'a> {
    pub(crate) fn by(server: &'a Server, life: &'a Life) -> Result<Serving<'a>, DnsError> {
        Ok(Serving { server, talk: Conversation::new(server, None, WHOLE, life)? })
    }

    /// The serial of the zone that is served.
    pub(crate) fn serial(&mut self, zone: &str) -> Result<u32, DnsError> {
        let question = Question::new(zone, Rtype::SOA)?;
        let answers = self.talk.ask(std::slice::from_ref(&question))?;
        let answer = answers.first().ok_or_else(|| DnsError::NoRecord(zone.to_owned()))?;
        question.serial(answer)
    }

    /// Waits until the zone's serial is `wanted`; or one after it, which servers that sign give, if
    /// what is served then `is_ours`. Returns the serial that is served.
    pub(crate) fn confirm(
        &mut self,
        zone: &str,
        wanted: u32,
        is_ours: impl Fn(&mut Self) -> Result<bool, DnsError>,
    ) -> Result<u32, ServingError> {
        let deadline = Deadline::after(self.server.timeout);
        let (mut pause, mut told) = (PAUSE.0, None);
        loop {
            let seen = self.serial(zone).and_then(|served| {
                let ahead = Serial::from(served) > Serial::from(wanted);
                // Asked again: ours may have come between the two answers.
                let ours = ahead && is_ours(self)? && self.serial(zone)? == served;
                Ok((served, served == wanted || ours))
            });
            let error = match seen {
                Ok((served, true)) => return Ok(served),
                Ok((served, false)) => ServingError::Serial { served, wanted },
                // Nobody listens there, or nobody wants to know: waiting will not help.
                Err(error @ (DnsError::Io { .. } | DnsError::Ended)) => return Err(error.into()),
                Err(error) => error.into(),
            };
            // What it said last tells more than that it then fell silent.
            let silent = matches!(error, ServingError::Dns(DnsError::Timeout { .. }));
            let outcome = match told.take() {
                Some(before) if silent => before,
                _ => error,
            };
            match deadline.left() {
                Some(left) => std::thread::sleep(pause.min(left)),
                None => return Err(outcome),
            }
            told = Some(outcome);
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// What is served for owners, who have these names, under this serial.
    pub(crate) fn owners(
        &mut self,
        serial: u32,
        owners: &[Owner],
        names: &[OwnerName],
    ) -> Result<Served, DnsError> {
        let answered = self.addresses(names.iter().map(OwnerName::as_str))?;
        let mut served = Served::new(Some(serial), Vec::with_capacity(answered.len()), Vec::new());
        for ((index, owner), set) in (0..).zip(owners).zip(&answered) {
            let ttl = set.first().map_or(owner.ttl, |(_, ttl)| *ttl);
            served.owners.push(Owner::new(owner.name.clone(), ttl));
            served.records.extend(set.iter().map(|(ip, _)| Record::new(index, *ip)));
        }
        Ok(served)
    }

    /// The addresses of each name, with their TTL in seconds.
    fn addresses<'n>(
        &mut self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Vec<Answered>, DnsError> {
        let mut questions = Vec::new();
        for name in names {
            questions.push(Question::new(name, Rtype::A)?);
            questions.push(Question::new(name, Rtype::AAAA)?);
        }
        let mut found = Vec::with_capacity(questions.len() / 2);
        for window in questions.chunks(WINDOW) {
            let answers = self.talk.ask(window)?;
            for (questions, answers) in window.chunks(2).zip(answers.chunks(2)) {
                let mut set = Answered::new();
                for (question, answer) in questions.iter().zip(answers) {
                    question.addresses(answer, &mut set)?;
                }
                found.push(set);
            }
        }
        Ok(found)
    }
}
