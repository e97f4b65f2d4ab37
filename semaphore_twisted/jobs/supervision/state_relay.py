"""Passes connections of a job to the server's socket for states of Terraform.

Started as ``python -I -S …/state_relay.py PORT SERVER READY`` by path, by the server's
user: the job's user can reach neither the socket SERVER nor this process. It listens on
PORT of 127.0.0.1 until it is ended with the job. While the server restarts, a
connection waits for it, so that no state is lost. READY is a socket that appears once
the port is taken. The server checks the password that the job sends.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time

#: Seconds that a connection waits for the server, and between two attempts.
_WAIT = 900.0
_PAUSE = 0.25
#: Connections at a time; Terraform uses one or two.
_CONNECTIONS = 32
_READ = 64 * 1024


def main(argv: list[str]) -> None:
    """Listen, and pass connections on, until this process is ended."""
    port, server, ready = int(argv[1]), argv[2], argv[3]
    listener = socket.socket()
    listener.bind(("127.0.0.1", port))
    listener.listen(_CONNECTIONS)
    announced = socket.socket(socket.AF_UNIX)
    announced.bind(ready)
    announced.listen()
    free = threading.BoundedSemaphore(_CONNECTIONS)
    while True:
        connection, _ = listener.accept()
        free.acquire()
        threading.Thread(
            target=_serve, args=(connection, server, free), daemon=True
        ).start()


def _serve(
    connection: socket.socket, server: str, free: threading.BoundedSemaphore
) -> None:
    """Pass one *connection* on, in both directions, until it ends."""
    try:
        with connection, contextlib.suppress(OSError):
            upstream = _connected(server)
            if upstream is not None:
                with upstream:
                    back = threading.Thread(
                        target=_pump, args=(upstream, connection), daemon=True
                    )
                    back.start()
                    _pump(connection, upstream)
                    back.join()
    finally:
        free.release()


def _connected(server: str) -> socket.socket | None:
    """Return a connection to the server, once it listens."""
    until = time.monotonic() + _WAIT
    while time.monotonic() < until:
        upstream = socket.socket(socket.AF_UNIX)
        try:
            upstream.connect(server)
        except OSError:
            upstream.close()
            time.sleep(_PAUSE)
        else:
            return upstream
    return None


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until the source ends, or one of both is gone."""
    try:
        while data := source.recv(_READ):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main(sys.argv)
