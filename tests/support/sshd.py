"""A real OpenSSH server on the loopback, with keys of each type."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import serialization

from tests.support.product import free_port
from tests.support.programs import program


def make_key(path: Path, kind: str, *, passphrase: str = "") -> str:
    """Create a key pair at *path* and return the private key's text.

    *kind* is a key type of ssh-keygen, such as ``ed25519``.
    """
    subprocess.run(
        [
            program("ssh-keygen"),
            "-q",
            "-t",
            kind,
            "-N",
            passphrase,
            "-C",
            "",
            "-f",
            str(path),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return path.read_text()


def secret_line(private: str) -> str:
    """Return a line of a private key that is in no public key and in no other key."""
    loaded = serialization.load_ssh_private_key(private.encode(), None)
    public = loaded.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    lines = private.splitlines()[2:-2]
    return next(line for line in reversed(lines) if line.encode() not in public)


class Sshd:
    """A server that accepts the current user with the authorized keys."""

    def __init__(self, *, passwords: bool = False) -> None:
        """Choose a free port; *passwords* permits login with passwords too."""
        self.folder = Path(tempfile.mkdtemp(prefix="sshd-"))
        self.port = free_port()
        self.user = getpass.getuser()
        self.passwords = passwords
        self._process: subprocess.Popen[bytes] | None = None
        #: Fingerprint of the host key.
        self.fingerprint = self.new_host_key()

    @property
    def host(self) -> str:
        """The host in the format of known_hosts."""
        return f"[127.0.0.1]:{self.port}"

    @property
    def variables(self) -> str:
        """The variables of this host in an inventory.

        ssh must not ask for a terminal: without root, sshd gives none.
        """
        where = f"ansible_host=127.0.0.1 ansible_port={self.port}"
        return f"{where} ansible_ssh_use_tty=false"

    def new_host_key(self) -> str:
        """Create a new host key and return its fingerprint."""
        for old in self.folder.glob("host_key*"):
            old.unlink()
        make_key(self.folder / "host_key", "ed25519")
        said = subprocess.run(
            ["ssh-keygen", "-l", "-f", str(self.folder / "host_key.pub")],
            check=True,
            capture_output=True,
            text=True,
        )
        return said.stdout.split()[1]

    def authorize(self, keys: Iterable[str]) -> None:
        """Accept the public *keys* only."""
        (self.folder / "authorized_keys").write_text("\n".join(keys) + "\n")

    def new_key(self, kind: str) -> str:
        """Create a key of *kind*, authorize it too, and return the private key."""
        path = self.folder / f"client_{kind}_{time.monotonic_ns()}"
        private = make_key(path, kind)
        with (self.folder / "authorized_keys").open("a") as known:
            known.write(path.with_suffix(".pub").read_text())
        path.unlink()
        return private

    def __enter__(self) -> Self:
        """Start, and wait until it answers."""
        server = program("sshd")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        settings = (
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.folder}/host_key",
            f"AuthorizedKeysFile {self.folder}/authorized_keys",
            f"PidFile {self.folder}/pid",
            "StrictModes no",
            "UsePAM no",
            "PermitRootLogin yes",
            f"PasswordAuthentication {'yes' if self.passwords else 'no'}",
            "KbdInteractiveAuthentication no",
            "MaxStartups 100:30:200",
            # Without root, sshd cannot allocate a terminal on every system.
            f"PermitTTY {'yes' if os.geteuid() == 0 else 'no'}",
            "Subsystem sftp internal-sftp",
        )
        (self.folder / "config").write_text("\n".join(settings) + "\n")
        (self.folder / "authorized_keys").touch()
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [server, "-D", "-e", "-f", str(self.folder / "config")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for_port(self.port)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop and remove all files."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def wait_for_port(port: int, seconds: float = 10) -> None:
    """Wait until a program on the loopback accepts connections on *port*."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return
