"""How soon a change is served, and what it costs."""
import os
import statistics
import subprocess
import threading
import time

from . import client, zones

# How long a change is waited for.
PATIENCE = 20
# So many updates in a row.
UPDATES = 300


def once(server, name, wanted, act):
    """(seconds until it was seen, seconds that `act` took, CPU of the server, CPU of commands)."""
    wanted, seen = sorted(wanted), [float("nan")]
    cpu, before = server.settled_cpu(), os.times()
    begun = time.perf_counter()

    def watch():
        while time.perf_counter() - begun < PATIENCE:
            if sorted(client.ask(server.port, name, 0.05)) == wanted:
                seen[0] = time.perf_counter() - begun
                return
            time.sleep(0.0003)

    watching = threading.Thread(target=watch)
    watching.start()
    act()
    took = time.perf_counter() - begun
    watching.join()
    after = os.times()
    commands = (after.children_user + after.children_system) - (before.children_user + before.children_system)
    return seen[0], took, server.settled_cpu() - cpu, commands


class Table:
    def __init__(self):
        self.results = {}
        print("ms from the start of the command until the new answer is seen; what the command took; CPU ms of server\n"
              "and command (in ticks of 10 ms; to ask again and again costs a few). Medians; [least-most] of seen.")
        print(f"{'case':32} {'server':7} {'seen':>8} {'[range]':>16} {'command':>8} {'srv cpu':>8} {'cmd cpu':>8}")

    def row(self, case, name, changes):
        seen, took, cpu, commands = (1e3 * statistics.median(column) for column in zip(*changes))
        least, most = 1e3 * min(c[0] for c in changes), 1e3 * max(c[0] for c in changes)
        self.results[f"{case}/{name}"] = changes
        print(f"{case:32} {name:7} {seen:8.1f} {f'[{least:.0f}-{most:.0f}]':>16} {took:8.1f} {cpu:8.0f} {commands:8.0f}",
              flush=True)


def change_of_service(round_number):
    name, addresses = "svc0500.example", zones.service_addresses(500, round_number)
    return name, name, addresses, zones.of_addresses(addresses, round_number + 1)


def change_of_host(round_number):
    address = f"10.99.0.{round_number + 1}"
    return "big.example", "h00000.big.example", [address], zones.of_hosts(round_number + 1, address)


def by_files(work, peers, options, table):
    for zone_set, case, change in (("svc", "reload 1 of 1,000 zones (8 A)", change_of_service),
                                   ("big", "reload a zone of 100,000 A", change_of_host)):
        for peer in peers:
            server = peer(f"{work}/{zone_set}", options.base + 40, (zone_set,))
            if not server.available() or server.reload_command("x") is None:
                continue
            server.start(realtime=False)
            changes = []
            for number in range(1, options.repeat + 1):
                zone, name, addresses, text = change(number)
                # No server may take the file for the old one by its time of change.
                time.sleep(1.05)
                zones.write(f"{server.zone_folder}/{zone}.zone", text)
                command = server.reload_command(zone)
                changes.append(once(server, name, addresses, lambda: subprocess.run(command, capture_output=True)))
            table.row(case, server.name, changes)
            server.stop()


def nsupdate(server, zone, addresses):
    lines = [f"server 127.0.0.1 {server.port}", f"zone {zone}", f"update delete {zone} A"]
    lines += [f"update add {zone} 30 A {a}" for a in addresses]
    subprocess.run(["nsupdate", "-y", f"hmac-sha256:k:{client.KEY}"], input="\n".join(lines + ["send\n"]), text=True,
                   capture_output=True)


def by_updates(work, peers, options, table):
    for peer in peers:
        server = peer(f"{work}/upd", options.base + 40, ("svc",), takes_updates=True)
        if not server.updates or not server.available():
            continue
        server.start(realtime=False)
        zone, generation = "svc0501.example", 0
        for how in ("nsupdate", "raw message"):
            changes = []
            for _ in range(options.repeat):
                generation += 1
                addresses = zones.service_addresses(501, generation)
                if how == "nsupdate":
                    act = lambda: nsupdate(server, zone, addresses)
                else:
                    act = lambda: client.send_update(server.port, zone, addresses, 77 + generation)
                changes.append(once(server, zone, addresses, act))
            table.row(f"RFC 2136 + TSIG, {how}", server.name, changes)
        cpu, begun = server.settled_cpu(), time.perf_counter()
        for number in range(UPDATES):
            client.send_update(server.port, "svc0502.example", zones.service_addresses(502, number % 10), 1000 + number)
        each = (time.perf_counter() - begun) / UPDATES * 1e3
        each_cpu = (server.settled_cpu() - cpu) / UPDATES * 1e3
        print(f"  {server.name}: {UPDATES} updates in a row: {each:.2f} ms each, server CPU {each_cpu:.2f} ms each",
              flush=True)
        server.stop()


def measure(work, peers, options):
    table = Table()
    by_files(work, peers, options, table)
    by_updates(work, peers, options, table)
    return table.results
