"""The enrollment site as a process, and its client for a test."""

import json
import shutil
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen


class EnrollServer:
    """A process of ``tests.support.enroll_server``."""

    def __init__(self, trouble: str = "") -> None:
        """Start it; *trouble* is the companion's error, if any."""
        self.folder = Path(tempfile.mkdtemp(prefix="enroll-"))
        self.folder.chmod(0o755)
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.support.enroll_server",
                str(self.folder),
                trouble,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        said = json.loads(self.process.stdout.readline())
        self.base: str = said["base"]
        self.fingerprint: str = said["fingerprint"]
        self.tokens: list[str] = said["tokens"]
        self.host_token: str = said["host_token"]

    def stop(self) -> None:
        """End it."""
        self.process.communicate()
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
