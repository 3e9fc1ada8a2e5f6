//! What a server has in one of its zones.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::base::Message;
use domain::base::iana::Rtype;
use rais_dns::{Answered, Conversation, DnsError, Key, KeyFile, Question};
use rais_sdk::Fault;
use rais_zone::{OwnerName, ZoneName};

use crate::config::Settings;
use crate::fault::Trouble;
use crate::records::{Addresses, Records, Sets, all};
use crate::update::messages;

/// For a whole call: the host waits for a minute.
const WHOLE: Duration = Duration::from_secs(50);
/// So many names are asked for at once by UDP; of more, so many at a time by TCP.
const AT_ONCE: (usize, usize) = (32, 128);
/// So many names are read one by one. Of more it is asked whether they have what is expected, a
/// message full of them at once.
const FEW: usize = 1_000;
/// Of those, one in so many is read all the same: that question leaves TTLs out.
const SAMPLE: usize = 16;

/// A conversation about one zone of the server.
pub(crate) struct Talk<'a> {
    pub(crate) conversation: Conversation<'a>,
    pub(crate) zone: &'a ZoneName,
    /// For one exchange.
    pub(crate) timeout: Duration,
}

/// What a server has under some names, and why some of them can have no addresses.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) records: Records,
    pub(crate) obstacles: Vec<(OwnerName, DnsError)>,
}

/// What becomes of many names that are not as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// They are read.
    Read,
    /// They are replaced anyway, whatever is there.
    Other,
}

impl<'a> Talk<'a> {
    /// Has `run` talk about `zone`; once more where the server does not take the key, and its file
    /// has another one by now. What went wrong is told with advice.
    pub(crate) fn about<T>(
        zone: &'a ZoneName,
        settings: &'a Settings,
        mut run: impl FnMut(&mut Talk<'a>) -> Result<T, Trouble>,
    ) -> Result<T, Fault> {
        let mut key = settings.key.as_ref().map(KeyFile::key);
        loop {
            let trouble = match Talk::begin(zone, settings, key.as_deref()) {
                Ok(mut talk) => match run(&mut talk) {
                    Ok(done) => return Ok(done),
                    Err(trouble) => trouble,
                },
                Err(error) => error.into(),
            };
            let other = settings.key.as_ref().zip(key.as_deref()).filter(|_| trouble.is_of_key());
            match other.and_then(|(file, refused)| file.other_than(refused)) {
                Some(other) => key = Some(other),
                None => return Err(trouble.fault(&settings.server, key.as_deref(), zone.as_str())),
            }
        }
    }

    fn begin(
        zone: &'a ZoneName,
        settings: &'a Settings,
        key: Option<&Key>,
    ) -> Result<Talk<'a>, DnsError> {
        let conversation = Conversation::new(&settings.server, key, WHOLE, &settings.life)?;
        Ok(Talk { conversation, zone, timeout: settings.server.timeout })
    }

    /// The serial that is served.
    pub(crate) fn serial(&mut self) -> Result<u32, DnsError> {
        let question = Question::new(self.zone.as_str(), Rtype::SOA)?;
        let answers = self.conversation.ask(std::slice::from_ref(&question))?;
        let answer =
            answers.first().ok_or(DnsError::Timeout { phase: "waiting for the answer" })?;
        question.serial(answer)
    }

    /// What is there under the names of `expected`.
    pub(crate) fn look(
        &mut self,
        expected: &Records,
        otherwise: Otherwise,
    ) -> Result<Found, DnsError> {
        if expected.len() <= FEW {
            return self.read(expected.keys());
        }
        let mut found = Found::default();
        for what in messages(self.zone, &all(expected)) {
            let names: BTreeSet<_> = what.iter().map(|sets| sets.name).collect();
            if self.holds(what)? && (otherwise == Otherwise::Read || self.has_ttls_of(what)?) {
                let same = names.into_iter().filter_map(|name| expected.get_key_value(name));
                found.records.extend(same.map(|(name, of)| (name.clone(), of.clone())));
            } else if otherwise == Otherwise::Read {
                let Found { records, obstacles } = self.read(names.into_iter())?;
                found.records.extend(records);
                found.obstacles.extend(obstacles);
            } else {
                let other = names.into_iter().map(|name| (name.clone(), Addresses::other()));
                found.records.extend(other);
            }
        }
        Ok(found)
    }

    /// Reads what is there under `names`.
    pub(crate) fn read<'n>(
        &mut self,
        names: impl ExactSizeIterator<Item = &'n OwnerName>,
    ) -> Result<Found, DnsError> {
        let at_once = if names.len() <= AT_ONCE.0 { AT_ONCE.0 } else { AT_ONCE.1 };
        let names: Vec<_> = names.collect();
        let mut found = Found::default();
        for names in names.chunks(at_once) {
            let mut questions = Vec::with_capacity(2 * names.len());
            for name in names {
                questions.push(Question::new(name.as_str(), Rtype::A)?);
                questions.push(Question::new(name.as_str(), Rtype::AAAA)?);
            }
            let answers = self.conversation.ask(&questions)?;
            let pairs = questions.chunks(2).zip(answers.chunks(2));
            for (name, (questions, answers)) in names.iter().zip(pairs) {
                let name = (*name).clone();
                match addresses(questions, answers) {
                    Ok(addresses) => drop(found.records.insert(name, addresses)),
                    Err(error @ (DnsError::Alias(_) | DnsError::NoAuthority(_))) => {
                        found.obstacles.push((name, error));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(found)
    }

    /// By a sample.
    fn has_ttls_of(&mut self, what: &[Sets<'_>]) -> Result<bool, DnsError> {
        let sample: Vec<_> = what.iter().step_by(SAMPLE).collect();
        let there = self.read(sample.iter().map(|sets| sets.name))?.records;
        Ok(sample.iter().all(|sets| sets.are_in(&there)))
    }
}

fn addresses(questions: &[Question], answers: &[Message<Vec<u8>>]) -> Result<Addresses, DnsError> {
    let mut answered = Answered::new();
    for (question, answer) in questions.iter().zip(answers) {
        question.addresses(answer, &mut answered)?;
    }
    let mut addresses = Addresses::default();
    answered.into_iter().for_each(|(ip, ttl)| addresses.insert(ip, ttl));
    Ok(addresses)
}
