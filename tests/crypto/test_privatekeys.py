"""Private keys as people paste them, made by the real programs."""

import base64
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, x25519
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.crypto.privatekeys import LONGEST, PrivateKey, normalise
from semaphore_twisted.model.errors import Invalid
from tests.support.programs import program

PASSPHRASE = "Zx9 päss"


def run(*command: str, text: str = "") -> str:
    """Run a program and return what it writes."""
    words = [program(command[0]), *command[1:]]
    return subprocess.run(
        words, check=True, input=text, capture_output=True, text=True
    ).stdout


def generate(folder: Path, name: str, *options: str, passphrase: str = "") -> str:
    """Return the private key that ``ssh-keygen`` makes in *folder*.

    An RSA key is short, which is made and checked in a fraction of the time.
    """
    if "rsa" in options and "-b" not in options:
        options = (*options, "-b", "2048")
    run(
        *("ssh-keygen", "-q", "-f", str(folder / name), "-N", passphrase),
        *("-C", "a comment", *options),
    )
    return (folder / name).read_text()


class KeyCase(SynchronousTestCase):
    """A directory for keys, and a check of errors."""

    def setUp(self) -> None:
        """Make the folder."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def refused(self, text: str, passphrase: str = "") -> str:
        """Return the sentence that refuses *text*; it never repeats the input."""
        sentence: str = self.assertRaises(Invalid, normalise, text, passphrase).message
        for line in text.splitlines():
            if len(line) > 20 and "BEGIN" not in line:
                self.assertNotIn(line, sentence)
        if passphrase:
            self.assertNotIn(passphrase, sentence)
        return sentence

    def assert_usable(self, key: PrivateKey) -> None:
        """OpenSSH reads *key*, and finds the same public key in it."""
        path = self.folder / "result"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(key.openssh)
        self.assertEqual(run("ssh-keygen", "-y", "-f", str(path)).strip(), key.public)
        listed = run("ssh-keygen", "-l", "-f", str(path)).split()
        self.assertEqual(listed[:2], [str(key.bits), key.fingerprint])
        self.assertTrue(
            key.openssh.startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----\n")
        )
        self.assertTrue(key.openssh.endswith(b"-----END OPENSSH PRIVATE KEY-----\n"))
        self.assertNotIn(b"\r", key.openssh)

    def assert_same(self, key: PrivateKey, wanted: PrivateKey) -> None:
        """Both hold one key; the format's two random check numbers are left out."""
        for one in (key, wanted):
            self.assert_usable(one)
        self.assertEqual(key.public, wanted.public)
        self.assertEqual(len(key.openssh), len(wanted.openssh))


class AcceptedTests(KeyCase):
    """Each kind in each format."""

    def test_openssh(self) -> None:
        """OpenSSH's format of each type is read."""
        for kind, options, bits in (
            ("ed25519", ["-t", "ed25519"], 256),
            ("rsa", ["-t", "rsa", "-b", "2048"], 2048),
            ("ecdsa", ["-t", "ecdsa", "-b", "256"], 256),
            ("ecdsa", ["-t", "ecdsa", "-b", "384"], 384),
            ("ecdsa", ["-t", "ecdsa", "-b", "521"], 521),
        ):
            key = normalise(generate(self.folder, f"{kind}{bits}", *options))
            self.assertEqual((key.kind, key.bits), (kind, bits))
            self.assert_usable(key)

    def test_pem(self) -> None:
        """ssh-keygen's PKCS#1, SEC 1 and PKCS#8 forms are read."""
        for kind, options in (("rsa", ["-b", "2048"]), ("ecdsa", ["-b", "256"])):
            for form in ("PEM", "PKCS8"):
                text = generate(
                    self.folder, f"{kind}-{form}", "-t", kind, "-m", form, *options
                )
                self.assertNotIn("OPENSSH", text)
                self.assert_usable(normalise(text))

    def test_openssl(self) -> None:
        """Keys that openssl makes are read, with EC PARAMETERS before them too."""
        for command in (
            "openssl genrsa 2048",
            "openssl genrsa -traditional 2048",
            "openssl ecparam -name prime256v1 -genkey",
            "openssl genpkey -algorithm ed25519",
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        ):
            text = run(*command.split())
            self.assert_usable(normalise(text))

    def test_passphrase(self) -> None:
        """The right passphrase opens each format; the result has none."""
        texts = [
            generate(self.folder, "a", "-t", "ed25519", passphrase=PASSPHRASE),
            generate(self.folder, "b", "-t", "rsa", passphrase=PASSPHRASE),
            generate(self.folder, "c", "-t", "rsa", "-m", "PEM", passphrase=PASSPHRASE),
            generate(
                self.folder, "d", "-t", "ecdsa", "-m", "PKCS8", passphrase=PASSPHRASE
            ),
            *(
                generate(
                    self.folder,
                    cipher,
                    "-t",
                    "ed25519",
                    "-Z",
                    cipher,
                    passphrase=PASSPHRASE,
                )
                for cipher in ("aes256-cbc", "aes256-gcm@openssh.com")
            ),
        ]
        for text in texts:
            self.assert_usable(normalise(text, PASSPHRASE))

    def test_needless_passphrase(self) -> None:
        """A passphrase for a key that has none does no harm."""
        self.assert_usable(
            normalise(generate(self.folder, "a", "-t", "ed25519"), PASSPHRASE)
        )

    def test_shows_no_secret(self) -> None:
        """The value is shown by its public part."""
        key = normalise(generate(self.folder, "a", "-t", "ed25519"))
        self.assertIn(key.fingerprint, repr(key))
        self.assertNotIn("BEGIN", repr(key))


class PastedTests(KeyCase):
    """Keys are equal with any changes of their white space."""

    def test_line_ends(self) -> None:
        """Line ends, blank lines and indentation do not matter."""
        for form in (["-t", "ed25519"], ["-t", "rsa", "-m", "PEM"]):
            name = form[1]
            text = generate(self.folder, name, *form)
            (self.folder / name).unlink()
            wanted = normalise(text)
            for pasted in (
                text.rstrip("\n"),
                text + "\n",
                "\n \n\t\n" + text,
                text.replace("\n", "\r\n"),
                text.replace("\n", "\r"),
                text.replace("\n", "\r\n").rstrip(),
                text.replace("\n", "\n\n"),
                text.replace("\n", "\n    "),
                text.replace("\n", "  \n"),
                text.replace("\n", " "),
                text.replace("\n", "\\n"),
                "\ufeff" + text,
                "my key:\n" + text + "\nend of my key\n",
            ):
                self.assert_same(normalise(pasted), wanted)

    def test_encrypted_pem(self) -> None:
        """The header lines of an encrypted PEM key survive the same."""
        text = generate(
            self.folder, "a", "-t", "rsa", "-m", "PEM", passphrase=PASSPHRASE
        )
        self.assertIn("DEK-Info", text)
        wanted = normalise(text, PASSPHRASE)
        for pasted in (
            text.replace("\n", "\r\n"),
            text.replace("\n\n", "\n"),
            text.replace("\n", "\n\n"),
            text.replace("\n", "\n  "),
        ):
            self.assert_same(normalise(pasted, PASSPHRASE), wanted)

    def test_again(self) -> None:
        """The result is accepted as input again."""
        key = normalise(generate(self.folder, "a", "-t", "ecdsa"))
        again = normalise(key.openssh.decode())
        self.assertEqual(again.public, key.public)


class RefusedTests(KeyCase):
    """A text that is no private key is refused with its type."""

    def test_empty(self) -> None:
        """Nothing at all is called empty."""
        for text in ("", " \r\n\t", "\ufeff"):
            self.assertIn("empty", self.refused(text))

    def test_public_keys(self) -> None:
        """A public key is called one, in each of its forms."""
        texts = [
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n",
            "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t x",
        ]
        for kind in ("ed25519", "rsa", "ecdsa"):
            generate(self.folder, kind, "-t", kind)
            texts.append((self.folder / f"{kind}.pub").read_text())
            texts.append(
                run("ssh-keygen", "-e", "-f", str(self.folder / f"{kind}.pub"))
            )
        texts.append(
            run(
                *("ssh-keygen", "-e", "-m", "PEM"),
                *("-f", str(self.folder / "rsa.pub")),
            )
        )
        for text in texts:
            self.assertIn("public key", self.refused(text), text)

    def test_certificates(self) -> None:
        """A certificate, of OpenSSH or X.509, is called one."""
        generate(self.folder, "authority", "-t", "ed25519")
        generate(self.folder, "user", "-t", "ed25519")
        run(
            *(
                "ssh-keygen",
                "-q",
                "-s",
                str(self.folder / "authority"),
                "-I",
                "me",
            ),
            str(self.folder / "user.pub"),
        )
        x509 = run(
            *("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes"),
            *("-subj", "/CN=a", "-keyout", str(self.folder / "key.pem")),
        )
        for text in ((self.folder / "user-cert.pub").read_text(), x509):
            self.assertIn("certificate", self.refused(text))

    def test_cut(self) -> None:
        """BEGIN alone, or a key without its END line, is called cut."""
        text = generate(self.folder, "a", "-t", "ed25519")
        for cut in (
            "-----BEGIN",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            text.rsplit("-----END", maxsplit=1)[0],
            text.removeprefix("-----"),
        ):
            self.assertIn("not a usable private key", self.refused(cut))
            self.assertIn("missing or cut", self.refused(cut))

    def test_other_formats(self) -> None:
        """PuTTY's format, PGP and plain garbage are told apart."""
        putty = "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: x\n"
        self.assertIn("PuTTY", self.refused(putty))
        label = "PGP PRIVATE KEY BLOCK"
        pgp = f"-----BEGIN {label}-----\nlQ==\n-----END {label}-----"
        self.assertIn("PGP", self.refused(pgp))
        self.assertIn("no BEGIN line", self.refused("hunter2"))
        self.assertIn("longer than", self.refused("x" * (LONGEST + 1)))
        huge = base64.encodebytes(bytes(20_000)).decode()
        huge = f"-----BEGIN PRIVATE KEY-----\n{huge}-----END PRIVATE KEY-----"
        self.assertIn("longer than 16384 bytes", self.refused(huge))
        request = "-----BEGIN X-----\nAAAA\n-----END X-----"
        self.assertIn("no private key", self.refused(request))

    def test_two_keys(self) -> None:
        """Two keys in one text are not chosen between."""
        text = generate(self.folder, "a", "-t", "ed25519")
        self.assertIn("more than one", self.refused(text + text))

    def test_damaged_line(self) -> None:
        """A key with a damaged line is refused as not usable."""
        for form in (
            ["-t", "ed25519"],
            ["-t", "rsa"],
            ["-t", "rsa", "-m", "PEM"],
            ["-t", "ecdsa", "-m", "PKCS8"],
        ):
            name = "-".join(form)
            lines = generate(self.folder, name, *form).splitlines()
            middle = len(lines) // 2
            for line in ("", lines[middle][:-5], "A" * len(lines[middle]), "!" * 20):
                text = "\n".join([*lines[:middle], line, *lines[middle + 1 :]])
                if line == "" and len(lines) == 3:
                    continue
                self.assertIn("not a usable private key", self.refused(text))
        self.assertIn(
            "nothing between",
            self.refused("-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----"),
        )

    def test_passphrases(self) -> None:
        """A missing and a wrong passphrase are told at once."""
        for form in (
            ["-t", "ed25519"],
            ["-t", "rsa", "-m", "PEM"],
            ["-t", "ecdsa", "-m", "PKCS8"],
        ):
            name = "-".join(form)
            text = generate(self.folder, name, *form, passphrase=PASSPHRASE)
            self.assertIn("give the passphrase", self.refused(text))
            self.assertIn("passphrase is wrong", self.refused(text, "wrong one"))

    def test_unknown_cipher(self) -> None:
        """A cipher that is not known is refused with the way to change it."""
        text = generate(self.folder, "a", "-t", "ed25519", passphrase=PASSPHRASE)
        content = base64.b64decode("".join(text.splitlines()[1:-1]))
        encoded = base64.b64encode(content.replace(b"aes256-ctr", b"aes256-xyz"))
        label = "OPENSSH PRIVATE KEY"
        text = f"-----BEGIN {label}-----\n{encoded.decode()}\n-----END {label}-----\n"
        self.assertIn("ssh-keygen -p", self.refused(text, PASSPHRASE))

    def test_slow_derivation(self) -> None:
        """A key that asks for endless work is refused before the work."""
        text = generate(self.folder, "a", "-t", "ed25519", passphrase=PASSPHRASE)
        content = bytearray(base64.b64decode("".join(text.splitlines()[1:-1])))
        place = content.index(b"bcrypt") + 6 + 4 + 4 + 16
        content[place : place + 4] = b"\x7f\xff\xff\xff"
        lines = base64.encodebytes(bytes(content)).decode()
        self.assertIn(
            "rounds",
            self.refused(
                f"-----BEGIN OPENSSH PRIVATE KEY-----\n{lines}"
                "-----END OPENSSH PRIVATE KEY-----",
                PASSPHRASE,
            ),
        )

    def test_slow_pkcs8(self) -> None:
        """PKCS#8 that asks for endless work is refused before the work, too."""
        text = generate(self.folder, "a", "-t", "ecdsa", "-m", "PKCS8")
        for options, accepted in (
            (["-iter", "600000"], True),
            (["-scrypt"], True),
            (["-iter", "2000001"], False),
        ):
            protected = run(
                *(
                    "openssl",
                    "pkcs8",
                    "-topk8",
                    "-passout",
                    "pass:word",
                    *options,
                ),
                text=text,
            )
            if accepted:
                self.assert_usable(normalise(protected, "word"))
            else:
                self.assertIn("too long", self.refused(protected, "word"))

    def test_kinds_that_openssh_refuses(self) -> None:
        """DSA, other curves and key exchange keys are refused with their kind."""
        for key, word in (
            (dsa.generate_private_key(1024), "DSA"),
            (ec.generate_private_key(ec.SECP256K1()), "secp256k1"),
            (ed448.Ed448PrivateKey.generate(), "kind"),
            (x25519.X25519PrivateKey.generate(), "kind"),
        ):
            text = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode()
            self.assertIn(word, self.refused(text))

    @settings(max_examples=200)
    @given(
        st.sampled_from(
            ["OPENSSH PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
        ),
        st.one_of(
            st.binary(max_size=200),
            st.binary(max_size=200).map(lambda more: b"openssh-key-v1\0" + more),
        ),
        st.text(max_size=4),
    )
    def test_junk(self, label: str, content: bytes, passphrase: str) -> None:
        """Any content at all between the lines is refused, with no other error."""
        body = base64.encodebytes(content).decode()
        text = f"-----BEGIN {label}-----\n{body}-----END {label}-----\n"
        self.assertRaises(Invalid, normalise, text, passphrase)


class OtherProgramsTests(KeyCase):
    """Exports of PuTTYgen, and other encryptions of ssh-keygen."""

    def putty(self, kind: str, form: str, *options: str, passphrase: str = "") -> str:
        """Return a new key of *kind* as ``puttygen`` exports it."""
        words = self.folder / "words"
        words.write_text("")
        run(
            *(
                "puttygen",
                "-q",
                "-t",
                kind,
                *options,
                "-o",
                str(self.folder / "ppk"),
            ),
            *("--new-passphrase", str(words), "--random-device", "/dev/urandom"),
        )
        new = self.folder / "new words"
        new.write_text(f"{passphrase}\n" if passphrase else "")
        run(
            *("puttygen", "-q", str(self.folder / "ppk"), "-O", form),
            *("-o", str(self.folder / "exported"), "--old-passphrase", str(words)),
            *("--new-passphrase", str(new)),
        )
        return (self.folder / "exported").read_text()

    def test_puttygen(self) -> None:
        """PuTTYgen's exports on each curve are taken, half of which have a zero."""
        for bits, size in (("256", 32), ("384", 48), ("521", 66)):
            lengths = set()
            for form in (*["private-openssh"] * 3, "private-openssh-new"):
                text = self.putty("ecdsa", form, "-b", bits)
                self.assert_usable(normalise(text))
                if form == "private-openssh":
                    der = base64.b64decode("".join(text.splitlines()[1:-1]))
                    lengths.add(der[der.index(b"\x02\x01\x01\x04") + 4] - size)
            if bits != "521":
                self.assertLessEqual(lengths, {1, 0, -1})

    def test_puttygen_with_passphrase(self) -> None:
        """Encrypted exports are opened, and a wrong passphrase is said to be wrong."""
        for _ in range(4):
            text = self.putty("ecdsa", "private-openssh", passphrase="a word")
            self.assertIn("DEK-Info", text)
            self.assert_usable(normalise(text, "a word"))
            self.assertIn("passphrase is wrong", self.refused(text, "other"))

    def test_odd_lengths(self) -> None:
        """The secret number may have too many octets or too few, with any curve."""
        for curve, size, name in (
            (ec.SECP256R1(), 32, "06082a8648ce3d030107"),
            (ec.SECP384R1(), 48, "06052b81040022"),
            (ec.SECP521R1(), 66, "06052b81040023"),
        ):
            bits = curve.key_size
            for number in (1 << bits - 1, (1 << bits - 9) + 1, (1 << bits - 30) + 5):
                key = ec.derive_private_key(number, curve)
                shortest = (number.bit_length() + 7) // 8
                for length in (shortest, shortest + 1, size - 1, size, size + 1):
                    if length < shortest:
                        continue
                    text = _sec1(number.to_bytes(length, "big"), name, key)
                    found = normalise(text)
                    self.assert_usable(found)
                    self.assertEqual(found.bits, curve.key_size)
            other = ec.derive_private_key(2, curve)
            self.refused(_sec1(b"\0\x03", name, other))
            self.refused(_sec1(b"\0\0", name, other))
            self.refused(_sec1(b"\xff" * size, name, other))

    def test_ciphers(self) -> None:
        """Each cipher of ``ssh-keygen -Z`` is opened; with a wrong passphrase none."""
        for cipher in (
            *("aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-cbc", "aes192-cbc"),
            *("aes256-cbc", "3des-cbc", "aes128-gcm@openssh.com"),
            *("aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"),
        ):
            text = generate(
                self.folder,
                cipher,
                *("-t", "ed25519", "-Z", cipher, "-a", "2"),
                passphrase=PASSPHRASE,
            )
            self.assert_usable(normalise(text, PASSPHRASE))
            self.assertIn("passphrase is wrong", self.refused(text, "other"))
            middle = text.splitlines()
            middle[-3] = middle[-3][::-1]
            self.refused("\n".join(middle), PASSPHRASE)

    def test_ssh_com(self) -> None:
        """A key in the format of ssh.com is named, with the way to convert it."""
        for words in ("", "a word"):
            text = self.putty("rsa", "private-sshcom", "-b", "1024", passphrase=words)
            sentence = self.refused(text, words)
            self.assertIn("ssh.com", sentence)
            self.assertIn("ssh-keygen -i", sentence)

    def test_certificate_beside_a_key(self) -> None:
        """A certificate is not dropped without a word, on either side of the key."""
        text = generate(self.folder, "user", "-t", "ed25519")
        generate(self.folder, "authority", "-t", "ed25519")
        run(
            *(
                "ssh-keygen",
                "-q",
                "-s",
                str(self.folder / "authority"),
                "-I",
                "x",
            ),
            *("-n", "me", str(self.folder / "user.pub")),
        )
        certificate = (self.folder / "user-cert.pub").read_text()
        for both in (text + certificate, certificate + text):
            self.assertIn("certificate", self.refused(both))
        public = (self.folder / "user.pub").read_text()
        self.assert_usable(normalise(text + public))

    def test_dsa(self) -> None:
        """A key of DSA is named in each format."""
        for form in ("private-openssh", "private-openssh-new"):
            self.assertIn("DSA", self.refused(self.putty("dsa", form, "-b", "1024")))


def _sec1(secret: bytes, name: str, key: ec.EllipticCurvePrivateKey) -> str:
    """Return a key in SEC 1's format with the octets *secret*."""
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )

    def der(tag: int, body: bytes) -> bytes:
        length = len(body)
        if length < 128:
            return bytes((tag, length)) + body
        return bytes((tag, 0x81, length)) + body

    parts = (
        b"\x02\x01\x01",
        der(0x04, secret),
        der(0xA0, bytes.fromhex(name)),
        der(0xA1, der(0x03, b"\0" + point)),
    )
    text = base64.b64encode(der(0x30, b"".join(parts))).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{text}\n-----END EC PRIVATE KEY-----\n"
