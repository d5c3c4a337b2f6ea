#!/usr/bin/env python3
"""Finds a boot image by mDNS and verifies its manifest, from docs/protocol.md alone.

Usage: python-client.py CHANNEL ARCH PUBLIC_KEY_HEX [ADDRESS_OF_THE_LINK]
Needs Python 3.8 and `cryptography` (Debian: python3-cryptography).
"""
import base64, hashlib, json, socket, struct, sys, time, urllib.request
from datetime import datetime, timedelta, timezone
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SERVICE = "_phase-image._tcp.local."
MAX_MANIFEST = 1 << 20
A, PTR, TXT, SRV = 1, 12, 16, 33


def read_name(packet, at):
    """Returns a name and the offset after it (RFC 1035, section 4.1.4)."""
    size = packet[at]
    if size == 0:
        return "", at + 1
    if size >= 0xC0:
        target = struct.unpack_from("!H", packet, at)[0] & 0x3FFF
        return read_name(packet, target)[0], at + 2
    label = packet[at + 1 : at + 1 + size].decode().lower()
    rest, end = read_name(packet, at + 1 + size)
    return f"{label}.{rest}", end


def read_records(packet):
    """Yields name, type, data and data offset of each record of a response."""
    _, flags, questions, *counts = struct.unpack_from("!6H", packet)
    at = 12
    for _ in range(questions):
        at = read_name(packet, at)[1] + 4
    for _ in range(sum(counts) if flags & 0x8000 else 0):
        name, at = read_name(packet, at)
        kind, _, _, length = struct.unpack_from("!HHIH", packet, at)
        yield name, kind, packet[at + 10 : at + 10 + length], at + 10
        at += 10 + length


def read_txt(data):
    attributes = {}
    while data:
        end = 1 + data[0]
        key, _, value = data[1:end].decode(errors="replace").partition("=")
        attributes.setdefault(key.lower(), value)
        data = data[end:]
    return attributes


def places(packet, channel, arch):
    """Yields the manifest URLs that a response leads to."""
    ports, texts, addresses = {}, {}, {}
    for name, kind, data, at in read_records(packet):
        if kind == SRV:
            port = struct.unpack_from("!H", data, 4)[0]
            ports[name] = port, read_name(packet, at + 6)[0]
        elif kind == TXT:
            texts[name] = read_txt(data)
        elif kind == A:
            addresses.setdefault(name, []).append(socket.inet_ntoa(data))
    for name, txt in texts.items():
        if (txt.get("channel"), txt.get("arch")) != (channel, arch):
            continue
        port, target = ports.get(name, (0, ""))
        if "path" in txt:
            for address in addresses.get(target, [])[:8]:
                yield f"http://{address}:{port}{txt['path']}"
        if "manifest" in txt:
            yield txt["manifest"]


def search(channel, arch, link):
    subtype = f"_{channel}-{arch}".replace(".", "-") + f"._sub.{SERVICE}"
    # One question with the QU bit, so that answers may come directly to this socket.
    query = struct.pack("!6H", 0, 0, 1, 0, 0, 0)
    for label in subtype.encode().split(b"."):
        query += bytes([len(label)]) + label
    query += struct.pack("!2H", PTR, 0x8001)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mdns:
        mdns.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(link))
        mdns.bind((link if link != "0.0.0.0" else "", 0))
        for seconds in (1, 2, 4, 3):
            mdns.sendto(query, ("224.0.0.251", 5353))
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                mdns.settimeout(left)
                try:
                    yield from places(mdns.recv(9000), channel, arch)
                except Exception:
                    pass  # a timeout, or a response that cannot be parsed


def once(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member twice")
    return members


def verify(text, channel, arch, key):
    """Returns the content that the key signed; raises ValueError otherwise."""
    manifest = json.loads(text, object_pairs_hook=once)
    signed, signatures = manifest.pop("signed"), manifest.pop("signatures")
    data = base64.b64decode(signed["data"], validate=True)
    sigs = [s["sig"] for s in signatures if s["keyid"] == f"ed25519:{key}"]
    if len(sigs) != 1:
        raise ValueError(f"not signed by ed25519:{key}")
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    public.verify(base64.b64decode(sigs[0], validate=True), hashlib.sha256(data).digest())
    content = json.loads(data, object_pairs_hook=once)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if canonical.encode() != data:
        raise ValueError("not in canonical form")
    if content != manifest:
        raise ValueError("outer members differ from what is signed")
    if (content["channel"], content["arch"]) != (channel, arch):
        raise ValueError("of another image")
    now = datetime.now(timezone.utc)
    created, expires = (
        datetime.fromisoformat(content[name].replace("Z", "+00:00"))
        for name in ("created_at", "expires_at")
    )
    if expires <= now or created > now + timedelta(days=1):
        raise ValueError("expired, or of the future")
    return content


def main(channel, arch, key, link="0.0.0.0"):
    refused = set()
    for url in search(channel, arch, link):
        if url in refused:
            continue
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                text = reply.read(MAX_MANIFEST + 1)
            if len(text) > MAX_MANIFEST:
                raise ValueError("too long")
            content = verify(text, channel, arch, key)
        except Exception as error:
            print(f"Refused {url}: {error or type(error).__name__}", file=sys.stderr)
            refused.add(url)
        else:
            kernel = content["artifacts"]["kernel"]
            print(f"MANIFEST_URL={url}\nVERSION={content['version']}\nKERNEL={kernel['hash']}")
            return 0
    return 4 if refused else 3


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
