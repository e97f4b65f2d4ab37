"""Hands a state that Terraform could not store to the server.

Started as ``python -I -S …/state_rescue.py SERVER FILE OWN`` by path, by the server's
user. SERVER is the server's socket for states, FILE ``/dev/fd/N`` the state, and OWN
exists if the code has a backend of its own. The login of the task's alias is on
standard input: two lines. The program tries until the server has taken the state, or
refused it for good; what it prints is for the log.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import os
import socket
import sys
import time

#: Bytes of a state, as ``model.limits.STATE_RESCUED``.
LONGEST = 64 << 20
#: Seconds between two attempts, and for one.
_PAUSE = 2.0
_TIMEOUT = 300.0
#: Bytes of an answer that are logged.
_ANSWER = 4096


def main(argv: list[str]) -> int:
    """Hand the state over; return 0 if the server has taken it."""
    server, file, own = argv[1:4]
    alias, password = sys.stdin.read().splitlines()
    content = _read(int(file.rpartition("/")[2]))
    if len(content) > LONGEST:
        _say(f"The state has more than {LONGEST} bytes and is lost")
        return 1
    login = base64.b64encode(f"{alias}:{password}".encode()).decode()
    path = f"/api/terraform/{alias}?rescue="
    path += "aside" if os.path.lexists(own) else "next"
    packed, before = gzip.compress(content), ""
    while True:
        status, answer = _sent(server, path, login, packed)
        if status == http.client.OK:
            _say(answer)
            return 0
        passing = status == http.client.TOO_MANY_REQUESTS or status >= 500 or not status
        if not passing:
            _say(f"The server refuses the state, which is lost: {status} {answer}")
            return 1
        if answer != before:
            _say(f"The server cannot store the state now, trying again: {answer}")
            before = answer
        time.sleep(_PAUSE)


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def _read(number: int) -> bytes:
    """Return the content of a file that was inherited, whoever owns it."""
    parts, offset = [], 0
    while offset <= LONGEST and (part := os.pread(number, 1 << 20, offset)):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def _sent(server: str, path: str, login: str, packed: bytes) -> tuple[int, str]:
    """Send the state once; return status and text, 0 if the server does not answer."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(_TIMEOUT)
    try:
        connection.sock.connect(server)
        headers = {"Authorization": f"Basic {login}"}
        connection.request("POST", path, packed, headers)
        response = connection.getresponse()
        text = response.read(_ANSWER).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, f"no answer ({type(error).__name__})"
    else:
        return response.status, text
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
