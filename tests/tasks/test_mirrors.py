"""Copies of repositories that nothing uses are removed."""

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.checkout import mirror_name
from semaphore_twisted.operations.projects.repositories import addresses
from semaphore_twisted.tasks.mirrors import Mirrors, sweep
from tests.support.memory import MemoryDatabase, make_project
from tests.support.tasks import make_template

P = ParamSpec("P")
T = TypeVar("T")

KEPT, GONE = mirror_name(1, "https://h/x"), mirror_name(2, "https://h/x")


class MirrorsTests(SynchronousTestCase):
    """The directory of mirrors."""

    def setUp(self) -> None:
        """Have a folder."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def fill(self, *names: str) -> None:
        """Create mirrors, with the files beside each."""
        for name in names:
            (self.folder / name / "objects").mkdir(parents=True)
            (self.folder / f"{name}.lock").touch()

    @property
    def names(self) -> set[str]:
        """The current names in the directory."""
        return {path.name for path in self.folder.iterdir()}

    def test_sweep(self) -> None:
        """Kept mirrors and their locks stay; other mirrors go; other files stay."""
        self.fill(KEPT, GONE)
        for name in (f"{GONE}.new", f"{KEPT}.old"):
            (self.folder / name / "objects").mkdir(parents=True)
        (self.folder / "note").touch()
        before = self.names
        sweep(self.folder, {KEPT})
        self.assertEqual(
            self.names, {name for name in before if not name.startswith(GONE)}
        )
        sweep(self.folder / "missing", set())

    def test_in_use(self) -> None:
        """A mirror whose lock a job holds stays until the next sweep."""
        self.fill(GONE)
        with (self.folder / f"{GONE}.lock").open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            sweep(self.folder, set())
            self.assertEqual(self.names, {GONE, f"{GONE}.lock"})
        sweep(self.folder, set())
        self.assertEqual(self.names, set())

    def test_looks(self) -> None:
        """At the start and when told, the store says which ones are used."""
        database = MemoryDatabase()
        make_template(database.conn, make_project(database.conn))
        (used,) = addresses(database.conn)
        name = mirror_name(used.id, used.git_url)
        waiting: list[Deferred[None]] = []

        def compute(
            function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
        ) -> Deferred[T]:
            asked: Deferred[None] = Deferred()
            waiting.append(asked)
            return asked.addCallback(lambda _: function(*args, **kwargs))

        self.fill(name, GONE)
        mirrors = Mirrors(self.folder, database, compute)
        mirrors.sweep()
        self.assertEqual(waiting, [])
        mirrors.startService()
        mirrors.sweep()
        mirrors.sweep()
        self.assertEqual(len(waiting), 1)
        waiting[0].callback(None)
        self.assertEqual(self.names, {name, f"{name}.lock"})
        self.assertEqual(len(waiting), 2)
        ended = mirrors.stopService()
        self.assertNoResult(ended)
        waiting[1].callback(None)
        self.successResultOf(ended)
        self.assertEqual(len(waiting), 2)

    def test_failure(self) -> None:
        """A fault is logged, and the next sweep still runs."""

        def compute(
            function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
        ) -> Deferred[T]:
            return fail(OSError("no"))

        mirrors = Mirrors(self.folder, MemoryDatabase(), compute)
        mirrors.startService()
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        mirrors.sweep()
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_clear(self) -> None:
        """The mirrors of a project go, or all of them; one in use stays."""
        database = MemoryDatabase()
        projects = [make_project(database.conn, name=name) for name in "ab"]
        for project in projects:
            make_template(database.conn, project)
        one, two = (
            mirror_name(each.id, each.git_url) for each in addresses(database.conn)
        )

        def compute(
            function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
        ) -> Deferred[T]:
            return succeed(function(*args, **kwargs))

        self.fill(one, two)
        mirrors = Mirrors(self.folder, database, compute)
        self.successResultOf(mirrors.clear(projects[0].id))
        self.assertEqual(self.names, {two, f"{two}.lock"})
        with (self.folder / f"{two}.lock").open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.successResultOf(mirrors.clear(None))
            self.assertEqual(self.names, {two, f"{two}.lock"})
        self.successResultOf(mirrors.clear(None))
        self.assertEqual(self.names, set())
