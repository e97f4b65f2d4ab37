"""The roots that jobs are given, and the rules of repositories."""

import os
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config
from semaphore_twisted.config.parsing import LoadedConfig
from semaphore_twisted.config.repository_options import RepositoryOptions
from semaphore_twisted.jobs.job_inputs import JobOptions
from semaphore_twisted.model.repositories import RepositoryRules
from semaphore_twisted.start.installation import Installation, InstallationRefused
from semaphore_twisted.start.job_settings import JobSettings, TrustedRoots, rules
from semaphore_twisted.start.state import StateDirectory
from tests.support.gitserver import Authority
from tests.support.orders import options
from tests.support.programs import program


class RootsTests(SynchronousTestCase):
    """The system's and the operator's, in one file."""

    def setUp(self) -> None:
        """Have a system and a bundle with a root each."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.system, self.bundle, self.target = (
            self.folder / name for name in ("system.pem", "bundle.pem", "all.pem")
        )
        self.system.write_bytes(Authority().pem)
        self.bundle.write_bytes(Authority().pem)
        self.roots = TrustedRoots(
            self.bundle, self.target, system=("/nowhere", str(self.system))
        )

    def contents(self) -> int:
        """Return how many certificates openssl finds in the file."""
        done = subprocess.run(
            [program("openssl"), "crl2pkcs7", "-nocrl", "-certfile", str(self.target)],
            capture_output=True,
            check=True,
        )
        listed = subprocess.run(
            [program("openssl"), "pkcs7", "-print_certs", "-noout"],
            input=done.stdout,
            capture_output=True,
            check=True,
        )
        return listed.stdout.count(b"subject=")

    def test_both(self) -> None:
        """The bundle is added to the system's certificates, readable by all users."""
        self.assertEqual(self.roots.path(), str(self.target))
        self.assertEqual(self.contents(), 2)
        self.assertEqual(self.target.stat().st_mode & 0o777, 0o644)

    def test_changed(self) -> None:
        """A system or a bundle that has changed counts for the next job."""
        self.roots.refresh()
        before = self.target.stat().st_ino
        self.roots.refresh()
        self.assertEqual(self.target.stat().st_ino, before)
        for path in (self.system, self.bundle):
            path.write_bytes(path.read_bytes() + Authority().pem)
            self.roots.refresh()
        self.assertEqual(self.contents(), 4)

    def test_no_system(self) -> None:
        """Where the system has none, the bundle's are all there are."""
        self.system.unlink()
        self.roots.refresh()
        self.assertEqual(self.contents(), 1)

    def test_broken_later(self) -> None:
        """A bundle that breaks takes nothing away from jobs."""
        self.roots.refresh()
        self.bundle.write_bytes(b"junk")
        os.utime(self.bundle, (1, 1))
        self.assertEqual(self.roots.path(), str(self.target))
        self.assertEqual(self.contents(), 2)
        error = self.assertRaises(InstallationRefused, self.roots.refresh)
        self.assertIn("ca_bundle: ", error.sentence)

    def test_settings(self) -> None:
        """Each job gets the hosts and the roots of its start."""
        usual: JobOptions = options(self.folder)
        made = JobSettings(usual, self.roots).now()
        self.assertEqual(made.ca_bundle, str(self.target))
        self.assertEqual(made.known_hosts_text, b"")
        Path(usual.known_hosts).parent.mkdir(parents=True, exist_ok=True)
        Path(usual.known_hosts).write_bytes(b"host key")
        made = JobSettings(usual).now()
        self.assertIsNone(made.ca_bundle)
        self.assertEqual(made.known_hosts_text, b"host key")


class RulesTests(SynchronousTestCase):
    """The rules for repositories, as configured."""

    def rules(self, **options: Any) -> RepositoryRules:
        """Return the rules of an installation whose state is behind a link."""
        config = Config(repositories=RepositoryOptions(**options), tmp_path="/t/m/p")
        state = StateDirectory(self.folder / "link")
        made = LoadedConfig(config=config, effective=(), warnings=())
        return rules(Installation(state, made, self.folder / "etc/config.json"))

    def setUp(self) -> None:
        """Have a folder with a link to it."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        (self.folder / "link").symlink_to(self.folder / "state")

    def test_places(self) -> None:
        """The server's own directories are denied by their real paths."""
        real = os.path.realpath(self.folder)
        found = self.rules()
        self.assertIsNone(found.allowed)
        self.assertEqual(found.denied, (f"{real}/state", "/t/m/p", f"{real}/etc"))
        self.assertEqual(found.demo, f"{self.folder}/link/demo")
        self.assertEqual(self.rules(local=("off",)).allowed, ())
        within = self.rules(local=(f"{self.folder}/link/x",))
        self.assertEqual(within.allowed, (f"{real}/state/x",))
