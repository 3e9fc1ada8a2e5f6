#!/usr/bin/env python3
"""Name servers side by side on loopback: BIND, Knot, NSD, PowerDNS, gdnsd, an echo server (which marks
what the kernel allows), rais and whatever --ours names.

  dns_bench.py                             answers per second of CPU time: W1 W2 W3 WP WB WT and WD
  dns_bench.py --reload                    how soon a changed zone is served, and what it costs
  dns_bench.py --only echo,gdnsd,rais      of these alone (RAIS_BIN is the binary)
  dns_bench.py --ours 'NAME=COMMAND'       of a server more; may be repeated. In it {zones} is a folder
                                           of NAME.zone files, {port} where to answer on 127.0.0.1,
                                           {work} a folder to use

All questions are of type A, in class IN:
  W1   one name, www.isg.example, with 8 records; from four ports, in batches of 25 and more
  W2   1,000 zones, svc0000.example to svc0999.example, 8 records each, in random order
  W3   100,000 names h00000.big.example … in one zone, 1 record each, in random order
  WP   W1 from 128 ports, one query outstanding from each
  WB   W1 in bursts of 64 queries from one port, which is used again and again
  WT   W1 by TCP: 16 connections, 8 queries outstanding on each
  WD   8 monitored addresses at one name: gdnsd's multifo, PowerDNS's LUA ifportup

README.md says how to read the table. Needs root, Python 3.9, cargo; servers that are not installed are
left out.
"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dnsbench import peers, reloading, serving, zones
from dnsbench.server import Server, boost_session

SETS = ("one", "svc", "big")


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default="echo,echo-1by1,bind,knot,nsd,pdns,gdnsd,rais", metavar="NAMES")
    p.add_argument("--workloads", default=",".join(serving.WORKLOADS), metavar="NAMES", help="all by default")
    p.add_argument("--repeat", type=int, default=3, metavar="N", help="rounds; 3 by default")
    p.add_argument("--secs", type=float, default=0.8, metavar="S", help="of a run; 0.8 by default")
    p.add_argument("--rate", type=int, default=20000, metavar="QPS", help="where latency is measured; 0: it is not")
    p.add_argument("--base", type=int, default=15300, metavar="PORT", help="the first of the ports used")
    p.add_argument("--edns", action="store_true", help="queries have an OPT record")
    p.add_argument("--reload", action="store_true", help="measure changes, not answers")
    p.add_argument("--dnsperf", action="store_true", help="W1 by dnsperf besides")
    p.add_argument("--ours", action="append", default=[], metavar="[NAME=]COMMAND")
    p.add_argument("--ours-udp-only", action="store_true", help="it does not answer by TCP")
    p.add_argument("--ours-reload", default="", metavar="COMMAND", help="has it read {zone} anew")
    p.add_argument("--no-rt", dest="rt", action="store_false", help="by nice rather than SCHED_FIFO")
    p.add_argument("--json", metavar="FILE", help="all figures of all rounds")
    p.add_argument("--keep", action="store_true", help="the folder of configurations, zones and logs")
    return p.parse_args()


def serve(work, chosen, options):
    serving.accept_monitors()
    servers = []
    for number, peer in enumerate(chosen):
        server = peer(work, options.base + 2 * number, SETS)
        if server.available():
            server.start(options.rt)
            servers.append(server)
        else:
            print("not installed:", server.name)
    serving.await_monitors(servers)
    rows = serving.measure(servers, options)
    serving.show(rows, options)
    facts = serving.show_servers(servers)
    if options.dnsperf:
        serving.by_dnsperf(servers, options.rt)
    figures = {"/".join(of): {"rounds": row.rounds, "slow": row.slow} for of, row in rows.items()}
    return {"rows": figures, "servers": facts}


def main():
    options = arguments()
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run(["cargo", "build", "--release", "--quiet", "--locked"], cwd=f"{here}/dnsload", check=True)
    chosen = [peers.PEERS[name] for name in options.only.split(",") if name]
    chosen += [peers.ours(command, options.ours_reload, not options.ours_udp_only) for command in options.ours]
    boost_session("self")
    work = tempfile.mkdtemp(prefix="dns_bench.")
    # Servers that give up root read there.
    os.chmod(work, 0o755)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begun = time.time()
    try:
        results = reloading.measure(work, chosen, options) if options.reload else serve(work, chosen, options)
        if options.json:
            zones.write(os.path.abspath(options.json), json.dumps(results, indent=1))
    finally:
        for server in Server.started:
            server.stop()
        if options.keep:
            print("kept:", work)
        else:
            shutil.rmtree(work, ignore_errors=True)
    print(f"took {time.time() - begun:.0f} s; load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
