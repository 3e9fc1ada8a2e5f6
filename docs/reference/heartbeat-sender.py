#!/usr/bin/env python3
"""heartbeat-sender.py BINDER PORT CLUSTER KEY-FILE STATE-FILE HOST SERVICE ADDRESS
says twice a second that SERVICE of HOST is up at ADDRESS, and goodbye when it is interrupted."""
import base64, hashlib, hmac, ipaddress, os, socket, struct, sys, time, tomllib

binder, port, cluster, key_file, state_file, host, service, address = sys.argv[1:]
UP, LEAVING, OWN, UNKNOWN, INTERVAL, EXPIRE = 1, 5, 0, 0xFFFFFFFF, 500, 1650

with open(key_file, "rb") as file:
    secret = base64.b64decode(tomllib.load(file)["secret"])
key_id = int.from_bytes(hashlib.sha256(secret).digest()[:4], "big") or 1

# For the host's life: 16 octets of id, 8 of the last epoch. Replaced whole, before the first beat.
kept = open(state_file, "rb").read() if os.path.exists(state_file) else os.urandom(16) + bytes(8)
host_id, epoch = kept[:16], max(int.from_bytes(kept[16:], "big") + 1, time.time_ns() // 1_000_000)
with open(state_file + ".new", "wb") as file:
    file.write(host_id + epoch.to_bytes(8, "big"))
    file.flush()
    os.fsync(file.fileno())
os.replace(state_file + ".new", state_file)

def counted(text):
    return bytes([len(text.encode())]) + text.encode()

def tlv(kind, value):
    return struct.pack(">HH", kind, len(value)) + value

def report(state, reason=""):
    at = ipaddress.ip_address(address).packed
    v4, v6 = (at, b"") if len(at) == 4 else (b"", at)
    numbers = struct.pack(">BBIIHII", state, OWN, UNKNOWN, 1000, 100, INTERVAL, EXPIRE)
    addresses = bytes([len(v4) // 4]) + v4 + bytes([len(v6) // 16]) + v6
    return counted(service) + numbers + counted(reason) + addresses

def datagram(tlvs):
    length = 52 + len(counted(cluster)) + len(tlvs) + 16
    head = struct.pack(">4sBBHI16sQQQ", b"RAIS", 1, 1, length, key_id, host_id, epoch, sequence,
                       time.time_ns() // 1_000_000)
    body = head + counted(cluster) + tlvs
    return body + hmac.new(secret, body, hashlib.sha256).digest()[:16]

family, _, _, _, there = socket.getaddrinfo(binder, port, type=socket.SOCK_DGRAM)[0]
sock, sequence = socket.socket(family, socket.SOCK_DGRAM), 0

def send(state):
    global sequence
    sequence += 1
    sock.sendto(datagram(tlv(1, host.encode()) + tlv(2, report(state))), there)

try:
    while True:
        send(UP)
        time.sleep(INTERVAL / 1000)
except KeyboardInterrupt:
    for _ in range(3):
        send(LEAVING)
        time.sleep(0.02)
