"""Tests of the pages for devices to come."""

import re
from html.parser import HTMLParser

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config
from semaphore_twisted.web.enroll.assets import BELOW, ENROLL_PAGE
from semaphore_twisted.web.enroll.pages import POLICY
from semaphore_twisted.web.http.ca_roots import CaRoot, CaRoots
from semaphore_twisted.web.http.options import WebOptions
from tests.support.enrolling import ROOT
from tests.support.http import api_client
from tests.support.memory import BEGINNING

FINGERPRINT = ":".join(["AB"] * 32)


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        """Read *text*."""
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.found.append((tag, dict(attrs)))


class PageTests(SynchronousTestCase):
    """Answers to a browser."""

    def setUp(self) -> None:
        """Make a site with a CA of its own."""
        self.roots = CaRoots(CaRoot(ROOT.certificate_pem, FINGERPRINT))
        options = WebOptions(
            config=Config(web_host="https://semaphore.example/base"),
            roots=lambda: self.roots,
        )
        self.client = api_client(options=options)

    def test_headers(self) -> None:
        """Pages are not cached, send no referrer, and run no foreign code."""
        for path in ("/enroll", "/ca", "/enroll/enroll.js", "/base/enroll"):
            answer = self.client.get(path)
            self.assertEqual(answer.status, 200, path)
            self.assertEqual(answer.headers["content-security-policy"], [POLICY])
            self.assertEqual(answer.header("cache-control"), "no-store")
            self.assertEqual(answer.header("referrer-policy"), "no-referrer")
            self.assertEqual(answer.header("x-frame-options"), "DENY")
            self.assertIsNone(answer.header("set-cookie"))

    def test_policy(self) -> None:
        """Nothing inline is allowed, and so there is nothing inline."""
        self.assertNotIn("unsafe", POLICY)
        for path in ("/enroll", "/ca"):
            text = self.client.get(path).body.decode()
            for tag, attributes in Elements(text).found:
                self.assertNotEqual(tag, "style")
                self.assertNotIn("style", attributes)
                self.assertFalse([each for each in attributes if each[:2] == "on"])
                if tag == "script":
                    self.assertEqual(attributes["src"], "enroll/enroll.js")
                for name in ("src", "href"):
                    target = attributes.get(name) or ""
                    self.assertFalse(target.startswith(("http", "/", "javascript")))

    def test_files(self) -> None:
        """Each file that a page names is there, with its type."""
        types = {"css": "text/css", "js": "text/javascript", "sh": "text/plain"}
        for name in BELOW:
            answer = self.client.get(f"/enroll/{name}")
            self.assertEqual(answer.body, BELOW[name].content)
            kind = types.get(name.rpartition(".")[2], "text/plain")
            self.assertEqual(answer.header("content-type"), f"{kind}; charset=utf-8")
        text = self.client.get("/enroll").body.decode()
        for name in re.findall(r'(?:src|href)="enroll/([^"]+)"', text):
            self.assertIn(name, BELOW)
        for name in ("enroll.js",):
            script = BELOW[name].content.decode()
            for other in re.findall(r'from "\./([^"]+)"', script):
                self.assertIn(other, BELOW)

    def test_slash(self) -> None:
        """With a slash at its end the page is sent to the address without it."""
        for path in ("/enroll/", "/ca/", "/base/enroll/"):
            answer = self.client.get(path)
            self.assertEqual(answer.status, 308)
            name = path.rstrip("/").rpartition("/")[2]
            self.assertEqual(answer.header("location"), f"../{name}")

    def test_head_and_others(self) -> None:
        """HEAD is GET without a body, and nothing can be posted to a page."""
        answer = self.client.head("/enroll")
        self.assertEqual((answer.status, answer.body), (200, b""))
        answer = self.client.post("/enroll", b"x")
        self.assertEqual(answer.status, 405)
        self.assertEqual(answer.header("allow"), "GET, HEAD")

    def test_authority(self) -> None:
        """The page on trust shows the fingerprint, and where the root is."""
        text = self.client.get("/ca").body.decode()
        self.assertIn(FINGERPRINT, text.replace("<wbr>", ""))
        self.assertIn('href="api/vpn/ca"', text)
        self.assertNotIn("<!--content-->", text)

    def test_public_certificate(self) -> None:
        """Without a CA of our own there is nothing to trust."""
        text = api_client().get("/ca").body.decode()
        self.assertIn("Nothing is to be done", text)
        self.assertNotIn("api/vpn/ca", text)

    def test_escaped(self) -> None:
        """Values in the page are escaped as text."""
        self.roots = CaRoots(CaRoot(b"", "<script>"))
        self.assertNotIn(b"<script>", self.client.get("/ca").body)

    def test_next(self) -> None:
        """The next root is shown beside the one in use, and can be had, while it is."""
        one = "/api/vpn/ca"
        self.assertNotIn(b"next root", self.client.get("/ca").body)
        self.assertEqual(self.client.get(f"{one}?which=next").status, 404)
        coming = CaRoot(b"the next root", "EF:01")
        self.roots = evolve(self.roots, next=coming, takes_over=BEGINNING)
        text = self.client.get("/ca").body.decode().replace("<wbr>", "")
        for words in (FINGERPRINT, "EF:01", f"{BEGINNING:%Y-%m-%d %H:%M} UTC"):
            self.assertIn(words, text)
        self.assertIn('href="api/vpn/ca?which=next"', text)
        self.assertEqual(self.client.get(f"{one}?which=next").body, b"the next root")
        self.assertEqual(self.client.get(one).body, ROOT.certificate_pem)

    def test_labels(self) -> None:
        """Every field has a label, and every picture a text."""
        elements = Elements(ENROLL_PAGE.content.decode()).found
        labelled = {
            found["for"] for tag, found in elements if tag == "label" and "for" in found
        }
        for tag, found in elements:
            if tag == "input" and found.get("type") != "radio":
                self.assertIn(found["id"], labelled)
            self.assertNotEqual(tag, "img")
        ids = [found["id"] for _, found in elements if "id" in found]
        self.assertEqual(len(ids), len(set(ids)))

    def test_no_token(self) -> None:
        """The token is behind the #, so no page is asked with it."""
        script = BELOW["enroll.js"].content.decode()
        self.assertIn("replaceState", script)
        self.assertNotIn("localStorage", script)
        self.assertNotIn("sessionStorage", script)
        self.assertNotIn("innerHTML", script)
        self.assertNotIn("console.", script)
