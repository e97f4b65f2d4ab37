"""An attacker with the web server's privileges that sends frames to the companion.

``python -m tests.support.lab_intruder SOCKET`` sends each line of its input as a frame
on a connection of its own, and prints the answer, or its absence, as a line.
"""

import socket
import struct
import sys

#: Seconds to wait for an answer.
TIMEOUT = 10.0


def say(path: str, content: bytes) -> str:
    """Send one frame and return the answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT)
        try:
            connection.connect(path)
            connection.sendall(struct.pack(">I", len(content)) + content)
            (length,) = struct.unpack(">I", _exactly(connection, 4))
            return _exactly(connection, length).decode()
        except OSError as error:
            return f"no answer: {type(error).__name__}"


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise ConnectionResetError
        parts += part
    return parts


if __name__ == "__main__":
    for line in sys.stdin.buffer:
        sys.stdout.write(say(sys.argv[1], line.rstrip(b"\n")) + "\n")
