//! The server that a bench's probes ask: a process of its own, whose processor time is not ours.
//!
//! It answers every connection to its ports, whatever the address, with a short page, and closes it.
//! It notes when each address and port was connected to, and how far these times are from the
//! interval at which they should come.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nup\n";

/// The server's process, as whoever started it sees it.
pub(super) struct Pages {
    child: Child,
    orders: ChildStdin,
    told: BufReader<ChildStdout>,
    /// Where it listens, on every address of the loopback network.
    pub(super) ports: Vec<u16>,
}

/// How periodic the connections were.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Periods {
    /// Connections in all.
    pub(super) connections: usize,
    /// From one connection to the next of the same address and port, how far from the interval: in
    /// percent of it, the median.
    pub(super) median: f64,
    /// Of a hundred, 99 are nearer to it.
    pub(super) p99: f64,
    /// The farthest.
    pub(super) max: f64,
}

impl Pages {
    /// Starts one on so many ports, each of which should be asked once an interval.
    pub(super) fn start(ports: u16, interval: Duration) -> anyhow::Result<Pages> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["pages", &ports.to_string(), &interval.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().context("its input")?;
        let told = BufReader::new(child.stdout.take().context("its output")?);
        let mut pages = Pages { child, orders, told, ports: Vec::new() };
        pages.ports = serde_json::from_str(&pages.line()?)?;
        Ok(pages)
    }

    /// Takes `work`'s time as the time to measure.
    pub(super) fn measure(&mut self, work: impl FnOnce()) -> anyhow::Result<Periods> {
        writeln!(self.orders, "begin")?;
        work();
        writeln!(self.orders, "end")?;
        Ok(serde_json::from_str(&self.line()?)?)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        ensure!(self.told.read_line(&mut line)? > 0, "the server of the bench has ended");
        Ok(line)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Who was connected to when.
#[derive(Default)]
struct Record {
    last: HashMap<SocketAddr, Instant>,
    /// Percent of the interval.
    errors: Vec<f64>,
    connections: usize,
}

/// Be that process.
pub(crate) fn serve(ports: u16, interval: Duration) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let record = Rc::new(RefCell::new(Record::default()));
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut listening = Vec::new();
        for _ in 0..ports {
            let listener = listen()?;
            listening.push(listener.local_addr()?.port());
            tokio::task::spawn_local(accept(listener, interval, Rc::clone(&record)));
        }
        println!("{}", serde_json::to_string(&listening)?);
        let (orders, mut ordered) = mpsc::unbounded_channel();
        thread::spawn(move || {
            std::io::stdin().lines().map_while(Result::ok).try_for_each(|order| orders.send(order))
        });
        while let Some(order) = ordered.recv().await {
            let told = record.replace(Record::default());
            if order == "end" {
                println!("{}", serde_json::to_string(&told.periods()?)?);
            }
        }
        Ok(())
    })
}

fn listen() -> anyhow::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())?;
    socket.listen(4096)?;
    Ok(TcpListener::from_std(socket.into())?)
}

async fn accept(listener: TcpListener, interval: Duration, record: Rc<RefCell<Record>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        if let Ok(at) = stream.local_addr() {
            record.borrow_mut().note(at, interval);
        }
        tokio::task::spawn_local(answer(stream));
    }
}

/// Who only connects gets no answer.
async fn answer(mut stream: TcpStream) {
    if let Ok(1..) = stream.read(&mut [0; 1024]).await {
        let _ = stream.write_all(PAGE).await;
    }
}

impl Record {
    fn note(&mut self, at: SocketAddr, interval: Duration) {
        let now = Instant::now();
        self.connections += 1;
        if let Some(last) = self.last.insert(at, now) {
            let (gap, wanted) = ((now - last).as_secs_f64(), interval.as_secs_f64());
            self.errors.push((gap - wanted).abs() / wanted * 100.0);
        }
    }

    fn periods(mut self) -> anyhow::Result<Periods> {
        self.errors.sort_by(f64::total_cmp);
        let last = self.errors.len().checked_sub(1).context("nobody was asked twice")?;
        let at = |percent: usize| self.errors[last * percent / 100];
        Ok(Periods { connections: self.connections, median: at(50), p99: at(99), max: at(100) })
    }
}
