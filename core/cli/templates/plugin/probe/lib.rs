//! Probe `plugin-name`: says something to a server, and expects an answer.

use rais_sdk::prelude::*;

/// The probe.
pub struct PluginName {
    config: PluginNameConfig,
}

/// The keys of its table. `rais plugins info` shows these comments and defaults.
#[config]
pub struct PluginNameConfig {
    /// What is said to the server once it has taken the connection; nothing to one that speaks
    /// first.
    #[default = ""]
    say: String,
    /// What the first line of its answer begins with.
    #[default = "220"]
    expect: String,
}

/// So much of a line is looked at, in octets.
const LONGEST: usize = 512;

impl Probe for PluginName {
    const NAME: &'static str = "plugin-name";
    const SAMPLE: &'static str = include_str!("../sample.toml");
    type Config = PluginNameConfig;

    fn new(config: PluginNameConfig) -> Result<Self, Fault> {
        if config.expect.is_empty() {
            return Err(Fault::config("expect", "must not be empty"));
        }
        Ok(Self { config })
    }

    /// Thousands run at once on one thread: what waits here is awaited, and nothing blocks. The
    /// time limit is the host's; a timeout names the last phase.
    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        if target.address.port() == 0 {
            return Err(Fault::config("port", "missing; allowed: from 1 to 65535"));
        }
        cx.phase("connecting");
        let stream = TcpStream::connect(cx.net(), target.address).await?;
        cx.phase("saying");
        stream.write_all(self.config.say.as_bytes()).await?;
        cx.phase("answer");
        let line = first_line(&stream).await?;
        let took = cx.elapsed();
        if !line.starts_with(&self.config.expect) {
            return Err(Fault::down(format!("answers {line:?}")));
        }
        Ok(Up::new(took).with_detail(line))
    }
}

/// Without its end.
async fn first_line(stream: &TcpStream) -> Result<String, Fault> {
    let mut octets = [0; LONGEST];
    let mut have = 0;
    while have < LONGEST && !octets[..have].contains(&b'\n') {
        match stream.read(&mut octets[have..]).await? {
            0 => return Err(Fault::down("closed before its answer")),
            read => have += read,
        }
    }
    let text = String::from_utf8_lossy(&octets[..have]);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

plugin!(probe PluginName);
