//! What the keeper's thread is told.

use rais_sdk::Inbox;
use tokio::sync::watch;

/// What is wanted now.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// Whoever receives; nobody in a monitor.
    pub(crate) inbox: Option<Inbox>,
    pub(crate) ended: bool,
}

/// The keeper's end.
pub(crate) type Wanted = watch::Receiver<Orders>;

/// Ends when the thread is to.
pub(crate) async fn ended(wanted: &mut Wanted) {
    // Nobody left who could order anything is an order, too.
    let _ = wanted.wait_for(|orders| orders.ended).await;
}
