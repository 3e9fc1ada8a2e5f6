//! What speaks for a running rais: it answers who asks, and says what is to be done.

use std::io;
use std::time::Duration;

use rais_proto::policy::drained::Force;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

use crate::config::Role;
use crate::control::{ProcessId, Request, Response, ServerAsked};
use crate::headers::Troubles;
use crate::host::PluginHost;
use crate::roles::{Ended, Voices};
use crate::shell::operator::Order;

/// Takes signals, requests and the news that a role has ended.
pub(super) struct Desk {
    pub(super) process: ProcessId,
    pub(super) plugins: watch::Receiver<PluginHost>,
    pub(super) signals: Signals,
    pub(super) requests: mpsc::Receiver<ServerAsked>,
    pub(super) ended: mpsc::UnboundedReceiver<Ended>,
    pub(super) voices: Voices,
    pub(super) troubles: watch::Receiver<Troubles>,
}

/// More than a question.
pub(super) enum Called {
    /// The configuration is to be read anew.
    Reload(Asker),
    /// All is to end.
    Stop,
    /// A role is no more, and nobody has asked it to end.
    Ended(Ended),
}

/// Who wants to know what became of a reload.
pub(super) enum Asker {
    /// SIGHUP: whoever reads the log.
    Signal,
    Command(oneshot::Sender<Response>),
}

pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// What other daemons take for a question, and what would end a process that takes none.
    user: [Signal; 2],
}

impl Desk {
    /// Answers questions until there is something to be done. Dropped while it waits, it has
    /// missed nothing.
    pub(super) async fn next(&mut self) -> Called {
        loop {
            tokio::select! {
                biased;
                Some(()) = self.signals.terminate.recv() => return Called::Stop,
                Some(()) = self.signals.interrupt.recv() => return Called::Stop,
                Some(ended) = self.ended.recv() => return Called::Ended(ended),
                Some(()) = self.signals.hangup.recv() => return Called::Reload(Asker::Signal),
                () = asked_nothing(&mut self.signals.user) => {
                    info!("SIGUSR1 and SIGUSR2 do nothing here: `rais status` tells how it stands");
                }
                Some(ServerAsked { role, request, answer }) = self.requests.recv() => {
                    match request {
                        Request::Reload => return Called::Reload(Asker::Command(answer)),
                        // Who asked may have hung up.
                        Request::Hello => drop(answer.send(Response::Hello(self.process))),
                        Request::Plugins => {
                            let mut rows = self.plugins.borrow().told();
                            for row in &mut rows {
                                row.role = Some(self.voices.roles());
                            }
                            drop(answer.send(Response::Plugins { rows }));
                        }
                        Request::Status => drop(tokio::spawn(self.tell(role, answer))),
                        Request::Drain { .. } | Request::Undrain { .. } if role == Role::Monitor => {
                            let text = "a monitor drains nobody: ask its binders".to_owned();
                            drop(answer.send(Response::Error { text }));
                        }
                        Request::Drain { target, time_ms, reason, force } => {
                            let time = Duration::from_millis(time_ms);
                            let force = if force { Force::Given } else { Force::Withheld };
                            let order = Order::Drain { target, time, reason, force };
                            drop(tokio::spawn(self.pass_on(order, answer)));
                        }
                        Request::Undrain { target } => {
                            drop(tokio::spawn(self.pass_on(Order::Undrain { target }, answer)));
                        }
                    }
                }
            }
        }
    }

    /// Has the binder do it, and waits for nobody.
    fn pass_on(
        &self,
        order: Order,
        answer: oneshot::Sender<Response>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let done = self.voices.order(order);
        async move {
            let response = match done.await {
                Some(Ok(drained)) => Response::Drained(drained),
                Some(Err(text)) => Response::Error { text },
                None => Response::Error { text: "the binder does not answer".to_owned() },
            };
            let _ = answer.send(response);
        }
    }

    /// Has the role itself say how it stands, and waits for nobody.
    fn tell(
        &self,
        role: Role,
        answer: oneshot::Sender<Response>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (status, host) = (self.voices.status(role), self.plugins.borrow().clone());
        let troubles = self.troubles.borrow().clone();
        async move {
            let response = match status.await {
                Some(status) => {
                    let status = status.with_plugins(&host.list()).with_headers(&troubles);
                    Response::Status(Box::new(status))
                }
                None => Response::Error { text: format!("the {role} does not answer") },
            };
            let _ = answer.send(response);
        }
    }
}

impl Asker {
    /// Says what became of it: in the log, and to who asked.
    pub(super) fn answer(self, response: Response) {
        if let Response::Refused { faults } = &response {
            let faults = faults.join("\n");
            error!("reload refused, the old configuration goes on:\n{faults}");
        }
        if let Response::Reloaded { warnings } = &response {
            for warning in warnings {
                warn!("\n{warning}");
            }
        }
        if let Asker::Command(answer) = self {
            // Who asked may have hung up; what it asked for has happened.
            let _ = answer.send(response);
        }
    }
}

/// Comes back once a signal came that means nothing here.
async fn asked_nothing([first, second]: &mut [Signal; 2]) {
    tokio::select! {
        _ = first.recv() => {}
        _ = second.recv() => {}
    }
}

impl Signals {
    /// Takes them from now on.
    pub(super) fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user: [signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?],
        })
    }

    /// Comes back once one says that all is to end.
    pub(super) async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
