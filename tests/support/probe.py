"""A program for a network namespace: it tries the connections that its input names.

``{"do": "tcp", "to": [address, port], "source": address, "send": hex}`` connects, sends
and returns the data that it reads; ``"udp"`` does the same with a datagram. It answers
``{"got": hex}`` or ``{"error": text}``, a line each. ``"keep": true`` leaves the
connection open until the end.
"""

import json
import socket
import sys
from typing import Any

TIMEOUT = 1.0


def attempt(asked: dict[str, Any], kept: list[socket.socket]) -> bytes:
    """Carry out a request, and return the data that was read."""
    host, port = asked["to"]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    stream = asked["do"] == "tcp"
    made = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    made.settimeout(asked.get("timeout", TIMEOUT))
    try:
        if "source" in asked:
            made.bind((asked["source"], 0))
        made.connect((host, port))
        made.sendall(bytes.fromhex(asked.get("send", "")))
        if asked.get("keep"):
            kept.append(made)
        return made.recv(65535)
    finally:
        if not asked.get("keep"):
            made.close()


def run() -> None:
    """Answer line by line."""
    kept: list[socket.socket] = []
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        try:
            answer = {"got": attempt(json.loads(line), kept).hex()}
        except OSError as error:
            answer = {"error": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    run()
