//! Loads a DNS server from one thread, more cheaply than any server answers; and an echo server, which
//! marks what the kernel allows for small UDP exchanges.
//!
//! ```text
//! dnsload load --port P --name www.isg.example --answers 8     as much as it takes, by UDP
//! dnsload load … --socks 4 --window 200 --batch 25            from so many ports, so many outstanding in all
//! dnsload load … --rate 20000                                 so many a second, and how late answers are
//! dnsload load … --tcp --conns 16 --depth 8                   pipelines by TCP; --fresh: one query each
//! dnsload echo --port P --answers 8                           canned answers; --single: one a call
//! ```
//!
//! `%05` in a name is replaced by a number below `--count` with so many digits, in random order. All
//! servers are on 127.0.0.1. What came out is one JSON object on standard output.

mod arguments;
mod echo;
mod questions;
mod sockets;
mod tally;
mod tcp;
mod udp;

use arguments::{Arguments, die};

fn main() {
    let mut words = std::env::args().skip(1);
    let task = words.next().unwrap_or_default();
    let arguments = Arguments::parse(words);
    match task.as_str() {
        "load" if arguments.has("tcp") => tcp::load(&arguments),
        "load" => udp::load(&arguments),
        "echo" => echo::serve(&arguments),
        _ => die("usage: dnsload load|echo --port P … (the head of src/main.rs has more)"),
    }
}
