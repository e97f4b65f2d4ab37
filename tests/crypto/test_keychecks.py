"""What a check says about pasted texts; the keys are made by ssh-keygen."""

import base64

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.derivation import MOST_ROUNDS
from semaphore_twisted.crypto.keychecks import KeyCheck, check
from semaphore_twisted.crypto.privatekeys import generate as generated
from semaphore_twisted.crypto.privatekeys import normalise
from semaphore_twisted.model.keys import KeyKind
from tests.crypto.test_privatekeys import PASSPHRASE, KeyCase, generate, run


class PrivateTests(KeyCase):
    """Private keys."""

    def test_each_kind(self) -> None:
        """Kind, size, fingerprint, comment and public half are those of ssh-keygen."""
        for kind, options in (
            ("ed25519", ["-t", "ed25519"]),
            ("rsa", ["-t", "rsa", "-b", "2048"]),
            ("ecdsa", ["-t", "ecdsa", "-b", "384"]),
        ):
            text = generate(self.folder, kind, *options)
            found = check(text)
            bits, fingerprint, *comment, _ = run(
                "ssh-keygen", "-l", "-f", str(self.folder / kind)
            ).split()
            public = (self.folder / f"{kind}.pub").read_text().split()
            self.assertEqual(
                found,
                KeyCheck(
                    kind=KeyKind(kind),
                    bits=int(bits),
                    fingerprint=fingerprint,
                    comment=" ".join(comment),
                    public_key=" ".join(public[:2]),
                ),
            )
            self.assertEqual(found.comment, "a comment")

    def test_passphrase(self) -> None:
        """An encrypted key in OpenSSH's format is described without its passphrase."""
        text = generate(
            self.folder, "locked", "-t", "ed25519", "-a", "2", passphrase=PASSPHRASE
        )
        plain = check(text)
        self.assertIn("give the passphrase", plain.problem)
        wrong = check(text, "wrong")
        self.assertIn("The passphrase is wrong", wrong.problem)
        right = check(text, PASSPHRASE)
        self.assertEqual((right.problem, right.comment), ("", "a comment"))
        for each in (plain, wrong, right):
            self.assertTrue(each.passphrase_needed)
            self.assertEqual(each.kind, KeyKind.ED25519)
            self.assertEqual(each.fingerprint, right.fingerprint)
            self.assertEqual(each.public_key, right.public_key)
            self.assertNotIn(PASSPHRASE, repr(each))

    def test_pem(self) -> None:
        """Nothing is known of an encrypted key in PEM before it is opened."""
        options = ("-t", "rsa", "-b", "2048", "-m", "PEM")
        text = generate(self.folder, "pem", *options, passphrase=PASSPHRASE)
        found = check(text)
        self.assertTrue(found.passphrase_needed)
        self.assertEqual((found.kind, found.public_key), (None, None))
        self.assertEqual(check(text, PASSPHRASE).kind, KeyKind.RSA)

    def test_no_private_half(self) -> None:
        """No answer contains a part of the private half."""
        text = generate(self.folder, "secret", "-t", "ed25519")
        lines = text.splitlines()[2:-1]  # after the line with the public half
        shown = msgspec.json.encode(check(text)).decode()
        for line in lines:
            self.assertNotIn(line, shown)


class OtherTests(KeyCase):
    """Texts that are no usable private key."""

    def test_public(self) -> None:
        """A public key is named as such, with its fingerprint and comment."""
        _ = generate(self.folder, "half", "-t", "ed25519")
        text = (self.folder / "half.pub").read_text()
        found = check(f"  {text}\n")
        self.assertIn("This is a public key, not a private key", found.problem)
        self.assertEqual(found.kind, KeyKind.ED25519)
        self.assertEqual(found.comment, "a comment")
        self.assertEqual(found.public_key, " ".join(text.split()[:2]))
        listed = run("ssh-keygen", "-l", "-f", str(self.folder / "half.pub"))
        self.assertEqual(found.fingerprint, listed.split()[1])

    def test_nothing(self) -> None:
        """Of other texts only the reason is known; none of them fails the check."""
        for text in (
            *("", "nonsense", "-----BEGIN", "ssh-ed25519", "ssh-ed25519 ", "é"),
            *("ssh-ed25519 AAAA", "ssh-ed25519 AAAAB3NzaC1yc2E= x", "ssh-rsa ////"),
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "PuTTY-User-Key-File-3: ssh-ed25519",
            "x" * 70_000,
        ):
            found = check(text)
            self.assertTrue(found.problem, text[:20])
            self.assertEqual(found, KeyCheck(problem=found.problem), text[:20])

    def test_hostile_comment(self) -> None:
        """A comment is shown without control characters, and not at any length."""
        options = ("-t", "ed25519", "-C", "\x1b[31m<img src=x>\u202e" + "y" * 400)
        found = check(generate(self.folder, "hostile", *options)).comment or ""
        self.assertTrue(found.startswith("[31m<img src=x>y"))
        self.assertEqual(len(found), 255)
        public = (self.folder / "hostile.pub").read_text()
        self.assertEqual(check(public).comment, found)

    def test_costly(self) -> None:
        """A key that asks for hours of derivation is refused at once."""
        text = generate(self.folder, "slow", "-t", "ed25519", passphrase=PASSPHRASE)
        body = "".join(text.splitlines()[1:-1])
        blob = bytearray(base64.b64decode(body))
        at = blob.index(b"bcrypt") + 6 + 4 + 4 + 16
        blob[at : at + 4] = (MOST_ROUNDS + 1).to_bytes(4, "big")
        label = "OPENSSH PRIVATE KEY"
        changed = f"-----BEGIN {label}-----\n{base64.b64encode(blob).decode()}\n"
        found = check(f"{changed}-----END {label}-----\n", PASSPHRASE)
        self.assertIn("rounds", found.problem)


class GeneratedTests(SynchronousTestCase):
    """New keys."""

    def test_each_kind(self) -> None:
        """A new key of each kind is one that is accepted, and no two are equal."""
        for kind, bits in (
            (KeyKind.ED25519, 256),
            (KeyKind.ECDSA, 256),
            (KeyKind.RSA, 3072),
        ):
            first, second = generated(kind), generated(kind)
            self.assertEqual((first.kind, first.bits), (kind.value, bits))
            again = normalise(first.openssh.decode())
            self.assertEqual(again.public, first.public)
            self.assertNotEqual(first.public, second.public)
