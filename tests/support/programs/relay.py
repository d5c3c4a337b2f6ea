"""
A cable between two interfaces that loses frames, for tests in network
namespaces: `INTERFACE INTERFACE LOSS SEED`, the loss from 0 to 1, each way.
Says "relaying" when it does, and ends with its process. SIGTERM makes it say
what it has seen, as JSON, and end.
"""

import json
import random
import select
import signal
import socket
import sys

SOL_PACKET = 263
# Offloaded checksums and segments stay offloaded, or the receiver drops them.
PACKET_VNET_HDR = 15
VNET_HDR_BYTES = 10
PACKET_OUTGOING = 4


def cable_end(interface):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    end.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    end.bind((interface, 3))
    return end


def is_fragment(frame):
    """Of an IPv4 packet that was larger than the wire takes."""
    ethertype, fragment = frame[12:14], frame[20:22]
    return ethertype == b"\x08\x00" and fragment[0] & 0x3F | fragment[1] != 0


a, b, loss, seed = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
chance = random.Random(seed)
ends = {end.fileno(): end for end in map(cable_end, (a, b))}
other = dict(zip(ends, reversed(ends.values())))
seen = {"passed": 0, "lost": 0, "fragments": 0}


def end_relay(*_):
    print(json.dumps(seen), flush=True)
    sys.exit(0)


signal.signal(signal.SIGTERM, end_relay)
print("relaying", flush=True)
while True:
    for descriptor in select.select(list(ends), [], [])[0]:
        packet, source = ends[descriptor].recvfrom(1 << 17)
        if source[2] == PACKET_OUTGOING:
            continue
        seen["fragments"] += is_fragment(packet[VNET_HDR_BYTES:])
        if chance.random() < loss:
            seen["lost"] += 1
            continue
        seen["passed"] += 1
        try:
            other[descriptor].send(packet)
        except OSError:
            pass  # the interface is down just now
