"""The page that enrolls a device, in Debian's Chromium, over TLS."""

import base64
import json
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import key_pairs, keys, profile
from tests.support import browser, phone_rules
from tests.support.browser import Browser
from tests.support.enroll_process import EnrollServer
from tests.support.programs import needs

_SHOWN = "[...document.querySelectorAll('[data-part]')].find(p => !p.hidden)?.id"


@needs("chromium-headless-shell")
class PageTests(SynchronousTestCase):
    """A device enrolls itself with its own browser."""

    def setUp(self) -> None:
        """Start the server and the browser."""
        self.server = EnrollServer()
        self.addCleanup(self.server.stop)
        self.browser = Browser()
        self.addCleanup(self.browser.stop)

    def shown(self, part: str) -> None:
        """Wait until *part* of the page is what is seen."""
        self.browser.until(f"({_SHOWN}) === {json.dumps(part)}")

    def trouble(self) -> str:
        """Wait for a sentence of complaint, and return it."""
        page = self.browser
        page.until("!document.getElementById('trouble').hidden")
        text: str = page.run("document.getElementById('trouble').textContent")
        return text

    def enroll(self, token: str, name: str = "Ada's phone") -> None:
        """Do what a person does, up to the button."""
        self.browser.open(self.server.link(token))
        self.shown("ask")
        self.browser.type("#name", name)
        self.browser.press("#enroll")

    def saved(self) -> str:
        """Save the file, and return its text."""
        page = self.browser
        page.press("#save")
        path = page.downloads / "semaphore.conf"
        page.wait(lambda: path.exists() and path.stat().st_size > 0, "a download")
        return path.read_text()

    def scanned(self) -> bytes:
        """Return what a camera reads from the picture on the screen."""
        picture = Path(self.mktemp()).absolute()
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(self.browser.picture("#code svg"))
        return browser.scan(picture)

    def sent(self) -> list[dict[str, Any]]:
        """Return the bodies that the page has posted."""
        return [
            json.loads(each["postData"])
            for each in self.browser.requests
            if each["method"] == "POST"
        ]

    def test_enroll(self) -> None:
        """File and QR code are one text: the server's, with the key in place."""
        page = self.browser
        token = self.server.tokens[0]
        self.enroll(token)
        self.shown("done")
        text, code = self.saved(), self.scanned()
        self.assertEqual(code.decode(), text)
        (sent,) = self.sent()
        private = key_pairs.parse_key(text.split("PrivateKey = ")[1].split("\n")[0])
        self.assertEqual((private[0] & 7, private[31] & 192), (0, 64))
        self.assertEqual(keys.format(keys.public_of(private)), sent["public_key"])
        again = self.server.post(sent)
        self.assertEqual(profile.complete(again["config"], private), text)
        self.assertEqual((sent["name"], sent["kind"]), ("Ada's phone", "laptop"))
        for read in (phone_rules.ios, phone_rules.android):
            names = [name for name, _ in read(text)]
            self.assertEqual(names, ["[interface]", "[peer]"])
        self.assertRegex("semaphore", phone_rules.TUNNEL_NAME)
        # the device's name is text, wherever it is shown
        shown = page.run("document.getElementById('device').textContent")
        self.assertEqual(shown, "Ada's phone")
        self.assertEqual(page.complaints, [])

    def test_token_stays_here(self) -> None:
        """The token is in no URL, neither the page's nor a requested one."""
        page = self.browser
        token = self.server.tokens[0]
        page.open(self.server.link(token))
        self.shown("ask")
        self.assertEqual(page.run("location.href"), f"{self.server.base}/enroll")
        page.type("#name", "a")
        page.press("#enroll")
        self.shown("done")
        self.assertTrue(page.requests)
        private = self.saved().split("PrivateKey = ")[1].split("\n")[0]
        for each in page.requests:
            if each["url"].startswith("blob:"):
                continue
            self.assertTrue(each["url"].startswith(self.server.base), each["url"])
            self.assertNotIn(token, each["url"])
            self.assertNotIn(token, json.dumps(each["headers"]))
            self.assertNotIn("Cookie", each["headers"])
            self.assertNotIn(private, each.get("postData", ""))
        page.until("document.getElementById('unsaved').hidden")
        self.assertEqual(page.run("history.length"), 2)

    def test_used(self) -> None:
        """For a used link the page says so, and gives the remedy."""
        token = self.server.tokens[1]
        self.enroll(token)
        self.shown("done")
        self.saved()
        self.enroll(token)
        self.assertIn("Ask whoever sent it", self.trouble())
        self.assertEqual(self.browser.run(_SHOWN), "ask")

    def test_refused_name(self) -> None:
        """A name that cannot be is refused in the server's words; then it works."""
        page = self.browser
        self.enroll(self.server.tokens[2], name="-rf")
        self.assertIn("name", self.trouble())
        page.run("document.getElementById('name').value = ''")
        page.type("#name", "good")
        page.press("#enroll")
        self.shown("done")
        first, second = self.sent()
        self.assertEqual(first["public_key"], second["public_key"])

    def test_lost_answer(self) -> None:
        """After a lost answer the page repeats the request with the same key."""
        page = self.browser
        page.open(self.server.link(self.server.tokens[3]))
        self.shown("ask")
        page.run(
            "window.realFetch = fetch; window.fetch = async (...words) => {"
            " await realFetch(...words); window.fetch = realFetch;"
            " throw new TypeError('gone'); }; 0"
        )
        page.type("#name", "unlucky")
        page.press("#enroll")
        self.assertIn("try again", self.trouble())
        page.press("#enroll")
        self.shown("done")
        first, second = self.sent()
        self.assertEqual(first, second)

    def test_no_key(self) -> None:
        """A browser that cannot generate the key sends nothing; the page says so."""
        page = self.browser
        page.open(self.server.link(self.server.tokens[4]))
        self.shown("ask")
        page.run(
            "SubtleCrypto.prototype.generateKey = async () => {"
            " throw new DOMException('no', 'NotSupportedError'); }; 0"
        )
        page.type("#name", "old")
        page.press("#enroll")
        self.assertIn("the command does it too", self.trouble())
        self.assertEqual(self.sent(), [])

    def test_no_link(self) -> None:
        """Without a link the page asks for one; an incomplete one has its own error."""
        page = self.browser
        page.open(f"{self.server.base}/enroll")
        self.shown("link")
        page.type("#pasted", "https://example.net/")
        page.press("#paste button")
        self.assertIn("not the link", self.trouble())
        page.type("#pasted", self.server.link(self.server.tokens[5]))
        page.press("#paste button")
        self.shown("ask")
        page.run("location.hash = '#smp-enroll-cut'")
        self.assertIn("cut off", self.trouble())
        self.assertEqual(page.run("location.hash"), "")

    def test_unsaved(self) -> None:
        """Leaving the page before the file is saved gives a warning, after it none."""
        page = self.browser
        self.enroll(self.server.tokens[6])
        self.shown("done")
        page.open("about:blank")
        self.assertEqual(page.dialogs, ["beforeunload"])
        self.enroll(self.server.tokens[7], name="another")
        self.shown("done")
        page.press("#scanned")
        page.open("about:blank")
        self.assertEqual(page.dialogs, ["beforeunload"])

    def test_long_file(self) -> None:
        """A file too long for a QR code can be saved, and the page says so."""
        page = self.browser
        page.open(self.server.link(self.server.tokens[0]))
        self.shown("ask")
        page.run(
            "window.realFetch = fetch; window.fetch = async (...words) => {"
            " const value = await (await realFetch(...words)).json();"
            " const more = Array.from({length: 250}, (_, n) => `10.${n}.0.0/16`);"
            " value.config = value.config.replace('AllowedIPs = ',"
            " `AllowedIPs = ${more.join(', ')}, `);"
            " return new Response(JSON.stringify(value), {status: 201}); }; 0"
        )
        page.type("#name", "many networks")
        page.press("#enroll")
        self.shown("done")
        said = page.run("document.getElementById('code').textContent")
        self.assertIn("too long for a QR code", said)
        self.assertIn("10.249.0.0/16", self.saved())

    def test_approval(self) -> None:
        """A pending approval is shown."""
        self.enroll(self.server.tokens[8])
        self.shown("done")
        self.assertIs(
            self.browser.run("document.getElementById('pending').hidden"), False
        )

    def test_policy(self) -> None:
        """The browser keeps to the policy: nothing inline or foreign runs."""
        page = self.browser
        page.open(f"{self.server.base}/enroll")
        self.shown("link")
        page.run(
            "(() => { const s = document.createElement('script');"
            " s.textContent = 'window.injected = 1'; document.body.append(s);"
            " const f = document.createElement('script');"
            " f.src = 'https://localhost:1/x.js'; document.body.append(f); })()"
        )
        self.assertIsNone(page.run("window.injected"))
        page.wait(
            lambda: sum("Content Security Policy" in e for e in page.complaints) > 1,
            "two complaints",
        )

    def test_narrow(self) -> None:
        """Nothing is wider than a small phone, in light or dark."""
        page = self.browser
        for dark in (False, True):
            page.look(width=320, dark=dark)
            page.open(f"{self.server.base}/ca")
            wide = "document.documentElement.scrollWidth > innerWidth"
            self.assertIs(page.run(wide), False)
        self.enroll(self.server.tokens[0], name="W" * 60)
        self.shown("done")
        self.assertIs(page.run("document.documentElement.scrollWidth > 320"), False)
        self.assertTrue(self.scanned())


@needs("chromium-headless-shell")
class EncoderTests(SynchronousTestCase):
    """The page's own QR encoder, checked with an independent reader."""

    def setUp(self) -> None:
        """Start a browser on a page that may import the encoder."""
        self.server = EnrollServer()
        self.addCleanup(self.server.stop)
        self.browser = Browser()
        self.addCleanup(self.browser.stop)
        self.browser.open(f"{self.server.base}/enroll")
        self.browser.run(
            "import('./enroll/qr.js').then(found => { window.qr = found; })"
        )

    def drawn(self, content: bytes) -> dict[str, Any]:
        """Draw *content*, and return what is known of the code."""
        text = base64.b64encode(content).decode()
        found: dict[str, Any] = self.browser.run(
            "(() => { const bytes = Uint8Array.from(atob('" + text + "'),"
            " c => c.charCodeAt(0)); const code = qr.encode(bytes);"
            " const svg = qr.draw(code, 'a label'); const size = (code.size + 8) * 4;"
            " svg.setAttribute('width', size); svg.setAttribute('height', size);"
            " document.body.replaceChildren(svg);"
            " return {version: code.version, level: code.level, size: code.size}; })()"
        )
        return found

    def test_read(self) -> None:
        """Codes from small to large are read as the bytes that went in."""
        picture = Path(self.mktemp()).absolute()
        picture.parent.mkdir(parents=True, exist_ok=True)
        versions = set()
        for length in (1, 14, 17, 40, 120, 200, 320, 400, 650, 900, 1400, 2000, 2900):
            content = bytes(97 + place % 26 for place in range(length))
            known = self.drawn(content)
            versions.add(known["version"])
            picture.write_bytes(self.browser.picture("svg"))
            self.assertEqual(browser.scan(picture), content, known)
        self.assertLessEqual({1, 40}, versions)

    def test_other_letters(self) -> None:
        """Bytes are encoded unchanged, in any character set."""
        picture = Path(self.mktemp()).absolute()
        picture.parent.mkdir(parents=True, exist_ok=True)
        for content in ("Grüße, 世界".encode(), b"a\nb\n", b"0123456789", b"ABC:/."):
            self.drawn(content)
            picture.write_bytes(self.browser.picture("svg"))
            self.assertEqual(browser.scan(picture), content)

    def test_level(self) -> None:
        """The smallest code, and the better level where it costs nothing."""
        for length, version, level in (
            (14, 1, "M"),
            (15, 1, "L"),
            (17, 1, "L"),
            (18, 2, "M"),
            (2331, 36, "L"),
            (2953, 40, "L"),
        ):
            known = self.drawn(b"x" * length)
            self.assertEqual((known["version"], known["level"]), (version, level))

    def test_too_long(self) -> None:
        """A text that does not fit is refused with an error of its own."""
        with self.assertRaises(browser.Failed) as caught:
            self.drawn(b"x" * 2954)
        self.assertIn("do not fit", str(caught.exception))
