"""The web page behind NGINX as the documents print it, and below a base path."""

import json
from functools import partial

from semaphore_twisted.web.page.files import BUILT
from tests.integration.test_proxies import ProxyTestCase
from tests.support.browser import Browser
from tests.support.product import ADMIN_PASSWORD
from tests.support.programs import needs
from tests.support.proxies import Proxy
from tests.support.proxy_files import nginx_below, nginx_printed, nginx_shipped

#: The text of the page, without the spaces that depend on the layout.
_TEXT = "document.body.innerText.replace(/\\s+/g, ' ')"


@needs("chromium-headless-shell", "nginx")
class PageTests(ProxyTestCase):
    """A login, a run and its lines, by a browser at the proxy."""

    def setUp(self) -> None:
        """Start the server and a browser."""
        if not (BUILT / "index.html").exists():
            self.skipTest("the page is not built; run python -m tools.page_build")
        super().setUp()
        self.browser = Browser()
        self.addCleanup(self.browser.stop)
        script = "echo first\nsleep 2\necho second\nsleep 2\n"
        self.project_id, repo = self.project({"say.sh": script})
        self.template_id = self.template(self.project_id, repo, "bash", "say.sh")

    def use(self, proxy: Proxy, base: str) -> None:
        """Log in at the page below *base*, and watch a run to its end."""
        page = self.browser
        page.look(width=1280)
        page.open(f"{proxy.origin}{base}/project/{self.project_id}?from=chat")
        page.until("document.querySelector('input[type=password]') !== null")
        page.type("input[autocomplete=username]", "admin")
        page.type("input[type=password]", ADMIN_PASSWORD)
        page.press("button[type=submit]")
        page.until("document.querySelector('[data-state=live]') !== null")
        where = page.run("location.pathname + location.search")
        self.assertEqual(where, f"{base}/project/{self.project_id}?from=chat")
        task = self.product.api(
            "POST",
            f"/project/{self.project_id}/tasks",
            {"template_id": self.template_id},
        )["id"]
        page.until(f"{_TEXT}.includes('Running now')")
        page.until(f"{_TEXT}.includes('second')")
        page.until(f"/Success[^#]*#{json.dumps(task)} /.test({_TEXT})")
        for each in page.requests:
            self.assertTrue(each["url"].startswith(f"{proxy.origin}{base}/"), each)
        self.assertEqual(page.complaints, [])

    def test_shipped(self) -> None:
        """NGINX with our file."""
        self.use(self.proxy(nginx_shipped), "")

    def test_printed(self) -> None:
        """NGINX with the configuration in Semaphore's documentation."""
        self.use(self.proxy(nginx_printed), "")

    def test_stripped(self) -> None:
        """Below a path that the proxy takes off."""
        kind = partial(nginx_below, strips=True)
        self.use(self.proxy(kind, "/semaphore", told=True), "/semaphore")

    def test_kept(self) -> None:
        """Below a path that the proxy leaves as it is."""
        kind = partial(nginx_below, strips=False)
        self.use(self.proxy(kind, "/semaphore", told=True), "/semaphore")
