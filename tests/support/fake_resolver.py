"""The resolver that a server queries: a program for another namespace.

It resolves every name to 198.51.100.7, except for these first labels: ``missing`` does
not exist, ``silent`` gets no answer, ``failing`` gets an error, ``long`` does not fit
into a datagram, and ``forged`` first gets answers with a wrong id, with a wrong
question, and from another port. It prints each query.
"""

import socket
import sys
import threading

from twisted.names import dns

from semaphore_twisted.vpn.dns.messages import Question, parse, refusal, renumbered

ADDRESS = bytes((198, 51, 100, 7))
FORGED = bytes((203, 0, 113, 66))


def record(question: Question, address: bytes, *, truncated: bool = False) -> bytes:
    """Return an answer with one address."""
    plain = refusal(question, dns.OK)
    flags = bytes([plain[2] | (0x02 if truncated else 0)])
    header = plain[:2] + flags + plain[3:6] + b"\0\1" + plain[8:]
    return header + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + address


def answer(content: bytes, *, stream: bool) -> list[bytes]:
    """Return the messages to send, in order."""
    question = parse(content)
    first = question.name[0] if question.name else b""
    sys.stdout.write(f"{'tcp' if stream else 'udp'} {first.decode()}\n")
    sys.stdout.flush()
    good = record(question, ADDRESS)
    special = {
        b"missing": [refusal(question, dns.ENAME)],
        b"silent": [],
        b"failing": [refusal(question, dns.ESERVER)],
        b"long": [good if stream else record(question, ADDRESS, truncated=True)],
        b"forged": [
            renumbered(record(question, FORGED), question.number ^ 1),
            record(question, FORGED).replace(b"\6forged", b"\6forgex"),
            good,
        ],
    }
    return special.get(first, [good])


def datagrams(port: socket.socket, other: socket.socket) -> None:
    """Answer queries on the UDP port *port*; send some forged answers from *other*."""
    while True:
        content, source = port.recvfrom(65535)
        if b"\6forged" in content:
            other.sendto(record(parse(content), FORGED), source)
        for each in answer(content, stream=False):
            port.sendto(each, source)


def streams(listener: socket.socket) -> None:
    """Answer queries over TCP, one per connection."""
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(2)
            size = int.from_bytes(connection.recv(2), "big")
            for each in answer(connection.recv(size), stream=True):
                connection.sendall(len(each).to_bytes(2, "big") + each)


def run(host: str) -> None:
    """Answer until killed; print "ready" when both protocols are served."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    port = socket.socket(family, socket.SOCK_DGRAM)
    other = socket.socket(family, socket.SOCK_DGRAM)
    port.bind((host, 53))
    other.bind((host, 0))
    listener = socket.create_server((host, 53), family=family)
    threading.Thread(target=datagrams, args=(port, other)).start()
    threading.Thread(target=streams, args=(listener,)).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run(sys.argv[1])
