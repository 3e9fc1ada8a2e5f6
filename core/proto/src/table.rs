//! What a binder has heard of one service: a claim a host and address, with its age.

mod claimed;
mod claims;
mod deciding;
mod held;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::time::Duration;

use crate::heartbeat::key::KeyId;
use crate::heartbeat::{Claim, Report, State};
use crate::name::HostId;
use crate::policy::AddressSet;
use crate::time::{Span, Time};

pub use claimed::{Claimed, Revival, Standing};
use claims::Claims;
pub use deciding::Watch;
use held::Held;

/// A host unheard for so long is forgotten, with all it claimed.
pub const FORGET_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// One host claims no more addresses of one service than this: a bound on memory, above what any
/// watcher watches.
const MOST_OF_HOST: usize = 16_384;

/// A search costs about as much as so many steps of a walk.
const A_SEARCH: usize = 8;

/// And one service has no more claims than this.
const MOST_CLAIMS: usize = 200_000;

/// Every claim to every address of one service.
#[derive(Debug, Clone, Default)]
pub struct Table {
    members: BTreeMap<IpAddr, Claims>,
    /// Where each host's claims are, so that a beat costs what it names and not what there is.
    of_host: BTreeMap<HostId, Held>,
    /// How many there are.
    claims: usize,
    /// What several watchers must say.
    watch: Watch,
    /// How many that have not left carry each `expire`: the longest is asked for at every beat.
    expires: Expires,
}

/// An address, where it stands and the claim that says so.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The address.
    pub address: IpAddr,
    /// Where it stands.
    pub standing: Standing,
    /// The claim that decides.
    pub claimed: &'a Claimed,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaker {
    /// The host.
    pub host: HostId,
    /// The key that vouches for it; none where none does.
    pub key: Option<KeyId>,
}

/// How a beat stands to the newest one of its host (RFC 4303 §3.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// It sets state and load.
    Newest,
    /// Unseen but overtaken: a sign of life, no more.
    Overtaken,
}

/// What a report changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Change {
    /// Nothing but ages and loads.
    #[default]
    None,
    /// Where some address stands.
    Standing,
}

/// Why an address of a report is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It belongs to another live owner.
    Owner(HostId),
    /// The host, or all hosts together, claim too many addresses of the service.
    Full,
}

/// Addresses of a report that are not taken in.
pub type Obstacles = Vec<(IpAddr, Obstacle)>;

/// What a report came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Addresses that stand elsewhere now.
    pub changed: Vec<IpAddr>,
    /// Those that are not taken in.
    pub obstacles: Obstacles,
}

impl Table {
    /// From now on `watch` says which claim decides.
    pub fn decide_by(&mut self, watch: Watch) {
        self.watch = watch;
    }

    /// Takes in one report of `speaker`; the addresses were checked by the caller.
    ///
    /// A second owner of an address is refused while the first is live, and so is what there is
    /// no room for.
    pub fn apply(&mut self, now: Time, speaker: Speaker, report: &Report, order: Order) -> Applied {
        let mut applied = Applied::default();
        for &address in &report.addresses {
            match self.hear(now, speaker, address, report, order) {
                Ok(Change::Standing) => applied.changed.push(address),
                Ok(Change::None) => {}
                Err(obstacle) => applied.obstacles.push((address, obstacle)),
            }
        }
        applied
    }

    /// Gives up what `host` claims in `claim` and names no more: `named` is all it still does. Says
    /// which those are.
    pub fn omit(&mut self, host: HostId, claim: Claim, named: &[IpAddr]) -> Vec<IpAddr> {
        let mut given_up = Vec::new();
        let known = self.of_host.get(&host).into_iter().flat_map(Held::iter);
        for address in known.filter(|address| !named.contains(address)) {
            let claims = self.members.get_mut(&address).into_iter().flat_map(Claims::as_mut_slice);
            let held = claims.filter(|c| c.host == host && c.claim == claim);
            for claimed in held.filter(|c| c.state != State::Leaving) {
                self.expires.remove(claimed);
                claimed.give_up();
                given_up.push(address);
            }
        }
        given_up
    }

    /// The claim that decides where `address` stands at `now`; none where nobody claims it.
    pub fn deciding(&self, address: IpAddr, now: Time) -> Option<&Claimed> {
        self.watch.deciding(self.claims_to(address), now)
    }

    /// The same, where that is silence.
    pub fn silent_claim(&self, address: IpAddr, now: Time) -> Option<&Claimed> {
        self.deciding(address, now).filter(|claimed| claimed.standing(now) == Standing::Silent)
    }

    /// What those who watch `address` say, by their ids.
    pub fn watchers(&self, address: IpAddr) -> Vec<&Claimed> {
        let claims = self.claims_to(address).iter();
        let watching = claims.filter(|c| c.claim == Claim::Watched && c.state != State::Leaving);
        let mut watchers: Vec<&Claimed> = watching.collect();
        watchers.sort_by_key(|claimed| claimed.host);
        watchers
    }

    /// Gives up the claim of [`Table::silent_claim`]; says whose it was.
    pub fn give_up_silent(&mut self, address: IpAddr, now: Time) -> Option<HostId> {
        let (host, claim) = self.silent_claim(address, now).map(|c| (c.host, c.claim))?;
        let mut claims = self.members.get_mut(&address)?.as_mut_slice().iter_mut();
        let claimed = claims.find(|c| c.host == host && c.claim == claim)?;
        self.expires.remove(claimed);
        claimed.give_up();
        Some(host)
    }

    /// Takes every claim that `is_believed` refuses for silent until it is heard again; one that
    /// `is_out_anyway` stays as it is. Says to which addresses those are.
    pub fn hush(
        &mut self,
        is_believed: impl Fn(IpAddr, &Claimed) -> bool,
        is_out_anyway: impl Fn(&Claimed) -> bool,
    ) -> Vec<IpAddr> {
        let mut hushed = Vec::new();
        for (&address, claims) in &mut self.members {
            let claims = claims.as_mut_slice().iter_mut();
            for claimed in claims.filter(|claimed| !is_believed(address, claimed)) {
                if !is_out_anyway(claimed) {
                    claimed.revival = Revival::Hushed;
                }
                hushed.push(address);
            }
        }
        hushed
    }

    /// Puts in a claim as it was remembered over a restart.
    pub fn restore(&mut self, address: IpAddr, claimed: Claimed) {
        hold(&mut self.of_host, claimed.host, address);
        self.claims += 1;
        self.expires.add(&claimed);
        match self.members.entry(address) {
            Entry::Vacant(unclaimed) => _ = unclaimed.insert(Claims::One(claimed)),
            Entry::Occupied(claims) => claims.into_mut().push(claimed),
        }
    }

    /// Every address in order, and where it stands at `now`.
    pub fn rows(&self, now: Time) -> impl Iterator<Item = Row<'_>> {
        self.members.iter().filter_map(move |(&address, claims)| {
            let claimed = self.watch.deciding(claims.as_slice(), now)?;
            Some(Row { address, standing: claimed.standing(now), claimed })
        })
    }

    /// Every address in order, and where it stands at `now`; with when the next claim expires whose end
    /// may change where its address stands.
    pub fn survey(&self, now: Time) -> (Vec<Row<'_>>, Option<Time>) {
        let mut rows = Vec::with_capacity(self.members.len());
        let mut next_expiry = None;
        for (&address, claims) in &self.members {
            let claims = claims.as_slice();
            for claimed in claims.iter().filter(|claimed| self.watch.is_heard_out(claimed)) {
                let at = claimed.heard + claimed.expire;
                if at > now && next_expiry.is_none_or(|next| at < next) {
                    next_expiry = Some(at);
                }
            }
            let deciding = self.watch.deciding(claims, now);
            rows.extend(deciding.map(|claimed| {
                let standing = claimed.standing(now);
                Row { address, standing, claimed }
            }));
        }
        (rows, next_expiry)
    }

    /// Every address, in order.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.members.keys().copied()
    }

    /// Those that `host` says are its own, in order.
    pub fn own_addresses(&self, host: HostId) -> impl Iterator<Item = IpAddr> {
        let claimed = self.of_host.get(&host).into_iter().flat_map(Held::iter);
        claimed.filter(move |&address| self.claim_of(host, address, Claim::Own).is_some())
    }

    /// Those that `host` watches, in order.
    pub fn watched_addresses(&self, host: HostId) -> impl Iterator<Item = IpAddr> {
        let claimed = self.of_host.get(&host).into_iter().flat_map(Held::iter);
        claimed.filter(move |&address| self.claim_of(host, address, Claim::Watched).is_some())
    }

    /// The claim to `address` that was heard last.
    pub fn latest(&self, address: IpAddr) -> Option<&Claimed> {
        latest_among(self.members.get(&address)?.as_slice())
    }

    /// To each of `addresses` in order, the claim that was heard last: one walk for all, or where there
    /// are few among many a search for each.
    pub fn latest_of<'a>(
        &'a self,
        addresses: &'a AddressSet,
    ) -> impl Iterator<Item = (IpAddr, Option<&'a Claimed>)> {
        let is_sparse = addresses.len().saturating_mul(A_SEARCH) < self.members.len();
        let mut members = (!is_sparse).then(|| self.members.iter().peekable());
        addresses.iter().map(move |&address| {
            let Some(members) = &mut members else { return (address, self.latest(address)) };
            while members.next_if(|&(&other, _)| other < address).is_some() {}
            let claims = members.next_if(|&(&other, _)| other == address);
            (address, claims.and_then(|(_, claims)| latest_among(claims.as_slice())))
        })
    }

    /// What `host` last said of `address`.
    pub fn latest_by(&self, host: HostId, address: IpAddr) -> Option<&Claimed> {
        let claims = self.claims_to(address).iter();
        claims.filter(|claimed| claimed.host == host).max_by_key(|claimed| claimed.heard)
    }

    /// When `host` last said anything here that is known.
    pub fn last_heard(&self, host: HostId) -> Option<Time> {
        let claimed = self.of_host.get(&host).into_iter().flat_map(Held::iter);
        claimed.filter_map(|address| self.latest_by(host, address)).map(|one| one.heard).max()
    }

    /// What `host` says of `address` in `claim`.
    pub fn claim_of(&self, host: HostId, address: IpAddr, claim: Claim) -> Option<&Claimed> {
        self.claims_to(address).iter().find(|c| c.host == host && c.claim == claim)
    }

    /// Whether the host whose own `address` is speaks for it at `now`: then no watcher does.
    pub fn has_live_owner(&self, address: IpAddr, now: Time) -> bool {
        self.claims_to(address).iter().any(|c| c.claim == Claim::Own && c.is_live(now))
    }

    /// Where `address` stands at `now`; none where nobody claims it.
    pub fn standing_of(&self, address: IpAddr, now: Time) -> Option<Standing> {
        self.deciding(address, now).map(|claimed| claimed.standing(now))
    }

    /// Whether `host` claims anything here, or did and was not forgotten since.
    pub fn knows(&self, host: HostId) -> bool {
        self.of_host.contains_key(&host)
    }

    /// Every claim, for remembering.
    pub fn claims(&self) -> impl Iterator<Item = (IpAddr, &Claimed)> {
        let members = self.members.iter();
        members.flat_map(|(&address, claims)| claims.as_slice().iter().map(move |c| (address, c)))
    }

    /// The longest `expire` that anybody who is known carries.
    pub fn longest_expire(&self) -> Option<Duration> {
        self.expires.longest()
    }

    /// Drops claims unheard since before `horizon`, and all that `keep` refuses.
    pub fn forget(&mut self, horizon: Time, keep: impl Fn(IpAddr) -> bool) -> Change {
        let (expires, mut gone) = (&mut self.expires, Vec::new());
        self.members.retain(|&address, claims| {
            let stays = keep(address);
            let is_kept = |claimed: &Claimed| stays && claimed.heard >= horizon;
            for claimed in claims.as_slice().iter().filter(|claimed| !is_kept(claimed)) {
                expires.remove(claimed);
                gone.push((claimed.host, address));
            }
            claims.retain(is_kept)
        });
        self.claims -= gone.len();
        for &(host, address) in &gone {
            self.let_go(host, address);
        }
        if gone.is_empty() { Change::None } else { Change::Standing }
    }

    fn claims_to(&self, address: IpAddr) -> &[Claimed] {
        self.members.get(&address).map_or(&[], Claims::as_slice)
    }

    /// What one address of a report changes; or what is in the way.
    fn hear(
        &mut self,
        now: Time,
        speaker: Speaker,
        address: IpAddr,
        report: &Report,
        order: Order,
    ) -> Result<Change, Obstacle> {
        let host = speaker.host;
        let claims = self.claims_to(address);
        let others = |c: &&Claimed| c.claim == Claim::Own && c.host != host && c.is_live(now);
        if report.claim == Claim::Own
            && let Some(owner) = claims.iter().find(others)
        {
            return Err(Obstacle::Owner(owner.host));
        }
        let before = self.watch.deciding(claims, now).map(|c| c.standing(now));
        let mine = claims.iter().position(|c| c.host == host && c.claim == report.claim);
        match (mine, order, report.state) {
            // Unknown keeps what the address had, and ages like silence (design §7). Who says
            // goodbye to what it never claimed gives nothing up.
            (_, _, State::Unknown) | (None, Order::Overtaken, _) | (None, _, State::Leaving) => {
                return Ok(Change::None);
            }
            (Some(mine), ..) => self.hear_again(now, speaker.key, (address, mine), report, order),
            (None, Order::Newest, _) => self.begin(now, speaker, address, report)?,
        }
        let claims = self.claims_to(address);
        let after = self.watch.deciding(claims, now).map(|c| c.standing(now));
        Ok(if before == after { Change::None } else { Change::Standing })
    }

    /// The claim at the place `mine` of those to an address is heard once more.
    fn hear_again(
        &mut self,
        now: Time,
        key: Option<KeyId>,
        (address, mine): (IpAddr, usize),
        report: &Report,
        order: Order,
    ) {
        let claims = self.members.get_mut(&address);
        let Some(mine) = claims.and_then(|claims| claims.as_mut_slice().get_mut(mine)) else {
            return;
        };
        match order {
            Order::Newest => {
                self.expires.remove(mine);
                mine.hear(now, key, report);
                self.expires.add(mine);
            }
            Order::Overtaken if !mine.is_expired(now) => mine.heard = now,
            Order::Overtaken => {}
        }
    }

    /// A claim that is heard for the first time.
    fn begin(
        &mut self,
        now: Time,
        speaker: Speaker,
        address: IpAddr,
        report: &Report,
    ) -> Result<(), Obstacle> {
        if self.of_host.get(&speaker.host).map_or(0, Held::len) >= MOST_OF_HOST {
            return Err(Obstacle::Full);
        }
        if report.claim == Claim::Own {
            // The owner before is dead, or it would have been in the way.
            self.drop_owner(address);
        }
        if self.claims >= MOST_CLAIMS {
            return Err(Obstacle::Full);
        }
        self.restore(address, Claimed::new(now, speaker, report));
        Ok(())
    }

    fn drop_owner(&mut self, address: IpAddr) {
        let Some(claims) = self.members.get_mut(&address) else { return };
        let Some(owner) = claims.as_slice().iter().find(|c| c.claim == Claim::Own) else { return };
        let host = owner.host;
        self.claims -= 1;
        self.expires.remove(owner);
        // There is one and no more.
        if !claims.retain(|c| c.claim != Claim::Own) {
            self.members.remove(&address);
        }
        self.let_go(host, address);
    }

    /// A claim of `host` to `address` is gone; it may have another, as an owner or as a watcher.
    fn let_go(&mut self, host: HostId, address: IpAddr) {
        let claims_more = self.claims_to(address).iter().any(|c| c.host == host);
        if !claims_more && let Entry::Occupied(held) = self.of_host.entry(host) {
            let (host, held) = held.remove_entry();
            self.of_host.extend(held.without(address).map(|left| (host, left)));
        }
    }
}

fn latest_among(claims: &[Claimed]) -> Option<&Claimed> {
    match claims {
        [only] => Some(only),
        several => several.iter().max_by_key(|claimed| (claimed.heard, claimed.host)),
    }
}

fn hold(of_host: &mut BTreeMap<HostId, Held>, host: HostId, address: IpAddr) {
    of_host.entry(host).and_modify(|held| held.insert(address)).or_insert(Held::One(address));
}

/// The `expire` of each claim that has not left, and how often it occurs.
#[derive(Debug, Clone, Default)]
struct Expires(BTreeMap<Span, usize>);

impl Expires {
    fn add(&mut self, claimed: &Claimed) {
        if claimed.state != State::Leaving {
            *self.0.entry(claimed.expire).or_default() += 1;
        }
    }

    fn remove(&mut self, claimed: &Claimed) {
        if claimed.state != State::Leaving
            && let Some(times) = self.0.get_mut(&claimed.expire)
        {
            *times -= 1;
            if *times == 0 {
                self.0.remove(&claimed.expire);
            }
        }
    }

    fn longest(&self) -> Option<Duration> {
        self.0.last_key_value().map(|(&expire, _)| expire.get())
    }
}

#[cfg(test)]
mod tests;
