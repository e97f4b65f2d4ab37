"""OpenSSH's own agent takes what the key store makes of a key."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.privatekeys import normalise
from tests.support.programs import program


class AgentTests(SynchronousTestCase):
    """A real ssh-agent, and keys that ssh-keygen made."""

    def setUp(self) -> None:
        """Start an agent; its socket's path must be short."""
        folder = TemporaryDirectory(prefix="agent-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        socket = self.folder / "socket"
        agent = subprocess.Popen(
            ["ssh-agent", "-D", "-a", str(socket)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

        def stop() -> None:
            agent.terminate()
            agent.communicate(timeout=10)

        self.addCleanup(stop)
        assert agent.stdout is not None
        agent.stdout.readline()  # it names the socket once it listens
        self.environ = {**os.environ, "SSH_AUTH_SOCK": str(socket)}
        self.environ.pop("SSH_ASKPASS", None)
        self.environ.pop("DISPLAY", None)

    def agent(self, *options: str, text: bytes = b"") -> bytes:
        """Run ``ssh-add`` with *options*; return its output."""
        done = subprocess.run(
            ["ssh-add", *options],
            input=text,
            env=self.environ,
            capture_output=True,
            timeout=20,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_added_over_a_pipe(self) -> None:
        """The agent takes each kind from standard input and asks nothing."""
        for number, options in enumerate(
            (
                ["-t", "ed25519"],
                ["-t", "rsa", "-b", "2048"],
                ["-t", "rsa", "-b", "2048", "-m", "PEM"],
                ["-t", "ecdsa", "-b", "256"],
                ["-t", "ecdsa", "-b", "521", "-m", "PKCS8"],
            )
        ):
            for passphrase in ("", "a passphrase"):
                path = self.folder / f"key-{number}-{bool(passphrase)}"
                subprocess.run(
                    [
                        *(program("ssh-keygen"), "-q", "-f", str(path), *options),
                        *("-N", passphrase, "-C", "comment"),
                    ],
                    check=True,
                )
                pasted = path.read_text().replace("\n", "\r\n").rstrip()
                key = normalise(pasted, passphrase)
                self.agent("-q", "-", text=key.openssh)
                self.assertIn(key.fingerprint, self.agent("-l").decode())
                self.agent("-T", str(path.with_suffix(".pub")))  # it signs with it
                self.agent("-q", "-D")
