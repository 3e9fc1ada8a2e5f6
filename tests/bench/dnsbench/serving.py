"""How many answers a second of the server's CPU time is worth."""
import json
import re
import socket
import statistics
import subprocess
import threading
import time

from . import client, zones
from .peers import LOAD, MONITORED_PORT
from .server import output, take_precedence

# What each workload asks, as options of dnsload.
WORKLOADS = {
    "W1": {"name": "www.isg.example"},
    "W2": {"name": "svc%04.example", "count": zones.SERVICES},
    "W3": {"name": "h%05.big.example", "count": zones.HOSTS, "answers": 1},
    "WP": {"name": "www.isg.example", "socks": 128, "window": 128, "batch": 1},
    "WB": {"name": "www.isg.example", "socks": 1, "window": 256, "batch": 64},
    "WT": {"name": "www.isg.example", "tcp": True},
    "WD": {"name": "www.dyn.example"},
}
# Of these latency is measured besides.
WITH_LATENCY = ("W1", "WD")
# These the echo servers are asked themselves. Their answers have 8 records, whatever is asked.
OF_ECHO = ("W1", "WP", "WB")


def load(server, realtime, **options):
    """One run of dnsload: its own figures, and the server's `cpu` and `user` seconds; `each`: answers a
    second of all CPU time."""
    command = [LOAD, "load", "--port", str(server.port)]
    for key, value in options.items():
        command += [f"--{key}"] + ([] if value is True else [str(value)])
    cpu, user = server.cpu()
    done = subprocess.run(command, capture_output=True, text=True, check=True,
                          preexec_fn=lambda: take_precedence(realtime))
    cpu_after, user_after = server.cpu()
    result = json.loads(done.stdout)
    result["cpu"], result["user"] = cpu_after - cpu, user_after - user
    result["each"] = result["good"] / max(result["cpu"], 0.01)
    return result


class Row:
    """One workload of one server: what came out in each round."""
    def __init__(self):
        self.rounds = []
        self.slow = []

    def add(self, result, reference):
        result["ratio"] = result["each"] / reference if reference else 0
        self.rounds.append(result)

    def all(self, key):
        return [r[key] for r in self.rounds]

    def median(self, key):
        return statistics.median(self.all(key))

    def slow_median(self, key):
        return statistics.median(r[key] for r in self.slow)


def takes_part(server, workload, is_echo):
    if is_echo:
        return workload in OF_ECHO
    return (server.tcp or workload != "WT") and (server.monitors or workload != "WD")


def slow_seconds(options):
    """Of a run at a fixed rate."""
    return max(0.5, options.secs / 2)


def measure(servers, options):
    """Rounds over workloads over servers, so that what is compared was measured within seconds. Each block
    begins with the echo server, the reference of its ratios: by its own figure where it is asked the same,
    else by that of W1."""
    rows = {}
    echo = next((s for s in servers if s.name == "echo"), None)
    chosen = [w for w in WORKLOADS if w in options.workloads.split(",")]
    for _ in range(options.repeat):
        for workload in chosen:
            asked = dict(WORKLOADS[workload], **({"edns": True} if options.edns else {}))
            reference = 0
            if echo and workload not in OF_ECHO:
                reference = load(echo, options.rt, secs=options.secs / 2, **WORKLOADS["W1"])["each"]
            for server in servers:
                if not takes_part(server, workload, server.name.startswith("echo")):
                    continue
                result = load(server, options.rt, secs=options.secs, **asked)
                if server is echo:
                    reference = result["each"]
                row = rows.setdefault((workload, server.name), Row())
                row.add(result, reference)
                if workload in WITH_LATENCY and options.rate:
                    # Or the throttle of real-time processes shows as latency.
                    time.sleep(0.2)
                    seconds = slow_seconds(options)
                    row.slow.append(load(server, options.rt, secs=seconds, rate=options.rate, **asked))
    return rows


HEADING = f"{'W':3} {'server':10} {'max qps':>8} {'q/cpu-s':>8} {'best':>8} {'/echo':>5} {'usr':>5} {'util%':>5} " \
          f"{'p50µs':>6} {'p99µs':>7} {'cpu@lo':>6} {'bad':>4} {'lost':>5} {'bytes':>5}"


def show(rows, options):
    print(f"""
{options.repeat} rounds of {options.secs} s each, medians; best = best round; /echo = median of the ratios to the
echo server beside it; usr = user-space CPU µs per query; p50, p99 and cpu@lo (server CPU µs per query) at
{options.rate} queries a second, open loop""")
    print(HEADING)
    for workload in WORKLOADS:
        of_it = [(name, row) for (w, name), row in rows.items() if w == workload]
        for name, row in sorted(of_it, key=lambda one: -one[1].median("ratio")):
            user = statistics.median(1e6 * r["user"] / max(1, r["good"]) for r in row.rounds)
            used = 100 * row.median("cpu") / (options.secs + 0.01)
            latency = " " * 21
            if row.slow:
                each = 1e6 / max(1, row.slow_median("each"))
                latency = f"{row.slow_median('p50_us'):6.0f} {row.slow_median('p99_us'):7.0f} {each:6.1f}"
            print(f"{workload:3} {name:10} {row.median('qps'):8.0f} {row.median('each'):8.0f} "
                  f"{max(row.all('each')):8.0f} {row.median('ratio'):5.2f} {user:5.2f} {used:5.0f} {latency} "
                  f"{sum(row.all('bad')):4} {sum(row.all('lost')):5} {row.median('size'):5.0f}")
    stood = [r["stood_ms"] / 10 / slow_seconds(options) for row in rows.values() for r in row.slow]
    if stood:
        print(f"the generator itself stood still for {statistics.mean(stood):.1f} % of the time at that rate, "
              f"{max(stood):.0f} % of a run at most; what was under way then is not timed")


def show_servers(servers):
    print(f"\n{'server':10} {'version':14} {'PSS MiB':>8} {'start s':>8} {'rotates':>8}   (1,002 zones, 108,008 A records)")
    facts = {}
    for server in servers:
        firsts = {(client.ask(server.port, "www.isg.example") or [""])[0] for _ in range(40)}
        fact = {"version": server.version(), "pss": server.memory(), "start": server.start_seconds,
                "firsts": len(firsts)}
        print(f"{server.name:10} {fact['version']:14} {fact['pss']:8.1f} {fact['start']:8.2f} {len(firsts):6}/8")
        facts[server.name] = fact
    return facts


def accept_monitors():
    """Has something for the monitors of WD to connect to: 127.0.1.1 to 127.0.1.8, accepted and closed."""
    def accept(listener):
        while True:
            listener.accept()[0].close()

    for address in zones.ADDRESSES:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, MONITORED_PORT))
        listener.listen(64)
        threading.Thread(target=accept, args=(listener,), daemon=True).start()


def await_monitors(servers):
    """PowerDNS begins its checks with the first question."""
    monitoring = [s for s in servers if s.monitors]
    for server in monitoring:
        client.ask(server.port, "www.dyn.example")
    if monitoring:
        time.sleep(3)
    for server in monitoring:
        print(f"{server.name}: www.dyn.example has {len(client.ask(server.port, 'www.dyn.example'))} addresses")


def by_dnsperf(servers, realtime):
    """W1 by dnsperf, which shows how much the generator matters."""
    print("\ndnsperf -c 4 -T 1 -q 200, W1: qps, q/cpu-s")
    for server in servers:
        zones.write(f"{server.folder}/queries", "www.isg.example A\n")
        precedence = "chrt -f 5" if realtime else "nice"
        before = server.cpu()[0]
        said = output(f"{precedence} taskset -c 1 dnsperf -s 127.0.0.1 -p {server.port} "
                      f"-d {server.folder}/queries -l 1.5 -c 4 -T 1 -q 200")
        completed = int(re.search(r"Queries completed:\s+(\d+)", said)[1])
        rate = float(re.search(r"per second:.*?([0-9.]+)", said)[1])
        print(f"  {server.name:10} {rate:9.0f} {completed / (server.cpu()[0] - before):9.0f}")
