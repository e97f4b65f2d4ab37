"""Runs ``wg-quick`` on a client."""

import shutil
import socket
import subprocess
from pathlib import Path

from semaphore_twisted.cli.terminal import harmless
from semaphore_twisted.cli.vpn.tunnel_file import TunnelFile
from semaphore_twisted.common.command_error import CommandError

#: Timeout in seconds; it includes the lookup of the endpoint's name.
TIMEOUT = 90


def path() -> str | None:
    """Return the path of ``wg-quick``, ``None`` if it is not installed."""
    return shutil.which("wg-quick")


def is_up(files: TunnelFile) -> bool:
    """Return whether an interface of the tunnel's name exists.

    On macOS the system chooses the name, and ``wg-quick`` records it in a file.
    """
    noted = Path(f"/var/run/wireguard/{files.interface}.name")
    return noted.exists() or any(
        name == files.interface for _, name in socket.if_nameindex()
    )


def up(files: TunnelFile) -> None:
    """Bring the tunnel up, unless it is up.

    :raises CommandError: if that fails; the file stays
    """
    if not is_up(files):
        _run("up", files)


def down(files: TunnelFile) -> None:
    """Take the tunnel down, if it is up.

    :raises CommandError: if that fails; the file stays
    """
    if is_up(files):
        _run("down", files)


def _run(verb: str, files: TunnelFile) -> None:
    program = path()
    if program is None:
        raise CommandError(
            f"{files.profile} is there, but wg-quick is not installed: install "
            f"wireguard-tools, then: wg-quick {verb} {files.profile}"
        )
    try:
        done = subprocess.run(
            [program, verb, str(files.profile)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(
            f"wg-quick {verb} {files.profile}: did not end in {TIMEOUT} s"
        ) from None
    except OSError as error:
        raise CommandError(f"{program}: {error.strerror}") from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        # wireguard-go prints a box around a warning
        said = next(
            (each for each in reversed(lines) if "[#]" not in each and each.isascii()),
            "",
        )
        raise CommandError(
            f"wg-quick {verb} {files.profile} failed ({done.returncode}): "
            f"{harmless(said)[:300] or 'it did not say why'}; the file is in order"
        )
