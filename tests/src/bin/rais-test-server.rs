//! `rais-test-server ADDRESS:PORT…`: answers every connection with a small HTTP response, until
//! it is killed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn main() -> std::io::Result<()> {
    let listeners: Vec<TcpListener> =
        std::env::args().skip(1).map(TcpListener::bind).collect::<Result<_, _>>()?;
    let threads: Vec<_> = listeners
        .into_iter()
        .map(|listener| std::thread::spawn(move || serve(&listener)))
        .collect();
    for thread in threads {
        let _ = thread.join();
    }
    Ok(())
}

fn serve(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        // A probe that only connects is not worth a thread, nor an error.
        let _ = answer(stream);
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mut request = [0; 1024];
    if stream.read(&mut request)? > 0 {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nup\n")?;
    }
    Ok(())
}
