"""A temporary directory for a test."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase


class FolderTestCase(SynchronousTestCase):
    """Base class of tests with a temporary directory."""

    def setUp(self) -> None:
        """Create the directory."""
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def done(self, work: Any) -> Any:
        """Return the result of a coroutine."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    def failed(self, work: Any, error: type[Exception]) -> str:
        """Return the sentence of the error with which a coroutine fails."""
        deferred = Deferred.fromCoroutine(work)
        return str(self.failureResultOf(deferred, error).value)
