//! The servers of a host, a process of its own: on each port some workers, that take one request at
//! a time, and a queue before them.
//!
//! A request holds its worker for [`HOLD`], asleep: what is measured is how they are loaded, not the
//! machine they share. Where the queue is full, 503 is said at once. `/health`, `/load` and `/totals`
//! take no worker.

use std::cell::Cell;
use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};

/// So long a request holds its worker.
pub(super) const HOLD: Duration = Duration::from_millis(20);

/// Places in the queue for each worker: a second of work.
const QUEUE: usize = 50;

/// Since the start of a server.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Totals {
    /// Of all workers together, in microseconds.
    pub(super) busy_us: u64,
}

/// In percent, the mean since this was last asked: the monitor asks every second.
#[derive(Serialize)]
struct Load {
    busy: f64,
}

/// Told when its work is done.
type Request = oneshot::Sender<()>;

struct Server {
    workers: usize,
    queue: SyncSender<Request>,
    /// How long its workers were busy, in microseconds.
    busy_us: Arc<AtomicU64>,
    /// When its load was asked for, and how busy it had been till then.
    asked: Cell<(Instant, u64)>,
}

/// Be that process, until it is killed.
pub(crate) fn serve(workers: usize, ports: &[u16]) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        for &port in ports {
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
            spawn_local(Rc::new(Server::start(workers)).accept(listener));
        }
        std::future::pending().await
    })
}

impl Server {
    fn start(workers: usize) -> Server {
        let (queue, queued) = sync_channel(workers * QUEUE);
        let (queued, busy_us) = (Arc::new(Mutex::new(queued)), Arc::new(AtomicU64::new(0)));
        for _ in 0..workers {
            let (queued, busy_us) = (Arc::clone(&queued), Arc::clone(&busy_us));
            thread::spawn(move || work(&queued, &busy_us));
        }
        Server { workers, queue, busy_us, asked: Cell::new((Instant::now(), 0)) }
    }

    async fn accept(self: Rc<Self>, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let server = Rc::clone(&self);
            spawn_local(async move {
                // Whoever has gone away has held the worker all the same.
                let _ = server.answer(stream).await;
            });
        }
    }

    async fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut request = [0; 1024];
        let len = stream.read(&mut request).await?;
        let (status, body) = match request[..len].split(|&octet| octet == b' ').nth(1) {
            None => return Ok(()),
            Some(b"/health") => ("200 OK", "up\n".to_owned()),
            Some(b"/load") => ("200 OK", serde_json::to_string(&self.load())?),
            Some(b"/totals") => ("200 OK", serde_json::to_string(&self.totals())?),
            Some(_) if self.done().await => ("200 OK", "done\n".to_owned()),
            Some(_) => ("503 Service Unavailable", "full\n".to_owned()),
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
        stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes()).await
    }

    /// Whether there was room in the queue; then a worker has had it.
    async fn done(&self) -> bool {
        let (request, done) = oneshot::channel();
        self.queue.try_send(request).is_ok() && done.await.is_ok()
    }

    fn load(&self) -> Load {
        let now = (Instant::now(), self.busy_us.load(Ordering::Relaxed));
        let before = self.asked.replace(now);
        let could = (now.0 - before.0).as_secs_f64() * self.workers as f64;
        Load { busy: (now.1 - before.1) as f64 / 1e6 / could * 100.0 }
    }

    fn totals(&self) -> Totals {
        Totals { busy_us: self.busy_us.load(Ordering::Relaxed) }
    }
}

/// Be a worker.
fn work(queued: &Mutex<Receiver<Request>>, busy_us: &AtomicU64) {
    loop {
        let next = queued.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(request) = next else { return };
        let begun = Instant::now();
        thread::sleep(HOLD);
        let busy = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        busy_us.fetch_add(busy, Ordering::Relaxed);
        // The connection may be gone.
        let _ = request.send(());
    }
}
