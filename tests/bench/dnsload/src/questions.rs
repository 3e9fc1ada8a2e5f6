//! What is asked, and whether an answer is one to it.

use crate::arguments::{Arguments, die};

/// All questions of a run, type A, as messages of one length: only such are sent by one call.
pub struct Questions {
    messages: Vec<u8>,
    length: usize,
    count: usize,
    answers: u16,
    /// Octets of the question section that tell names apart.
    telling: usize,
    random: u64,
}

const HEADER: usize = 12;
/// An OPT record that allows 1,232 octets (RFC 6891 §6.1).
const OPT: [u8; 11] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];

impl Questions {
    pub fn new(arguments: &Arguments) -> Self {
        let pattern: String = arguments.get("name", "www.isg.example".to_owned());
        let count = arguments.get("count", 1usize);
        let has_edns = arguments.has("edns");
        let (mut messages, mut length) = (Vec::new(), 0);
        for number in 0..count {
            let start = messages.len();
            messages.extend_from_slice(&[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(has_edns)]);
            for label in filled_in(&pattern, number).split('.') {
                messages.push(label.len() as u8);
                messages.extend_from_slice(label.as_bytes());
            }
            messages.extend_from_slice(&[0, 0, 1, 0, 1]);
            if has_edns {
                messages.extend_from_slice(&OPT);
            }
            length = messages.len() - start;
        }
        if messages.len() != length * count {
            die("names of one run must have one length");
        }
        let question = length - HEADER - if has_edns { OPT.len() } else { 0 };
        Self {
            messages,
            length,
            count,
            answers: arguments.get("answers", 8),
            telling: question.min(24),
            random: 0x9E37_79B9_7F4A_7C15,
        }
    }

    /// Of each message, in octets.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The number of one of them, by chance (xorshift).
    #[inline]
    pub fn pick(&mut self) -> u32 {
        if self.count == 1 {
            return 0;
        }
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (((self.random >> 32) * self.count as u64) >> 32) as u32
    }

    #[inline]
    pub fn message(&self, number: u32) -> &[u8] {
        &self.messages[number as usize * self.length..][..self.length]
    }

    /// Puts a question with this id at the end of `out`.
    #[inline]
    pub fn put(&self, number: u32, id: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&self.message(number)[2..]);
    }

    /// Whether it is the full positive answer: QR, NOERROR, so many records, the question as it was.
    #[inline]
    pub fn is_answer(&self, number: u32, answer: &[u8]) -> bool {
        let question = &self.message(number)[HEADER..HEADER + self.telling];
        answer.len() >= HEADER + self.telling
            && answer[2] & 0x80 != 0
            && answer[3] & 0x0f == 0
            && answer[6..8] == self.answers.to_be_bytes()
            && &answer[HEADER..HEADER + self.telling] == question
    }
}

/// The pattern with a number in place of `%05`, where there is one.
fn filled_in(pattern: &str, number: usize) -> String {
    let pattern = pattern.trim_end_matches('.');
    let Some((before, rest)) = pattern.split_once('%') else { return pattern.to_owned() };
    let digits = rest.get(..2).and_then(|d| d.parse::<usize>().ok());
    let Some(digits) = digits else {
        die("after % a name has two digits: how many the number has")
    };
    format!("{before}{number:0digits$}{}", &rest[2..])
}
