//! The resolvers between the clients and the name server: how much each asks for, how long it
//! keeps an answer, and in which order it hands it out.

use std::time::Duration;

use rais_proto::time::Time;

/// What the resolvers are like.
#[derive(Debug, Clone)]
pub struct Resolvers {
    /// How many.
    pub count: usize,
    /// The part of all sessions that the largest has; the others follow a power law.
    pub largest: f64,
    /// The part that hands out every answer in the order in which it came.
    pub fixed_order: f64,
    /// The part of clients, behind whichever resolver, that sort addresses by how near they are to
    /// their own (RFC 6724, rule 9).
    pub sorting: f64,
    /// Parts that keep an answer for so long at least, whatever its TTL.
    pub stubborn: Vec<(f64, Duration)>,
}

impl Default for Resolvers {
    fn default() -> Resolvers {
        let stubborn = vec![(0.2, Duration::from_secs(30)), (0.05, Duration::from_secs(300))];
        Resolvers { count: 2_000, largest: 0.028, fixed_order: 0.2, sorting: 0.1, stubborn }
    }
}

/// Places of answers that are kept: the most addresses in one.
pub const MAX_ADDRESSES: usize = 28;

/// The resolvers, and what they keep.
#[derive(Debug)]
pub struct Crowd {
    resolvers: Vec<Resolver>,
    sorting: f64,
    /// The part of all sessions that the resolvers up to each have.
    shares: Vec<f64>,
}

/// A client, as far as it matters which server it turns to.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// Behind which resolver.
    pub resolver: u16,
    /// Where it is, if it sorts addresses by how near they are.
    pub sorts: Option<u64>,
}

#[derive(Debug, Clone)]
struct Resolver {
    order: Order,
    least_ttl: Duration,
    answer: [u16; MAX_ADDRESSES],
    len: usize,
    expires: Option<Time>,
    handed_out: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// As it came.
    Fixed,
    /// From one address to the next.
    Rotating,
}

impl Crowd {
    /// Resolvers of which each kind has its part of the large ones and of the small.
    pub fn new(like: &Resolvers, random: &mut fastrand::Rng) -> Crowd {
        let exponent = exponent(like.count, like.largest);
        let sizes: Vec<f64> = (1..=like.count).map(|rank| (rank as f64).powf(-exponent)).collect();
        let all: f64 = sizes.iter().sum();
        let mut shares = sizes;
        let mut sum = 0.0;
        for share in &mut shares {
            sum += *share / all;
            *share = sum;
        }
        let orders = dealt(like.count, &[like.fixed_order], random);
        let parts: Vec<f64> = like.stubborn.iter().map(|&(part, _)| part).collect();
        let stubborn = dealt(like.count, &parts, random);
        let resolvers = orders.into_iter().zip(stubborn).map(|(order, stubborn)| Resolver {
            order: if order.is_some() { Order::Fixed } else { Order::Rotating },
            least_ttl: stubborn.map_or(Duration::ZERO, |which| like.stubborn[which].1),
            answer: [0; MAX_ADDRESSES],
            len: 0,
            expires: None,
            handed_out: random.usize(..1_000),
        });
        Crowd { resolvers: resolvers.collect(), sorting: like.sorting, shares }
    }

    /// Any client.
    pub fn draw(&self, random: &mut fastrand::Rng) -> Client {
        let at = random.f64();
        let resolver = self.shares.partition_point(|&share| share < at);
        self.behind(resolver.min(self.shares.len() - 1) as u16, random)
    }

    /// Any client behind `resolver`.
    pub fn behind(&self, resolver: u16, random: &mut fastrand::Rng) -> Client {
        let sorts = random.f64() < self.sorting;
        Client { resolver, sorts: sorts.then(|| random.u64(..)) }
    }

    /// The first address that `client` tries of which `is_up` holds; its resolver takes an answer
    /// from `ask` where it has none that is fresh.
    pub fn resolve(
        &mut self,
        client: Client,
        now: Time,
        ttl: Duration,
        ask: impl FnOnce(&mut [u16; MAX_ADDRESSES]) -> usize,
        is_up: impl Fn(u16) -> bool,
    ) -> Option<u16> {
        let resolver = &mut self.resolvers[usize::from(client.resolver)];
        if resolver.expires.is_none_or(|at| at <= now) {
            resolver.len = ask(&mut resolver.answer);
            resolver.expires = Some(now + ttl.max(resolver.least_ttl));
        }
        let answer = &resolver.answer[..resolver.len];
        let rotation = match resolver.order {
            Order::Fixed => 0,
            Order::Rotating => {
                resolver.handed_out += 1;
                resolver.handed_out % answer.len().max(1)
            }
        };
        let (before, from) = answer.split_at(rotation);
        let mut living = from.iter().chain(before).copied().filter(|&server| is_up(server));
        match client.sorts {
            Some(near) => living.min_by_key(|&server| mixed(u64::from(server) ^ near)),
            None => living.next(),
        }
    }
}

/// Each of `count`, in order of size, has one of the `parts` or none: of any twenty that follow
/// each other as many as the part says.
fn dealt(count: usize, parts: &[f64], random: &mut fastrand::Rng) -> Vec<Option<usize>> {
    const HAND: usize = 20;
    let mut hand: Vec<Option<usize>> = Vec::with_capacity(HAND);
    for (which, part) in parts.iter().enumerate() {
        hand.resize(hand.len() + (part * HAND as f64).round() as usize, Some(which));
    }
    hand.resize(HAND, None);
    let mut all = Vec::with_capacity(count + HAND);
    while all.len() < count {
        random.shuffle(&mut hand);
        all.extend_from_slice(&hand);
    }
    all.truncate(count);
    all
}

/// Of the power law with which the largest of `count` has the part `largest`.
fn exponent(count: usize, largest: f64) -> f64 {
    let part = |exponent: f64| 1.0 / (1..=count).map(|r| (r as f64).powf(-exponent)).sum::<f64>();
    let (mut low, mut high) = (0.0, 4.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if part(middle) < largest { low = middle } else { high = middle }
    }
    low
}

/// Numbers far apart for servers side by side (splitmix64): an address that is near to whom says
/// nothing of its weight.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number ^ (number >> 27)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_has_its_part_and_each_kind_its_own() {
        let mut random = fastrand::Rng::with_seed(3);
        let crowd = Crowd::new(&Resolvers::default(), &mut random);
        assert!((crowd.shares[0] - 0.028).abs() < 1e-6);
        assert!((crowd.shares[1999] - 1.0).abs() < 1e-9);
        let of = |order| crowd.resolvers[..500].iter().filter(|r| r.order == order).count();
        assert_eq!(of(Order::Fixed), 100);
        let clients: Vec<Client> = (0..100_000).map(|_| crowd.draw(&mut random)).collect();
        let largest = clients.iter().filter(|client| client.resolver == 0).count();
        assert!((2_500..3_100).contains(&largest), "{largest}");
        let sort = clients.iter().filter(|client| client.sorts.is_some()).count();
        assert!((9_500..10_500).contains(&sort), "{sort}");
    }

    #[test]
    fn keeps_an_answer_for_its_ttl_and_skips_the_dead() {
        let like = Resolvers {
            count: 20,
            largest: 0.3,
            fixed_order: 1.0,
            sorting: 0.0,
            stubborn: Vec::new(),
        };
        let mut crowd = Crowd::new(&like, &mut fastrand::Rng::with_seed(3));
        let mut asked = 0;
        let mut at = |secs, up: &[u16]| {
            let answer = |answer: &mut [u16; MAX_ADDRESSES]| {
                asked += 1;
                answer[..2].copy_from_slice(&[7, 8 + asked]);
                2
            };
            let (now, ttl) = (Time::from_secs(secs), Duration::from_secs(10));
            let client = Client { resolver: 0, sorts: None };
            crowd.resolve(client, now, ttl, answer, |server| up.contains(&server))
        };
        assert_eq!(at(0, &[7, 9]), Some(7));
        assert_eq!(at(9, &[9, 10]), Some(9), "the next of the same answer");
        assert_eq!(at(9, &[10]), None);
        assert_eq!(at(10, &[10]), Some(10), "a new answer");
    }
}
