"""The page in a browser outside, and the resulting tunnel."""

from tests.support import browser, lab_site
from tests.support.browser import Browser
from tests.support.lab import LabTestCase
from tests.support.lab_site import ENROLL_PORT, INSIDE, Site
from tests.support.programs import needs


@needs("chromium-headless-shell")
class PageTests(LabTestCase):
    """A device enrolls itself by its browser, and is inside."""

    def test_tunnel(self) -> None:
        """The page's saved file and its QR code both bring up a real tunnel."""
        self.lab.outside_names()
        site = Site(self.lab, SEMAPHORE_VPN_ONLY="true")
        site.set_up()
        site.start()
        client = self.lab.client1
        link = site.invite("--user", "admin")
        self.assertTrue(link.startswith(f"https://vpn.example:{ENROLL_PORT}/enroll#"))
        page = Browser(client, "MAP vpn.example 192.0.2.1")
        self.addCleanup(page.stop)
        page.open(link)
        page.until("!document.getElementById('ask').hidden")
        page.type("#name", "by browser")
        page.press("#enroll")
        page.until("!document.getElementById('done').hidden")
        page.press("#save")
        path = page.downloads / "semaphore.conf"
        page.wait(lambda: path.exists() and path.stat().st_size > 0, "a download")
        text = path.read_text()
        picture = page.downloads / "code.png"
        picture.write_bytes(page.picture("#code svg"))
        self.assertEqual(browser.scan(picture), text.encode())
        # the peer was on the device before the page said so: nothing is waited for
        public = client.run(
            "wg", "pubkey", text=text.split("PrivateKey = ")[1].split("\n")[0]
        )
        self.assertIn(public.strip(), site.peers())
        saved = client.folder / "etc" / "wireguard" / "semaphore.conf"
        lines = [each for each in text.splitlines() if not each.startswith("DNS")]
        saved.write_text("\n".join(lines) + "\n")  # there is no resolvconf here
        saved.chmod(0o600)
        client.run("wg-quick", "up", "semaphore")
        found = client.curl(
            f"https://{INSIDE}/api/ping",
            *("--cacert", lab_site.trust(site, client)),
        )
        self.assertEqual(found.content, "pong", found.error)
        for service in (site.server, site.companion):
            self.assertNotIn(link.partition("#")[2][:54], service.log)
