"""A removed peer loses access within a second; other peers are not affected."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tests.support import lab, lab_site
from tests.support.lab import LabTestCase
from tests.support.lab_flood import Flood
from tests.support.lab_machine import Machine
from tests.support.lab_site import INSIDE, Site
from tests.support.pace import in_time

#: A look starts a program, so that looks follow each other less quickly than usual.
until = partial(lab.until, pause=0.05)

#: Seconds within which traffic has to stop.
SOON = 1.0


class LifecycleTests(LabTestCase):
    """Two peers, each with traffic all the time."""

    def setUp(self) -> None:
        """Join both; the first belongs to a user, the second to the administrator."""
        super().setUp()
        self.lab.outside_names()
        # the default cycle: a removal must not wait for it
        site = self.site = Site(self.lab, SEMAPHORE_VPN_RECONCILE_SEC="30")
        site.set_up("--site", "office=10.20.0.0/24")
        site.start()
        self.user = site.api(
            "POST",
            "/users",
            {
                "name": "Alice",
                "username": "alice",
                "email": "alice@example.com",
                "password": "tunnel vision is fine",
            },
        )["id"]
        self.peer = self.joined(self.lab.client1, "--user", "alice")
        self.other = self.joined(self.lab.client2, "--user", "admin")

    def joined(self, machine: Machine, *words: str) -> dict[str, Any]:
        """Join *machine* and return its peer."""
        lab_site.join(
            self.site, machine, self.site.invite(*words), "--name", machine.name
        )
        found: dict[str, Any] = self.find(machine.name)
        return found

    def find(self, name: str) -> dict[str, Any]:
        """Return the peer of a name."""
        (found,) = (
            each for each in self.site.api("GET", "/vpn/peers") if each["name"] == name
        )
        peer: dict[str, Any] = found
        return peer

    def shut_out(self, act: Callable[[], object], *, at: float | None = None) -> None:
        """Check that *act* ends the first peer's traffic, and not the second peer's.

        The limit of one second is measured from *at*, by default from the return of
        *act*.
        """
        shut = Flood(self.lab.client1, INSIDE).wait(20)
        stays = Flood(self.lab.client2, INSIDE).wait(20)
        act()
        done = at or time.time()
        until(
            lambda: time.time() > shut.replies()[-1][0] + 1.5, "the traffic stops", 10
        )
        ended = shut.stop()
        kept = stays.stop()
        in_time(ended.last - done, SOON)
        self.assertEqual(kept.lost, 0)

    def let_in(self, act: Callable[[], object]) -> None:
        """Have *act* let the first peer in again."""
        stays = Flood(self.lab.client2, INSIDE).wait(20)
        act()
        Flood(self.lab.client1, INSIDE).wait(3, 20).stop()
        self.assertEqual(stays.stop().lost, 0)

    def post(self, verb: str, body: Any = None) -> Any:
        """Call a verb of the first peer."""
        return self.site.api("POST", f"/vpn/peers/{self.peer['id']}/{verb}", body or {})

    def test_suspend(self) -> None:
        """A suspended peer loses access, and gets the same state when resumed."""
        key = self.peer["public_key"]
        before = self.live(key)
        self.shut_out(lambda: self.post("suspend"))
        self.assertNotIn(key, self.site.peers())
        self.let_in(lambda: self.post("resume"))
        until(lambda: self.live(key) == before, "it is as it was, and not woken still")
        # the same by the command, which wakes the server
        self.shut_out(lambda: self.site.vpn("peer", "suspend", "client1"))
        self.site.vpn("peer", "resume", "client1")
        until(lambda: key in self.site.peers(), "it is back")
        until(lambda: self.live(key) == before, "it is as it was", 40)

    def live(self, key: str) -> list[str]:
        """Return a peer's state on the device, except for its traffic counters."""
        for line in self.site.wg("show", lab_site.INTERFACE, "dump").splitlines():
            words = line.split("\t")
            if words[0] == key:
                return [*words[:2], words[3], words[7]]
        raise AssertionError(f"{key} is not on the device")

    def test_expire(self) -> None:
        """A peer is out when its time is over, and stays out."""
        ends = datetime.now(UTC) + timedelta(seconds=4)
        self.post("expire", {"at": ends.isoformat()})
        self.shut_out(lambda: time.sleep(3), at=ends.timestamp())
        self.assertEqual(self.find("client1")["state"], "expired")
        self.assertNotIn(self.peer["public_key"], self.site.peers())
        later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        self.assertTrue(self.post("resume", {"expires": later})["applied"])
        self.assertIn(self.peer["public_key"], self.site.peers())

    def test_revoke(self) -> None:
        """A revoked peer loses access permanently."""
        path = f"/vpn/peers/{self.peer['id']}"
        self.shut_out(lambda: self.site.api("DELETE", path))
        self.assertNotIn(self.peer["public_key"], self.site.peers())

    def test_disable(self) -> None:
        """Disabling a user ends the access of their devices and tokens."""
        place = ("--login", "alice", "--state", str(self.site.state))
        token = self.site.semaphore("user", "token", "create", *place).strip()
        self.assertEqual(self.call_as(token), 200)
        self.shut_out(
            lambda: self.site.api(
                "POST", f"/users/{self.user}/active", {"active": False}
            )
        )
        self.assertEqual(self.call_as(token), 401)
        self.assertEqual(self.site.peers(), {self.other["public_key"]})

    def call_as(self, token: str) -> int:
        """Return the status of a call with *token*."""
        return self.site.machine.curl(
            f"https://{INSIDE}/api/user",
            *("--cacert", str(self.site.root)),
            *("--header", f"Authorization: Bearer {token}"),
        ).status

    def test_disable_by_command(self) -> None:
        """The command that disables a user wakes the server, too."""
        state = str(self.site.state)
        self.shut_out(
            lambda: self.site.semaphore(
                *("user", "disable", "--login", "alice", "--state", state)
            )
        )
        self.assertEqual(self.site.peers(), {self.other["public_key"]})

    def test_grant(self) -> None:
        """A network is open while there is a grant, and closed within a second."""
        lab, site = self.lab, self.site
        for machine in (lab.client1, lab.client2):
            self.widen(machine)
            lan = machine.try_run("ping", "-c1", "-W1", "10.20.0.5")
            self.assertNotEqual(lan.returncode, 0)
        site.vpn("grant", "office", "--user", "alice")
        site.vpn("grant", "office", "--peer", "client2")
        shut = Flood(lab.client1, "10.20.0.5").wait(20)
        stays = Flood(lab.client2, "10.20.0.5").wait(20)
        site.vpn("ungrant", "office", "--user", "alice")
        done = time.time()
        until(lambda: time.time() > shut.replies()[-1][0] + 1.5, "it is closed", 10)
        in_time(shut.stop().last - done, SOON)
        self.assertEqual(stays.stop().lost, 0)

    def widen(self, machine: Machine) -> None:
        """Send what is for the site network into the tunnel, as a new file would."""
        server = self.site.wg("show", lab_site.INTERFACE, "public-key").strip()
        allowed = f"{INSIDE}/32,10.20.0.0/24"
        machine.run("wg", "set", "semaphore", "peer", server, "allowed-ips", allowed)
        machine.run("ip", "route", "replace", "10.20.0.0/24", "dev", "semaphore")

    def test_membership(self) -> None:
        """A project's grant ends with the membership, within a second."""
        site = self.site
        project = site.api("POST", "/projects", {"name": "Web"})["id"]
        member = f"/project/{project}/users"
        site.api("POST", member, {"user_id": self.user, "role": "task_runner"})
        site.vpn("grant", "office", "--project", "Web")
        client = self.lab.client1
        self.widen(client)
        shut = Flood(client, "10.20.0.5").wait(20)
        stays = Flood(self.lab.client2, INSIDE).wait(20)
        site.api("DELETE", f"{member}/{self.user}")
        done = time.time()
        until(lambda: time.time() > shut.replies()[-1][0] + 1.5, "it is closed", 10)
        in_time(shut.stop().last - done, SOON)
        self.assertEqual(stays.stop().lost, 0)
        self.assertIn(self.peer["public_key"], site.peers())
