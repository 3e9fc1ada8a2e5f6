//! The servers of a host, a process of its own: on each port some workers, that take one request at
//! a time, and a queue before them.
//!
//! A request holds its worker for [`HOLD`], asleep: what is measured is how they are loaded, not the
//! machine they share. Where the queue is full, 503 is said at once. `/health`, `/load` and `/totals`
//! take no worker.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// So long a request holds its worker.
pub(super) const HOLD: Duration = Duration::from_millis(20);

/// Places in the queue for each worker: a second of work.
const QUEUE: usize = 50;

/// Who connects and says nothing is not waited for: nobody else is accepted meanwhile.
const PATIENCE: Duration = Duration::from_millis(200);

/// What a server has done since its start.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Totals {
    /// Of all workers together, in microseconds.
    pub(super) busy_us: u64,
    pub(super) answered: u64,
    pub(super) refused: u64,
}

/// In percent, the mean since this was last asked: the monitor asks every second.
#[derive(Serialize)]
struct Load {
    busy: f64,
}

struct Server {
    workers: usize,
    queue: SyncSender<TcpStream>,
    done: Arc<Done>,
    refused: AtomicU64,
    /// When its load was asked for, and how busy it had been till then.
    asked: Mutex<(Instant, u64)>,
}

#[derive(Default)]
struct Done {
    busy_us: AtomicU64,
    answered: AtomicU64,
}

/// Be that process, until it is killed.
pub(crate) fn serve(workers: usize, ports: &[u16]) -> anyhow::Result<()> {
    let mut accepting = Vec::new();
    for &port in ports {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
        let server = Server::start(workers);
        accepting.push(thread::spawn(move || server.accept(&listener)));
    }
    for thread in accepting {
        let _ = thread.join();
    }
    Ok(())
}

impl Server {
    fn start(workers: usize) -> Server {
        let (queue, queued) = sync_channel(workers * QUEUE);
        let (queued, done) = (Arc::new(Mutex::new(queued)), Arc::new(Done::default()));
        for _ in 0..workers {
            let (queued, done) = (Arc::clone(&queued), Arc::clone(&done));
            thread::spawn(move || work(&queued, &done));
        }
        let (refused, asked) = (AtomicU64::new(0), Mutex::new((Instant::now(), 0)));
        Server { workers, queue, done, refused, asked }
    }

    fn accept(&self, listener: &TcpListener) {
        for stream in listener.incoming().flatten() {
            // One that has gone away is not waited for.
            let _ = self.take(stream);
        }
    }

    fn take(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut request = [0; 1024];
        let len = stream.read(&mut request)?;
        match request[..len].split(|&octet| octet == b' ').nth(1) {
            Some(b"/health") => answer(&mut stream, "200 OK", "up\n"),
            Some(b"/load") => answer(&mut stream, "200 OK", &serde_json::to_string(&self.load())?),
            Some(b"/totals") => {
                answer(&mut stream, "200 OK", &serde_json::to_string(&self.totals())?)
            }
            _ => match self.queue.try_send(stream) {
                Ok(()) => Ok(()),
                Err(TrySendError::Full(mut stream) | TrySendError::Disconnected(mut stream)) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    answer(&mut stream, "503 Service Unavailable", "full\n")
                }
            },
        }
    }

    fn load(&self) -> Load {
        let now = (Instant::now(), self.done.busy_us.load(Ordering::Relaxed));
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *asked, now);
        let could = (now.0 - before.0).as_secs_f64() * self.workers as f64;
        Load { busy: (now.1 - before.1) as f64 / 1e6 / could * 100.0 }
    }

    fn totals(&self) -> Totals {
        Totals {
            busy_us: self.done.busy_us.load(Ordering::Relaxed),
            answered: self.done.answered.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

/// Be a worker.
fn work(queued: &Mutex<Receiver<TcpStream>>, done: &Done) {
    loop {
        let next = queued.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(mut stream) = next else { return };
        let begun = Instant::now();
        thread::sleep(HOLD);
        // Whoever has gone away has held the worker all the same.
        let _ = answer(&mut stream, "200 OK", "done\n");
        let busy = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        done.busy_us.fetch_add(busy, Ordering::Relaxed);
        done.answered.fetch_add(1, Ordering::Relaxed);
    }
}

fn answer(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes())
}
