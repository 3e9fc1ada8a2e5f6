//! Addresses of servers that have been made and not started yet.
//!
//! While a configuration is judged, all its sinks are made before the first of them starts, and one in whose
//! place a new one comes has started long before: two of these at one address are two in one
//! configuration.

use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::door::overlap;

/// The addresses of one, until it starts or is dropped.
#[derive(Debug)]
pub(crate) struct Claim(u64);

/// Another has claimed an address.
#[derive(Debug)]
pub(crate) struct Claimed {
    /// Which of those asked for, in their order.
    pub(crate) which: usize,
    /// Where the other one listens.
    pub(crate) by: Vec<SocketAddr>,
}

#[derive(Debug)]
struct All {
    next: u64,
    claims: Vec<(u64, Vec<SocketAddr>)>,
}

static ALL: Mutex<All> = Mutex::new(All { next: 0, claims: Vec::new() });
static GONE: Condvar = Condvar::new();

/// Sinks of a configuration that was refused, or that has not changed, are dropped at once, but not by
/// whoever makes the next ones.
const PATIENCE: Duration = Duration::from_millis(500);

impl Claim {
    /// # Errors
    /// Another one has them, and does not go away.
    pub(crate) fn new(listen: &[SocketAddr]) -> Result<Claim, Claimed> {
        let taken = |all: &mut All| find(all, listen).is_some();
        let waited = GONE.wait_timeout_while(all(), PATIENCE, taken);
        let (mut all, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(claimed) = find(&all, listen) {
            return Err(claimed);
        }
        let number = all.next;
        all.next += 1;
        all.claims.push((number, listen.to_vec()));
        Ok(Claim(number))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        all().claims.retain(|(number, _)| *number != self.0);
        GONE.notify_all();
    }
}

fn all() -> MutexGuard<'static, All> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

fn find(all: &All, listen: &[SocketAddr]) -> Option<Claimed> {
    let mut both = all.claims.iter().flat_map(|claim| (0..listen.len()).map(move |i| (claim, i)));
    let clash = both.find(|((_, by), i)| by.iter().any(|other| overlap(*other, listen[*i])));
    clash.map(|((_, by), which)| Claimed { which, by: by.clone() })
}
