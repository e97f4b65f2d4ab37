"""Base classes of test cases in several modules."""

import atexit
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from tests.support import warm
from tests.support.product import Product, clean_environment
from tests.support.repository import repository


class ProductTestCase(SynchronousTestCase):
    """A running server with a project, a repository, and a logged-in user."""

    arguments: tuple[str, ...] = ()
    config: dict[str, Any] | None = None
    #: whether the server starts from imported modules (:mod:`tests.support.warm`)
    is_warm = True

    def setUp(self) -> None:
        """Start the server on a new state directory."""
        # a short path: names of sockets in it are limited to 107 bytes
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.product = Product(
            self.folder / "state",
            *self.arguments,
            config=self.config,
            is_warm=self.is_warm,
        )
        self.addCleanup(self.product.stop)
        self.product.start()
        self.product.log_in()

    @property
    def repositories(self) -> Path:
        """The directory of the test's repositories."""
        return self.folder

    def project(self, files: dict[str, str]) -> tuple[int, int]:
        """Create a project with a repository of *files*; return both ids."""
        self.git = repository(self.repositories / "repository", files)
        project = self.product.api("POST", "/projects", {"name": "Test"})["id"]
        none = next(
            key["id"]
            for key in self.product.api("GET", f"/project/{project}/keys")
            if key["type"] == "none"
        )
        self.none = none
        number = self.product.create(
            project,
            "repositories",
            name="Files",
            git_url=f"file://{self.git}",
            git_branch="main",
            ssh_key_id=none,
        )
        return project, number

    def template(
        self, project: int, repo: int, app: str, file: str, **more: Any
    ) -> int:
        """Create a template and return its id."""
        return self.product.create(
            project,
            "templates",
            name=f"{app} {file}",
            app=app,
            playbook=file,
            repository_id=repo,
            **more,
        )

    def semaphore(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the command-line client against the server."""
        return warm.run(
            [str(Path(sys.executable).with_name("semaphore")), *arguments],
            env=clean_environment(
                SEMAPHORE_URL=self.product.url,
                SEMAPHORE_TOKEN=self.product.token,
                SEMAPHORE_CA=str(self.product.root),
            ),
            timeout=120,
        )


class SharedProductTestCase(ProductTestCase):
    """A running server that the tests of a class share, with a user logged in.

    It is for tests that look only at projects, users and sockets that they make. A test
    that stops the server, or changes its settings, belongs to another class. The server
    ends before another class starts one, and with the process.
    """

    _shared: ClassVar[list["_Running"]] = []

    def setUp(self) -> None:
        """Start the server, unless this class has one that runs."""
        shared = self._shared
        if shared and not shared[0].serves(type(self)):
            shared.pop().stop()
        if not shared:
            shared.append(_Running(type(self)))
        self.product = shared[0].product
        self.folder = shared[0].folder
        self.own = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.own, ignore_errors=True)
        self.product.log_in()

    @property
    def repositories(self) -> Path:
        """The directory of the test's repositories."""
        return self.own


class _Running:
    """A server that a class of tests shares."""

    def __init__(self, case: type[SharedProductTestCase]) -> None:
        """Start it."""
        self.case = case
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.product = Product(
            self.folder / "state",
            *case.arguments,
            config=case.config,
            is_warm=case.is_warm,
        )
        atexit.register(self.stop)
        self.product.start()

    def serves(self, case: type[SharedProductTestCase]) -> bool:
        """Whether it runs, and for *case*."""
        process = self.product.process
        return case is self.case and process is not None and process.poll() is None

    def stop(self) -> None:
        """Stop the server, and remove its files."""
        atexit.unregister(self.stop)
        self.product.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
