//! Answers HAProxy's agent-check for the services of this host.
//!
//! HAProxy connects, may send a text (`agent-send`), and reads one line. A text that names a service
//! asks for that one, none for all of the host; where the address that HAProxy connected to is one
//! of a service's, for that address alone.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rais_proto::heartbeat::{Claim, State};
use rais_proto::load::Load;
use rais_proto::monitor::MemberView;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tracing::warn;

use super::monitor::Event;

/// Asked at once by so many; more wait.
const AT_ONCE: usize = 64;
/// HAProxy sends its text with the connection; who has none says nothing.
const ASKING: Duration = Duration::from_millis(50);
/// All of one answer.
const ANSWERING: Duration = Duration::from_secs(2);
/// A service's name is no longer.
const LONGEST_QUESTION: usize = 256;

/// A port on which agent-checks are answered.
#[derive(Debug)]
pub struct AgentPort {
    listener: TcpListener,
    address: SocketAddr,
}

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Agent {
    address: SocketAddr,
    task: AbortHandle,
}

/// Of whom an agent-check asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Empty: of every service.
    pub service: String,
    /// The address that was connected to.
    pub at: IpAddr,
}

impl AgentPort {
    /// Takes the port, and answers nobody yet.
    ///
    /// # Errors
    /// The address is not this host's, or in use.
    pub fn bind(address: SocketAddr) -> io::Result<AgentPort> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(AgentPort { listener: TcpListener::from_std(listener)?, address })
    }

    /// Answers by what the monitor says that takes `events`.
    pub fn answer(self, events: mpsc::UnboundedSender<Event>) -> Agent {
        let AgentPort { listener, address } = self;
        Agent { address, task: tokio::spawn(listen(listener, events)).abort_handle() }
    }
}

impl Agent {
    /// As it was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, events: mpsc::UnboundedSender<Event>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    // Ends those under way with this.
    let mut answering = JoinSet::new();
    loop {
        while answering.try_join_next().is_some() {}
        // Never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let events = events.clone();
                answering.spawn(async move {
                    let _place = place;
                    // Who has gone away, or is too slow, is asked again by nobody.
                    let _ = timeout(ANSWERING, serve(stream, &events)).await;
                });
            }
            Err(error) => {
                warn!("an agent-check cannot be taken: {error}");
                // Out of descriptors, most likely.
                tokio::time::sleep(ASKING).await;
            }
        }
    }
}

async fn serve(mut stream: TcpStream, events: &mpsc::UnboundedSender<Event>) -> io::Result<()> {
    let at = stream.local_addr()?.ip().to_canonical();
    let service = heard(&mut stream).await;
    let (answer, answered) = oneshot::channel();
    // A monitor that has ended says nothing, and so do we.
    let _ = events.send(Event::Agent(Question { service, at }, answer));
    if let Ok(line) = answered.await {
        stream.write_all(line.as_bytes()).await?;
    }
    stream.shutdown().await
}

/// The first line that is sent, or what of it comes in time.
async fn heard(stream: &mut TcpStream) -> String {
    let mut octets = [0; LONGEST_QUESTION];
    let mut have = 0;
    let line = async {
        while have < octets.len() && !octets[..have].contains(&b'\n') {
            match stream.read(&mut octets[have..]).await {
                Ok(0) | Err(_) => return,
                Ok(read) => have += read,
            }
        }
    };
    let _ = timeout(ASKING, line).await;
    let text = String::from_utf8_lossy(&octets[..have]);
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// What HAProxy is told of `members`, in its words; none where nothing is known, or nobody asked
/// for is there.
///
/// The state is the worst, and the weight what the highest load leaves: in percent, at least one.
pub(super) fn line(question: &Question, members: &[MemberView]) -> Option<String> {
    let asked = |member: &&MemberView| {
        member.claim == Claim::Own
            && (question.service.is_empty() || question.service == member.service.as_str())
    };
    let own: Vec<&MemberView> = members.iter().filter(asked).collect();
    let there: Vec<&MemberView> =
        own.iter().copied().filter(|member| member.address == question.at).collect();
    let of = if there.is_empty() { own } else { there };
    let rank = |state: State| match state {
        State::Maintenance => 3,
        State::Down | State::Leaving => 2,
        State::Draining => 1,
        _ => 0,
    };
    let known = of.iter().filter_map(|member| Some((*member, member.state?)));
    let known = known.filter(|(_, state)| *state != State::Unknown);
    let (worst, state) = known.max_by_key(|(_, state)| rank(*state))?;
    let highest = of.iter().filter_map(|member| member.load).max();
    let words = match state {
        // A share of nothing drains. The words `drain`, `maint` and `ready` would undo what
        // somebody told HAProxy by hand.
        State::Draining => "up 0%".to_owned(),
        State::Maintenance | State::Down | State::Leaving => "down".to_owned(),
        _ => format!("up {}%", left(highest)),
    };
    let why = worst.reason.as_str();
    let why = if why.is_empty() { String::new() } else { format!(" #{}: {why}", worst.service) };
    Some(format!("{words}{why}\n"))
}

fn left(load: Option<Load>) -> u32 {
    let load = load.map_or(0, |load| load.as_hundredths().div_ceil(100));
    100u32.saturating_sub(load).max(1)
}

#[cfg(test)]
mod tests {
    use rais_proto::heartbeat::{Reason, Weight};
    use rais_proto::time::Time;

    use super::*;

    fn member(service: &str, address: &str, state: State, load: Option<f64>) -> MemberView {
        let reason = if state == State::Up { "" } else { "connection refused" };
        MemberView {
            service: service.parse().unwrap(),
            address: address.parse().unwrap(),
            claim: Claim::Own,
            state: Some(state),
            since: Time::ZERO,
            reason: Reason::new(reason),
            load: load.and_then(Load::from_percent),
            weight: Weight::USUAL,
            last_took: None,
            detail: Arc::default(),
            in_flight: 0,
        }
    }

    fn told(service: &str, at: &str, members: &[MemberView]) -> Option<String> {
        line(&Question { service: service.to_owned(), at: at.parse().unwrap() }, members)
    }

    #[test]
    fn haproxy_is_told_in_its_words() {
        let one = |state, load| told("", "192.0.2.1", &[member("www", "192.0.2.1", state, load)]);
        let table = [
            (State::Up, None, "up 100%\n"),
            (State::Up, Some(29.5), "up 70%\n"),
            (State::Up, Some(0.0), "up 100%\n"),
            (State::Up, Some(250.0), "up 1%\n"),
            (State::Down, None, "down #www: connection refused\n"),
            (State::Draining, None, "up 0% #www: connection refused\n"),
            (State::Maintenance, None, "down #www: connection refused\n"),
        ];
        for (state, load, line) in table {
            assert_eq!(one(state, load).as_deref(), Some(line), "{state} {load:?}");
        }
        assert_eq!(one(State::Unknown, None), None, "what it had stands");
    }

    #[test]
    fn the_worst_of_all_is_told_or_of_what_was_asked_for() {
        let members = [
            member("news", "192.0.2.1", State::Up, Some(10.0)),
            member("www", "192.0.2.1", State::Down, None),
            member("www", "192.0.2.2", State::Up, Some(40.0)),
        ];
        let down = "down #www: connection refused\n";
        assert_eq!(told("", "127.0.0.1", &members).as_deref(), Some(down));
        assert_eq!(told("www", "127.0.0.1", &members).as_deref(), Some(down));
        assert_eq!(told("www", "192.0.2.2", &members).as_deref(), Some("up 60%\n"));
        assert_eq!(told("news", "127.0.0.1", &members).as_deref(), Some("up 90%\n"));
        assert_eq!(told("mail", "127.0.0.1", &members), None);
    }

    #[test]
    fn watched_machines_answer_for_themselves() {
        let mut watched = member("www", "192.0.2.1", State::Down, None);
        watched.claim = Claim::Watched;
        assert_eq!(told("", "192.0.2.1", &[watched]), None);
    }
}
