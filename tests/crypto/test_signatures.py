"""Tests of shared secrets and signatures."""

import hashlib
import hmac

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.signatures import same_text, signed

SECRET = "It's a Secret to Everybody"


class TextTests(SynchronousTestCase):
    """Secrets that are sent as they are."""

    def test_compared(self) -> None:
        """Only the same text is accepted, and never an empty secret."""
        self.assertTrue(same_text("hidden", "hidden"))
        self.assertTrue(same_text("grün 漢字", "grün 漢字"))
        for sent in ("", "hidde", "hidden ", "HIDDEN", "\udce4"):
            self.assertFalse(same_text(sent, "hidden"), sent)
        self.assertFalse(same_text("", ""))


class SignatureTests(SynchronousTestCase):
    """Signatures of a body."""

    def test_documented_examples(self) -> None:
        """The examples that GitHub and Bitbucket document are accepted."""
        for body, digest in (
            (
                b"Hello, World!",
                "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            ),
            (
                b"Hello World!",
                "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9",
            ),
        ):
            for sent in (f"sha256={digest}", digest, f"SHA256={digest.upper()}"):
                self.assertTrue(signed(body, SECRET, sent=sent), sent)

    def test_refused(self) -> None:
        """Anything else is refused without an error, also with an empty secret."""
        digest = hmac.digest(SECRET.encode(), b"{}", "sha256").hex()
        for sent in (
            *("", "sha256=", digest[:-2], f"{digest}00", f"sha512={digest}"),
            *("x" * 64, "é" * 64, f"v1={digest}", f"0x{digest}"),
        ):
            self.assertFalse(signed(b"{}", SECRET, sent=sent), sent)
        self.assertFalse(signed(b"{} ", SECRET, sent=digest))
        empty = hmac.digest(b"", b"{}", "sha256").hex()
        self.assertFalse(signed(b"{}", "", sent=empty))

    def test_prefix(self) -> None:
        """A prefix that is set must be there."""
        digest = hmac.digest(SECRET.encode(), b"{}", hashlib.sha512).hex()

        def accepts(sent: str) -> bool:
            return signed(b"{}", SECRET, sent=sent, algorithm="sha512", prefix="v1,")

        self.assertTrue(accepts(f"v1,{digest}"))
        self.assertTrue(accepts(f"v1,sha512={digest}"))
        self.assertFalse(accepts(digest))
        self.assertFalse(accepts(f"V1,{digest}"))
