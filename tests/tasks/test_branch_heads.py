"""Tests of reading a branch's newest commit; the test controls the job."""

from typing import Any

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import RepositoryId
from semaphore_twisted.operations.schedules.runs import Branch
from semaphore_twisted.tasks.branch_heads import BranchHeads
from tests.support.checks import HeldRunner, MemoryDirectories
from tests.support.http import at_once, memory_keyring
from tests.support.orders import options
from tests.support.resources import ResourceTestCase


class HeadTests(ResourceTestCase):
    """A repository with a key, whose branch is read."""

    def setUp(self) -> None:
        """Make the repository."""
        super().setUp()
        self.runner = HeldRunner()
        self.directories = MemoryDirectories()
        self.heads = self.reader(self.directories)
        self.number = self.key()
        self.branch = Branch(
            project_id=self.project.id,
            repository_id=RepositoryId(self.repository(ssh_key_id=self.number)),
            branch="",
            source="",
        )

    def reader(self, directories: Any) -> BranchHeads:
        """Return a reader whose jobs the test controls."""
        return BranchHeads(
            database=self.site.database,
            runner=self.runner,
            keyring=memory_keyring(),
            options=lambda: options("/srv/semaphore"),
            directories=directories,
            compute=at_once,
            now=lambda: self.conn.now,
        )

    def usage(self) -> tuple[str | None, str | None]:
        """Return when and for what a job last received the key."""
        found = self.client.get(f"{self.base}/keys/{self.number}/usage").json
        return found["last_used"], found["last_used_by"]

    def test_commit(self) -> None:
        """The commit is that of the job, and the use of the key is recorded."""
        waiting = self.heads.head(self.branch)
        self.assertEqual(self.usage(), (None, None))
        self.runner.job.tell("commit_hash", "a" * 40)
        self.runner.job.end()
        self.assertEqual(self.successResultOf(waiting), "a" * 40)
        self.assertEqual(self.usage(), ("2026-01-02T03:04:05Z", "check"))
        self.assertEqual(self.directories.made, [])

    def test_failed(self) -> None:
        """A job that fails received the key too; its reason is the error."""
        waiting = self.heads.head(self.branch)
        self.runner.job.end("error", "it cannot be reached")
        error = self.failureResultOf(waiting, Invalid).value
        self.assertEqual(error.message, "it cannot be reached")
        self.assertEqual(self.usage(), ("2026-01-02T03:04:05Z", "check"))
