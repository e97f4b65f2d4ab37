"""A site inside the tunnel with a public certificate: the use of port 80 outside."""

import json

from semaphore_twisted.cli.vpn.invite_link import InviteLink
from tests.support import lab_site
from tests.support.lab import LabTestCase, until
from tests.support.lab_machine import SERVER, Machine
from tests.support.lab_site import ENROLL_PORT, Site
from tests.support.pebble import Pebble
from tests.support.programs import program

OUTSIDE = "http://vpn.example"


class PortTests(LabTestCase):
    """An authority and a device that enrolls, both outside."""

    def redirect(self, path: str) -> str:
        """Return the target to which port 80 redirects a client outside."""
        return self.lab.client1.run(
            *(program("curl"), "--silent", "--max-time", "10", "--output", "/dev/null"),
            *("--write-out", "%{http_code} %{redirect_url}", f"{OUTSIDE}{path}"),
        )

    def started(self, **environ: str) -> tuple[Site, Pebble]:
        """Start authority and site, and wait until the site has its certificate."""
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
            SEMAPHORE_TLS_MODE="acme",
            SEMAPHORE_ACME_AGREE_TOS="true",
            SEMAPHORE_ACME_DIRECTORY=authority.directory,
            SEMAPHORE_ACME_CA_BUNDLE=str(authority.bundle),
            **environ,
        )
        site.set_up()
        site.start()

        def served() -> bool:
            said = site.semaphore(
                *("tls", "show", "--json", "--state", str(site.state)), account=SERVER
            )
            return bool(json.loads(said)["served"] == "acme")

        until(served, f"a certificate is issued: {authority.log}", 60)
        return site, authority

    def test_challenge_and_way(self) -> None:
        """The challenge is answered, people are sent to the small listener only."""
        site, _ = self.started(SEMAPHORE_VPN_ONLY="true")
        small = f"https://vpn.example:{ENROLL_PORT}"
        self.assertEqual(self.redirect("/enroll"), f"308 {small}/enroll")
        self.assertEqual(self.redirect("/"), f"308 {small}/")
        self.assertEqual(self.redirect("/.well-known/acme-challenge/x"), "404 ")
        # the site itself is nowhere outside
        self.assertEqual(self.lab.client1.curl("https://vpn.example/").status, 0)
        # the small listener presents the local CA's certificate
        for client, link in self.links(site, small):
            self.assertNotEqual(link.fingerprint, "")
            lab_site.join(site, client, str(link), "--name", client.name, "--no-up")

    def test_public_certificate(self) -> None:
        """A link to the public certificate names no root, and devices can join."""
        site, authority = self.started(SEMAPHORE_VPN_ENROLL_PORT="0")
        site.address = "https://localhost"  # a name that only the local root is for
        bundle = self.lab.folder / "public-root.pem"
        address = f"https://127.0.0.1:{authority.management}/roots/0"
        bundle.write_text(self.lab.outsider.run("curl", "--silent", "-k", address))
        bundle.chmod(0o644)
        for client, link in self.links(site, "https://vpn.example"):
            self.assertEqual(link.fingerprint, "")
            said = client.run(
                *(str(lab_site.PROGRAMS / "semaphore"), "vpn", "join", "-", "--no-up"),
                *("--name", client.name),
                text=f"{link}\n",
                environ={"SSL_CERT_FILE": str(bundle)},
            )
            self.assertIn("Joined as", said)

    def links(self, site: Site, base: str) -> list[tuple[Machine, InviteLink]]:
        """Make a link on the command line and one by the API, for a machine each."""
        made = (site.invite(), site.api("POST", "/vpn/invites", {})["link"])
        found = [InviteLink.parse(each) for each in made]
        self.assertEqual({each.base for each in found}, {base})
        return [*zip((self.lab.client1, self.lab.client2), found, strict=True)]
