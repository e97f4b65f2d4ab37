"""Tests of response bodies."""

import json as reference
from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model import errors
from semaphore_twisted.model.tasks import IllegalTransition
from semaphore_twisted.web.http.error_responses import failure, refusal, status
from semaphore_twisted.web.http.responses import TEXT, PlainText, encoded, json


class JsonTests(SynchronousTestCase):
    """JSON goes out as Semaphore's does."""

    def test_markup(self) -> None:
        """Characters that a browser might parse as markup are escaped."""
        text = json({"a": "<img src=x onerror=alert(1)>&\u2028\u2029"})
        self.assertEqual(
            text,
            b'{"a":"\\u003cimg src=x onerror=alert(1)\\u003e\\u0026\\u2028\\u2029"}\n',
        )

    def test_times(self) -> None:
        """A time of whole seconds has no fraction and ends in Z."""
        moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.assertEqual(json([moment]), b'["2026-01-02T03:04:05Z"]\n')

    @given(st.recursive(st.none() | st.integers(-9, 9) | st.text(), st.lists))
    def test_same_value(self, value: object) -> None:
        """The escapes change no value."""
        self.assertEqual(reference.loads(json(value)), value)

    def test_text(self) -> None:
        """A text is sent as it is, as UTF-8."""
        answer = encoded(PlainText("pong"), 200)
        self.assertEqual((answer.body, answer.content_type), (b"pong", TEXT))

    def test_nothing(self) -> None:
        """Nothing is an empty body."""
        self.assertEqual(encoded(None, 204).body, b"")


class RefusalTests(SynchronousTestCase):
    """Each refusal has its status, and a sentence where clients take one."""

    def test_statuses(self) -> None:
        """Each class has a status of its own, and subclasses that of their base."""
        for error, wanted in (
            (errors.NotAuthenticated(), 401),
            (errors.NotPermitted(), 403),
            (errors.NotFound(), 404),
            (errors.Invalid(), 400),
            (errors.InUse(), 400),
            (errors.Conflict(), 409),
            (IllegalTransition(), 409),
            (errors.TooLarge(), 413),
            (errors.TooManyAttempts(), 429),
            (errors.SecretUnreadable(), 409),
            (errors.DomainError(), 400),
        ):
            self.assertEqual(status(error), wanted, error)

    def test_empty(self) -> None:
        """401, 404 and the 403 of a missing right have an empty body."""
        for error in (
            errors.NotAuthenticated("why"),
            errors.NotPermitted(),
            errors.NotFound("why"),
        ):
            self.assertEqual(refusal(error).body, b"")

    def test_forbidden(self) -> None:
        """A 403 has a body if the operation gave a reason of its own."""
        body = msgspec.json.decode(refusal(errors.NotPermitted("why")).body)
        self.assertEqual(body, {"error": "why"})

    def test_sentence(self) -> None:
        """Other errors give the reason."""
        body = msgspec.json.decode(refusal(errors.Invalid("no name")).body)
        self.assertEqual(body, {"error": "no name"})

    def test_in_use(self) -> None:
        """The error for an object in use has a field for it."""
        body = msgspec.json.decode(refusal(errors.InUse("by x")).body)
        self.assertEqual(body, {"error": "by x", "inUse": True})

    def test_retry(self) -> None:
        """The error for too many guesses has the delay."""
        answer = refusal(errors.TooManyAttempts(retry_after=7))
        self.assertIn((b"retry-after", b"7"), answer.headers)

    def test_fault(self) -> None:
        """An internal error shows its reference only."""
        answer = failure("1a2b")
        self.assertEqual(answer.status, 500)
        self.assertEqual(
            msgspec.json.decode(answer.body), {"error": "Internal error 1a2b"}
        )
