"""The servers that are compared: each writes its configuration, is started and told to reload."""
import os
import re
import shlex

from .client import KEY
from .server import Server, output
from .zones import ADDRESSES, HEAD, WITNESS, write

HERE = os.path.dirname(os.path.abspath(__file__))
LOAD = os.path.join(HERE, "../dnsload/target/release/dnsload")
# Where the addresses that are monitored listen; see `serving.accept_monitors`.
MONITORED_PORT = 15399


class Bind(Server):
    name, binary, updates = "bind", "named", True

    def version(self):
        return output("named -v").split("-")[0].replace("BIND ", "")

    def configure(self):
        updates = 'allow-update { key "k"; };' if self.takes_updates else ""
        zones = "".join(f'zone "{zone}" {{ type primary; file "{self.zone_folder}/{zone}.zone"; {updates} }};\n'
                        for zone in self.zones)
        key = f'key "k" {{ algorithm hmac-sha256; secret "{KEY}"; }};\n'
        write(f"{self.folder}/named.conf", key + f"""
options {{ directory "{self.folder}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; minimal-responses yes; notify no; dnssec-validation no; empty-zones-enable no;
  pid-file "{self.folder}/pid"; session-keyfile "{self.folder}/session.key"; allow-transfer {{ none; }};
  max-cache-size 8m; rrset-order {{ order cyclic; }}; }};
controls {{ inet 127.0.0.1 port {self.control} allow {{ 127.0.0.1; }} keys {{ "k"; }}; }};
logging {{ channel c {{ stderr; severity warning; }}; category default {{ c; }}; }};
{zones}""")
        write(f"{self.folder}/rndc.conf", key + f"""
options {{ default-key "k"; default-server 127.0.0.1; default-port {self.control}; }};
""")

    def command(self):
        return ["named", "-f", "-n", "1", "-c", f"{self.folder}/named.conf"]

    def reload_command(self, zone):
        return ["rndc", "-c", f"{self.folder}/rndc.conf", "reload", zone]


class Knot(Server):
    name, binary, updates = "knot", "knotd", True

    def version(self):
        return output("knotd --version").split()[-1]

    def configure(self):
        os.makedirs(f"{self.folder}/db", exist_ok=True)
        write(f"{self.folder}/knot.conf", f"""
server:
    rundir: {self.folder}
    listen: 127.0.0.1@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    answer-rotation: on
control:
    listen: {self.folder}/knot.sock
log:
  - target: stderr
    any: warning
database:
    storage: {self.folder}/db
key:
  - id: k
    algorithm: hmac-sha256
    secret: {KEY}
acl:
  - id: upd
    key: k
    action: update
template:
  - id: default
    storage: {self.zone_folder}
    file: "%s.zone"
    semantic-checks: off
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: {'changes' if self.takes_updates else 'none'}
    acl: upd
zone:
""" + "".join(f"  - domain: {zone}\n" for zone in self.zones))

    def command(self):
        return ["knotd", "-c", f"{self.folder}/knot.conf"]

    def reload_command(self, zone):
        return ["knotc", "-s", f"{self.folder}/knot.sock", "zone-reload", zone]


class Nsd(Server):
    name = binary = "nsd"

    def version(self):
        return output("nsd -v").split()[2]

    def configure(self):
        write(f"{self.folder}/nsd.conf", f"""
server:
 server-count: 1
 ip-address: 127.0.0.1@{self.port}
 username: ""
 chroot: ""
 zonesdir: "{self.folder}"
 database: ""
 zonelistfile: "{self.folder}/zone.list"
 xfrdfile: "{self.folder}/xfrd.state"
 xfrdir: "{self.folder}"
 pidfile: "{self.folder}/pid"
 logfile: "{self.folder}/nsd.log"
 round-robin: yes
 minimal-responses: yes
 rrl-ratelimit: 0
 tcp-count: 200
remote-control:
 control-enable: yes
 control-interface: {self.folder}/ctl.sock
""" + "".join(f'zone:\n name: "{zone}"\n zonefile: "{self.zone_folder}/{zone}.zone"\n' for zone in self.zones))

    def command(self):
        return ["nsd", "-d", "-c", f"{self.folder}/nsd.conf"]

    def reload_command(self, zone):
        return ["nsd-control", "-c", f"{self.folder}/nsd.conf", "reload", zone]


class Pdns(Server):
    name, binary, monitors = "pdns", "pdns_server", True

    def version(self):
        return re.search(r"Server (\S+)", output("pdns_server --version"))[1]

    def configure(self):
        names = list(self.zones)
        if "one" in self.sets:
            names.append("dyn.example")
            addresses = ",".join(f"'{a}'" for a in ADDRESSES)
            check = f"ifportup({MONITORED_PORT}, {{{addresses}}}, {{selector='all'}})"
            write(f"{self.zone_folder}/dyn.example.zone", HEAD.format(serial=1) + f'www LUA A "{check}"\n')
        write(f"{self.folder}/named.conf", "".join(
            f'zone "{name}" {{ type master; file "{self.zone_folder}/{name}.zone"; }};\n' for name in names))
        write(f"{self.folder}/pdns.conf", f"""
launch=bind
bind-config={self.folder}/named.conf
local-address=127.0.0.1
local-port={self.port}
socket-dir={self.folder}
daemon=no
guardian=no
receiver-threads=1
distributor-threads=1
disable-syslog=yes
log-dns-queries=no
loglevel=3
enable-lua-records=shared
max-tcp-connections=64
max-tcp-connections-per-client=0
max-tcp-transactions-per-conn=0
security-poll-suffix=
""")

    def command(self):
        return ["pdns_server", f"--config-dir={self.folder}"]

    def reload_command(self, zone):
        return ["pdns_control", f"--config-dir={self.folder}", "bind-reload-now", zone]


class Gdnsd(Server):
    name, binary, monitors = "gdnsd", "gdnsd", True

    def version(self):
        return output("gdnsd -h").split("version ")[1].split()[0]

    def configure(self):
        etc, plugins = f"{self.folder}/etc", ""
        for folder in (f"{etc}/zones", f"{self.folder}/run", f"{self.folder}/state"):
            os.makedirs(folder, exist_ok=True)
        for zone in self.zones:
            if not os.path.lexists(f"{etc}/zones/{zone}"):
                os.symlink(f"{self.zone_folder}/{zone}.zone", f"{etc}/zones/{zone}")
        if "one" in self.sets:
            pool = ", ".join(f"a{i} => {a}" for i, a in enumerate(ADDRESSES))
            plugins = f"""service_types => {{
 t => {{ plugin => tcp_connect, port => {MONITORED_PORT}, interval => 2, timeout => 1 }}
}}
plugins => {{
 tcp_connect => {{}}, multifo => {{ pool => {{ service_types => t, up_thresh => 0.1, {pool} }} }}
}}
"""
            write(f"{etc}/zones/dyn.example", HEAD.format(serial=1) + "www 30 DYNA multifo!pool\n")
        write(f"{etc}/config", f"""options => {{
 listen => 127.0.0.1, dns_port => {self.port}, run_dir => {self.folder}/run, state_dir => {self.folder}/state,
 udp_threads => 1, tcp_threads => 1, tcp_clients_per_thread => 128, zones_strict_data => false,
}}
{plugins}""")

    def command(self):
        return ["gdnsd", "-c", f"{self.folder}/etc", "start"]

    def reload_command(self, zone):
        return ["gdnsdctl", "-c", f"{self.folder}/etc", "reload-zones"]


class Echo(Server):
    name, binary, tcp = "echo", LOAD, False

    def command(self):
        return [LOAD, "echo", "--port", str(self.port), "--answers", "8"]

    def witnesses(self):
        return [WITNESS["one"]]


class EchoSingle(Echo):
    name = "echo-1by1"

    def command(self):
        return super().command() + ["--single"]


class Rais(Server):
    """The binary that RAIS_BIN names: its sink dns, and a monitor of eight machines for WD."""
    name, binary, monitors = "rais", os.environ.get("RAIS_BIN", "rais"), True

    def version(self):
        return output(f"{self.binary} --version").split()[1]

    def configure(self):
        targets = ", ".join(f'"{a}"' for a in ADDRESSES)
        write(f"{self.folder}/rais.toml", f"""
[host]
state = "{self.folder}/{{role}}"
[control]
socket = "{self.folder}/{{role}}.sock"
[monitor.service.dyn]
targets = [{targets}]
probe = {{ type = "tcp", port = {MONITORED_PORT} }}
interval = "2s"
[binder]
ns = ["ns.isg.example"]
mailbox = "admin.isg.example"
[binder.service.dyn]
zone = "dyn.example"
owner = "www"
ttl = "30s"
[zone."dyn.example"]
sinks = ["dns"]
[sink.dns]
type = "dns"
listen = ["127.0.0.1:{self.port}"]
zones = "{self.zone_folder}"
workers = 1
""")

    def command(self):
        return [self.binary, "run", "-c", f"{self.folder}/rais.toml"]

    def reload_command(self, zone):
        # It looks at the files itself.
        return ["true"]


class Ours(Server):
    """Any command. In it {zones} is a folder of NAME.zone files, {port} the port to answer on, {work} a
    folder to use, and in that of a reload {zone} the name of the zone that has changed."""
    name, binary = "ours", "sh"
    run = reload = ""

    def filled_in(self, command, zone=""):
        return shlex.split(command.format(zones=self.zone_folder, port=self.port, work=self.folder, zone=zone))

    def command(self):
        return self.filled_in(self.run)

    def reload_command(self, zone):
        return self.filled_in(self.reload, zone) if self.reload else None


def ours(command, reload, speaks_tcp):
    """The class of the server that `[NAME=]COMMAND` describes."""
    named = re.match(r"([a-z][\w-]*)=(.*)", command, re.S)
    name, run = named.groups() if named else (Ours.name, command)
    return type("Ours", (Ours,), {"name": name, "run": run, "reload": reload, "tcp": speaks_tcp})


PEERS = {peer.name: peer for peer in (Echo, EchoSingle, Bind, Knot, Nsd, Pdns, Gdnsd, Rais)}
