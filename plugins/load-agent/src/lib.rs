//! Load `agent`: what an agent of HAProxy's kind says of its server.

mod talk;
mod words;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rais_sdk::prelude::*;

use talk::LONGEST;
use words::Words;

/// Far from the end of the clock.
const LONGEST_TIME: Duration = Duration::from_secs(24 * 3600);

/// Asks the agent of each address.
#[derive(Debug)]
pub struct Agent {
    config: Config,
}

/// The table of a load of type `agent`.
#[config]
#[derive(Debug)]
pub struct Config {
    /// Sent first, as it stands, for an agent that waits for it; end a line by "\n".
    #[default]
    send: String,
    /// What a percentage in the answer is: "weight", the share of the configured weight that the
    /// server asks for; "idle", the share of it that is idle; "load", its load.
    #[default = "weight"]
    percent: Percent,
}

#[config]
#[derive(Debug, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Percent {
    Weight,
    Idle,
    Load,
}

impl Load for Agent {
    const NAME: &'static str = "agent";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    const SCOPE: Scope = Scope::Target;
    type Config = Config;

    fn new(config: Config) -> Result<Self, Fault> {
        if config.send.len() > LONGEST {
            return Err(Fault::config("send", format!("is longer than {LONGEST} octets")));
        }
        Ok(Self { config })
    }

    fn sample(&self, of: &Subject) -> Result<Reading, Fault> {
        let end = Instant::now() + of.timeout.min(LONGEST_TIME);
        let line = talk::ask(address(of)?, self.config.send.as_bytes(), end)?;
        let words = Words::parse(&line).map_err(Fault::unknown)?;
        Ok(self.reading(words).with_wish(words.wish()).with_reason(line))
    }
}

fn address(of: &Subject) -> Result<SocketAddr, Fault> {
    match &of.target {
        Some(target) if target.address.port() != 0 => Ok(target.address),
        Some(_) => Err(Fault::config("port", "missing; that of the agent, from 1 to 65535")),
        None => Err(Fault::unknown("an agent speaks for an address, and none was named")),
    }
}

impl Agent {
    fn reading(&self, words: Words) -> Reading {
        match (words.percent, self.config.percent) {
            (None, _) => Reading::unknown(""),
            (Some(percent), Percent::Weight) => Reading::unknown("").with_weight(percent),
            (Some(percent), Percent::Idle) => {
                Reading::load(f64::from(100_u16.saturating_sub(percent)))
            }
            (Some(percent), Percent::Load) => Reading::load(f64::from(percent)),
        }
    }
}

rais_sdk::plugin!(load Agent);

#[cfg(test)]
mod tests {
    use rais_sdk::Target;
    use rais_sdk::testing::{Script, Server};

    use super::*;

    #[test]
    fn no_time_is_too_long() {
        let agent = Server::tcp_on_thread(Script::new().say("up\n")).unwrap();
        let target = Target::new(agent.address(), "web1", "www");
        let of = Subject::new("www").with_target(target).with_timeout(Duration::MAX);
        let config = Config { send: String::new(), percent: Percent::Weight };
        let reading = Agent::new(config).unwrap().sample(&of).unwrap();
        assert_eq!(reading.wish, rais_sdk::Wish::Up);
    }
}
