"""Tests of the paths outside of the API: the built page, and the one without it."""

import gzip
import re
from pathlib import Path

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config.options import Config
from semaphore_twisted.model import limits
from semaphore_twisted.web.http.ca_roots import CaRoot, CaRoots
from semaphore_twisted.web.http.options import WebOptions
from semaphore_twisted.web.page.files import BuiltPage, PageFile, read_page
from tests.support.http import ApiClient, api_client, parse

_SCRIPT = b"/assets/index-Ab1_x.js"
_FONT = b"/assets/inter-Cd2.woff2"
_INDEX = (
    b'<base href="__BASE__"><meta property="csp-nonce" nonce="__NONCE__">'
    b'<script nonce="__NONCE__" src="./assets/index-Ab1_x.js"></script>'
)
_CODE = b"let a = 1;" * 50


def _page(script: bytes = _CODE) -> BuiltPage:
    packed = {b"br": b"packed by brotli", b"gzip": gzip.compress(script)}
    javascript = b"text/javascript; charset=utf-8"
    return BuiltPage(
        _INDEX,
        {
            _SCRIPT: PageFile(javascript, script, packed),
            _FONT: PageFile(b"font/woff2", b"a font"),
        },
    )


class IndexTests(SynchronousTestCase):
    """``index.html``, for each path of the page."""

    def setUp(self) -> None:
        """Serve a page."""
        self.client = api_client(page=_page())

    def test_paths(self) -> None:
        """A path without a dot and without an escape is the page, before a login."""
        for path in ("/", "/login", "/project/1/tasks/2?line=7", "/ws", "/apis"):
            answer = self.client.get(path)
            self.assertEqual(answer.status, 200, path)
            self.assertEqual(answer.header("content-type"), "text/html; charset=utf-8")
            self.assertEqual(answer.header("cache-control"), "no-store")
            self.assertIn(b"<script", answer.body)

    def test_other_paths(self) -> None:
        """A path with a dot or an escape that names no file is not found."""
        for path in (
            "/favicon.ico",
            "/assets/index-Ab1_x.css",
            "/assets/index-Ab1_x.js.br",
            "/index.html",
            "/../etc/passwd",
            "/assets/../assets/index-Ab1_x.js",
            "/%2e%2e/etc/passwd",
            "/assets/index-Ab1_x%2ejs",
            "/project/1%00",
        ):
            self.assertEqual(self.client.get(path).status, 404, path)

    def test_nonce(self) -> None:
        """Each answer has a nonce of its own, in the policy and in the page."""
        seen = set()
        for _ in range(3):
            answer = self.client.get("/")
            policy = answer.header("content-security-policy") or ""
            found = re.findall(r"'nonce-([\w-]+)'", policy)
            self.assertEqual(len(found), 1, policy)
            self.assertGreaterEqual(len(found[0]), 22)
            self.assertEqual(
                re.findall(r'nonce="([\w-]+)"', answer.body.decode()), found * 2
            )
            seen.update(found)
        self.assertEqual(len(seen), 3)

    def test_policy(self) -> None:
        """Only files of this site are used, and no inline script runs."""
        policy = self.client.get("/").header("content-security-policy") or ""
        rules = dict(each.strip().split(" ", 1) for each in policy.split(";"))
        self.assertEqual(rules["default-src"], "'none'")
        self.assertEqual(rules["script-src"], "'self'")
        self.assertEqual(rules["connect-src"], "'self'")
        self.assertEqual(rules["frame-ancestors"], "'none'")
        self.assertNotIn("unsafe", policy)
        self.assertNotRegex(policy, r"https?:|\*")

    def test_methods(self) -> None:
        """HEAD has no body, other methods are refused."""
        answer = self.client.head("/")
        self.assertEqual((answer.status, answer.body), (200, b""))
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            answer = self.client.request(method, "/")
            self.assertEqual(answer.status, 405, method)
            self.assertEqual(answer.header("allow"), "GET, HEAD")

    def test_host(self) -> None:
        """Nothing of a request gets into the page."""
        client = api_client(page=_page(), host='x"><img src=x>')
        self.assertNotIn(b"<img", client.get("/<img>?q=<img>").body)


class BaseTests(SynchronousTestCase):
    """The page below the path of ``web_host``."""

    def client(self, host: str, peer: str = "192.0.2.7") -> ApiClient:
        """Return a client of a site below /semaphore."""
        options = WebOptions(config=Config(web_host='https://h.example/sema"phore'))
        return api_client(
            page=_page(),
            options=options,
            host=host,
            peer=peer,
            secure=peer != "127.0.0.1",
        )

    def base(self, client: ApiClient, path: str, **headers: str) -> str:
        """Return the base that the page at *path* names."""
        text = client.get(path, headers=headers).body.decode()
        found = re.findall('<base href="([^"]*)">', text)
        self.assertEqual(len(found), 1)
        return str(found[0])

    def test_behind_a_proxy(self) -> None:
        """A proxy may strip the path or not; a quote in it cannot leave its place."""
        client = self.client("127.0.0.1:3000", peer="127.0.0.1")
        for path in ("/", '/sema"phore/', '/sema"phore/project/1'):
            base = self.base(client, path, **{"X-Forwarded-For": "192.0.2.9"})
            self.assertEqual(base, "/sema&quot;phore/")

    def test_past_the_proxy(self) -> None:
        """Reached by its address, the site has no base path."""
        self.assertEqual(self.base(self.client("192.0.2.1:3000"), "/"), "/")

    def test_files(self) -> None:
        """The files are there with the base path and without it."""
        client = self.client("h.example")
        for path in (_SCRIPT.decode(), '/sema"phore' + _SCRIPT.decode()):
            self.assertEqual(client.get(path).body, _CODE)


class FileTests(SynchronousTestCase):
    """The files that ``index.html`` names."""

    def setUp(self) -> None:
        """Serve a page."""
        self.client = api_client(page=_page())

    def test_cached(self) -> None:
        """Browsers keep a file for a year, since its name has a hash."""
        answer = self.client.get(_SCRIPT.decode())
        self.assertEqual(
            answer.header("cache-control"), "public, max-age=31536000, immutable"
        )
        self.assertEqual(answer.header("x-content-type-options"), "nosniff")

    def test_coding(self) -> None:
        """The best coding that the client accepts is chosen."""
        for accepted, coding in (
            ("gzip, deflate, br, zstd", "br"),
            ("gzip;q=1.0, br;q=0", "gzip"),
            ("gzip;q=0.000", None),
            ("BR", "br"),
            ("deflate", None),
            ("", None),
        ):
            answer = self.client.get(
                _SCRIPT.decode(), headers={"Accept-Encoding": accepted}
            )
            self.assertEqual(answer.header("content-encoding"), coding, accepted)
            self.assertEqual(answer.header("vary"), "accept-encoding")
            self.assertEqual(answer.header("content-length"), str(len(answer.body)))
        plain = self.client.get(_SCRIPT.decode())
        self.assertEqual(plain.body, _CODE)

    def test_uncompressed(self) -> None:
        """A font, which is compressed already, has one form."""
        answer = self.client.get(_FONT.decode(), headers={"Accept-Encoding": "br"})
        self.assertEqual(answer.body, b"a font")
        self.assertEqual(answer.header("content-type"), "font/woff2")
        self.assertIsNone(answer.header("vary"))

    def test_slow_client(self) -> None:
        """A client that does not read holds one slice, and gets the rest later."""
        content = b"x" * (5 * limits.BATCH)
        client = api_client(page=_page(content))
        transport: StringTransport = client.open("GET", _SCRIPT.decode(), paused=True)
        self.assertLessEqual(len(transport.value()), limits.BATCH + 2_000)
        producer = transport.producer
        assert producer is not None
        producer.resumeProducing()
        self.assertEqual(parse(transport.value()).body, content)

    def test_lost_client(self) -> None:
        """A client that goes away in the middle leaves nothing behind."""
        client = api_client(page=_page(b"x" * (5 * limits.BATCH)))
        transport = client.open("GET", _SCRIPT.decode(), paused=True)
        client.hang_up(transport)
        self.assertEqual(self.flushLoggedErrors(), [])


class ReadTests(SynchronousTestCase):
    """Files are read from the directory of the build."""

    def setUp(self) -> None:
        """Make a directory."""
        self.folder = Path(self.mktemp())
        (self.folder / "assets").mkdir(parents=True)

    def test_nothing(self) -> None:
        """Without ``index.html`` there is no page."""
        self.assertIsNone(read_page(self.folder))

    def test_read(self) -> None:
        """Compressed copies belong to their file, and unknown files are not served."""
        (self.folder / "index.html").write_bytes(_INDEX)
        (self.folder / "sources").write_text("a hash")
        for name in ("a-1.js", "a-1.js.br", "a-1.js.gz", "b-2.woff2", "c-3.map"):
            (self.folder / "assets" / name).write_bytes(name.encode())
        page = read_page(self.folder)
        assert page is not None
        self.assertEqual(page.index, _INDEX)
        self.assertEqual(set(page.files), {b"/assets/a-1.js", b"/assets/b-2.woff2"})
        self.assertEqual(
            list(page.files[b"/assets/a-1.js"].compressed.items()),
            [(b"br", b"a-1.js.br"), (b"gzip", b"a-1.js.gz")],
        )

    def test_gone(self) -> None:
        """A file that was asked for is kept; another one that is gone is absent."""
        (self.folder / "index.html").write_bytes(_INDEX)
        paths = [self.folder / "assets" / name for name in ("a-1.js", "b-2.js")]
        for path in paths:
            path.write_bytes(b"code")
        page = read_page(self.folder)
        assert page is not None
        before = page.files[b"/assets/a-1.js"]
        for path in paths:
            path.unlink()
        self.assertIs(page.files.get(b"/assets/a-1.js"), before)
        self.assertIsNone(page.files.get(b"/assets/b-2.js"))


class UnbuiltTests(SynchronousTestCase):
    """The page where the real one is not built."""

    def setUp(self) -> None:
        """Make a client."""
        self.client = api_client(
            options=WebOptions(roots=lambda: CaRoots(CaRoot(b"", "AB:CD")))
        )

    def test_content(self) -> None:
        """It says how the page is built, and shows a first curl and the fingerprint."""
        text = self.client.get("/project/1").body.decode().replace("<wbr>", "")
        self.assertIn("not built", text)
        self.assertIn("npm ci", text)
        self.assertIn("AB:CD", text)
        self.assertIn("https://semaphore.example/api/user", text)
        self.assertIn('href="api/openapi.json"', text)

    def test_no_script(self) -> None:
        """No script runs on the page, for any request, and it asks no other host."""
        client = api_client(host='x"><script>alert(1)</script>')
        answer = client.get("/<img>?q=<script>")
        text = answer.body.decode()
        for part in ("<script", "<img", "src=", "@import", "url(", "<link"):
            self.assertNotIn(part, text)
        policy = answer.header("content-security-policy") or ""
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("script-src", policy)

    def test_base(self) -> None:
        """Behind the proxy, every link of the page begins with the base path."""
        options = WebOptions(config=Config(web_host="https://h.example/semaphore"))
        client = api_client(
            options=options, peer="127.0.0.1", secure=False, host="127.0.0.1:3000"
        )
        for path in ("/", "/semaphore/"):
            answer = client.get(path, headers={"X-Forwarded-For": "192.0.2.9"})
            text = answer.body.decode()
            self.assertIn('<base href="/semaphore/">', text)
            self.assertIn("https://h.example/semaphore/api/user", text)
            self.assertNotIn('href="/api', text)
