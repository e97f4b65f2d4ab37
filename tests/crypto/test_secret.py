"""A secret does not show itself."""

import copy
import json
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.secret import Secret

#: Backwards, so that this module's own variables do not show the marker.
MARKER = b"rekram-9xZ"


class SecretTests(SynchronousTestCase):
    """No accident shows the content."""

    def setUp(self) -> None:
        """Make one."""
        self.secret = Secret(MARKER[::-1])

    def test_texts(self) -> None:
        """Repr, str, format, % and an f-string show none of the content."""
        texts = [
            repr(self.secret),
            str(self.secret),
            f"{self.secret}",
            f"{self.secret!r:>20}",
            f"{self.secret:>20}",
            "%s" % self.secret,  # noqa: UP031 - what is tested
            "%r" % (self.secret,),  # noqa: UP031 - what is tested
            repr([self.secret]),
        ]
        for text in texts:
            self.assertIn("Secret(…)", text)
            self.assertNotIn("Zx9", text)

    def test_traceback(self) -> None:
        """A detailed traceback with its variables shows none of the content."""

        def fail(secret: Secret) -> tuple[str, str]:
            try:
                raise ValueError(secret)  # noqa: TRY301 - its frame is what is shown
            except ValueError:
                failure = Failure(captureVars=True)
                return failure.getTraceback(detail="verbose"), traceback.format_exc()

        for text in fail(self.secret):
            self.assertIn("Secret(…)", text)
            self.assertNotIn("Zx9", text)

    def test_not_serialisable(self) -> None:
        """Json, msgspec, pickle and copy refuse it."""
        for refuse in (json.dumps, msgspec.json.encode, copy.copy, copy.deepcopy):
            with self.assertRaises(TypeError):
                refuse(self.secret)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with self.assertRaises(TypeError):
                pickle.dumps(self.secret, protocol)

    def test_no_other_door(self) -> None:
        """The content is neither compared, converted, measured nor iterated."""
        self.assertNotEqual(self.secret, Secret(MARKER[::-1]))
        self.assertNotEqual(self.secret, MARKER[::-1])
        doors: list[Callable[[Any], object]] = [bytes, len, iter, vars]
        for door in doors:
            with self.assertRaises(TypeError):
                door(self.secret)

    def test_reveal(self) -> None:
        """The one way out gives the content."""
        self.assertEqual(self.secret.reveal(), MARKER[::-1])
