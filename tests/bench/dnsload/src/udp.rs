//! Load by UDP: as much as the server takes, with so many queries outstanding; or at a fixed rate.

use std::mem::zeroed;
use std::ptr::null_mut;

use libc::{c_int, iovec, mmsghdr};

use crate::arguments::Arguments;
use crate::questions::Questions;
use crate::sockets::{self, now_ns};
use crate::tally::Tally;

/// Ids of one socket that may be outstanding at a fixed rate, where a server may be late.
const SLOTS_AT_RATE: usize = 4096;
/// Datagrams of one call.
const BATCH: usize = 64;
const LONGEST_ANSWER: usize = 1280;
/// The beginning is not timed.
const WARM_UP_NS: u64 = 100_000_000;
/// Nothing for so long: what is outstanding is lost.
const LOST_NS: u64 = 250_000_000;
/// How long the last answers may take: a real-time server that has used its part of a second stands still
/// for the twentieth of it that is left.
const TAIL_NS: u64 = 100_000_000;
/// A round of the loop that took so long stood still with the generator, which the kernel or the machine's
/// host held up: what was under way then tells nothing of the server.
const STOOD_STILL_NS: u64 = 500_000;

/// One socket, and what was asked from it.
struct Flow {
    socket: c_int,
    next_id: u16,
    outstanding: usize,
    last_heard: u64,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    id: u16,
    is_outstanding: bool,
    question: u32,
    /// When it was to be sent; none where it is not timed.
    at: Option<u64>,
}

/// Where answers come to.
struct Inbox {
    messages: Vec<[u8; LONGEST_ANSWER]>,
    /// The headers point into it.
    _pieces: Vec<iovec>,
    headers: Vec<mmsghdr>,
}

pub fn load(arguments: &Arguments) {
    sockets::stay_on(arguments.get("cpu", 1));
    let mut questions = Questions::new(arguments);
    let mut tally = Tally::default();
    let flow_count = arguments.get("socks", 4usize);
    let port = arguments.get("port", 5300);
    let time = (arguments.get("secs", 1.0f64) * 1e9) as u64;
    let rate = arguments.get("rate", 0.0f64);
    let window = (arguments.get("window", 200usize) / flow_count).max(1);
    let batch = arguments.get("batch", window / 2).clamp(1, BATCH);
    // Few, where there are many flows, so that the generator keeps all of them in its cache; a power of
    // two, so that the ids that follow the last one take the places of those that are long answered.
    let slots = if rate > 0.0 { SLOTS_AT_RATE } else { (window * 2).next_power_of_two() };
    let mut flows: Vec<_> = (0..flow_count).map(|_| Flow::new(port, slots)).collect();
    if rate > 0.0 {
        at_rate(rate, time, &mut flows, &mut questions, &mut tally);
    } else {
        as_fast_as_it_goes(Pace { time, window, batch }, &mut flows, &mut questions, &mut tally);
    }
    tally.lost += flows.iter().map(|flow| flow.outstanding as u64).sum::<u64>();
    tally.print();
}

struct Pace {
    time: u64,
    /// Queries outstanding from each socket.
    window: usize,
    /// So many are sent at a time, or more.
    batch: usize,
}

/// A closed loop: whenever a batch of answers has come, a batch is asked.
fn as_fast_as_it_goes(
    pace: Pace,
    flows: &mut [Flow],
    questions: &mut Questions,
    tally: &mut Tally,
) {
    let mut inbox = Inbox::new();
    let mut buffer = Vec::with_capacity(BATCH * questions.length());
    let start = now_ns();
    let (mut warm_at, mut warm_good) = (0, 0);
    loop {
        let now = now_ns();
        if warm_at == 0 && now >= start + WARM_UP_NS {
            (warm_at, warm_good) = (now, tally.good);
        }
        if now >= start + pace.time {
            tally.timed = tally.good - warm_good;
            tally.timed_ns = now - warm_at.max(start);
            break;
        }
        for flow in flows.iter_mut() {
            let free = pace.window.saturating_sub(flow.outstanding);
            if free >= pace.batch {
                flow.send(free.min(BATCH), questions, &mut buffer, tally);
            }
            if inbox.take_in(flow, questions, tally, None) > 0 {
                flow.last_heard = now;
            } else if flow.outstanding > 0 && now - flow.last_heard > LOST_NS {
                flow.give_up(tally);
                flow.last_heard = now;
            }
        }
    }
    // So that the server's CPU time is that of the answers counted.
    let end = now_ns() + TAIL_NS;
    while now_ns() < end && flows.iter().any(|flow| flow.outstanding > 0) {
        for flow in flows.iter_mut() {
            inbox.take_in(flow, questions, tally, None);
        }
    }
}

/// An open loop: a server that stalls is asked all the same, and its stall seen.
fn at_rate(rate: f64, time: u64, flows: &mut [Flow], questions: &mut Questions, tally: &mut Tally) {
    let mut inbox = Inbox::new();
    let mut buffer = Vec::new();
    let start = now_ns();
    let due = |number: u64| start + (number as f64 * 1e9 / rate) as u64;
    let total = (time as f64 / 1e9 * rate) as u64;
    let (mut asked, mut turn) = (0u64, 0usize);
    let (mut before, mut stood_until) = (start, start);
    loop {
        let now = now_ns();
        if now >= start + time + TAIL_NS {
            break;
        }
        if now - before > STOOD_STILL_NS {
            tally.stood_ns += now - before;
            stood_until = now;
            flows.iter_mut().for_each(Flow::time_none);
        }
        let due_before = asked;
        while asked < total && now >= due(asked) {
            let flow_count = flows.len();
            let flow = &mut flows[asked as usize % flow_count];
            let at = Some(due(asked)).filter(|due| *due >= stood_until);
            flow.send_one(at, questions, &mut buffer, tally);
            asked += 1;
        }
        // To make up for what was due takes time, too.
        before = if asked > due_before + 1 { now_ns() } else { now };
        turn = (turn + 1) % flows.len();
        inbox.take_in(&mut flows[turn], questions, tally, Some(now_ns));
    }
    tally.timed = tally.good;
    tally.timed_ns = time;
}

impl Flow {
    fn new(port: u16, slots: usize) -> Self {
        Self {
            socket: sockets::udp_connected(port),
            next_id: 1,
            outstanding: 0,
            last_heard: now_ns(),
            slots: vec![Slot::default(); slots],
        }
    }

    /// Notes a question down, and says by which id.
    #[inline]
    fn book(&mut self, question: u32, at: Option<u64>, tally: &mut Tally) -> u16 {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let place = id as usize % self.slots.len();
        let slot = &mut self.slots[place];
        if slot.is_outstanding {
            tally.lost += 1;
            self.outstanding -= 1;
        }
        *slot = Slot { id, is_outstanding: true, question, at };
        self.outstanding += 1;
        tally.sent += 1;
        id
    }

    /// Sends so many queries by one call (UDP_SEGMENT). An error, as while the server starts, shows as
    /// lost queries.
    fn send(
        &mut self,
        count: usize,
        questions: &mut Questions,
        buffer: &mut Vec<u8>,
        tally: &mut Tally,
    ) {
        buffer.clear();
        for _ in 0..count {
            let question = questions.pick();
            let id = self.book(question, None, tally);
            questions.put(question, id, buffer);
        }
        let mut piece = iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // Aligned for a control message.
        let mut control = [0u64; 4];
        // SAFETY: header, piece, control message and buffer live until the call is over, and are as long
        // as is said; the control message is 24 octets of 32.
        unsafe {
            let mut header: libc::msghdr = zeroed();
            header.msg_iov = &mut piece;
            header.msg_iovlen = 1;
            if count > 1 {
                header.msg_control = control.as_mut_ptr().cast();
                header.msg_controllen = libc::CMSG_SPACE(2) as _;
                let message = libc::CMSG_FIRSTHDR(&header);
                (*message).cmsg_level = libc::SOL_UDP;
                (*message).cmsg_type = libc::UDP_SEGMENT;
                (*message).cmsg_len = libc::CMSG_LEN(2) as _;
                *libc::CMSG_DATA(message).cast::<u16>() = questions.length() as u16;
            }
            libc::sendmsg(self.socket, &header, 0);
        }
    }

    fn send_one(
        &mut self,
        at: Option<u64>,
        questions: &mut Questions,
        buffer: &mut Vec<u8>,
        tally: &mut Tally,
    ) {
        buffer.clear();
        let question = questions.pick();
        let id = self.book(question, at, tally);
        questions.put(question, id, buffer);
        // SAFETY: the buffer is as long as is said.
        unsafe { libc::send(self.socket, buffer.as_ptr().cast(), buffer.len(), 0) };
    }

    /// What is outstanding, that is.
    fn time_none(&mut self) {
        for slot in &mut self.slots {
            slot.at = None;
        }
    }

    fn give_up(&mut self, tally: &mut Tally) {
        for slot in &mut self.slots {
            slot.is_outstanding = false;
        }
        tally.lost += self.outstanding as u64;
        self.outstanding = 0;
    }

    fn heard(&mut self, answer: &[u8], questions: &Questions, tally: &mut Tally, now: Option<u64>) {
        let id = match answer.first_chunk() {
            Some(id) if answer.len() >= 12 => u16::from_be_bytes(*id),
            _ => {
                tally.stray += 1;
                return;
            }
        };
        let place = id as usize % self.slots.len();
        let slot = &mut self.slots[place];
        if !slot.is_outstanding || slot.id != id {
            tally.stray += 1;
            return;
        }
        slot.is_outstanding = false;
        self.outstanding -= 1;
        if !questions.is_answer(slot.question, answer) {
            tally.bad += 1;
            return;
        }
        tally.good += 1;
        tally.octets += answer.len() as u64;
        if let (Some(now), Some(at)) = (now, slot.at) {
            let late = now.saturating_sub(at);
            tally.latencies_ns.push(u32::try_from(late).unwrap_or(u32::MAX));
        }
    }
}

impl Inbox {
    fn new() -> Self {
        let mut messages = vec![[0u8; LONGEST_ANSWER]; BATCH];
        let mut pieces: Vec<_> = messages
            .iter_mut()
            .map(|m| iovec { iov_base: m.as_mut_ptr().cast(), iov_len: LONGEST_ANSWER })
            .collect();
        let headers = pieces
            .iter_mut()
            .map(|piece| {
                // SAFETY: zeros are a value of it.
                let mut header: mmsghdr = unsafe { zeroed() };
                header.msg_hdr.msg_iov = piece;
                header.msg_hdr.msg_iovlen = 1;
                header
            })
            .collect();
        Self { messages, _pieces: pieces, headers }
    }

    /// Takes answers in that are there, and says how many; with a clock, how late they are, too.
    fn take_in(
        &mut self,
        flow: &mut Flow,
        questions: &Questions,
        tally: &mut Tally,
        clock: Option<fn() -> u64>,
    ) -> usize {
        // SAFETY: the headers point into vectors that stay as they are.
        let count = unsafe {
            let first = self.headers.as_mut_ptr();
            libc::recvmmsg(flow.socket, first, BATCH as u32, libc::MSG_DONTWAIT as _, null_mut())
        };
        let count = usize::try_from(count).unwrap_or_default();
        if count == 0 {
            return 0;
        }
        let now = clock.map(|clock| clock());
        for (message, header) in self.messages.iter().zip(&self.headers).take(count) {
            flow.heard(&message[..header.msg_len as usize], questions, tally, now);
        }
        count
    }
}
