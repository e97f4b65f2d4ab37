"""The VPN from nothing: both services without root, clients that enroll themselves."""

import json
import re
from pathlib import Path

from tests.support import lab_site
from tests.support.lab import LabTestCase, until
from tests.support.lab_machine import Machine
from tests.support.lab_site import ENROLL_PORT, INSIDE, INSIDE6, NAME, Site

#: What ``resolvconf`` does, as far as wg-quick needs it.
RESOLVCONF = """\
#!/bin/sh
case $1 in
-a) cat /etc/resolv.conf >"$HOME/former"; cat >/etc/resolv.conf ;;
-d) cat "$HOME/former" >/etc/resolv.conf ;;
esac
"""


class FromNothingTests(LabTestCase):
    """One long story, with ``vpn.only``."""

    def setUp(self) -> None:
        """Set the product up on a server that has nothing of it."""
        super().setUp()
        self.lab.outside_names()
        self.site = Site(self.lab, SEMAPHORE_VPN_ONLY="true")
        self.site.set_up("--site", "office=10.20.0.0/24")
        self.site.start()

    def refused(self, machine: Machine, url: str, *options: str) -> None:
        """Check that *url* cannot be reached."""
        found = machine.curl(url, "--insecure", *options, seconds=2)
        self.assertEqual((found.status, found.content), (0, ""), found)
        self.assertRegex(found.error, "Connection refused|timed out|Failed to connect")

    def works(self, machine: Machine) -> None:
        """See that the site answers by its name, with a good certificate."""
        found = machine.curl(
            f"{NAME}/api/ping", "--cacert", lab_site.trust(self.site, machine)
        )
        self.assertEqual((found.status, found.content), (200, "pong"), found.error)

    def test_join(self) -> None:
        """With three commands the site is inside the tunnel, and nowhere else."""
        lab, site = self.lab, self.site
        client = lab.client1
        client.program("resolvconf", RESOLVCONF)
        self.refused(client, f"{NAME}/api/ping", "--resolve", _at("192.0.2.1"))
        link = site.invite("--user", "admin")
        said = lab_site.join(site, client, link)
        self.assertIn("The tunnel semaphore is up", said)
        self.works(client)
        # a second name, through the tunnel and the server's own resolvers
        self.assertIn(f"nameserver {INSIDE}", client.run("cat", "/etc/resolv.conf"))
        found = client.run("getent", "ahostsv4", "second.example")
        self.assertTrue(found.startswith("192.0.2.66 "), found)
        self.assertIn("second.example A", lab.names.log("names"))
        done = client.try_run("getent", "ahostsv4", "no.example")
        self.assertEqual(done.returncode, 2)
        # IPv6 inside
        found6 = client.curl(
            f"https://[{INSIDE6}]/api/ping", "--cacert", str(client.folder / "root.pem")
        )
        self.assertEqual(found6.content, "pong", found6.error)
        # the server itself, by the address and by the name
        self.assertEqual(site.ping().content, "pong")
        named = site.machine.curl(
            f"{NAME}/api/ping",
            *("--cacert", str(site.root), "--resolve", _at(INSIDE)),
        )
        self.assertEqual(named.content, "pong", named.error)
        # outside there is no listener, by any name
        for machine in (lab.outsider, client):
            for address in ("192.0.2.1", "[2001:db8::1]"):
                self.refused(machine, f"https://{address}/api/ping")
        # run again, joining is harmless; leaving takes everything away
        before = client.run("cat", "/etc/wireguard/semaphore.conf")
        self.assertIn("Joined already", lab_site.join(site, client, link))
        self.assertEqual(client.run("cat", "/etc/wireguard/semaphore.conf"), before)
        client.run(
            *(str(lab_site.PROGRAMS / "semaphore"), "vpn", "leave", "--yes"),
        )
        self.assertEqual(client.run("ls", "/etc/wireguard"), "")
        self.assertNotIn("semaphore", client.run("ip", "-br", "link"))
        self.refused(client, f"https://{INSIDE}/api/ping")

    def test_route_trick(self) -> None:
        """A packet that is routed to the tunnel's address finds the port closed."""
        lab = self.lab
        lab_site.join(self.site, lab.client1, self.site.invite("--user", "admin"))
        for machine in (lab.outsider, lab.client2):
            machine.run("ip", "route", "add", f"{INSIDE}/32", "via", "192.0.2.1")
            machine.run(
                "ip", "-6", "route", "add", f"{INSIDE6}/128", "via", "2001:db8::1"
            )
            for address in (INSIDE, f"[{INSIDE6}]"):
                self.refused(machine, f"https://{address}/api/ping")
            done = machine.try_run(
                "dig", "+tries=1", "+time=1", f"@{INSIDE}", "x.example"
            )
            self.assertNotEqual(done.returncode, 0)
        # from the site network, too
        lab.host.run("ip", "route", "add", f"{INSIDE}/32", "via", "10.20.0.1")
        self.refused(lab.host, f"https://{INSIDE}/api/ping")
        # and a client that pretends to be a peer
        lab.outsider.run("ip", "address", "add", "10.80.0.2/32", "dev", "outer")
        self.refused(
            lab.outsider, f"https://{INSIDE}/api/ping", "--interface", "10.80.0.2"
        )
        self.works_by_address(lab.client1)

    def works_by_address(self, machine: Machine) -> None:
        """See that the site answers by its address."""
        found = machine.curl(
            f"https://{INSIDE}/api/ping", "--cacert", lab_site.trust(self.site, machine)
        )
        self.assertEqual(found.content, "pong", found.error)

    def test_one_line(self) -> None:
        """The printed command joins a machine that has only wg, curl and a shell."""
        lab, site = self.lab, self.site
        client = lab.client2
        said = json.loads(site.vpn("invite", "--json", "--user", "admin"))
        token = said["link"].partition("#")[2].partition(".")[0]
        done = client.try_run("sh", "-c", said["posix"])
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        (file,) = client.run("ls", "/etc/wireguard").split()
        self.assertEqual(
            client.run("stat", "-c", "%a %u", f"/etc/wireguard/{file}"), "600 0\n"
        )
        if not _tunnels(client):
            client.run("wg-quick", "up", f"/etc/wireguard/{file}")
        self.assertNotIn("DNS", client.run("cat", f"/etc/wireguard/{file}"))
        self.works_by_address(client)
        client.write("hosts", f"127.0.0.1 localhost\n{INSIDE} semaphore.internal\n")
        self.works(client)
        for log in (site.server.log, site.companion.log):
            self.assertNotIn(token, log)
        # the private key was made there, and is nowhere on the server
        text = client.run("cat", f"/etc/wireguard/{file}")
        found = re.search(r"PrivateKey = (\S+)", text)
        assert found is not None
        private = found[1].encode()
        for path in site.machine.folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                self.assertNotIn(private, path.read_bytes(), str(path))

    def test_small_listener(self) -> None:
        """Outside there is what a device needs to enroll, and nothing else."""
        outsider, base = self.lab.outsider, f"https://vpn.example:{ENROLL_PORT}"
        root = lab_site.trust(self.site, outsider)
        for path, wanted in (
            ("/enroll", 200),
            ("/ca", 200),
            ("/api/vpn/ca", 200),
            ("/api/ping", 404),
            ("/api/auth/login", 404),
            ("/api/vpn/peers", 404),
            ("/api/ws", 404),
            ("/api/openapi.json", 404),
        ):
            found = outsider.curl(base + path, "--cacert", root)
            self.assertEqual(found.status, wanted, (path, found))
        found = outsider.curl(base + "/", "--cacert", root, "--head")
        self.assertIn(found.status, {301, 302, 303, 307, 308})

    def test_no_interface(self) -> None:
        """It fails closed: without the interface there is no listener; rescue works."""
        site = self.site
        site.stop()
        site.machine.run("ip", "link", "del", lab_site.INTERFACE)
        site.server.start()
        until(
            lambda: (
                self.lab.outsider.curl(
                    f"https://vpn.example:{ENROLL_PORT}/ca", "--insecure"
                ).status
                == 200
            ),
            "the server runs",
        )
        for machine, address in (
            (site.machine, INSIDE),
            (site.machine, "127.0.0.1"),
            (site.machine, "192.0.2.1"),
            (self.lab.outsider, "192.0.2.1"),
        ):
            self.refused(machine, f"https://{address}/api/ping")
        said = site.semaphore("user", "list", "--state", str(site.state))
        self.assertIn("admin", said)
        site.companion.start()
        site.until_up()

    def test_privileges(self) -> None:
        """Nothing of the product runs as root, or with more than its unit gives."""
        lab_site.join(self.site, self.lab.client1, self.site.invite("--user", "admin"))
        kinds = {61001: "0000000000000400", 61002: "0000000000001000"}
        seen = set()
        for pid in self.site.machine.pids():
            status = Path(f"/proc/{pid}/status").read_text()
            number = int(status.partition("Uid:\t")[2].split()[0])
            seen.add(number)
            for name in ("CapPrm", "CapEff", "CapBnd"):
                self.assertIn(f"{name}:\t{kinds[number]}", status)
        self.assertEqual(seen, set(kinds))


def _at(address: str) -> str:
    """Return curl's ``--resolve`` for the site's name at *address*."""
    return f"semaphore.internal:443:{address}"


def _tunnels(machine: Machine) -> list[str]:
    """Return the names of the interfaces that WireGuard serves."""
    return machine.run("wg", "show", "interfaces").split()
