"""Networks behind the server, and their grants."""

from typing import Any

from msgspec.structs import asdict

from semaphore_twisted.model.errors import Conflict, Invalid, NotFound, NotPermitted
from semaphore_twisted.model.peers import NetworkGrant, SiteNetwork
from semaphore_twisted.model.users import Actor
from semaphore_twisted.operations.vpn import peers, site_networks
from semaphore_twisted.operations.vpn.site_networks import (
    ChangedSite,
    NewGrant,
    NewSite,
)
from tests.support.peers import PeersCase

WRONG_NETWORKS = (
    "",
    "x",
    "10.20.0.5/16",
    "10.20.0.0",
    "10.20.0.0/33",
    "10.20.0.0/255.255.0.0",
    "010.20.0.0/16",
    "::ffff:10.20.0.0/112",
    "fd20::1/64",
    "fe80::%eth0/64",
    "10.20.0.0/16;id",
    "10.20.0.0/16\n",
)


class SitesCase(PeersCase):
    """Makes networks and grants."""

    def site(self, name: str = "lab", network: str = "10.20.0.0/16") -> SiteNetwork:
        """Make a network."""
        return site_networks.create(
            self.conn, self.root, NewSite(name=name, network=network)
        )

    def grant(self, site: SiteNetwork, **to: Any) -> NetworkGrant:
        """Open a network."""
        return site_networks.grant(
            self.conn, self.root, NewGrant(site_id=site.id, **to)
        )


class SiteTests(SitesCase):
    """Creating and changing networks."""

    def test_made(self) -> None:
        """A new network is listed, with an event."""
        before = self.revision()
        made = self.site()
        self.assertEqual((made.name, made.network), ("lab", "10.20.0.0/16"))
        self.assertEqual(site_networks.listed(self.conn, None), [made])
        self.assertEqual(self.revision(), before + 1)
        self.assertIn("lab", self.events()[-1])

    def test_wrong_networks(self) -> None:
        """An invalid network is refused; for host bits, a network is suggested."""
        for text in WRONG_NETWORKS:
            error = self.assertRaises(Invalid, self.site, network=text)
            self.assertTrue(error.message.startswith("network: "), error.message)
        error = self.assertRaises(Invalid, self.site, network="10.20.0.5/16")
        self.assertIn("10.20.0.0/16", error.message)
        error = self.assertRaises(Invalid, self.site, name="a\nb")
        self.assertTrue(error.message.startswith("name: "))
        self.assertEqual(self.rows("vpn_site"), [])

    def test_spelling(self) -> None:
        """One network has one spelling, and is known once."""
        self.site("six", "2001:DB8:0::/48")
        self.assertEqual(
            site_networks.find(self.conn, None, "six").network, "2001:db8::/48"
        )
        for name, network in (
            ("other", "2001:db8::/48"),
            ("other", "2001:0DB8::/48"),
            ("SIX", "10.20.0.0/16"),
        ):
            self.assertRaises(Conflict, self.site, name, network)

    def test_pools(self) -> None:
        """A network that overlaps a pool is refused."""
        for text in ("10.80.0.0/24", "10.80.0.0/16", "10.80.0.64/26", "fd80::/48"):
            error = self.assertRaises(Invalid, self.site, network=text)
            self.assertTrue(error.message.startswith("network: "), error.message)

    def test_everything(self) -> None:
        """The whole of IPv4 contains the pool, and is refused."""
        self.assertRaises(Invalid, self.site, network="0.0.0.0/0")

    def test_change(self) -> None:
        """A field that is not given stays unchanged; grants follow the network."""
        made = self.site()
        self.site("other", "10.30.0.0/16")
        peer = self.make()
        self.grant(made, peer_id=peer.id)
        change = lambda **given: site_networks.change(  # noqa: E731
            self.conn, self.root, made.id, ChangedSite(**given)
        )
        self.assertEqual(asdict(change(name="lob")), {**asdict(made), "name": "lob"})
        self.assertEqual(change(network="10.21.0.0/16").name, "lob")
        self.assertEqual(self.desired().grants[0].network, "10.21.0.0/16")
        before = self.revision()
        change()
        change(name="lob", network="10.21.0.0/16")
        self.assertEqual(self.revision(), before)
        for error, given in (
            (Conflict, {"name": "OTHER"}),
            (Conflict, {"network": "10.30.0.0/16"}),
            (Invalid, {"network": "10.30.0.1/16"}),
            (Invalid, {"name": ""}),
        ):
            self.assertRaises(error, change, **given)
        self.assertRaises(
            NotFound, site_networks.change, self.conn, None, 99, ChangedSite()
        )

    def test_delete(self) -> None:
        """A network that is forgotten is closed to everybody."""
        made = self.site()
        self.grant(made, user_id=self.alice.user.id)
        before = self.revision()
        site_networks.delete(self.conn, self.root, made.id)
        self.assertEqual(self.rows("vpn_grant"), [])
        self.assertEqual(self.revision(), before + 1)
        self.assertRaises(NotFound, site_networks.delete, self.conn, self.root, made.id)

    def test_administrators_only(self) -> None:
        """Only administrators create, change and grant a network."""
        made = self.site()
        grant = self.grant(made, user_id=self.alice.user.id)
        peer = self.make()
        before = self.dump()
        for actor in (self.alice, self.owner, self.bob, self.guest):
            for verb, given in (
                (site_networks.create, (NewSite(name="x", network="10.9.0.0/16"),)),
                (site_networks.change, (made.id, ChangedSite(name="x"))),
                (site_networks.delete, (made.id,)),
                (site_networks.grant, (NewGrant(site_id=made.id, peer_id=peer.id),)),
                (site_networks.withdraw, (grant.id,)),
            ):
                self.assertRaises(NotPermitted, verb, self.conn, actor, *given)
        self.assertEqual(self.dump(), before)


class GrantTests(SitesCase):
    """Creating and removing grants."""

    def test_made(self) -> None:
        """A grant shows its recipient, and its event has its end."""
        made = self.site()
        peer = self.make(name="box")
        for to, text in (
            ({"peer_id": peer.id}, "box"),
            ({"user_id": self.bob.user.id}, "bob"),
            ({"project_id": self.project.id}, "Site"),
        ):
            before = self.revision()
            grant = self.grant(made, **to)
            self.assertEqual((grant.to, grant.site), (text, "lab"))
            self.assertEqual(grant.network, "10.20.0.0/16")
            self.assertIn(text, self.events()[-1])
            self.assertEqual(self.grant(made, **to), grant)
            self.assertEqual(self.revision(), before + 1)
            site_networks.withdraw(self.conn, self.root, grant.id)
            self.assertEqual(self.revision(), before + 2)
            self.assertIn("closed", self.events()[-1])
            self.assertRaises(
                NotFound, site_networks.withdraw, self.conn, self.root, grant.id
            )
        self.assertEqual(self.desired().grants, ())

    def test_refused(self) -> None:
        """A grant needs exactly one existing recipient."""
        made = self.site()
        gone = self.make()
        peers.revoke(self.conn, None, gone.id)
        for to, field in (
            ({}, "peer_id"),
            ({"user_id": 1, "project_id": 1}, "peer_id"),
            ({"peer_id": 99}, "peer_id"),
            ({"peer_id": gone.id}, "peer_id"),
            ({"user_id": 99}, "user_id"),
            ({"project_id": 99}, "project_id"),
        ):
            error = self.assertRaises(Invalid, self.grant, made, **to)
            self.assertTrue(error.message.startswith(f"{field}: "), error.message)
        error = self.assertRaises(
            Invalid,
            site_networks.grant,
            self.conn,
            None,
            NewGrant(site_id=99, user_id=self.bob.user.id),
        )
        self.assertTrue(error.message.startswith("site_id: "))

    def test_who_sees(self) -> None:
        """One sees what is open to oneself, one's devices and projects."""
        names = ("peer", "user", "project", "host", "none")
        made = {
            name: self.site(name, f"10.2{number}.0.0/16")
            for number, name in enumerate(names)
        }
        self.grant(made["peer"], peer_id=self.make().id)
        self.grant(made["user"], user_id=self.alice.user.id)
        self.grant(made["project"], project_id=self.project.id)
        self.grant(made["host"], peer_id=self.make(self.owner).id)
        cases: tuple[tuple[Actor | None, set[str]], ...] = (
            (None, set(names)),
            (self.root, set(names)),
            (self.alice, set(names) - {"none"}),
            (self.bob, set()),
            (self.carol, {"project", "host"}),
            (self.owner, {"project", "host"}),
        )
        for actor, wanted in cases:
            listed = {each.name for each in site_networks.listed(self.conn, actor)}
            self.assertEqual(listed, wanted)
            grants = {each.site for each in site_networks.grants(self.conn, actor)}
            self.assertEqual(grants, wanted - {"none"})
            for name in names:
                if name not in wanted:
                    self.assertRaises(
                        NotFound, site_networks.get, self.conn, actor, made[name].id
                    )
