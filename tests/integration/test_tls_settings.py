"""Settings of TLS that cannot be loaded: no start, and never less of a check."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from nacl.utils import random
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.names import OPTIONS
from semaphore_twisted.config.values import WrongOption
from semaphore_twisted.crypto import certificates
from tests.support import warm
from tests.support.product import clean_environment, free_port
from tests.test_config_acme_options import configured

#: Each option that names a TLS file, and the options set with it.
FILES: dict[str, dict[str, str]] = {
    "tls.cert_file": {"TLS_KEY_FILE": "{good_key}"},
    "tls.key_file": {"TLS_CERT_FILE": "{good}"},
    "ca_bundle": {},
    "acme.ca_bundle": {
        "TLS_MODE": "acme",
        "ACME_AGREE_TOS": "true",
        "WEB_ROOT": "https://ci.example.org",
        "ACME_HTTP_PORT": "{port}",
    },
}


#: Each other option of TLS, with a value that cannot be meant.
VALUES = {
    "tls.enabled": "perhaps",
    "tls.mode": "automatic",
    "tls.http_redirect_port": "65536",
    "tls.http_redirect_addr": "nowhere",
    "acme.directory": "http://plain.example.org/",
    "acme.email": "nobody",
    "acme.names": "*.example.org",
    "acme.challenge": "dns-01",
    "acme.eab_kid": "without a key",
    "acme.eab_key": "without a name",
    "acme.http_port": "0",
    "acme.agree_tos": "perhaps",
}


class SettingsTests(SynchronousTestCase):
    """Starts that must not be."""

    def setUp(self) -> None:
        """Make files of every bad kind, and a good pair."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        made = certificates.new_root(
            host="x",
            names=["x"],
            addresses=[],
            now=datetime.now(UTC),
            entropy=random,
        )
        self.places = {
            "good": self.folder / "good.pem",
            "good_key": self.folder / "good.key",
        }
        self.places["good"].write_bytes(made.certificate_pem)
        self.places["good_key"].write_bytes(made.key_pem)

    def bad(self) -> Iterator[tuple[str, Path]]:
        """Yield files that cannot be loaded."""
        yield "missing", self.folder / "missing.pem"
        yield "a folder", self.folder
        for name, content in (
            ("empty", b""),
            ("noise", bytes(range(256))),
            ("half", self.places["good"].read_bytes()[:200]),
        ):
            path = self.folder / f"{name}.pem"
            path.write_bytes(content)
            yield name, path

    def start(self, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Start a server, which must end by itself."""
        return warm.run(
            [
                str(Path(sys.executable).with_name("twistd")),
                *("-n", "--pidfile=", "semaphore"),
                *("--state", str(self.folder / "state")),
            ],
            env=clean_environment(
                SEMAPHORE_PORT=str(free_port()),
                SEMAPHORE_INTERFACE="127.0.0.1",
                **{f"SEMAPHORE_{name}": text for name, text in environ.items()},
            ),
        )

    def test_refused(self) -> None:
        """A setting that cannot be loaded stops the start, with the option's name."""
        for option, others in FILES.items():
            more = {
                name: text.format(port=free_port(), **self.places)
                for name, text in others.items()
            }
            for kind, path in self.bad():
                name = str(OPTIONS[option].variable)
                done = self.start(**more, **{name: str(path)})
                self.assertEqual(done.returncode, 78, (option, kind, done.stderr))
                (line,) = done.stderr.strip().splitlines()
                # chain and key are looked at together
                group = option.rpartition(".")[0] or option
                self.assertIn(group, line, kind)

    def test_values(self) -> None:
        """A value that cannot be meant is refused by its option's name."""
        for option, value in VALUES.items():
            variable = str(OPTIONS[option].variable)
            refused = self.assertRaises(WrongOption, configured, **{variable: value})
            self.assertTrue(str(refused).startswith(f"{option}: "), str(refused))

    def test_every_option(self) -> None:
        """An option of TLS has its row above."""
        found = {
            path
            for path, option in OPTIONS.items()
            if option.served and path.split(".")[0] in {"tls", "acme", "ca_bundle"}
        }
        self.assertEqual(found, {*FILES, *VALUES})
