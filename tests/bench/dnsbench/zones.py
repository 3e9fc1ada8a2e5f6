"""What is served: 1,002 zones with 108,008 A records, in three sets.

one   www.isg.example, 8 records
svc   svc0000.example to svc0999.example, 8 records each
big   big.example with h00000 to h99999, 1 record each
"""
import os

SERVICES = 1000
HOSTS = 100_000
HEAD = ("$TTL 30\n@ SOA ns.isg.example. admin.isg.example. {serial} 3600 600 86400 30\n"
        "@ NS ns.isg.example.\n")
# Of www.isg.example, and of the names whose addresses are monitored.
ADDRESSES = [f"127.0.1.{i}" for i in range(1, 9)]
# A name of each set: that it is answered shows that the set is served.
WITNESS = {"one": "www.isg.example", "svc": "svc0999.example", "big": "h99999.big.example"}


def of_addresses(addresses, serial=1):
    return HEAD.format(serial=serial) + "".join(f"@ A {a}\n" for a in addresses)


def service_addresses(number, generation=0):
    return [f"10.{number >> 8}.{number & 255}.{i + 1 + 16 * generation}" for i in range(8)]


def of_hosts(serial=1, first="10.99.0.1"):
    hosts = (f"h{i:05} A 10.{100 + (i >> 16)}.{(i >> 8) & 255}.{i & 255}\n" for i in range(1, HOSTS))
    return HEAD.format(serial=serial) + f"h00000 A {first}\n" + "".join(hosts)


def write(path, text):
    """Replaces the file whole: a server may read it at any moment."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".tmp", "w") as file:
        file.write(text)
    os.replace(path + ".tmp", path)


def write_sets(folder, sets):
    """Writes NAME.zone for each zone of these sets; gives the names."""
    texts = {}
    if "one" in sets:
        texts["www.isg.example"] = of_addresses(ADDRESSES)
    if "svc" in sets:
        texts.update((f"svc{i:04}.example", of_addresses(service_addresses(i))) for i in range(SERVICES))
    if "big" in sets:
        texts["big.example"] = of_hosts()
    for name, text in texts.items():
        write(f"{folder}/{name}.zone", text)
    return list(texts)
