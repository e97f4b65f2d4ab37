"""The options of certificates from a public authority."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config import acme_options
from semaphore_twisted.config.options import Config
from semaphore_twisted.config.values import WrongOption
from tests.test_config import parsed

#: What is needed at least.
LEAST = {
    "SEMAPHORE_TLS_MODE": "acme",
    "SEMAPHORE_WEB_ROOT": "https://CI.example.org:3000/base",
    "SEMAPHORE_ACME_AGREE_TOS": "true",
}


def configured(**more: str) -> Config:
    """Return the configuration of :data:`LEAST` and *more* variables."""
    extra = {f"SEMAPHORE_{name}": value for name, value in more.items()}
    return parsed(environ={**LEAST, **extra}).config


class AcmeOptionTests(SynchronousTestCase):
    """Accepted and refused values of each option."""

    def refused(self, **more: str) -> str:
        """Return the sentence that *more* is refused with."""
        return str(self.assertRaises(WrongOption, configured, **more))

    def test_least(self) -> None:
        """The host of web_host is the name, and Let's Encrypt the CA."""
        config = configured()
        self.assertEqual(config.acme_names, ("ci.example.org",))
        self.assertEqual(config.tls.origin, "acme")
        self.assertIn("api.letsencrypt.org", config.acme.directory)
        self.assertEqual(
            (config.acme.challenge, config.acme.http_port), ("http-01", 80)
        )

    def test_modes(self) -> None:
        """By itself the mode is that of the files, where there are some."""
        self.assertEqual(parsed({}).config.tls.origin, "local-ca")
        files = {"tls": {"cert_file": "/c", "key_file": "/k"}}
        self.assertEqual(parsed(files).config.tls.origin, "files")
        self.assertIn("tls.mode: ", self.refused(TLS_MODE="proxy2"))
        self.assertIn("tls.cert_file", self.refused(TLS_MODE="files"))
        both = {"TLS_CERT_FILE": "/c", "TLS_KEY_FILE": "/k"}
        self.assertIn("files or auto", self.refused(**both))
        self.assertIn("files or auto", self.refused(**both, TLS_MODE="local-ca"))

    def test_terms(self) -> None:
        """Only the operator agrees to a CA's terms."""
        self.assertIn(
            "acme.agree_tos: invalid value false", self.refused(ACME_AGREE_TOS="false")
        )

    def test_names(self) -> None:
        """Names are public host names, without doubles."""
        taken = configured(ACME_NAMES="b.example.org, A.example.org., b.example.org")
        self.assertEqual(taken.acme_names, ("b.example.org", "a.example.org"))
        idn = configured(ACME_NAMES="bücher.example.org")
        self.assertEqual(idn.acme_names, ("xn--bcher-kva.example.org",))
        for each in (
            "*.example.org",
            "localhost",
            "box.internal",
            "203.0.113.5",
            "2001:db8::1",
            "a b.example.org",
            "",
        ):
            sentence = self.refused(ACME_NAMES=each, WEB_ROOT="https://10.0.0.1")
            self.assertTrue(sentence.startswith("acme.names: "), sentence)

    def test_others(self) -> None:
        """Each other option names what it wants."""
        for option, value in (
            ("directory", "http://plain.example.org/directory"),
            ("directory", "https://user@example.org/"),
            ("challenge", "dns-01"),
            ("http_port", "0"),
            ("http_port", "65536"),
            ("email", "ops example.org"),
            ("email", "a@example.org?bcc=b@example.org"),
            ("eab_kid", "one"),
        ):
            sentence = self.refused(**{f"ACME_{option.upper()}": value})
            self.assertTrue(sentence.startswith(f"acme.{option}: "), sentence)

    def test_alpn_needs_the_port(self) -> None:
        """The TLS-ALPN challenge is refused if the CA cannot reach the port."""
        alpn = {"ACME_CHALLENGE": "tls-alpn-01"}
        self.assertEqual(configured(**alpn).acme.challenge, "tls-alpn-01")
        self.assertIn("acme.challenge", self.refused(**alpn, INTERFACE="unix:/run/s"))
        self.assertIn("acme.challenge", self.refused(**alpn, VPN_ONLY="true"))

    def test_binding_is_secret(self) -> None:
        """The key of an external binding is never shown."""
        config = configured(ACME_EAB_KID="kid", ACME_EAB_KEY="c2VjcmV0LXNlY3JldA")
        self.assertEqual(
            acme_options.binding_key(config.acme.eab_key), b"secret-secret"
        )
        self.assertNotIn("c2Vj", repr(config) + repr(config.acme))
        sentence = self.refused(ACME_EAB_KID="kid", ACME_EAB_KEY="no+base64url!")
        self.assertIn("acme.eab_key: ", sentence)
        self.assertNotIn("no+base64", sentence)
        self.assertNotIn("c2Vj", self.refused(ACME_EAB_KEY="c2VjcmV0LXNlY3JldA"))

    def test_unused(self) -> None:
        """Without the mode nothing is asked for."""
        self.assertEqual(configured(TLS_MODE="auto").tls.origin, "local-ca")
