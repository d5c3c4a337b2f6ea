"""
A host that sends what firmware sends, and says what it sees: `INTERFACE`, in a
network namespace. Lines on its standard input:

  frame HEX           a packet of DHCP, broadcast as a client without an address
  to ADDRESS PORT HEX a UDP packet from its own address, port 68

It says "listening", then for each packet of UDP on ports of DHCP and TFTP that
comes in `saw SECONDS SOURCE PORT DESTINATION PORT HEX`, and for each frame
`sent SECONDS XID`.
"""

import os
import select
import socket
import struct
import sys
import time

PACKET_OUTGOING = 4
PORTS = {67, 68, 69, 4011}

interface = sys.argv[1]
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
link.bind((interface, 0))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
udp.bind(("0.0.0.0", 68))


def say(*words):
    print(*words, flush=True)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def send_frame(payload):
    hardware = (payload + bytes(34))[28:34]
    # A group bit would make it no source of a frame.
    source = bytes([hardware[0] & 0xFC | 2]) + hardware[1:]
    head = struct.pack(
        "!BBHHHBBH4s4s",
        *(0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0),
        *(bytes(4), b"\xff" * 4),
    )
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    ports = struct.pack("!HHHH", 68, 67, 8 + len(payload), 0)
    frame = b"\xff" * 6 + source + b"\x08\x00" + head + ports + payload
    link.send(frame)
    say("sent", time.monotonic(), payload[4:8].hex())


def obey(line):
    words = line.split()
    # An empty packet is no word.
    if words[:1] == ["frame"]:
        send_frame(bytes.fromhex("".join(words[1:])))
    elif words[:1] == ["to"]:
        udp.sendto(bytes.fromhex("".join(words[3:])), (words[1], int(words[2])))


def see():
    frame, (_, _, kind, _, _) = link.recvfrom(4096)
    if kind == PACKET_OUTGOING or frame[23] != 17:
        return
    at = 14 + (frame[14] & 15) * 4
    source_port, port, length = struct.unpack("!HHH", frame[at : at + 6])
    if PORTS.isdisjoint((source_port, port)):
        return
    source, destination = (socket.inet_ntoa(frame[i : i + 4]) for i in (26, 30))
    payload = frame[at + 8 : at + length].hex()
    say("saw", time.monotonic(), source, source_port, destination, port, payload)


say("listening")
rest = b""
while True:
    for ready in select.select([link, 0], [], [])[0]:
        if ready == link:
            see()
            continue
        data = os.read(0, 1 << 20)
        if data == b"":
            sys.exit()
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            obey(line.decode())
