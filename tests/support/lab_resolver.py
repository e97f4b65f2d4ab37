"""A name server of "the internet", which knows a few names only.

``python -m tests.support.lab_resolver ADDRESS NAME=ADDRESS…`` answers on UDP port 53
and prints every query.
"""

import socket
import sys

from twisted.names import dns


def answer(content: bytes, names: dict[str, str]) -> bytes:
    """Return the answer to the question in *content*."""
    message = dns.Message()
    message.fromStr(content)
    message.answer, message.recAv, message.additional = 1, 1, []
    (query,) = message.queries
    name = query.name.name.decode().lower()
    say(f"{name} {dns.QUERY_TYPES.get(query.type, query.type)}")
    if name not in names:
        message.rCode = dns.ENAME
    elif query.type == dns.A:
        record = dns.Record_A(names[name])
        message.answers = [dns.RRHeader(query.name.name, dns.A, ttl=60, payload=record)]
    found: bytes = message.toStr()
    return found


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def serve(address: str, names: dict[str, str]) -> None:
    """Answer until the end of the process."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((address, 53))
        say("ready")
        while True:
            content, client = listener.recvfrom(4096)
            listener.sendto(answer(content, names), client)


if __name__ == "__main__":
    serve(
        sys.argv[1],
        {
            name: address
            for name, _, address in (w.partition("=") for w in sys.argv[2:])
        },
    )
