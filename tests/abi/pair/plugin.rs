//! The plugins of the pair: one that probes, one that panics, and others that say what is new.

use rais_sdk::prelude::*;

/// Connects, and says what the host told it of what is new.
struct Pair {
    config: PairConfig,
}

#[config]
struct PairConfig {
    /// What a server's first line begins with.
    begins: String,
}

impl Probe for Pair {
    const NAME: &'static str = "pair";
    const SAMPLE: &'static str = "type = \"pair\"\nport = 25\nbegins = \"220\"";
    type Config = PairConfig;

    fn new(config: PairConfig) -> Result<Self, Fault> {
        Ok(Self { config })
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        let stream = TcpStream::connect(cx.net(), target.address).await?;
        let mut line = [0; 3];
        let mut have = 0;
        while have < line.len() {
            match stream.read(&mut line[have..]).await? {
                0 => return Err(Fault::down("closed early")),
                read => have += read,
            }
        }
        if line != self.config.begins.as_bytes() {
            return Err(Fault::down("another banner"));
        }
        cx.log("connected");
        Ok(Up::new(cx.elapsed()).with_detail(told(cx)))
    }
}

#[cfg(feature = "next")]
fn told(cx: &Cx) -> String {
    format!("the host says {}", cx.next())
}

#[cfg(not(feature = "next"))]
fn told(_: &Cx) -> String {
    "the host says what it always said".to_owned()
}

plugin!(probe Pair);

/// Keeps nothing.
struct Keep;

impl Sink for Keep {
    const NAME: &'static str = "keep";
    const SAMPLE: &'static str = "type = \"keep\"";
    type Config = NoConfig;

    fn new(_: NoConfig, _: Host) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn publish(&self, _: &Zone<'_>) -> Result<u32, Fault> {
        Ok(1)
    }
}

plugin!(sink Keep);

/// Receives, once, what the host's end says of what is new.
struct Carry;

impl Transport for Carry {
    const NAME: &'static str = "carry";
    const SAMPLE: &'static str = "type = \"carry\"";
    type Config = NoConfig;

    fn new(_: NoConfig, _: Host) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn start(&self, inbox: Inbox) -> Result<(), Fault> {
        #[cfg(feature = "next")]
        let told = format!("the inbox says {}", inbox.next());
        #[cfg(not(feature = "next"))]
        let told = "the inbox says what it always said".to_owned();
        inbox.deliver(&[Datagram::new(None, told.as_bytes())]);
        Ok(())
    }

    fn send(&self, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

plugin!(transport Carry);

/// One of a kind that only the next version has.
#[cfg(feature = "next")]
const _: () = {
    struct Version;

    impl rais_sdk::abi::CrateVersion for Version {
        const TEXT: &'static str = env!("CARGO_PKG_VERSION");
        const ABOUT: &'static str = env!("CARGO_PKG_DESCRIPTION");
    }

    rais_sdk::abi::inventory::submit! {
        rais_sdk::abi::Submitted::fresh::<Version>()
    }
};

/// Panics, as its table asks for.
struct Rude {
    config: RudeConfig,
}

#[config]
struct RudeConfig {
    how: String,
}

impl BlockingProbe for Rude {
    const NAME: &'static str = "rude";
    const SAMPLE: &'static str = "type = \"rude\"\nhow = \"call\"";
    type Config = RudeConfig;

    fn new(config: RudeConfig) -> Result<Self, Fault> {
        if config.how == "new" {
            panic!("in new");
        }
        Ok(Self { config })
    }

    fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        match self.config.how.as_str() {
            "call" => panic!("in the {}", "call"),
            "thread" => {
                let thread = std::thread::Builder::new().name("errand".into());
                let ended = thread.spawn(|| panic!("on an errand"))?.join();
                assert!(ended.is_err());
            }
            "caught" => {
                let _ = std::panic::catch_unwind(|| panic!("caught by its author"));
                std::panic::resume_unwind(Box::new("thrown on"));
            }
            _ => {}
        }
        Ok(Up::new(cx.elapsed()))
    }
}

impl Drop for Rude {
    fn drop(&mut self) {
        if self.config.how == "drop" {
            panic!("in drop");
        }
        if self.config.how == "twice" {
            let _second = Bomb;
            panic!("first");
        }
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("second");
    }
}

plugin!(blocking_probe Rude);
