"""Speaks with the supervisor of a job that waits for an approval."""

import socket
import time
from pathlib import Path

from semaphore_twisted.jobs import spool
from semaphore_twisted.model.results import ApprovalAsked


def asked(folder: Path, *, seconds: float = 60) -> ApprovalAsked:
    """Wait until the job of the spool *folder* asks for an approval."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        path = folder / "output"
        records, _ = spool.decode(path.read_bytes() if path.exists() else b"")
        for record in records:
            if record.kind == spool.RecordKind.APPROVAL:
                found = spool.approval(record.body)
                assert isinstance(found, ApprovalAsked)
                return found
        time.sleep(0.01)
    raise AssertionError("the job does not ask for an approval")


def order(folder: Path, text: str) -> None:
    """Send the order *text* to the supervisor, as the server does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(folder / "control"))
        connection.sendall(f"{text}\n".encode())


def confirm(folder: Path) -> None:
    """Approve what the job asks for."""
    order(folder, f"confirm {asked(folder).token}")


def reject(folder: Path) -> None:
    """Reject what the job asks for."""
    order(folder, f"reject {asked(folder).token}")
