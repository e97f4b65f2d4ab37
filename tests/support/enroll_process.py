"""The enrollment site in another process, and its client for a test."""

import atexit
import json
import shutil
import ssl
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen


class _Process:
    """A process of ``tests.support.enroll_server``."""

    def __init__(self) -> None:
        """Start it."""
        self.running = subprocess.Popen(
            [sys.executable, "-m", "tests.support.enroll_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, request: dict[str, str]) -> dict[str, Any]:
        """Send a request, and return the answer."""
        assert self.running.stdin is not None
        assert self.running.stdout is not None
        self.running.stdin.write(json.dumps(request) + "\n")
        self.running.stdin.flush()
        answer: dict[str, Any] = json.loads(self.running.stdout.readline())
        return answer


@lru_cache(maxsize=1)
def _process() -> _Process:
    """Return the process that all sites of this run share; it ends with the run."""
    made = _Process()
    atexit.register(made.running.communicate)
    return made


class EnrollServer:
    """An enrollment site; it shares a process with others, and nothing else."""

    def __init__(self, trouble: str = "") -> None:
        """Start it; *trouble* is the companion's error, if any."""
        self.folder = Path(tempfile.mkdtemp(prefix="enroll-"))
        self.folder.chmod(0o755)
        said = _process().ask({"folder": str(self.folder), "trouble": trouble})
        self.base: str = said["base"]
        self.fingerprint: str = said["fingerprint"]
        self.tokens: list[str] = said["tokens"]
        self.host_token: str = said["host_token"]

    def stop(self) -> None:
        """End it."""
        _process().ask({"close": self.base})
        shutil.rmtree(self.folder, ignore_errors=True)

    def link(self, token: str) -> str:
        """Return the link of an invite."""
        digest = self.fingerprint.replace(":", "").lower()
        return f"{self.base}/enroll#{token}.{digest}"

    def post(self, body: dict[str, Any]) -> Any:
        """Enroll as a client that trusts the root certificate."""
        context = ssl.create_default_context(cafile=str(self.folder / "root.pem"))
        request = Request(
            f"{self.base}/api/vpn/enroll",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(request, context=context, timeout=30) as answer:
            return json.load(answer)
