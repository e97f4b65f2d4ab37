"""Refusals as HTTP."""

import json

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Busy, NoRoom, Unavailable, Unwritable
from semaphore_twisted.web.statuses import refusal


class MachineTests(SynchronousTestCase):
    """Faults of the machine are told with their reason, and when to try again."""

    def test_statuses(self) -> None:
        """A full disk is 507, a lock and other faults are 503."""
        for error, status in ((NoRoom(), 507), (Busy(), 503), (Unwritable("why"), 503)):
            answer = refusal(error)
            self.assertEqual(answer.status, status)
            self.assertEqual(json.loads(answer.body), {"error": error.message})
            headers = dict(answer.headers)
            self.assertGreater(int(headers[b"retry-after"]), 0)

    def test_without_time(self) -> None:
        """An error that knows no time tells none."""
        self.assertEqual(dict(refusal(Unavailable()).headers), {})
