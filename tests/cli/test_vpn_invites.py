"""``semaphore vpn invite``, ``invites``, ``uninvite``, and grants."""

import hashlib
import json
import socket

from semaphore_twisted.cli.vpn.invite_link import InviteLink
from semaphore_twisted.config import parsing as configuration
from semaphore_twisted.crypto import certificates
from semaphore_twisted.start.operator_files import content_of
from semaphore_twisted.start.running import RunningReport
from semaphore_twisted.start.state import Lock
from tests.support.enrolling import ROOT, der
from tests.support.memory import BEGINNING, Entropy
from tests.support.vpn_command import VpnCase


class InviteTests(VpnCase):
    """Links, as they are typed for."""

    def setUp(self) -> None:
        """Set the VPN up."""
        super().setUp()
        self.set_up()
        self.site.configure(web_host="https://site.example.net:3000")

    def test_invite(self) -> None:
        """The link and a command for each kind of machine are printed once."""
        out = self.done("invite", "--user", "alice")
        (line,) = [each for each in out.split("\n") if each.startswith("https://")]
        link = InviteLink.parse(line)
        self.assertEqual(link.base, "https://site.example.net:3000")
        self.assertEqual(link.fingerprint, hashlib.sha256(der()).hexdigest())
        self.assertIn(f"semaphore vpn join '{link}'", out)
        self.assertIn("PowerShell", out)
        self.assertNotIn(link.token, self.events())
        stored = (self.site.state / "semaphore.db").read_bytes()
        self.assertNotIn(link.token.encode(), stored)

    def test_json(self) -> None:
        """For programs: the invite, the link and the commands."""
        found = json.loads(
            self.done("invite", "--json", "--project", "Site", "--uses", "3")
        )
        self.assertEqual(found["invite"]["kind"], "host")
        self.assertEqual(found["invite"]["max_uses"], 3)
        self.assertEqual(found["invite"]["owner"], "Site")
        token = InviteLink.parse(found["link"]).token
        self.assertIn(token, found["posix"])
        self.assertIn(token, found["powershell"])

    def test_listed(self) -> None:
        """Invites are listed without their tokens, and revoked by number."""
        found = json.loads(self.done("invite", "--json"))
        token = InviteLink.parse(found["link"]).token
        self.assertEqual(found["invite"]["owner"], "root")
        listed = self.done("invites")
        self.assertIn("open", listed)
        self.assertNotIn(token, listed)
        self.assertIn("is revoked", self.done("uninvite", str(found["invite"]["id"])))
        (invite,) = json.loads(self.done("invites", "--json"))
        self.assertEqual(invite["state"], "revoked")
        self.assertIn("There is no invite 99", self.refused("uninvite", "99"))

    def test_places(self) -> None:
        """The address is that of the enrolling listener, the site's, or this host's."""
        for options, expected in (
            ({"vpn": {"enroll_port": 8443}}, "https://vpn.example.net:8443"),
            ({"vpn": {"enroll_port": 443, "only": True}}, "https://vpn.example.net"),
            ({"web_host": "https://a.example/base/"}, "https://a.example/base"),
            ({"interface": "192.0.2.1", "port": ":443"}, "https://192.0.2.1"),
            ({"interface": "::1", "port": ":3000"}, None),
        ):
            self.site.configure(**options)
            link = InviteLink.parse(json.loads(self.done("invite", "--json"))["link"])
            if expected is not None:
                self.assertEqual(link.base, expected)

    def test_unsafe_places(self) -> None:
        """Without HTTPS, or outside of a site that is inside only, there is no link."""
        for options, expected in (
            ({"vpn": {"only": True}}, "vpn.enroll_port"),
            ({"web_host": "http://site.example.net"}, "HTTPS"),
            ({"interface": "unix:/run/s.sock"}, "web_host"),
        ):
            self.site.configure(**options)
            self.assertIn(expected, self.refused("invite"))
        self.assertEqual(json.loads(self.done("invites", "--json")), [])

    def test_own_certificate(self) -> None:
        """With a certificate that all trust the link has no fingerprint."""
        pair = {"cert_file": "/x/cert.pem", "key_file": "/x/key.pem"}
        self.site.configure(web_host="https://a.example", tls=pair)
        link = InviteLink.parse(json.loads(self.done("invite", "--json"))["link"])
        self.assertEqual(link.fingerprint, "")

    def fingerprint(self) -> str:
        """Return the fingerprint of a new link."""
        return InviteLink.parse(
            json.loads(self.done("invite", "--json"))["link"]
        ).fingerprint

    def test_public_certificate(self) -> None:
        """A link to a public authority's certificate has no fingerprint.

        One to a name or listener that is presented the local certificate has it.
        """
        self.chain("localhost")
        local = hashlib.sha256(der()).hexdigest()
        acme = {"agree_tos": True, "names": ["site.example.net"]}
        tls = {"mode": "acme"}
        site = "https://site.example.net"
        for options, expected in (
            ({"web_host": site}, ""),
            ({"web_host": f"{site}:3000/base"}, ""),
            ({"web_host": "https://localhost:3000"}, local),
            ({"web_host": site, "vpn": {"enroll_port": 8443}}, local),
        ):
            self.site.configure(acme=acme, tls=tls, **options)
            self.assertEqual(self.fingerprint(), expected)
        for host in ("192.0.2.1", "[2001:db8::1]", "other.example.net"):
            self.site.configure(acme=acme, tls=tls, web_host=f"https://{host}")
            self.assertIn("acme.names", self.refused("invite"))
        self.assertEqual(len(json.loads(self.done("invites", "--json"))), 4)

    def chain(self, *names: str) -> str:
        """Have the local CA's certificate be for *names*; return its file."""
        pair = certificates.new_leaf(
            ROOT, names=names, addresses=[], now=BEGINNING, entropy=Entropy()
        )
        path = self.site.state / "tls" / "chain.pem"
        path.write_bytes(pair.certificate_pem)
        return str(path)

    def test_no_address(self) -> None:
        """Without web_host the link names the endpoint, or this machine and a doubt."""
        self.site.configure(port=":3000")
        self.chain("localhost", "vpn.example.net")
        code, out, err = self.site.run("invite", "--json")
        self.assertEqual((code, err), (0, ""))
        base = InviteLink.parse(json.loads(out)["link"]).base
        self.assertEqual(base, "https://vpn.example.net:3000")
        file = self.chain("localhost")
        code, out, err = self.site.run("invite", "--json")
        self.assertEqual((code, err.count("\n")), (0, 1))
        self.assertIn("web_host", err)
        base = InviteLink.parse(json.loads(out)["link"]).base
        self.assertEqual(base, f"https://{socket.gethostname()}:3000")
        # a certificate of the operator's, and a public one
        self.chain("vpn.example.net")
        tls = {"cert_file": file, "key_file": file}
        self.site.configure(tls=tls, port=":443")
        self.assertEqual(self.base(), "https://vpn.example.net")
        for names, base in (
            (["site.example.net", "vpn.example.net"], "https://vpn.example.net:3000"),
            (["site.example.net"], "https://site.example.net:3000"),
        ):
            acme = {"agree_tos": True, "names": names}
            self.site.configure(acme=acme, tls={"mode": "acme"})
            self.assertEqual(self.base(), base)

    def base(self) -> str:
        """Return where a new link leads."""
        return InviteLink.parse(json.loads(self.done("invite", "--json"))["link"]).base

    def test_running_server(self) -> None:
        """The link is the running server's, whose options the command does not see."""
        lock = Lock.take(self.site.state)
        self.addCleanup(lock.release)
        environ = {"SEMAPHORE_VPN_ENROLL_PORT": "8443"}
        settings = configuration.parse(
            (self.site.state / "config.json").read_bytes(),
            name="config.json",
            environ=environ,
            read=content_of,
        )
        report = RunningReport(self.site.state, settings)
        report.startService()
        code, out, err = self.site.run("invite", "--json")
        self.assertEqual(code, 0, err)
        link = InviteLink.parse(json.loads(out)["link"])
        self.assertEqual(link.base, "https://vpn.example.net:8443")
        self.assertIn("vpn.enroll_port: the running server has 8443", err)
        report.stopService()
        link = InviteLink.parse(json.loads(self.done("invite", "--json"))["link"])
        self.assertEqual(link.base, "https://site.example.net:3000")

    def test_proxy(self) -> None:
        """A proxy that ends TLS has a certificate that is not ours."""
        local = hashlib.sha256(der()).hexdigest()
        site = {"web_host": "https://site.example.net", "trusted_proxies": ["10.0.0.9"]}
        for options, expected in (
            (site, ""),
            ({**site, "proxy_protocol": True}, local),
            ({**site, "vpn": {"enroll_port": 8443}}, local),
            ({**site, "tls": {"mode": "proxy"}, "interface": "127.0.0.1"}, ""),
        ):
            self.site.configure(**options)
            self.assertEqual(self.fingerprint(), expected)

    def test_no_authority(self) -> None:
        """Before the server's first start there is no certificate to trust."""
        (self.site.state / "tls" / "root.pem").unlink()
        self.assertIn("start the server once", self.refused("invite"))

    def test_refused(self) -> None:
        """An invalid value of an invite gives one line."""
        for words in (
            ["--kind", "host"],
            ["--kind", "laptop", "--project", "Site"],
            ["--user", "nobody"],
            ["--uses", "0"],
            ["--expires", "never"],
            ["--expires", "0h"],
            ["--grant", "nowhere"],
            ["--tag", "a\nb"],
        ):
            self.refused("invite", *words)


class GrantTests(VpnCase):
    """Networks behind the server."""

    def setUp(self) -> None:
        """Set the VPN up, with a peer."""
        super().setUp()
        self.set_up()
        self.add("box", "--user", "alice")

    def test_grants(self) -> None:
        """A network is opened and closed to a peer, a user and a project."""
        self.assertIn("nobody", self.done("grants"))
        for words in (["--peer", "box"], ["--user", "alice"], ["--project", "Site"]):
            self.assertIn("is open", self.done("grant", "lan", *words))
            (given,) = json.loads(self.done("grants", "--json"))["grants"]
            self.assertIn(given["to"], self.done("grants"))
            self.assertIn("is closed", self.done("ungrant", "lan", *words))
            self.assertIn("no grant", self.refused("ungrant", "lan", *words))
        self.refused("grant", "nowhere", "--user", "alice")
        self.refused("grant", "lan", "--peer", "other")
