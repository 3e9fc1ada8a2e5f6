//! `rais-test-server [--manner FILE] ADDRESS:PORT…`: answers every connection with a small HTTP
//! response, until it is killed.
//!
//! FILE says how: a status, and after how many milliseconds, `503 0`. It is read for each answer;
//! where it is not there, 200 at once.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    let manner = arguments.next_if_eq("--manner").and_then(|_| arguments.next());
    let manner: Option<Arc<PathBuf>> = manner.map(|file| Arc::new(file.into()));
    let listeners: Vec<TcpListener> = arguments.map(TcpListener::bind).collect::<Result<_, _>>()?;
    let threads: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            let manner = manner.clone();
            thread::spawn(move || serve(&listener, manner.as_ref()))
        })
        .collect();
    for thread in threads {
        let _ = thread.join();
    }
    Ok(())
}

fn serve(listener: &TcpListener, manner: Option<&Arc<PathBuf>>) {
    for stream in listener.incoming().flatten() {
        let manner = manner.cloned();
        // A thread each: one that is answered late holds up no other. A probe that only connects
        // is no error.
        thread::spawn(move || answer(stream, manner.as_ref()));
    }
}

fn answer(mut stream: TcpStream, manner: Option<&Arc<PathBuf>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mut request = [0; 1024];
    if stream.read(&mut request)? == 0 {
        return Ok(());
    }
    let (status, delay) = manner.and_then(|file| told(file)).unwrap_or((200, 0));
    thread::sleep(Duration::from_millis(delay));
    let head = format!("HTTP/1.1 {status} told\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("{head}up\n").as_bytes())
}

fn told(file: &PathBuf) -> Option<(u16, u64)> {
    let text = std::fs::read_to_string(file).ok()?;
    let (status, delay) = text.trim().split_once(' ')?;
    Some((status.parse().ok()?, delay.parse().ok()?))
}
