//! Making an instance in a process.

use std::sync::Arc;
use std::time::Duration;

use rais_sdk::{Fault, Scope};

use super::about::About;
use super::calls::{NoReply, Unawaited};
use super::link::Link;
use super::place::{Begun, Place};
use super::wire::{Call, Outcome};

/// Has the instance of `place` made, and begin what it did in a life before.
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
    match place.begun() {
        Some(Begun::Receiving(inbox, limit)) => {
            link.receive(place.id, inbox);
            ask(about, place, link, limit, Call::Start).await?;
        }
        Some(Begun::Serving(zones, limit)) => {
            ask(about, place, link, limit, Call::Assign(zones.to_vec())).await?;
        }
        None => {}
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
