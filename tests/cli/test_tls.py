"""``semaphore tls`` on a state directory, in this process."""

import io
import json
import os
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.acme import schedule
from semaphore_twisted.cli.main import full_parser, main
from semaphore_twisted.cli.tls import trust
from semaphore_twisted.common import atomic_file
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.crypto import certificates
from semaphore_twisted.crypto.challenges import renewal_id
from semaphore_twisted.model.acme import AcmeRecord
from semaphore_twisted.operations.vault import acme
from semaphore_twisted.persistence.engine import Connection, connect, utc_now
from semaphore_twisted.start.certificates import status
from semaphore_twisted.start.certificates.status import CertificateStatus
from tests.support.acme_authority import FakeAuthority
from tests.support.memory import Entropy

DIRECTORY = "https://ca.example.org/directory"
NAME = "ci.example.org"


class TlsCommandTests(SynchronousTestCase):
    """Exit codes and output."""

    def setUp(self) -> None:
        """Make an installation."""
        self.addCleanup(os.umask, os.umask(0o077))
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(rmtree, self.folder, ignore_errors=True)
        self.state = self.folder / "state"
        code, _, errors = self.run_main("setup", tls=False)
        self.assertEqual(code, 0, errors)

    def run_main(self, *words: str, tls: bool = True) -> tuple[int, str, str]:
        """Run ``semaphore`` and return its exit code and output."""
        argv = [*(("tls",) if tls else ()), *words, "--state", str(self.state)]
        out, errors = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(errors):
            code = main(argv)
        return code, out.getvalue(), errors.getvalue()

    def trust(
        self, *words: str, stores: tuple[trust.TrustStore, ...], is_root: bool = True
    ) -> tuple[int, str, str]:
        """Run ``semaphore tls trust`` with *stores*; return like :meth:`run_main`."""
        argv = ["tls", "trust", *words, "--state", str(self.state)]
        arguments = full_parser().parse_args(argv)
        out = io.StringIO()
        with redirect_stdout(out):
            try:
                code, errors = trust.change(arguments, stores, is_root=is_root), ""
            except CommandError as error:
                code, errors = error.exit_code, error.sentence
        return code, out.getvalue(), errors

    def configure(self, **options: Any) -> None:
        """Add *options* to the configuration."""
        path = self.state / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **options}))

    def use_authority(self) -> None:
        """Have the certificate from a public authority."""
        self.configure(
            tls={"mode": "acme"},
            web_host=f"https://{NAME}",
            acme={"agree_tos": True, "directory": DIRECTORY},
        )

    def connect(self) -> Connection:
        """Open the store."""
        conn = connect(self.state / "semaphore.db", now=utc_now, entropy=os.urandom)
        self.addCleanup(conn.close)
        return conn

    def remember(self, record: AcmeRecord) -> None:
        """Put *record* into the store."""
        conn = self.connect()
        with conn.transaction(write=True):
            acme.keep(conn, DIRECTORY, record)

    def files(self, days: int) -> tuple[Path, Path]:
        """Write a pair of ninety days that was made *days* ago."""
        begun = utc_now() - timedelta(days=days)
        root = certificates.new_root(
            host="box", names=["box"], addresses=[], now=begun, entropy=Entropy()
        )
        leaf = certificates.new_leaf(
            root, names=["box"], addresses=[], now=begun, entropy=Entropy()
        )
        chain, key = self.folder / "c.pem", self.folder / "k.pem"
        chain.write_bytes(leaf.certificate_pem + root.certificate_pem)
        key.write_bytes(leaf.key_pem)
        self.configure(tls={"cert_file": str(chain), "key_file": str(key)})
        return chain, key

    def test_local(self) -> None:
        """The local CA's certificate is shown, and renewed on request."""
        code, text, _ = self.run_main("show")
        self.assertEqual(code, 0)
        for words in ("mode: local-ca", "localhost", "SHA-256: ", "renewal: "):
            self.assertIn(words, text)
        before = (self.state / "tls" / "chain.pem").read_bytes()
        root = (self.state / "tls" / "root.pem").read_bytes()
        code, text, errors = self.run_main("renew")
        self.assertEqual((code, errors), (0, ""))
        self.assertNotEqual((self.state / "tls" / "chain.pem").read_bytes(), before)
        self.assertEqual((self.state / "tls" / "root.pem").read_bytes(), root)

    def test_files(self) -> None:
        """A certificate that was not renewed in time is shown with exit code 1."""
        self.files(30)
        self.assertEqual(self.run_main("show")[0], 0)
        chain, key = self.files(70)
        code, text, _ = self.run_main("show")
        self.assertEqual(code, 1)
        self.assertIn(f"reason: nobody has put a newer certificate at {chain}", text)
        code, text, _ = self.run_main("show", "--json")
        self.assertEqual(json.loads(text)["mode"], "files")
        code, _, errors = self.run_main("renew")
        self.assertEqual(code, 1)
        self.assertIn("semaphore tls reload", errors)
        key.write_text("junk")
        code, text, _ = self.run_main("show")
        self.assertEqual(code, 1)
        self.assertIn("the key file holds no usable private key", text)

    def test_reload(self) -> None:
        """An unusable pair is refused here; without a server, that is the error."""
        _, key = self.files(1)
        code, _, errors = self.run_main("reload")
        self.assertEqual(code, 1)
        self.assertIn("no server runs", errors)
        key.write_text("junk")
        code, _, errors = self.run_main("reload")
        self.assertEqual(code, 78)
        self.assertIn("tls.cert_file", errors)

    def test_next_root(self) -> None:
        """A next root is made after a question, shown, and trusted with the other."""
        code, _, errors = self.run_main("renew", "--new-root")
        self.assertEqual(code, 1)
        self.assertIn("give --yes", errors)
        self.assertNotIn("next root", self.run_main("show")[1])
        code, text, errors = self.run_main("renew", "--new-root", "--yes")
        self.assertEqual((code, errors), (0, ""))
        path = self.state / "tls" / "next-root.pem"
        self.assertIn(str(path), text)
        code, text, _ = self.run_main("show")
        self.assertEqual(code, 0)
        self.assertIn(f"next root: {path}", text)
        self.assertIn("takes over: ", text)
        code, text, _ = self.run_main("trust", "--print")
        self.assertEqual((code, text.count("SHA-256: ")), (0, 2))

    def test_trust_not_root(self) -> None:
        """Without write access the steps are printed; an unknown store is reported."""
        store = trust.TrustStore(self.folder, ("true",))
        code, text, errors = self.trust(stores=(store,), is_root=False)
        self.assertEqual((code, len(errors.splitlines())), (1, 1))
        self.assertIn("update-ca-certificates", text)
        self.assertIn("only root may change", errors)
        self.assertIn("not known here", self.trust(stores=(), is_root=False)[2])

    def test_trust_unbounded(self) -> None:
        """Only a certificate limited to some names is added to the store."""
        folder = self.folder / "anchors"
        folder.mkdir()
        now = utc_now()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "anything")])
        key = ec.generate_private_key(ec.SECP256R1())
        forged = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .sign(key, hashes.SHA256())
        )
        atomic_file.write(
            self.state / "tls" / "root.pem",
            forged.public_bytes(serialization.Encoding.PEM),
        )
        store = trust.TrustStore(folder, ("true",))
        code, _, errors = self.trust(stores=(store,))
        self.assertEqual(code, 1)
        self.assertIn("not a root that is limited to some names", errors)
        self.assertEqual([*folder.iterdir()], [])

    def test_trust_store(self) -> None:
        """Only our own files of a store are changed; a failure there is reported."""
        folder = self.folder / "anchors"
        folder.mkdir()
        (folder / "company.crt").write_text("theirs")
        (folder / "semaphore-root.crt").write_text("another installation's")
        stores = (trust.TrustStore(folder, ("true",)),)
        code, text, _ = self.trust(stores=stores)
        self.assertEqual(code, 0, text)
        theirs = {"company.crt", "semaphore-root.crt"}
        (ours,) = {path.name for path in folder.iterdir()} - theirs
        self.assertRegex(ours, "^semaphore-[0-9a-f]{8}-root.crt$")
        self.assertEqual(
            (folder / ours).read_bytes(),
            (self.state / "tls" / "root.pem").read_bytes(),
        )
        # the names of a former root are removed with it, and all of ours with --remove
        (folder / ours.replace("-root", "-next-root")).write_text("a former one's")
        self.configure(tls={"enabled": False})
        code, text, _ = self.trust("--remove", stores=stores)
        self.assertEqual((code, text), (0, "This system trusts it no longer\n"))
        self.assertEqual({path.name for path in folder.iterdir()}, theirs)
        self.configure(tls={})
        failing = trust.TrustStore(folder, ("false",))
        code, _, errors = self.trust(stores=(failing,))
        self.assertEqual(code, 1)
        self.assertIn("false: it failed", errors)

    def test_nothing_to_trust(self) -> None:
        """An operator's certificate has no root of ours."""
        self.files(1)
        for words in (("trust",), ("renew", "--new-root", "--yes")):
            code, _, errors = self.run_main(*words)
            self.assertEqual(code, 1)
            self.assertIn("there is no local certificate authority (CA)", errors)

    def test_nothing_yet(self) -> None:
        """Before the first order the local certificate is shown as served."""
        self.use_authority()
        code, text, _ = self.run_main("show")
        self.assertEqual(code, 0)
        self.assertIn("mode: acme, served: local-ca", text)
        self.assertIn("none was ordered yet", text)
        code, text, _ = self.run_main("renew")
        self.assertEqual(code, 0)
        self.assertIn("when it is started", text)
        self.assertTrue(acme.asked(self.connect(), DIRECTORY))

    def test_failing(self) -> None:
        """A failing first order is shown with its start, reason and next attempt."""
        self.use_authority()
        now = utc_now()
        tried = schedule.began(AcmeRecord(), now, lambda: 0.0)
        self.remember(
            schedule.failed(tried, now, "no \x1b[2Jroute", wait=timedelta(hours=2))
        )
        code, text, _ = self.run_main("show")
        self.assertEqual(code, 1)
        self.assertIn("reason: no ?[2Jroute", text)
        self.assertIn(f"failing since: {now:%Y-%m-%d %H:%M}Z", text)
        self.assertIn(f"next try: {now + timedelta(hours=2):%Y-%m-%d %H:%M}Z", text)

    def test_authority(self) -> None:
        """A failing renewal counts from a third of the life on, not before."""
        self.use_authority()
        failing, chain = AcmeRecord(issued=utc_now(), reason="no route"), b""
        for age, code in ((10, 0), (70, 1)):
            begun = utc_now() - timedelta(days=age)
            authority = FakeAuthority(lambda begun=begun: begun)  # type: ignore[misc]
            key = certificates.Issued.load(
                authority.root.certificate_pem, authority.root.key_pem
            )
            chain = authority.issue(key.key.public_key(), (NAME,))
            atomic_file.write(self.state / "tls" / "acme.pem", key.key_pem + chain)
            self.remember(failing)
            found, text, _ = self.run_main("show")
            self.assertEqual(found, code, text)
            self.assertIn("mode: acme\n", text)
            self.assertIn("reason: no route", text)
        self.remember(replace(failing, reason=""))
        found, text, _ = self.run_main("show")
        self.assertEqual(found, 1)
        self.assertIn("no reason is known", text)
        # a CA may advise to wait for longer
        leaf = x509.load_pem_x509_certificate(chain)
        advice = replace(
            AcmeRecord(issued=utc_now() - timedelta(days=70)),
            renew_at=utc_now() + timedelta(days=5),
            renewal_id=renewal_id(leaf),
        )
        self.remember(advice)
        self.assertEqual(self.run_main("show")[0], 0)

    def test_local_trouble(self) -> None:
        """The reason why the local CA's certificate is not renewed is shown."""
        self.use_authority()
        now = utc_now()
        look = CertificateStatus(
            checked=now, sha256="", why="its root ended", failing_since=now
        )
        status.keep(self.state / "tls", look)
        code, text, _ = self.run_main("show")
        self.assertEqual(code, 1)
        self.assertIn("the certificate of the local CA: its root ended", text)
        self.assertIn(f"failing since: {now:%Y-%m-%d %H:%M}Z", text)

    def test_without(self) -> None:
        """Without TLS, or without the mode, nothing is shown."""
        code, _, errors = self.run_main("check")
        self.assertEqual(code, 1)
        self.assertIn('tls.mode: invalid value "auto"', errors)
        self.configure(tls={"enabled": False}, interface="127.0.0.1")
        for command in ("show", "renew", "reload"):
            code, _, errors = self.run_main(command)
            self.assertEqual(code, 1)
            self.assertIn("tls.enabled is false", errors)
