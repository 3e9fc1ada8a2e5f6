//! Making an instance in a process.

use std::sync::Arc;
use std::time::Duration;

use rais_sdk::{Fault, Scope};

use super::about::About;
use super::calls::{NoReply, Unawaited};
use super::link::Link;
use super::place::Place;
use super::wire::{Call, Outcome};

/// Has the instance of `place` made, and begin to receive where it did in a life before.
///
/// # Errors
/// The plugin's fault, or why there is none.
pub(super) async fn made(
    about: &About,
    place: &Place,
    link: &Arc<Link>,
) -> Result<Option<Scope>, Fault> {
    let limit = about.pace.making;
    let call = Call::Make(place.json.clone());
    let scope = match ask(about, place, link, limit, call).await? {
        Outcome::Made(scope) => scope.map(Scope::from),
        _ => return Err(about.garbled()),
    };
    if let Some(receiving) = place.receiving() {
        link.receive(place.id, receiving.inbox);
        ask(about, place, link, receiving.limit, Call::Start).await?;
    }
    Ok(scope)
}

async fn ask(
    about: &About,
    place: &Place,
    link: &Arc<Link>,
    limit: Duration,
    call: Call,
) -> Result<Outcome, Fault> {
    // Others are in the process too: one that is never made is left to its thread.
    let asked = link.calls.ask(place.id, limit, Unawaited::Forget, call)?;
    match asked.reply().await {
        Ok(reply) => reply.map_err(Fault::from),
        Err(NoReply::Late) => Err(about.not_made(limit)),
        Err(NoReply::Ended(ended)) => Err(Fault::io(about.ended(&ended))),
    }
}
