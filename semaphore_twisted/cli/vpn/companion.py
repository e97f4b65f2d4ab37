"""A blocking client of the companion's socket: one request, one response."""

import socket
import struct
from pathlib import Path
from typing import TypeVar

from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.wireguard import wire, wire_answers

T = TypeVar("T")

#: Timeout in seconds; a thousand peers take a fraction of a second.
TIMEOUT = 15.0

_START = "start it: systemctl start semaphore-vpn"


def ask(path: Path, request: wire.Request, wanted: type[T]) -> T:
    """Send one *request* to the companion at *path* and return its response.

    :raises CommandError: if it cannot be reached, or refuses
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(TIMEOUT)
            connection.connect(str(path))
            content = wire.encode(request)
            connection.sendall(struct.pack(">I", len(content)) + content)
            answer = wire_answers.decode_answer(_frame(connection, path))
    except FileNotFoundError:
        raise CommandError(f"{path}: the companion does not run; {_START}") from None
    except ConnectionRefusedError:
        raise CommandError(f"{path}: the companion has ended; {_START}") from None
    except (TimeoutError, ConnectionResetError, BrokenPipeError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, TimeoutError):
            reason = f"no answer in {TIMEOUT:.0f} s"
        elif isinstance(error, ConnectionResetError | BrokenPipeError):
            reason = _TURNED_AWAY
        raise CommandError(f"{path}: {reason}") from error
    except wire.MalformedFrame as error:
        raise CommandError(
            f"{path}: {error}; is this the companion's socket?"
        ) from None
    if isinstance(answer, wire.Failed):
        raise CommandError(f"the companion refused: {answer.reason}")
    if not isinstance(answer, wanted):
        raise CommandError(f"{path}: unexpected answer {type(answer).__name__}")
    return answer


_TURNED_AWAY = (
    "the companion closed the connection; run this as root or as the server's user, "
    "and "
    "repeat `semaphore vpn init` if the server has another user now"
)


def _frame(connection: socket.socket, path: Path) -> bytes:
    (length,) = struct.unpack(">I", _exactly(connection, 4, path))
    if length > wire.MAX_FRAME:
        raise CommandError(
            f"{path}: an answer of {length} bytes; is this the companion?"
        )
    return _exactly(connection, length, path)


def _exactly(connection: socket.socket, count: int, path: Path) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 1 << 20))
        if not part:
            raise CommandError(f"{path}: {_TURNED_AWAY}")
        parts += part
    return bytes(parts)
