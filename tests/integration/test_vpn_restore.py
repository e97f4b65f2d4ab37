"""The VPN moves to a new installation; the clients do not notice."""

import shutil

from tests.support import lab_site
from tests.support.lab import LabTestCase, until
from tests.support.lab_machine import Machine
from tests.support.lab_site import INSIDE, Site


class RestoreTests(LabTestCase):
    """With a real tunnel, and the file that a client has."""

    def test_old_file_connects(self) -> None:
        """After a restore on a new host the client's old file still connects."""
        self.lab.outside_names()
        site = Site(self.lab)
        site.set_up()
        site.start()
        machine, client = site.machine, self.lab.client1
        profile = site.vpn("peer", "add", "laptop", "--user", "admin")
        lines = [each for each in profile.split("\n") if not each.startswith("DNS")]
        client.write("wireguard/semaphore.conf", "\n".join(lines))
        client.run("wg-quick", "up", "/etc/wireguard/semaphore.conf")
        self.assertIn(" 0% packet loss", self.ping(client))

        link = site.invite("--uses", "2")
        file, word = machine.folder / "vpn.sealed", machine.folder / "passphrase"
        word.write_text("correct horse battery staple\n")
        site.vpn("backup", str(file), "--passphrase-file", str(word))
        key = (site.settings / "private.key").read_bytes()
        site.stop()
        machine.run("ip", "link", "delete", "semaphore0")
        for folder in (site.state, site.settings):
            for each in folder.iterdir():
                shutil.rmtree(each) if each.is_dir() else each.unlink()

        # another installation, with another master key and authority
        site.set_up("--pool", "10.99.0.0/24")
        self.assertNotEqual((site.settings / "private.key").read_bytes(), key)
        said = site.vpn("restore", str(file), "--passphrase-file", str(word))
        self.assertIn("1 peers", said)
        self.assertEqual((site.settings / "private.key").read_bytes(), key)
        site.start()
        until(
            lambda: " 0% packet loss" in self.ping(client),
            "the client's tunnel is back",
            30,
        )
        self.assertIn("laptop", site.vpn("status"))
        # a link that was made before names the root that the server has again
        outsider = self.lab.client2
        self.assertIn("Joined as", lab_site.join(site, outsider, link, "--no-up"))
        self.assertEqual(site.vpn("plan"), "Nothing to change\n")

    def ping(self, client: Machine) -> str:
        """Send three packets through the tunnel."""
        done = client.try_run("ping", "-c", "3", "-i", "0.2", "-W", "1", INSIDE)
        return done.stdout
