//! Mistakes in probes.

use std::fs::File;
use std::net;
use std::os::fd::IntoRawFd;
use std::time::Duration;

use rais_sdk::prelude::*;

const CONNECTING: &str = "connecting";

/// Blocks the thread that all share, though each call alone ends in time.
struct HoldsLane;

impl Probe for HoldsLane {
    const NAME: &'static str = "holds-lane";
    const SAMPLE: &'static str = "type = \"holds-lane\"";
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        cx.phase(CONNECTING);
        connect(target, cx.left())?;
        Ok(Up::new(cx.elapsed()))
    }
}

/// Takes a while without bad news for good news.
struct Believes;

impl Probe for Believes {
    const NAME: &'static str = "believes";
    const SAMPLE: &'static str = "type = \"believes\"";
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        cx.phase(CONNECTING);
        let mut connecting = std::pin::pin!(TcpStream::connect(cx.net(), target.address));
        let mut waiting = std::pin::pin!(cx.sleep(Duration::from_millis(50)));
        std::future::poll_fn(|task| match connecting.as_mut().poll(task) {
            std::task::Poll::Pending => waiting.as_mut().poll(task).map(Ok),
            done => done.map(|stream| stream.map(drop)),
        })
        .await?;
        Ok(Up::new(cx.elapsed()))
    }
}

/// Opens a file that nobody closes.
struct OpensFiles;

impl Probe for OpensFiles {
    const NAME: &'static str = "opens-files";
    const SAMPLE: &'static str = "type = \"opens-files\"";
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        let _never_closed = File::open("/dev/null")?.into_raw_fd();
        Ok(Self)
    }

    async fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        cx.phase(CONNECTING);
        TcpStream::connect(cx.net(), target.address).await?;
        Ok(Up::new(cx.elapsed()))
    }
}

/// Has a sample that was copied from somewhere else.
struct OtherSample;

impl Probe for OtherSample {
    const NAME: &'static str = "other-sample";
    const SAMPLE: &'static str = "type = \"tcp\"";
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }

    async fn probe(&self, cx: &Cx, _: &Target) -> Result<Up, Fault> {
        Ok(Up::new(cx.elapsed()))
    }
}

/// Waits for as long as it likes.
struct Overruns;

impl BlockingProbe for Overruns {
    const NAME: &'static str = "overruns";
    const SAMPLE: &'static str = "type = \"overruns\"";
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn probe(&self, cx: &Cx, target: &Target) -> Result<Up, Fault> {
        cx.phase(CONNECTING);
        connect(target, Duration::from_secs(2))?;
        Ok(Up::new(cx.elapsed()))
    }
}

fn connect(target: &Target, limit: Duration) -> Result<(), Fault> {
    let limit = limit.max(Duration::from_millis(1));
    net::TcpStream::connect_timeout(&target.address, limit).map_err(|error| {
        let fault = Fault::from(error);
        if fault.kind == FaultKind::Timeout { fault.at(CONNECTING) } else { fault }
    })?;
    Ok(())
}

plugin!(probe HoldsLane);
plugin!(probe Believes);
plugin!(probe OpensFiles);
plugin!(probe OtherSample);
plugin!(blocking_probe Overruns);
