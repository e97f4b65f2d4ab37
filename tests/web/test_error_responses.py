"""Refusals as HTTP."""

import json

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import (
    Busy,
    ForeignPage,
    NoRoom,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Unavailable,
    Unwritable,
)
from semaphore_twisted.web.http.error_responses import refusal


class MachineTests(SynchronousTestCase):
    """Errors of the machine have their reason, and a time for the next attempt."""

    def test_statuses(self) -> None:
        """A full disk is 507, a lock and other faults are 503."""
        for error, status in ((NoRoom(), 507), (Busy(), 503), (Unwritable("why"), 503)):
            answer = refusal(error)
            self.assertEqual(answer.status, status)
            self.assertEqual(json.loads(answer.body), {"error": error.message})
            headers = dict(answer.headers)
            self.assertGreater(int(headers[b"retry-after"]), 0)

    def test_without_time(self) -> None:
        """An error without a time has no such header."""
        self.assertEqual(dict(refusal(Unavailable()).headers), {})


class EmptyTests(SynchronousTestCase):
    """Refusals that are empty in Semaphore."""

    def test_reason(self) -> None:
        """A missing right has a body only if it has a reason of its own."""
        for error, body in (
            (NotAuthenticated(), b""),
            (NotFound("There is no user 7"), b""),
            (NotPermitted(), b""),
            (NotPermitted("Not your own"), b'{"error":"Not your own"}\n'),
        ):
            self.assertEqual(refusal(error).body, body, error)
        self.assertIn(b"web_host", refusal(ForeignPage()).body)
