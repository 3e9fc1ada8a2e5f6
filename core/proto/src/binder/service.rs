//! One service as the binder keeps it: what it heard, what it decided, when it judges again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::Published;
use crate::heartbeat::{Capacity, Weight};
use crate::load::Load;
use crate::name::ServiceName;
use crate::policy::at_once::{self, Hearing, LoadTimer, Memory, Turns};
use crate::policy::drained::Drained;
use crate::policy::paper::{self, Current};
use crate::policy::prune::Overloaded;
use crate::policy::silence::{Holds, is_known_and_not_drained};
use crate::policy::weights::{self, MemberMemory, Newcomers, Outstanding, Share, Shares};
use crate::policy::{
    AddressSet, Balance, Decision, React, ServicePolicy, Verdict, WhenNone, none_left,
};
use crate::table::{Claimed, Row, Standing, Table};
use crate::time::Time;

/// The shortest time that a binder listens before it believes in silence, and the longest after a start: by then
/// everybody has been heard who beats at least once a minute. What is remembered of the others is taken for heard
/// at the start, and has its own `expire`.
const LEAST_LISTENING: Duration = Duration::from_millis(1500);
const MOST_LISTENING: Duration = Duration::from_secs(60);

/// Percent of `max_load` above which a service has no room left (balance.md).
const TIGHT: u32 = 85;

/// A timer of zero would never let go.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// One service.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) name: ServiceName,
    pub(crate) policy: ServicePolicy,
    pub(crate) table: Table,
    pub(crate) decision: Decision,
    /// Those whom health let in, before panic, tiers, load and number; at once only.
    healthy: AddressSet,
    /// The last set that was not empty.
    last: AddressSet,
    holds: Holds,
    /// Who was silent at the last judgement; at once only.
    pub(super) silent: Vec<IpAddr>,
    pending: Pending,
    /// Those who are out for load; at once only.
    overloaded: Overloaded,
    /// Of the duty cycle, and of the weights; at once only.
    turns: Turns,
    /// How much of the answers everybody is to have; of nobody where weights are not made.
    shares: Shares,
    /// What of that is published, and what is still to be.
    outstanding: Outstanding,
    /// Those whom an operator has drained, as of the last judgement.
    pub(crate) drained: Drained,
    /// Since when it listens; silence is believed a full period later.
    listening_since: Time,
    most_listening: Duration,
    /// When the timer fires next: every `policy.interval`.
    timer: Time,
    /// No claim expires before this. A lower bound: beats only move it away.
    next_expiry: Option<Time>,
    /// Heard with "up" in this period (Fig. 10's current list); on-timer only.
    current: Current,
    pub(crate) phase: Phase,
}

/// How far a service's silence is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not yet for a full period.
    Listening,
    /// It is.
    Ready,
    /// Nobody at all is heard: it is us (at-once).
    Deaf,
    /// Nobody was heard in the last period (on-timer).
    NobodyHeard,
}

/// What is soon to happen to a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    Nothing,
    /// Silent members are held, to be taken out unless they come back.
    Removals,
}

impl Phase {
    /// In one word, as in status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::Listening => "listening",
            Phase::Ready => "ready",
            Phase::Deaf => "deaf",
            Phase::NobodyHeard => "nobody-heard",
        }
    }
}

impl Service {
    pub(crate) fn new(now: Time, name: ServiceName, policy: ServicePolicy) -> Service {
        let mut table = Table::default();
        table.decide_by(policy.watch);
        Service {
            name,
            timer: now + policy.interval,
            policy,
            table,
            decision: Decision::default(),
            healthy: AddressSet::new(),
            last: AddressSet::new(),
            holds: Holds::default(),
            silent: Vec::new(),
            pending: Pending::Nothing,
            overloaded: Overloaded::default(),
            turns: Turns::default(),
            shares: Shares::new(),
            outstanding: Outstanding::default(),
            drained: Drained::default(),
            listening_since: now,
            most_listening: MOST_LISTENING,
            next_expiry: None,
            current: Current::new(),
            phase: Phase::Listening,
        }
    }

    /// The set as it was remembered over a restart.
    pub(crate) fn restore(&mut self, set: &AddressSet) {
        let set = allowed_of(set, &self.policy);
        self.decision.verdicts = set.iter().map(|&a| (a, Verdict::Stored)).collect();
        self.last.clone_from(&set);
        self.healthy.clone_from(&set);
        self.decision.set = set;
    }

    /// Takes another policy; what was heard and decided stays.
    pub(crate) fn reconfigure(&mut self, now: Time, policy: ServicePolicy) {
        if policy.interval != self.policy.interval || policy.react != self.policy.react {
            self.timer = now + policy.interval;
            self.current.clear();
        }
        if policy.react != self.policy.react || policy.prune_above().is_none() {
            self.overloaded = Overloaded::default();
        }
        if policy.balance.constants().is_none() {
            self.turns = Turns::default();
        }
        if !matches!(policy.balance, Balance::Weights(_)) {
            self.shares = Shares::new();
        }
        self.policy = policy;
        let policy = &self.policy;
        self.table.decide_by(policy.watch);
        let allowed = |address: IpAddr| policy.allows(address);
        self.table.forget(Time::ZERO, allowed);
        self.current.retain(|&a, _| allowed(a));
        let still = allowed_of(&self.decision.set, policy);
        // Who was out is out as before: that is no news.
        self.decision.verdicts.retain(|a| still.contains(a) || allowed(*a));
        self.last = allowed_of(&self.last, policy);
        self.healthy.retain(|address| still.contains(address) || allowed(*address));
        self.decision.set = still;
    }

    /// Puts in a claim as it was remembered over a restart.
    pub(crate) fn restore_claim(&mut self, address: IpAddr, claimed: Claimed) {
        self.note_expiry(claimed.heard + claimed.expire);
        self.table.restore(address, claimed);
    }

    /// Starts listening anew: silence counts for nothing for a full period.
    pub(crate) fn listen_anew(&mut self, now: Time) {
        self.listening_since = now;
        // What is known is as old as the deafness, and older.
        self.most_listening = Duration::MAX;
        if self.judges_beats() {
            self.phase = Phase::Listening;
        }
    }

    /// Notes an address that was said to be up, for the paper's current list (Fig. 5).
    pub(crate) fn note_up(&mut self, address: IpAddr, load: Option<Load>) {
        if self.policy.react == React::OnTimer {
            self.current.insert(address, load);
        }
    }

    /// Notes an address whose "up" was overtaken: it was heard, and that is all.
    pub(crate) fn note_alive(&mut self, address: IpAddr, load: Option<Load>) {
        if self.policy.react == React::OnTimer {
            self.current.entry(address).or_insert(load);
        }
    }

    /// Notes an address that said goodbye: its silence need not be waited for.
    pub(crate) fn note_left(&mut self, address: IpAddr) {
        self.current.remove(&address);
    }

    /// A claim's age began anew: keeps the bound on the next expiry.
    pub(crate) fn note_expiry(&mut self, at: Time) {
        self.next_expiry = Some(self.next_expiry.map_or(at, |next| next.min(at)));
    }

    /// Whether a beat that changed nothing must still be judged: it may end a mass silence.
    pub(crate) fn is_tense(&self) -> bool {
        self.holds.any()
    }

    /// Whether a beat may make it judge. The paper's timer alone ends a period: all that is heard
    /// at that moment is in it, in whatever order.
    pub(crate) fn judges_beats(&self) -> bool {
        self.policy.react == React::AtOnce
    }

    /// When it wants to be judged next.
    pub(crate) fn next_wake(&self) -> Time {
        match self.policy.react {
            React::OnTimer => self.timer,
            React::AtOnce => match self.phase {
                Phase::Listening => Some(self.listening_ends()),
                Phase::Ready | Phase::NobodyHeard => {
                    let release = self.holds.next_wake(at_once::patience(&self.policy));
                    let load = self.policy.has_load_timer().then_some(self.timer);
                    [self.next_expiry, release, load].into_iter().flatten().min()
                }
                // Only a beat changes anything.
                Phase::Deaf => None,
            }
            .unwrap_or(Time::from_nanos(u64::MAX)),
        }
    }

    /// The set, with what is known of each address in it.
    pub(crate) fn published(&self) -> Vec<Published> {
        let published = self.table.latest_of(&self.decision.set);
        let published = published.map(|(address, claimed)| match claimed {
            Some(claimed) => Published {
                address,
                load: claimed.load,
                capacity: claimed.capacity,
                weight: claimed.weight,
                share: self.share(address),
            },
            // Stored, and not heard since.
            None => Published {
                address,
                load: None,
                capacity: Capacity::ONE,
                weight: Weight::USUAL,
                share: self.share(address),
            },
        });
        published.collect()
    }

    /// Every address that is known, in or to be held.
    pub(crate) fn addresses(&self) -> AddressSet {
        let known = self.table.addresses();
        known.chain(self.decision.set.iter().copied()).chain(self.last.iter().copied()).collect()
    }

    /// Whether `address` is one of them.
    pub(crate) fn knows(&self, address: IpAddr) -> bool {
        let sets = [&self.decision.set, &self.last];
        self.table.latest(address).is_some() || sets.iter().any(|set| set.contains(&address))
    }

    /// Whether members are held that are silent: its set is soon to change.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending == Pending::Removals
    }

    /// Whether an empty set is what somebody asked for.
    pub(crate) fn may_be_empty(&self) -> bool {
        self.policy.when_none == WhenNone::Empty || self.drained.may_empty()
    }

    /// Where no weights are made all have the same.
    fn share(&self, address: IpAddr) -> Share {
        self.shares.get(&address).copied().unwrap_or(Share::MOST)
    }

    /// How much of the answers each of the set is to have, in percent; of nobody where no weights are
    /// made.
    pub(crate) fn percentages(&self) -> BTreeMap<IpAddr, f64> {
        let parts = self.decision.set.iter();
        let parts: Vec<(IpAddr, f64)> = match self.shares.is_empty() {
            true => Vec::new(),
            false => parts.map(|&one| (one, f64::from(self.share(one).get()))).collect(),
        };
        let all: f64 = parts.iter().map(|(_, part)| part).sum();
        parts.into_iter().map(|(address, part)| (address, 100.0 * part / all)).collect()
    }

    /// What is published now is the measure of what is worth another publication.
    pub(crate) fn note_published(&mut self) {
        self.outstanding.note_published(&self.shares);
    }

    /// Whether its weights have changed enough to be published for it.
    pub(crate) fn is_weighed_anew(&self) -> bool {
        if self.shares.is_empty() {
            // Weights are made no more: all have the same.
            return self.outstanding.published().values().any(|&share| share != Share::MOST);
        }
        self.outstanding.is_due(&self.shares)
    }

    /// What of the weights is to be remembered.
    pub(crate) fn balance_memory(&self) -> impl Iterator<Item = (IpAddr, MemberMemory)> {
        self.turns.balance.memory()
    }

    /// Puts in what was remembered of the weights.
    pub(crate) fn restore_balance(&mut self, memory: Vec<(IpAddr, MemberMemory)>) {
        if self.policy.balance.constants().is_some() {
            self.turns.balance = weights::Balance::restore(memory);
        }
    }

    /// What stands is published again with the shares that it had, not with equal ones.
    pub(crate) fn weigh_what_is_restored(&mut self, now: Time) {
        if let Balance::Weights(constants) = &self.policy.balance {
            let members = at_once::members(&rows(&self.table, &self.drained, now), &self.decision);
            self.shares = self.turns.balance.judge(now, constants, Newcomers::Found, &members);
        }
    }

    /// Of who is known no more nothing is kept.
    pub(crate) fn forget_balance(&mut self) {
        let Service { table, decision, last, turns, .. } = self;
        turns.balance.forget(|address| {
            let sets = [&decision.set, &*last];
            table.latest(address).is_some() || sets.iter().any(|set| set.contains(&address))
        });
    }

    /// The load of those in, by capacity, and `max_load`; where it is more than a share of it that
    /// leaves no room (balance.md).
    pub(crate) fn overload(&self) -> Option<(Load, Load)> {
        let max_load = self.policy.max_load?;
        let (mut work, mut capacity) = (0_u128, 0_u128);
        for one in self.published() {
            let Some(load) = one.load else { continue };
            let units = u128::from(one.capacity.as_thousandths());
            work += units * u128::from(load.as_hundredths());
            capacity += units;
        }
        let load = u32::try_from(work.checked_div(capacity)?).ok().map(Load::from_hundredths)?;
        let most = u64::from(max_load.as_hundredths()) * u64::from(TIGHT) / 100;
        (u64::from(load.as_hundredths()) > most).then_some((load, max_load))
    }

    /// Judges at `now`, with those `drained` whom an operator has; says which verdicts changed, in the
    /// order of addresses: none where an address is no longer known.
    pub(crate) fn judge(
        &mut self,
        now: Time,
        deaf: bool,
        drained: Drained,
    ) -> Vec<(IpAddr, Option<Verdict>)> {
        self.drained = drained;
        let mut decision = match self.policy.react {
            React::AtOnce => self.judge_at_once(now, deaf),
            React::OnTimer if now >= self.timer => self.judge_on_timer(now),
            React::OnTimer => self.leave_out(now),
        };
        // Where all fall silent it is us: that shows within an `expire` of the first who is held.
        let longest = self.table.longest_expire().unwrap_or_default();
        let is_held = self.holds.since().is_some_and(|since| now >= since + longest);
        self.pending = match self.phase {
            Phase::Ready if is_held => Pending::Removals,
            _ => Pending::Nothing,
        };
        let changed = decision.verdicts.changes_since(&self.decision.verdicts);
        // Mostly the same, and kept once then.
        decision.set.share(&self.decision.set);
        self.healthy.share(&decision.set);
        if !decision.set.is_empty() {
            self.last.clone_from(&decision.set);
        }
        self.decision = decision;
        changed
    }

    fn judge_at_once(&mut self, now: Time, deaf: bool) -> Decision {
        // Once over it is over: a longer `expire` that comes later makes nobody deaf again.
        let listening = self.phase == Phase::Listening && now < self.listening_ends();
        let hearing = match (listening, deaf) {
            (true, _) => Hearing::Listening,
            (false, true) => Hearing::Deaf,
            (false, false) => Hearing::Clear,
        };
        let has_listened = self.phase == Phase::Listening && hearing == Hearing::Clear;
        self.phase = match hearing {
            Hearing::Listening => Phase::Listening,
            Hearing::Deaf => Phase::Deaf,
            Hearing::Clear => Phase::Ready,
        };
        // Who came meanwhile waits no longer than it must: where a crowd above `max_load` meets a
        // binder that remembers nothing, the first of them would answer for all until the timer.
        let is_due = now >= self.timer || has_listened;
        let timer = if is_due { LoadTimer::Due } else { LoadTimer::Running };
        self.skip_to(now);
        let (rows, next_expiry) = self.table.survey(now);
        let rows = drained_among(rows, &self.drained);
        let mut memory = Memory {
            set: &self.decision.set,
            healthy: &mut self.healthy,
            last: &self.last,
            holds: &mut self.holds,
            overloaded: &mut self.overloaded,
            turns: &mut self.turns,
            drained: &self.drained,
        };
        let decision = at_once::judge(now, &self.policy, &rows, hearing, timer, &mut memory);
        let silent = rows.iter().filter(|row| row.standing == Standing::Silent);
        self.silent = silent.map(|row| row.address).collect();
        if let Balance::Weights(constants) = &self.policy.balance
            && hearing != Hearing::Deaf
            && (is_due || !decision.set.iter().eq(self.shares.keys()))
        {
            let members = at_once::members(&rows, &decision);
            let newcomers = at_once::newcomers(hearing);
            self.shares = self.turns.balance.judge(now, constants, newcomers, &members);
            self.outstanding.note_wanted(now, &self.shares);
        }
        self.next_expiry = next_expiry;
        decision
    }

    /// Figs. 6a and 6b, with the guards of the design's section 7.
    fn judge_on_timer(&mut self, now: Time) -> Decision {
        let mut candidates = std::mem::take(&mut self.current);
        self.phase = if candidates.is_empty() { Phase::NobodyHeard } else { Phase::Ready };
        self.skip_to(now);
        let rows = rows(&self.table, &self.drained, now);
        for drained in rows.iter().filter(|row| row.standing == Standing::Draining) {
            candidates.remove(&drained.address);
        }
        let known = rows.iter().filter(|row| is_known_and_not_drained(row)).count();
        let min_servers = self.policy.min_servers.of(known);
        let max_load = self.policy.prune_above();
        let set = paper::prune(&candidates, &self.decision.set, max_load, min_servers);
        let mut decision = Decision {
            verdicts: rows
                .iter()
                .map(|row| (row.address, verdict_on_timer(row, &candidates, &set)))
                .collect(),
            set,
        };
        self.fill(&mut decision, &rows);
        decision
    }

    /// On-timer, between two updates: an operator's commands do not wait for the timer.
    fn leave_out(&self, now: Time) -> Decision {
        let mut decision = self.decision.clone();
        for drained in decision.set.iter().filter(|&&address| self.drained.contains(address)) {
            decision.verdicts.insert(*drained, Verdict::Draining);
        }
        decision.set = self.drained.without(&decision.set);
        if decision.set != self.decision.set {
            self.fill(&mut decision, &rows(&self.table, &self.drained, now));
        }
        decision
    }

    /// Step 9.
    fn fill(&self, decision: &mut Decision, rows: &[Row<'_>]) {
        none_left::apply(decision, self.policy.when_none, &self.last, rows, &self.drained);
    }

    /// Sets the timer: a late wake-up skips periods rather than judging empty ones.
    fn skip_to(&mut self, now: Time) {
        let interval = self.policy.interval.max(SHORTEST_INTERVAL);
        if self.timer <= now {
            let periods = now.since(self.timer).as_nanos() / interval.as_nanos() + 1;
            let periods = u32::try_from(periods).unwrap_or(u32::MAX);
            self.timer = self.timer + interval * periods;
        }
    }

    /// When a new one will have been listened to; none on the timer, for which a whole update
    /// interval would have to pass.
    pub(crate) fn soon_listened_to(&self) -> Option<Time> {
        self.judges_beats().then(|| self.listening_ends())
    }

    /// When silence is believed from, as far as is known now.
    fn listening_ends(&self) -> Time {
        let longest = self.table.longest_expire().unwrap_or_default();
        self.listening_since + longest.min(self.most_listening).max(LEAST_LISTENING)
    }
}

/// Every address of `table` in order, and where it stands; whom an operator has drained is draining,
/// whatever is heard of it.
fn rows<'a>(table: &'a Table, drained: &Drained, now: Time) -> Vec<Row<'a>> {
    drained_among(table.survey(now).0, drained)
}

fn drained_among<'a>(mut rows: Vec<Row<'a>>, drained: &Drained) -> Vec<Row<'a>> {
    if !drained.is_empty() {
        for row in rows.iter_mut().filter(|row| drained.contains(row.address)) {
            row.standing = Standing::Draining;
        }
    }
    rows
}

/// Those of `set` that the policy allows; all, where it allows none of them and nobody asked for an
/// empty set: they stay until somebody is heard who is allowed.
fn allowed_of(set: &AddressSet, policy: &ServicePolicy) -> AddressSet {
    let allowed: AddressSet = set.iter().copied().filter(|&a| policy.allows(a)).collect();
    if allowed.is_empty() && policy.when_none != WhenNone::Empty { set.clone() } else { allowed }
}

fn verdict_on_timer(row: &Row<'_>, candidates: &Current, set: &AddressSet) -> Verdict {
    match row.standing {
        _ if set.contains(&row.address) => Verdict::In,
        Standing::Draining => Verdict::Draining,
        _ if candidates.contains_key(&row.address) => Verdict::Pruned,
        Standing::Out(state) => Verdict::Out(state),
        Standing::Up | Standing::Reviving | Standing::Silent => Verdict::Unheard,
    }
}
