"""The file of known hosts."""

import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.knownhosts import entries, host_name, without
from semaphore_twisted.model.errors import Invalid
from tests.support.programs import program
from tests.support.sshd import make_key


class KnownHostsTests(SynchronousTestCase):
    """Files as OpenSSH writes them."""

    def setUp(self) -> None:
        """Have two keys."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.keys = []
        for name in "ab":
            make_key(self.folder / name, "ed25519")
            public = (self.folder / f"{name}.pub").read_text().split()
            self.keys.append(" ".join(public[:2]))

    def keygen(self, *words: str) -> str:
        """Run ssh-keygen and return what it prints."""
        return subprocess.run(
            [program("ssh-keygen"), *words], capture_output=True, check=True, text=True
        ).stdout

    def test_fingerprint(self) -> None:
        """Type and fingerprint are those of ssh-keygen."""
        (found,) = entries(f"h,10.0.0.1 {self.keys[0]} a comment\n".encode())
        said = self.keygen("-l", "-f", str(self.folder / "a.pub"))
        self.assertIn(found.fingerprint, said)
        self.assertEqual((found.host, found.type), ("h,10.0.0.1", "ssh-ed25519"))
        self.assertFalse(found.hashed)

    def test_forget(self) -> None:
        """All keys of one host go; other lines stay as they are, byte by byte."""
        one, two = self.keys
        lines = (
            "# a comment\n",
            f"Host.Example {one}\r\n",
            f"other,host.example {two}\n",
            f"[host.example]:2222 {one}\n",
            f"*.example {one}\n",
            f"@cert-authority host.example {one}\n",
            f"@revoked host.example {two}\n",
            "host.example damaged\n",
            "\n",
            f"host.example.org {one}",
        )
        rest, gone = without("".join(lines).encode(), "host.example")
        self.assertEqual(rest.decode(), "".join((lines[0], *lines[3:])))
        self.assertEqual(len(gone), 2)
        rest, gone = without(rest, "[host.example]:2222")
        self.assertEqual(len(gone), 1)

    def test_hashed(self) -> None:
        """A hashed name is found, and cannot be shown."""
        path = self.folder / "known"
        path.write_text(f"[h]:22222 {self.keys[0]}\nother {self.keys[1]}\n")
        self.keygen("-H", "-f", str(path))
        found = entries(path.read_bytes())
        self.assertEqual([each.hashed for each in found], [True, True])
        rest, gone = without(path.read_bytes(), "[h]:22222")
        self.assertEqual(len(gone), 1)
        self.assertEqual(len(rest.splitlines()), 1)

    def test_names(self) -> None:
        """A host is named with or without its port."""
        for text, name in (
            ("H.example", "h.example"),
            ("h:22", "h"),
            ("h:2222", "[h]:2222"),
            ("[h]:22", "h"),
            ("[h]:2222", "[h]:2222"),
            ("[::1]:2222", "[::1]:2222"),
            ("::1", "::1"),
            ("[fe80::1%eth0]", "fe80::1%eth0"),
        ):
            self.assertEqual(host_name(text), name)
        for text in ("", "-x", "a b", "a\nb", "h:0", "h:65536", "[h", "*", "|1|a|b"):
            with self.assertRaises(Invalid, msg=text):
                host_name(text)

    @given(st.binary(max_size=300))
    def test_any_file(self, content: bytes) -> None:
        """Any bytes are read, and remaining lines stay unchanged."""
        entries(content)
        rest, gone = without(content, "h")
        if not gone:
            self.assertEqual(rest, content)
