"""A site inside the tunnel with a public certificate: what port 80 is for outside."""

import json

from tests.support.lab import LabTestCase, until
from tests.support.lab_machine import SERVER
from tests.support.lab_site import ENROLL_PORT, Site
from tests.support.pebble import Pebble

OUTSIDE = "http://vpn.example"


class PortTests(LabTestCase):
    """An authority, and somebody to come, both outside."""

    def redirect(self, path: str) -> str:
        """Return where somebody outside is sent to from port 80."""
        return self.lab.client1.run(
            *("curl", "--silent", "--max-time", "10", "--output", "/dev/null"),
            *("--write-out", "%{http_code} %{redirect_url}", f"{OUTSIDE}{path}"),
        )

    def test_challenge_and_way(self) -> None:
        """The challenge is answered, people are sent to the small listener only."""
        self.lab.outside_names()
        outsider = self.lab.outsider
        authority = Pebble(
            self.lab.folder,
            http_port=80,
            tls_port=443,
            inside=("ip", "netns", "exec", outsider.namespace),
            address="192.0.2.66",
            server="192.0.2.1",
        )
        self.addCleanup(authority.stop)
        authority.start()
        authority.bundle.chmod(0o644)
        site = Site(
            self.lab,
            SEMAPHORE_VPN_ONLY="true",
            SEMAPHORE_TLS_MODE="acme",
            SEMAPHORE_ACME_AGREE_TOS="true",
            SEMAPHORE_ACME_DIRECTORY=authority.directory,
            SEMAPHORE_ACME_CA_BUNDLE=str(authority.bundle),
        )
        site.set_up()
        site.start()

        def served() -> bool:
            said = site.semaphore(
                *("tls", "show", "--json", "--state", str(site.state)), account=SERVER
            )
            return bool(json.loads(said)["served"] == "acme")

        until(served, f"a certificate is issued: {authority.log}", 60)
        small = f"https://vpn.example:{ENROLL_PORT}"
        self.assertEqual(self.redirect("/enroll"), f"308 {small}/enroll")
        self.assertEqual(self.redirect("/"), f"308 {small}/")
        self.assertEqual(self.redirect("/.well-known/acme-challenge/x"), "404 ")
        # the site itself is nowhere outside
        self.assertEqual(self.lab.client1.curl("https://vpn.example/").status, 0)
