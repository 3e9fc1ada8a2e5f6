//! A name's bound addresses, ready to be copied into answers.

use std::net::IpAddr;

use rais_sdk::MaxAddresses;
use rais_wheel::{Seed, Wheel};

use crate::answer::{Full, Place, Writer};
use crate::scheme::{Scheme, client};
use crate::zone::rtype;

/// Octets of a reason that are told: an answer is no place for long stories.
const REASON: usize = 120;
/// So many addresses are shuffled one by one; of more, an answer is a run from anywhere.
const SHUFFLED: usize = 64;

/// An address, as it is published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) ip: IpAddr,
    pub(crate) weight: u16,
    /// In percent, where known.
    pub(crate) load: Option<f64>,
}

/// The addresses of one name.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    a: Option<Family>,
    aaaa: Option<Family>,
    ttl: u32,
    /// Why there is no address, for people; of sets that have one, nothing.
    why: Box<str>,
}

/// The addresses of one family.
#[derive(Debug)]
pub(crate) struct Family {
    /// A record for each address, all of them twice over, so that a run from anywhere is one copy.
    records: Box<[u8]>,
    count: u32,
    /// Of one answer.
    take: u16,
    /// Octets of a record.
    stride: u16,
    order: Order,
}

#[derive(Debug)]
enum Order {
    Turn,
    Shuffled,
    Fixed,
    Wheel(Box<Wheel>),
    /// Each address as [`client::address`] has it.
    Nearest(Box<[u64]>),
}

/// By what an answer is chosen.
pub(crate) struct Choice<'c> {
    /// The thread's counter of the answers of this set.
    pub(crate) turn: &'c mut u32,
    pub(crate) random: &'c mut fastrand::Rng,
    pub(crate) client: IpAddr,
}

impl Bound {
    /// Of these addresses, with records of `ttl` seconds, in answers of at most `most`.
    pub(crate) fn new(
        scheme: Scheme,
        ttl: u32,
        members: &[Member],
        most: MaxAddresses,
        seed: Seed,
    ) -> Bound {
        let (mut a, mut aaaa): (Vec<_>, Vec<_>) =
            members.iter().copied().partition(|member| member.ip.is_ipv4());
        Bound {
            a: Family::new(scheme, ttl, &mut a, most.a.max(1).into(), seed),
            aaaa: Family::new(scheme, ttl, &mut aaaa, most.aaaa.max(1).into(), seed),
            ttl,
            why: Box::default(),
        }
    }

    /// Without an address, and why that is so, as far as it is known.
    pub(crate) fn empty(ttl: u32, reason: &str) -> Bound {
        let why = reason[..reason.floor_char_boundary(REASON)].into();
        Bound { ttl, why, ..Bound::default() }
    }

    pub(crate) fn why(&self) -> &str {
        &self.why
    }

    /// The set for a question.
    #[inline]
    pub(crate) fn family(&self, asked: u16) -> Option<&Family> {
        match asked {
            rtype::A => self.a.as_ref(),
            rtype::AAAA => self.aaaa.as_ref(),
            _ => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.a.is_none() && self.aaaa.is_none()
    }

    /// For so many seconds at most it is remembered that there is no address: as long as one.
    pub(crate) fn ttl(&self) -> u32 {
        self.ttl
    }

    /// Every address that is served.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.records().filter_map(address)
    }

    /// The record of every address, its owner a pointer to the question.
    pub(crate) fn records(&self) -> impl Iterator<Item = &[u8]> {
        self.a.iter().chain(&self.aaaa).flat_map(Family::each_record)
    }
}

impl Family {
    fn new(
        scheme: Scheme,
        ttl: u32,
        members: &mut Vec<Member>,
        most: usize,
        seed: Seed,
    ) -> Option<Family> {
        members.sort_by_key(|member| member.ip);
        members.dedup_by_key(|member| member.ip);
        let first = members.first()?.ip;
        if scheme == Scheme::LeastLoad {
            // Of whom nothing is known stands in the middle: neither preferred nor left out.
            let known = || members.iter().filter_map(|member| member.load);
            let mean = known().sum::<f64>() / known().count().max(1) as f64;
            let load = |member: &Member| member.load.unwrap_or(mean);
            // Stable.
            members.sort_by(|a, b| load(a).total_cmp(&load(b)));
        }
        let order = match scheme {
            Scheme::Weighted => weighted(members, most, seed),
            Scheme::RoundRobin => Order::Turn,
            Scheme::Random => Order::Shuffled,
            Scheme::LeastLoad | Scheme::Fixed => Order::Fixed,
            Scheme::ClientHash => {
                Order::Nearest(members.iter().map(|member| client::address(member.ip)).collect())
            }
        };
        let mut records = Vec::new();
        for member in members.iter() {
            write(member.ip, ttl, &mut records);
        }
        records.extend_from_within(..);
        let take = match &order {
            Order::Wheel(wheel) => wheel.width(),
            _ => most.min(members.len()),
        };
        Some(Family {
            records: records.into(),
            count: u32::try_from(members.len()).ok()?,
            take: u16::try_from(take).ok()?,
            stride: if first.is_ipv4() { 16 } else { 28 },
            order,
        })
    }

    fn stride(&self) -> usize {
        usize::from(self.stride)
    }

    fn each_record(&self) -> impl Iterator<Item = &[u8]> {
        self.records.chunks_exact(self.stride()).take(self.count as usize)
    }

    /// Writes an answer whose owner stands at `owner` in the message.
    #[inline]
    pub(crate) fn put(
        &self,
        owner: Place,
        choice: &mut Choice<'_>,
        out: &mut Writer<'_>,
    ) -> Result<(), Full> {
        let turn = *choice.turn;
        *choice.turn = turn.wrapping_add(1);
        let records = match &self.order {
            Order::Turn => self.run((turn % self.count) as usize, out)?,
            Order::Fixed => self.run(0, out)?,
            Order::Nearest(addresses) => self.run(nearest(addresses, choice.client), out)?,
            Order::Shuffled if self.count as usize > SHUFFLED => {
                self.run(choice.random.u32(..self.count) as usize, out)?
            }
            Order::Shuffled => self.shuffled(choice.random, out)?,
            Order::Wheel(wheel) => self.each(wheel.answer(u64::from(turn)), out)?,
        };
        let owner = owner.pointer();
        if owner != crate::zone::QUESTION {
            for record in records.chunks_exact_mut(self.stride()) {
                if let Some(room) = record.get_mut(..2) {
                    room.copy_from_slice(&owner);
                }
            }
        }
        Ok(())
    }

    /// The addresses from one on, and from the first again.
    #[inline]
    fn run<'o>(&self, from: usize, out: &'o mut Writer<'_>) -> Result<&'o mut [u8], Full> {
        let start = from * self.stride();
        let length = usize::from(self.take) * self.stride();
        let records = self.records.get(start..start + length).unwrap_or_default();
        out.claim(records, self.take).map(|(_, records)| records)
    }

    /// One by one.
    fn each<'o>(
        &self,
        places: impl Iterator<Item = usize>,
        out: &'o mut Writer<'_>,
    ) -> Result<&'o mut [u8], Full> {
        let room = out.room(usize::from(self.take) * self.stride(), self.take)?;
        for (place, room) in places.zip(room.chunks_exact_mut(self.stride())) {
            let start = place * self.stride();
            if let Some(record) = self.records.get(start..start + self.stride()) {
                room.copy_from_slice(record);
            }
        }
        Ok(room)
    }

    /// The first places of a shuffle (Fisher and Yates).
    fn shuffled<'o>(
        &self,
        random: &mut fastrand::Rng,
        out: &'o mut Writer<'_>,
    ) -> Result<&'o mut [u8], Full> {
        let mut places: [u8; SHUFFLED] = std::array::from_fn(|place| place as u8);
        for first in 0..usize::from(self.take) {
            places.swap(first, random.usize(first..self.count as usize));
        }
        self.each(places.into_iter().map(usize::from), out)
    }
}

/// Of an A or AAAA record.
fn address(record: &[u8]) -> Option<IpAddr> {
    let data = record.get(12..)?;
    <[u8; 4]>::try_from(data)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(data).map(IpAddr::from))
        .ok()
}

/// Equal weights are a plain rotation, which takes no wheel.
fn weighted(members: &[Member], most: usize, seed: Seed) -> Order {
    let weights: Vec<u16> = members.iter().map(|member| member.weight).collect();
    if weights.iter().all(|weight| Some(weight) == weights.first()) {
        return Order::Turn;
    }
    Wheel::new(&weights, most, seed).map_or(Order::Turn, |wheel| Order::Wheel(Box::new(wheel)))
}

fn nearest(addresses: &[u64], client: IpAddr) -> usize {
    let client = client::of(client);
    let nearness = |(_, address): &(usize, &u64)| client::nearness(client, **address);
    addresses.iter().enumerate().max_by_key(nearness).map_or(0, |(place, _)| place)
}

fn write(ip: IpAddr, ttl: u32, records: &mut Vec<u8>) {
    let rtype = if ip.is_ipv4() { rtype::A } else { rtype::AAAA };
    records.extend_from_slice(&crate::zone::QUESTION);
    records.extend_from_slice(&rtype.to_be_bytes());
    records.extend_from_slice(&[0, 1]);
    records.extend_from_slice(&ttl.to_be_bytes());
    match ip {
        IpAddr::V4(ip) => {
            records.extend_from_slice(&4_u16.to_be_bytes());
            records.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            records.extend_from_slice(&16_u16.to_be_bytes());
            records.extend_from_slice(&ip.octets());
        }
    }
}
