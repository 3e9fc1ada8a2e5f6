"""A server under measurement: its processes, and what they use."""
import glob
import os
import re
import shlex
import shutil
import signal
import subprocess
import time

from . import client, zones

TICKS = os.sysconf("SC_CLK_TCK")
# The server has this one to itself, the generator the next.
PROCESSOR = 0
NICE = -15
PRIORITY = 5
LONGEST_START = 40


def output(command):
    done = subprocess.run(shlex.split(command), capture_output=True, text=True)
    return done.stdout + done.stderr


def boost_session(pid):
    """Where sched_autogroup is on, nice counts within a session only: the session has to be lifted, too."""
    try:
        with open(f"/proc/{pid}/autogroup", "w") as file:
            file.write(str(NICE))
    except OSError:
        pass


def take_precedence(realtime):
    """In a new process: out of reach of other load, by SCHED_FIFO (which has 95 %) or by nice."""
    try:
        if realtime:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        else:
            os.nice(NICE)
    except OSError:
        pass


class Server:
    """Serves some of the sets of zones on 127.0.0.1."""
    name = binary = ""
    # Has a name whose addresses it monitors itself.
    monitors = False
    # Takes updates by RFC 2136.
    updates = False
    tcp = True
    started = []

    def __init__(self, work, port, sets, takes_updates=False):
        self.folder = f"{work}/{self.name}"
        self.port, self.control = port, port + 1
        self.sets, self.takes_updates = sets, takes_updates
        self.zone_folder = f"{self.folder}/zones"
        self.zones = zones.write_sets(self.zone_folder, sets)
        self.process = None

    def available(self):
        return shutil.which(self.binary) is not None

    def version(self):
        return ""

    def configure(self):
        """Writes its configuration."""

    def command(self):
        """What runs it in the foreground, as a list."""
        raise NotImplementedError

    def reload_command(self, zone):
        """What has it read a zone anew, as a list; None where it cannot."""
        return None

    def witnesses(self):
        return [zones.WITNESS[s] for s in self.sets]

    def start(self, realtime):
        """Until it answers for all its sets."""
        self.configure()
        begun = time.time()
        log = f"{self.folder}/log"

        def prepare():
            os.sched_setaffinity(0, {PROCESSOR})
            take_precedence(realtime)

        with open(log, "w") as file:
            self.process = subprocess.Popen(
                self.command(), stdout=file, stderr=file, stdin=subprocess.DEVNULL, cwd=self.folder,
                start_new_session=True, preexec_fn=prepare)
        Server.started.append(self)
        boost_session(self.process.pid)
        for witness in self.witnesses():
            while not client.ask(self.port, witness):
                if self.process.poll() is not None or time.time() - begun > LONGEST_START:
                    with open(log) as file:
                        raise RuntimeError(f"{self.name} did not start:\n{file.read()[-2000:]}")
                time.sleep(0.02)
        self.start_seconds = time.time() - begun

    def processes(self):
        """All of its session."""
        found = []
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path) as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            state, session = fields[0], int(fields[3])
            if session == self.process.pid and state != "Z":
                found.append(int(path.split("/")[2]))
        return found

    def cpu(self):
        """(all, user) seconds so far, in ticks of 10 ms, with those of ended threads and children. The
        kernel's part has what was done in its name: on loopback, to bring its answers to the client."""
        whole = user = 0
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/stat") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            utime, stime, cutime, cstime = (int(field) for field in fields[11:15])
            whole += utime + stime + cutime + cstime
            user += utime + cutime
        return whole / TICKS, user / TICKS

    def settled_cpu(self):
        """All seconds, once they no longer grow."""
        time.sleep(0.3)
        last = None
        while (now := self.cpu()[0]) != last:
            last = now
            time.sleep(0.2)
        return now

    def memory(self):
        """MiB; pages that processes share count once (PSS)."""
        kib = 0
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/smaps_rollup") as file:
                    kib += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M)[1])
            except (OSError, TypeError):
                pass
        return kib / 1024

    def stop(self):
        if self.process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.processes():
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            for _ in range(100):
                self.process.poll()
                if not self.processes():
                    self.process = None
                    return
                time.sleep(0.03)
