//! What is counted, and how it is shown.

use crate::sockets;

#[derive(Default)]
pub struct Tally {
    pub sent: u64,
    pub good: u64,
    /// Answers that are not the full positive answer to their question.
    pub bad: u64,
    /// Answers to nothing that was asked, or that were waited for no more.
    pub stray: u64,
    pub lost: u64,
    /// Of good answers.
    pub octets: u64,
    /// Good answers after the warm-up, for the rate, and in which time.
    pub timed: u64,
    pub timed_ns: u64,
    /// From the moment a query was to be sent.
    pub latencies_ns: Vec<u32>,
    /// For so long the generator itself stood still.
    pub stood_ns: u64,
}

impl Tally {
    /// As one JSON object.
    pub fn print(&mut self) {
        self.latencies_ns.sort_unstable();
        println!(
            "{{\"sent\":{},\"good\":{},\"bad\":{},\"stray\":{},\"lost\":{},\"size\":{:.0},\"qps\":{:.0},\
             \"gen_cpu_s\":{:.3},\"p50_us\":{:.1},\"p99_us\":{:.1},\"p999_us\":{:.1},\"stood_ms\":{:.1}}}",
            self.sent,
            self.good,
            self.bad,
            self.stray,
            self.lost,
            self.octets as f64 / self.good.max(1) as f64,
            self.timed as f64 * 1e9 / self.timed_ns.max(1) as f64,
            sockets::cpu_ns() as f64 / 1e9,
            self.latency_us(0.5),
            self.latency_us(0.99),
            self.latency_us(0.999),
            self.stood_ns as f64 / 1e6,
        );
    }

    fn latency_us(&self, part: f64) -> f64 {
        let last = self.latencies_ns.len().saturating_sub(1);
        let at = ((self.latencies_ns.len() as f64 * part) as usize).min(last);
        self.latencies_ns.get(at).map_or(0.0, |&ns| f64::from(ns) / 1000.0)
    }
}
