"""The backend that a job gets for its state."""

from pathlib import Path

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs.job_inputs import InventorySource
from semaphore_twisted.model.errors import Unavailable
from semaphore_twisted.model.ids import InventoryId
from semaphore_twisted.model.inventories import InventoryType
from semaphore_twisted.tasks.state_backend import StateBackends
from tests.support.memory import MemoryDatabase
from tests.support.orders import order


class SocketTests(SynchronousTestCase):
    """The server's socket for states."""

    def test_missing(self) -> None:
        """Without the socket no job starts that would wait for it."""
        workspace = InventorySource(
            type=InventoryType.TERRAFORM_WORKSPACE, inventory="live"
        )
        wanted = replace(order("/x"), inventory=workspace, inventory_id=InventoryId(1))
        backends = StateBackends(MemoryDatabase(), Path(self.mktemp()))
        given = Deferred.fromCoroutine(backends.given(wanted))
        failure = self.failureResultOf(given, Unavailable)
        self.assertIn("is missing", failure.getErrorMessage())
