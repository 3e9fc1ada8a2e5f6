//! From a question to the records that answer it (RFC 1034 §4.3.2).

use std::net::IpAddr;

use super::edns::Explanation;
use super::writer::Section;
use super::{Authority, Full, Local, Place, Rcode, Truncated, Verdict, Writer};
use crate::bound::{Bound, Choice};
use crate::catalog::{Catalog, Whose};
use crate::name::{Lowered, MAX_NAME};
use crate::query::IN;
use crate::rrl::Under;
use crate::zone::{BEFORE_DATA, Found, Node, Rrset, Zone, hash, rtype};

/// So many aliases are followed in one answer.
const MOST_ALIASES: usize = 16;

/// The first label of a wildcard's name (RFC 4592 §2.1.1).
const WILDCARD: &[u8] = b"\x01*";

/// A question on its way through a zone; where an alias leads out of it, through another.
pub(super) struct Walk<'w> {
    pub(super) catalog: &'w Catalog,
    pub(super) zone: &'w Zone,
    pub(super) asked: u16,
    pub(super) client: IpAddr,
    pub(super) local: &'w mut Local,
}

/// What a name that exists says.
enum Told {
    /// All that there is.
    Whole,
    /// It is another name, which stands there in the message.
    Alias(Place),
}

/// Whether a set's turn is over with an answer: only who asks for the set itself is given another one
/// next, or a query between two of these would have its turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Taken,
    Stays,
}

/// What a name that is asked for is, where it stands for another.
#[derive(Clone, Copy)]
enum First<'w> {
    Alias(&'w Node),
    /// Below this one, which has a DNAME.
    Renamed(&'w Node),
}

/// What was passed on the way: names that are aliases, and DNAMEs with the names that they renamed, as
/// hashes. Of each no more than there are steps.
#[derive(Default)]
struct Met<'w> {
    names: [Option<&'w Node>; MOST_ALIASES],
    renamed: [Option<(&'w Node, u64)>; MOST_ALIASES],
}

/// Whether a node was passed before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Never,
    /// With another name: its record stands there already (RFC 2181 §5).
    Renaming,
    /// The way goes round.
    Met,
}

impl<'w> Met<'w> {
    fn note(&mut self, node: &'w Node) -> Before {
        for place in &mut self.names {
            match place {
                Some(met) if std::ptr::eq(*met, node) => return Before::Met,
                Some(_) => {}
                None => {
                    *place = Some(node);
                    break;
                }
            }
        }
        Before::Never
    }

    fn note_renamed(&mut self, node: &'w Node, name: &Lowered) -> Before {
        let (hash, mut before) = (hash(name.as_slice()), Before::Never);
        for place in &mut self.renamed {
            match place {
                Some((met, renamed)) if std::ptr::eq(*met, node) => {
                    if *renamed == hash {
                        return Before::Met;
                    }
                    before = Before::Renaming;
                }
                Some(_) => {}
                None => {
                    *place = Some((node, hash));
                    break;
                }
            }
        }
        before
    }
}

impl<'w> Walk<'w> {
    /// Answers for `name`, which lies in the zone.
    #[inline]
    pub(super) fn answer(
        mut self,
        name: &Lowered,
        out: &mut Writer<'_>,
    ) -> Result<Verdict, Truncated> {
        let zone = self.zone;
        let before_apex = name.as_slice().len() - zone.apex().len();
        out.set_apex(Place::QUESTION.after(before_apex));
        let found = zone.look(name, self.asked);
        if let Found::Name(node) = found
            && zone.name(node).starts_with(WILDCARD)
        {
            self.counts_under(node, self.asked);
        }
        let (alias, first) = match found {
            Found::Name(node) => match self.tell(node, Place::QUESTION, out)? {
                (Told::Whole, verdict) => return Ok(verdict),
                (Told::Alias(target), _) => (target, First::Alias(node)),
            },
            Found::Nothing => return Ok(self.nothing(out)?),
            Found::Cut(node) => {
                self.counts_under(node, 0);
                // Also where it is cut off, a referral is not ours to vouch for.
                let verdict = Verdict::of(Rcode::NoError);
                return match self.refer(node, name, Place::QUESTION, out) {
                    Ok(()) => Ok(verdict),
                    Err(Full) => Err(Truncated(verdict.authority)),
                };
            }
            Found::Renamed(node) => {
                self.counts_under(node, self.asked);
                match self.rename(node, name, Place::QUESTION, Before::Never, out)? {
                    Some(target) => (target, First::Renamed(node)),
                    None => return Ok(ours(Rcode::YxDomain)),
                }
            }
        };
        Ok(self.follow(alias, first, name, out)?)
    }

    /// Answers from this node count as one where answers are limited, whatever name below it they are for.
    #[cold]
    fn counts_under(&mut self, node: &Node, rtype: u16) {
        let (zone, hash) = (self.zone.number(), hash(self.zone.name(node)));
        self.local.under = Some(Under { zone, hash, rtype });
    }

    /// Goes on from what was asked for, which is an alias; `owner` is where the name that it leads to stands.
    #[cold]
    fn follow(
        &mut self,
        owner: Place,
        first: First<'w>,
        asked: &Lowered,
        out: &mut Writer<'_>,
    ) -> Result<Verdict, Full> {
        let mut met = Met::default();
        match first {
            First::Alias(node) => met.note(node),
            First::Renamed(node) => met.note_renamed(node, asked),
        };
        // Only a panic leaves none.
        let mut name = self.local.target.take().unwrap_or_else(|| Box::new(Lowered::new()));
        let verdict = self.follow_by(&mut name, owner, met, out);
        self.local.target = Some(name);
        verdict
    }

    /// The same; `name` is for the names that are met.
    fn follow_by(
        &mut self,
        name: &mut Lowered,
        mut owner: Place,
        mut met: Met<'w>,
        out: &mut Writer<'_>,
    ) -> Result<Verdict, Full> {
        let catalog = self.catalog;
        for _ in 1..MOST_ALIASES {
            // For ANY, and for the alias itself, that is all.
            if matches!(self.asked, rtype::CNAME | rtype::ANY) || !owner.is_near() {
                break;
            }
            if name.read(&self.local.scratch, 0).is_none() {
                break;
            }
            // Of names in zones of ours all is known that there is (RFC 1034 §4.3.2, step 3a); of others,
            // and of zones that are not there yet, nothing.
            let Whose::Of(zone) = catalog.find(name, self.asked) else { break };
            if !std::ptr::eq(zone, self.zone) {
                self.zone = zone;
                let place = owner.after(name.as_slice().len() - zone.apex().len());
                if !place.is_near() {
                    break;
                }
                out.set_apex(place);
            }
            owner = match zone.look(name, self.asked) {
                // A loop; all of it is told.
                Found::Name(node) if met.note(node) == Before::Met => break,
                Found::Name(node) => match self.tell(node, owner, out)? {
                    (Told::Whole, verdict) => return Ok(verdict),
                    (Told::Alias(target), _) => target,
                },
                Found::Nothing => return self.nothing(out),
                Found::Cut(node) => {
                    return self.refer(node, name, owner, out).map(|()| ours(Rcode::NoError));
                }
                Found::Renamed(node) => {
                    let before = met.note_renamed(node, name);
                    if before == Before::Met {
                        break;
                    }
                    match self.rename(node, name, owner, before, out)? {
                        Some(target) => target,
                        None => return Ok(ours(Rcode::YxDomain)),
                    }
                }
            };
        }
        Ok(ours(Rcode::NoError))
    }

    /// A name that exists.
    #[inline]
    fn tell(
        &mut self,
        node: &Node,
        owner: Place,
        out: &mut Writer<'_>,
    ) -> Result<(Told, Verdict), Full> {
        let zone = self.zone;
        let whole = Ok((Told::Whole, ours(Rcode::NoError)));
        if let Some((slot, bound)) = zone.slot(node)
            && matches!(self.asked, rtype::A | rtype::AAAA | rtype::ANY)
        {
            let bound = bound.load();
            let kinds = match self.asked {
                rtype::ANY => [rtype::A, rtype::AAAA],
                asked => [asked, asked],
            };
            let turn = if self.asked == rtype::ANY { Turn::Stays } else { Turn::Taken };
            for kind in kinds {
                if self.put_bound(&bound, (slot, kind), turn, owner, out)? {
                    return whole;
                }
            }
            if self.asked != rtype::ANY || zone.sets(node).is_empty() {
                return self.none_bound(&bound, out).map(|verdict| (Told::Whole, verdict));
            }
        }
        // Of ANY one set is enough (RFC 8482 §4.1).
        let set = match self.asked {
            rtype::ANY => zone.sets(node).first(),
            asked => zone.set(node, asked),
        };
        if let Some(set) = set {
            let at = zone.put(set, owner, out)?;
            self.put_extras(set, at, out);
            return whole;
        }
        if let Some(alias) = zone.set(node, rtype::CNAME) {
            let at = zone.put(alias, owner, out)?;
            self.local.scratch.clear();
            zone.target(alias, &mut self.local.scratch);
            return Ok((Told::Alias(at.after(BEFORE_DATA)), ours(Rcode::NoError)));
        }
        // There are many types that a name has not.
        self.counts_under(node, 0);
        out.enter(Section::Authority);
        zone.put_negative(u32::MAX, out)?;
        whole
    }

    /// Writes a bound set, where there is one.
    #[inline]
    fn put_bound(
        &mut self,
        bound: &Bound,
        (slot, kind): (usize, u16),
        taken: Turn,
        owner: Place,
        out: &mut Writer<'_>,
    ) -> Result<bool, Full> {
        let Some(family) = bound.family(kind) else { return Ok(false) };
        let turn = self.zone.first_turn() as usize + 2 * slot + usize::from(kind == rtype::AAAA);
        let mut nowhere = 0;
        let mut turn = self.local.turns.get_mut(turn).unwrap_or(&mut nowhere);
        let mut copy = *turn;
        if taken == Turn::Stays {
            turn = &mut copy;
        }
        let mut choice = Choice { turn, random: &mut self.local.random, client: self.client };
        family.put(owner, &mut choice, out)?;
        Ok(true)
    }

    /// There is no address of that family; that may change at any moment.
    #[cold]
    fn none_bound(&mut self, bound: &Bound, out: &mut Writer<'_>) -> Result<Verdict, Full> {
        out.enter(Section::Authority);
        self.zone.put_negative(bound.ttl(), out)?;
        let explanation = bound.is_empty().then_some(Explanation::NoServerUp);
        self.local.why.clear();
        self.local.why.push_str(bound.why());
        Ok(Verdict { explanation, ..ours(Rcode::NoError) })
    }

    /// A name that does not exist (RFC 2308 §2.1).
    #[cold]
    fn nothing(&self, out: &mut Writer<'_>) -> Result<Verdict, Full> {
        out.enter(Section::Authority);
        self.zone.put_negative(u32::MAX, out)?;
        Ok(ours(Rcode::NxDomain))
    }

    /// Addresses of the names in a set which begins at `at`, as far as there is room.
    #[inline]
    fn put_extras(&mut self, set: &Rrset, at: Place, out: &mut Writer<'_>) {
        out.enter(Section::Additional);
        for extra in self.zone.extras(set) {
            let Some(node) = self.zone.node(extra.node) else { continue };
            let mark = out.mark();
            if self.put_addresses(node, at.after(usize::from(extra.name)), out).is_err() {
                out.back_to(mark);
                break;
            }
        }
    }

    /// All addresses of a name, or none.
    fn put_addresses(
        &mut self,
        node: &Node,
        owner: Place,
        out: &mut Writer<'_>,
    ) -> Result<(), Full> {
        if !owner.is_near() {
            return Err(Full);
        }
        if let Some((slot, bound)) = self.zone.slot(node) {
            let bound = bound.load();
            for kind in [rtype::A, rtype::AAAA] {
                self.put_bound(&bound, (slot, kind), Turn::Stays, owner, out)?;
            }
            return Ok(());
        }
        for kind in [rtype::A, rtype::AAAA] {
            if let Some(set) = self.zone.set(node, kind) {
                self.zone.put(set, owner, out)?;
            }
        }
        Ok(())
    }

    /// Names the servers of the zone that begins at `cut`, which `name` lies in.
    #[cold]
    fn refer(
        &mut self,
        cut: &Node,
        name: &Lowered,
        owner: Place,
        out: &mut Writer<'_>,
    ) -> Result<(), Full> {
        let zone = self.zone;
        let Some(servers) = zone.set(cut, rtype::NS) else { return Ok(()) };
        out.enter(Section::Authority);
        let below = zone.octets_below(cut, name.as_slice());
        let at = zone.put(servers, owner.after(below), out)?;
        out.enter(Section::Additional);
        for extra in zone.extras(servers) {
            let Some(node) = zone.node(extra.node) else { continue };
            let mark = out.mark();
            if self.put_addresses(node, at.after(usize::from(extra.name)), out).is_err() {
                // Without such glue nobody finds the servers (RFC 9471 §3.1).
                if zone.name(node).ends_with(zone.name(cut)) {
                    return Err(Full);
                }
                out.back_to(mark);
            }
        }
        Ok(())
    }

    /// Writes a DNAME and the alias that it makes of `name`, and says where that leads; nowhere,
    /// where it leads to a name that is too long (RFC 6672 §2.3).
    #[cold]
    fn rename(
        &mut self,
        node: &Node,
        name: &Lowered,
        owner: Place,
        before: Before,
        out: &mut Writer<'_>,
    ) -> Result<Option<Place>, Full> {
        let zone = self.zone;
        let Some(set) = zone.set(node, rtype::DNAME) else { return Ok(None) };
        let below = zone.octets_below(node, name.as_slice());
        if before == Before::Never {
            zone.put(set, owner.after(below), out)?;
        }
        let scratch = &mut self.local.scratch;
        scratch.clear();
        scratch.extend_from_slice(name.as_slice().get(..below).unwrap_or_default());
        zone.target(set, scratch);
        if scratch.len() > MAX_NAME {
            return Ok(None);
        }
        let at = out.place();
        let room = out.room(BEFORE_DATA + scratch.len(), 1)?;
        let (head, data) = room.split_at_mut(BEFORE_DATA);
        head[..2].copy_from_slice(&owner.pointer());
        head[2..4].copy_from_slice(&rtype::CNAME.to_be_bytes());
        head[4..6].copy_from_slice(&IN.to_be_bytes());
        head[6..10].copy_from_slice(&zone.ttl(set).to_be_bytes());
        head[10..].copy_from_slice(&(scratch.len() as u16).to_be_bytes());
        data.copy_from_slice(scratch);
        Ok(Some(at.after(BEFORE_DATA)))
    }
}

const fn ours(rcode: Rcode) -> Verdict {
    Verdict { rcode, authority: Authority::Ours, explanation: None }
}
