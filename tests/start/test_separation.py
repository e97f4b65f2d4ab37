"""Decisions about the separation of jobs, for each set-up and option."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config import parsing as config_options
from semaphore_twisted.jobs.job_inputs import JobOptions
from semaphore_twisted.start import separation
from semaphore_twisted.start.installation import Installation, InstallationRefused
from semaphore_twisted.start.job_user import JobUser
from semaphore_twisted.start.separation import Separation
from semaphore_twisted.start.state import StateDirectory
from tests.support.orders import options

OTHER = JobUser(uid=12345, gid=12345, name="worker")
RANGE = JobUser(
    uid=1900000000, gid=None, name="range", uids=range(1900000000, 1900000004)
)
OWN = JobUser(uid=None, gid=None, name="")


class SeparationTests(SynchronousTestCase):
    """Decisions, with a trial that the test answers."""

    def setUp(self) -> None:
        """Have a folder for the state directory."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.tried: list[JobOptions] = []

    def decide(
        self,
        jobs: JobUser,
        *,
        answer: str = "",
        missing: str = "",
        root: bool = False,
        environment: dict[str, str] | None = None,
        **environ: str,
    ) -> Separation:
        """Decide with options from *environ*; the trial's answer is *answer*."""
        settings = config_options.parse(
            None,
            name="none",
            environ={f"SEMAPHORE_{name}": text for name, text in environ.items()},
            read=Path.read_bytes,  # type: ignore[arg-type]
        )
        found = Installation(StateDirectory(self.folder), settings)

        def trial(tried: JobOptions) -> str:
            self.tried.append(tried)
            return answer

        return separation.separation(
            found,
            jobs,
            options(self.folder, environment=environment or {}),
            try_it=trial,
            lacks=lambda _: missing,
            root=root,
        )

    def kinds(self, jobs: JobUser, **fields: Any) -> tuple[str, ...]:
        """Return the namespaces that were decided on."""
        isolation = self.decide(jobs, **fields).options.isolation
        return () if isolation is None else isolation.kinds

    def test_with_the_right(self) -> None:
        """A server with the capabilities needs no user namespace, and warns of none."""
        for jobs in (OTHER, RANGE):
            self.assertEqual(self.kinds(jobs), ("mount", "ipc", "pid"))
            self.assertEqual(self.decide(jobs).notes, ())

    def test_own_user(self) -> None:
        """Without CAP_SYS_ADMIN the server's own user gets a user namespace."""
        found = self.decide(OWN, missing="CAP_SYS_ADMIN")
        isolation = found.options.isolation
        assert isolation is not None
        self.assertEqual(isolation.kinds, ("user", "mount", "ipc", "pid"))
        (note,) = found.notes
        self.assertIn("sudo does not work", note)

    def test_other_user_without_the_right(self) -> None:
        """A server that may only switch users separates nothing; one line says why."""
        found = self.decide(OTHER, missing="CAP_SYS_ADMIN")
        self.assertIsNone(found.options.isolation)
        (note,) = found.notes
        self.assertIn("not separated", note)
        self.assertIn("the server lacks CAP_SYS_ADMIN", note)
        self.assertEqual(self.tried, [])

    def test_refused_by_the_kernel(self) -> None:
        """The trial's error is the reason in one warning; jobs run as before."""
        for jobs in (OWN, OTHER):
            found = self.decide(jobs, answer="mount proc: Operation not permitted")
            self.assertIsNone(found.options.isolation)
            (note,) = found.notes
            self.assertIn("not separated", note)
            self.assertIn("mount proc: Operation not permitted", note)

    def test_asked_for(self) -> None:
        """A requested separation is used, or the start is refused."""
        for name in ("USER", "MOUNT", "PID", "IPC", "UTS"):
            asked: dict[str, Any] = {f"PROCESS_APP_NS_{name}": "true"}
            self.assertIn(name.lower(), self.kinds(OWN, **asked))
            error = self.assertRaises(
                InstallationRefused,
                self.decide,
                OWN,
                answer="unshare: nothing",
                **asked,
            )
            self.assertIn(f"process.app_namespaces.{name.lower()}: ", error.sentence)
            self.assertIn("unshare: nothing", error.sentence)

    def test_user_namespace_of_another_user(self) -> None:
        """A user namespace has no room for another user."""
        with self.assertRaises(InstallationRefused):
            self.decide(OTHER, PROCESS_APP_NS_USER="true")

    def test_switched_off(self) -> None:
        """Each kind can be switched off, with a warning; all off means none."""
        found = self.decide(OTHER, PROCESS_APP_NS_IPC="false")
        isolation = found.options.isolation
        assert isolation is not None
        self.assertEqual(isolation.kinds, ("mount", "pid"))
        self.assertIn("ipc", found.notes[0])
        none: dict[str, Any] = {
            f"PROCESS_APP_NS_{each}": "false" for each in ("MOUNT", "IPC", "PID")
        }
        found = self.decide(OTHER, **none)
        self.assertIsNone(found.options.isolation)
        self.assertIn("switches it off", found.notes[0])
        # without mount there is no pid
        self.assertEqual(self.kinds(OTHER, PROCESS_APP_NS_MOUNT="false"), ("ipc",))
        own: dict[str, Any] = {
            "PROCESS_APP_NS_USER": "false",
            "missing": "CAP_SYS_ADMIN",
        }
        self.assertEqual(self.kinds(OWN, **own), ())

    def test_root(self) -> None:
        """Jobs as root are not separated unless that is asked for, and never safe."""
        found = self.decide(OWN, root=True)
        self.assertIsNone(found.options.isolation)
        self.assertIn("run as root and cannot be separated", found.notes[0])
        found = self.decide(OWN, root=True, PROCESS_APP_NS_PID="true")
        self.assertIsNotNone(found.options.isolation)
        self.assertIn("cannot be separated", found.notes[0])

    def test_range_without_accounts(self) -> None:
        """Without namespaces each user id needs an account, since ssh requires one."""
        error = self.assertRaises(InstallationRefused, self.decide, RANGE, answer="no")
        self.assertIn("process.uid_range: its numbers need accounts", error.sentence)

    def test_shortage(self) -> None:
        """A temporary shortage refuses this start only, not the next one."""
        full = options(self.folder / "missing")
        error = self.assertRaises(InstallationRefused, separation._try, full)
        self.assertEqual(error.exit_code, 1)
        self.assertIn("No such file or directory", error.sentence)

    def test_range_with_accounts(self) -> None:
        """With accounts it is a warning: files and signals are separated, no lists."""
        uid = os.geteuid()
        jobs = JobUser(uid=uid, gid=None, name="range", uids=range(uid, uid + 1))
        (note,) = self.decide(jobs, answer="no").notes
        self.assertIn("see each other's processes", note)

    def test_named_files(self) -> None:
        """Files and sockets that the operator's variables name stay visible."""
        agent, ours = self.folder / "agent", self.folder / "state" / "key"
        agent.touch()
        ours.parent.mkdir()
        ours.touch()
        self.folder = ours.parent
        named = {"A": str(agent), "B": str(ours), "C": "relative", "D": "/tmp"}
        found = self.decide(OTHER, environment=named).options.isolation
        assert found is not None
        self.assertIn(str(agent), found.shown)
        for text in (str(ours), "relative", "/tmp"):
            self.assertNotIn(text, found.shown)

    def test_paths(self) -> None:
        """The server's directories are hidden, its other files covered."""
        found = self.decide(
            OTHER,
            DB_HOST="/srv/db/semaphore.db",
            TLS_CERT_FILE="/etc/ssl/c.pem",
            TLS_KEY_FILE="/etc/ssl/k.pem",
        )
        isolation = found.options.isolation
        assert isolation is not None
        self.assertIn(str(self.folder), isolation.hidden)
        self.assertIn("/run/semaphore-vpn", isolation.hidden)
        self.assertIn("/srv/db/semaphore.db-wal", isolation.covered)
        self.assertIn("/etc/ssl/k.pem", isolation.covered)
        self.assertNotIn("/", isolation.hidden)
