//! What a call costs.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use rais_runtime::host::ProbePort;
use rais_sdk::Target;
use serde::{Deserialize, Serialize};

use super::place::{self, Place};
use crate::bench::usage;

/// Under way at once, where many are.
const TOGETHER: usize = 100;
const TIMEOUT: Duration = Duration::from_secs(10);

/// Microseconds a call.
#[derive(Serialize, Deserialize)]
pub(super) struct Calls {
    alone_median: f64,
    alone_99: f64,
    together: f64,
    cpu_together: f64,
}

pub(super) fn measure(place: Place, calls: u32) -> anyhow::Result<Calls> {
    let (host, _folder) = place.host()?;
    let probe = place::probe(&host)?;
    let address = listener()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for _ in 0..100 {
            once(&probe, address).await?;
        }
        let mut alone = Vec::new();
        for _ in 0..calls {
            let begun = Instant::now();
            once(&probe, address).await?;
            alone.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        alone.sort_by(f64::total_cmp);

        let (begun, cpu) = (Instant::now(), usage::cpu()?);
        let mut left = calls;
        let mut running = tokio::task::JoinSet::new();
        while left > 0 || !running.is_empty() {
            while left > 0 && running.len() < TOGETHER {
                left -= 1;
                let probe = Arc::clone(&probe);
                running.spawn(async move { once(&probe, address).await });
            }
            if let Some(done) = running.join_next().await {
                done??;
            }
        }
        let each = |total: Duration| total.as_secs_f64() * 1e6 / f64::from(calls);
        Ok(Calls {
            alone_median: alone[alone.len() / 2],
            alone_99: alone[alone.len() * 99 / 100],
            together: each(begun.elapsed()),
            cpu_together: each(usage::cpu()?.saturating_sub(cpu)),
        })
    })
}

async fn once(probe: &Arc<dyn ProbePort>, address: SocketAddr) -> anyhow::Result<()> {
    let target = Target::new(address, "here", "bench");
    probe.probe(target, TIMEOUT).await.map_err(|fault| anyhow!("{fault}"))?;
    Ok(())
}

/// Takes every connection and closes it.
fn listener() -> anyhow::Result<SocketAddr> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(4096)?;
    let listener = TcpListener::from(socket);
    let address = listener.local_addr()?;
    ensure!(address.port() != 0, "a port");
    thread::spawn(move || {
        for stream in listener.incoming() {
            drop::<io::Result<_>>(stream);
        }
    });
    Ok(address)
}

impl Calls {
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let micros = |value: f64| format!("{value:.1} us");
        vec![
            ("connect, alone, median", micros(self.alone_median)),
            ("connect, alone, 99 %", micros(self.alone_99)),
            ("connect, 100 under way, each", micros(self.together)),
            ("  of that processor time", micros(self.cpu_together)),
        ]
    }
}
