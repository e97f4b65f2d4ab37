"""Base classes of test cases in several modules."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.product import Product, clean_environment
from tests.support.repository import repository


class ProductTestCase(SynchronousTestCase):
    """A running server with a project, a repository, and a logged-in user."""

    arguments: tuple[str, ...] = ()
    config: dict[str, Any] | None = None

    def setUp(self) -> None:
        """Start the server on a new state directory."""
        # a short path: names of sockets in it are limited to 107 bytes
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.product = Product(
            self.folder / "state", *self.arguments, config=self.config
        )
        self.addCleanup(self.product.stop)
        self.product.start()
        self.product.log_in()

    def project(self, files: dict[str, str]) -> tuple[int, int]:
        """Create a project with a repository of *files*; return both ids."""
        self.git = repository(self.folder / "repository", files)
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
        return subprocess.run(
            [str(Path(sys.executable).with_name("semaphore")), *arguments],
            env=clean_environment(
                SEMAPHORE_URL=self.product.url,
                SEMAPHORE_TOKEN=self.product.token,
                SEMAPHORE_CA=str(self.product.root),
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
