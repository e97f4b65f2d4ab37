"""A client's file, under the rules of its strictest readers."""

import io
import re

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.wireguard import keys, profile
from semaphore_twisted.wireguard.profile import Profile, TooLong, WrongProfile
from tests.support import phone_rules
from tests.wireguard.strategies import networks, public_keys

PUBLIC, PRIVATE = b"p" * 32, b"private-key-private-key-private!"
SECRET = b"preshared-key-preshared-key-pre!"

FULL = Profile(
    addresses=("10.80.0.2", "fd80::2"),
    public_key=PUBLIC,
    allowed_ips=("10.80.0.1/32", "fd80::1/128", "10.20.0.0/16"),
    endpoint="vpn.example.net:51820",
    preshared_key=SECRET,
    dns=("10.80.0.1", "fd80::1"),
    mtu=1280,
    keepalive=25,
)
LEAST = Profile(
    addresses=("10.80.0.2",),
    public_key=PUBLIC,
    allowed_ips=("10.80.0.1/32",),
    endpoint="192.0.2.1:51820",
    keepalive=None,
)
LINE = re.compile(
    r"(PrivateKey|Address|DNS|MTU|PublicKey|PresharedKey|AllowedIPs|Endpoint"
    r"|PersistentKeepalive) = \S.*"
)


def read(text: str) -> list[dict[str, str]]:
    """Return the sections as both applications read them, once they agree."""
    completed = profile.complete(text, PRIVATE)
    seen = phone_rules.ios(completed)
    assert seen == phone_rules.android(completed)
    assert [name for name, _ in seen] == ["[interface]", "[peer]"]
    return [values for _, values in seen]


class RenderTests(SynchronousTestCase):
    """The rendered text."""

    def test_all(self) -> None:
        """A profile with everything has these lines."""
        self.assertEqual(
            profile.render(FULL).split("\n"),
            [
                "[Interface]",
                f"PrivateKey = {profile.PLACE}",
                "Address = 10.80.0.2/32, fd80::2/128",
                "DNS = 10.80.0.1, fd80::1",
                "MTU = 1280",
                "",
                "[Peer]",
                f"PublicKey = {keys.format(PUBLIC)}",
                f"PresharedKey = {keys.format(SECRET)}",
                "AllowedIPs = 10.80.0.1/32, fd80::1/128, 10.20.0.0/16",
                "Endpoint = vpn.example.net:51820",
                "PersistentKeepalive = 25",
                "",
            ],
        )

    def test_least(self) -> None:
        """A missing value has no line, instead of a line with an empty value."""
        interface, peer = read(profile.render(LEAST))
        self.assertEqual(interface.keys(), {"privatekey", "address"})
        self.assertEqual(peer.keys(), {"publickey", "allowedips", "endpoint"})

    def test_zero(self) -> None:
        """A keepalive of 0 is written; one that is not set is not."""
        zero = msgspec.structs.replace(LEAST, keepalive=0)
        self.assertIn("\nPersistentKeepalive = 0\n", profile.render(zero))
        self.assertNotIn("Keepalive", profile.render(LEAST))

    def test_mtu(self) -> None:
        """The MTU that every client assumes is not written; another one is."""
        self.assertNotIn("MTU", profile.render(LEAST))
        for mtu in (1280, 1419, 1421, 9000):
            text = profile.render(msgspec.structs.replace(LEAST, mtu=mtu))
            self.assertIn(f"\nMTU = {mtu}\n", text)
        for mtu in (0, -1, 1279, 9001):
            wrong = msgspec.structs.replace(LEAST, mtu=mtu)
            self.assertRaises(WrongProfile, profile.render, wrong)

    def test_ipv6_endpoint(self) -> None:
        """An IPv6 endpoint always has brackets."""
        for endpoint in ("2001:db8::1", "[2001:DB8::1]", "[2001:db8::1]:51820"):
            text = profile.render(msgspec.structs.replace(LEAST, endpoint=endpoint))
            self.assertIn("\nEndpoint = [2001:db8::1]:51820\n", text)
            read(text)

    @given(
        st.builds(
            Profile,
            addresses=st.lists(
                networks.filter(lambda each: each.endswith(("/32", "/128"))).map(
                    lambda each: each.partition("/")[0]
                ),
                min_size=1,
                max_size=2,
            ).map(tuple),
            public_key=public_keys,
            allowed_ips=st.lists(networks, min_size=1, max_size=5).map(tuple),
            endpoint=st.sampled_from(
                ["vpn.example.net:1", "192.0.2.1:65535", "[2001:db8::1]:443"]
            ),
            preshared_key=st.none() | public_keys,
            dns=st.lists(st.sampled_from(["10.80.0.1", "fd80::1"])).map(tuple),
            mtu=st.integers(1280, 9000),
            keepalive=st.none() | st.integers(0, 65535),
        )
    )
    def test_phones(self, drawn: Profile) -> None:
        """Both applications accept any profile's file, with equal results."""
        try:
            text = profile.render(drawn)
        except keys.WrongKey:
            return
        interface, peer = read(text)
        self.assertEqual(peer["publickey"], keys.format(drawn.public_key))
        self.assertEqual(peer["allowedips"], ", ".join(drawn.allowed_ips))
        self.assertEqual("dns" in interface, bool(drawn.dns))

    @given(st.text(max_size=30))
    def test_hostile(self, text: str) -> None:
        """No text in any field adds a line or a key."""
        for base in ("10.80.0.2", "10.80.0.2/32", "vpn.example.net:1", ""):
            for hostile in (text, base + text, text + base):
                for field in ("addresses", "dns", "allowed_ips", "endpoint"):
                    value = hostile if field == "endpoint" else (hostile,)
                    changed = msgspec.structs.replace(FULL, **{field: value})
                    try:
                        written = profile.render(changed)
                    except Invalid as error:
                        self.assertTrue(error.message.isprintable())
                        continue
                    self.assertEqual(written.count("\n"), 12)
                    for line in written.split("\n"):
                        if line not in {"", "[Interface]", "[Peer]"}:
                            self.assertRegex(line, LINE)
                    read(written)

    def test_injections(self) -> None:
        """Known injections are refused in each field."""
        for hostile in (
            "10.0.0.2\n[Interface]\nPostUp = id",
            "10.0.0.2\r[Peer]",
            "10.0.0.2\u2028PostUp = id",
            "10.0.0.2\x85PostUp = id",
            "10.0.0.2\vPostUp = id",
            "10.0.0.2\fPostUp = id",
            "10.0.0.2;id",
            "10.0.0.2 # x",
            '"10.0.0.2"',
            "'",
            "$(id)",
            "`id`",
            "[Peer]",
        ):
            for field in ("addresses", "dns", "allowed_ips", "endpoint"):
                value = hostile if field == "endpoint" else (hostile,)
                changed = msgspec.structs.replace(FULL, **{field: value})
                self.assertRaises(Invalid, profile.render, changed)

    def test_missing(self) -> None:
        """Without an address, or without anything to reach, there is no file."""
        for field in ("addresses", "allowed_ips"):
            wrong = msgspec.structs.replace(FULL, **{field: ()})
            self.assertRaises(WrongProfile, profile.render, wrong)
        for field, value in (
            ("preshared_key", b"short"),
            ("public_key", bytes(32)),
            ("keepalive", -1),
            ("keepalive", 65536),
        ):
            wrong = msgspec.structs.replace(FULL, **{field: value})
            self.assertRaises(Invalid, profile.render, wrong)

    def test_not_shown(self) -> None:
        """No text of a profile has the preshared key."""
        self.assertNotIn("preshared-key", repr(FULL))
        self.assertNotIn("preshared-key", str(FULL))


class RoutesTests(SynchronousTestCase):
    """The networks that a client routes into the tunnel."""

    def test_granted(self) -> None:
        """It is the server's addresses, then the granted networks, each once."""
        self.assertEqual(
            profile.routes(
                ["10.80.0.1", "fd80::1"],
                ["fd20::/64", "10.30.0.0/16", "10.20.0.0/16", "10.20.0.0/16"],
            ),
            (
                *("10.80.0.1/32", "fd80::1/128"),
                *("10.20.0.0/16", "10.30.0.0/16", "fd20::/64"),
            ),
        )
        self.assertEqual(profile.routes(["10.80.0.1"]), ("10.80.0.1/32",))

    def test_full(self) -> None:
        """Everything is both families, even where the server has one."""
        self.assertEqual(
            profile.routes(["10.80.0.1"], ["10.20.0.0/16"], full=True),
            ("0.0.0.0/0", "::/0"),
        )

    def test_wrong(self) -> None:
        """An invalid network is refused."""
        self.assertRaises(Invalid, profile.routes, ["10.80.0.1"], ["10.20.0.1/16"])
        self.assertRaises(Invalid, profile.routes, ["10.80.0.1/16"])


class CompleteTests(SynchronousTestCase):
    """The device's own key."""

    def test_place(self) -> None:
        """The key replaces the placeholder, and nothing else is changed."""
        text = profile.render(FULL)
        completed = profile.complete(text, PRIVATE)
        self.assertEqual(completed, text.replace(profile.PLACE, keys.format(PRIVATE)))
        self.assertEqual(read(text)[0]["privatekey"], keys.format(PRIVATE))

    def test_no_key(self) -> None:
        """The place itself is no key: a file that was not completed is refused."""
        text = profile.render(FULL)
        self.assertRaises(keys.WrongKey, keys.decode, profile.PLACE)
        self.assertRaises(phone_rules.Refused, phone_rules.ios, text)
        self.assertRaises(phone_rules.Refused, phone_rules.android, text)

    def test_wrong(self) -> None:
        """A text without the place, with two, or no private key, is refused."""
        text = profile.render(FULL)
        for wrong in ("", profile.complete(text, PRIVATE), text * 2, profile.PLACE):
            self.assertRaises(WrongProfile, profile.complete, wrong, PRIVATE)
        for key in (bytes(32), b"", b"k" * 31):
            self.assertRaises(keys.WrongKey, profile.complete, text, key)


class CodeTests(SynchronousTestCase):
    """The QR code."""

    def test_terminal(self) -> None:
        """The code that is drawn is of exactly the file's bytes."""
        text = profile.complete(profile.render(FULL), PRIVATE)
        code = profile.qr(text)
        terminal = io.StringIO()
        code.terminal(terminal, compact=True)
        self.assertEqual(profile.qr_terminal(text), terminal.getvalue())
        self.assertFalse(code.is_micro)

    def test_too_long(self) -> None:
        """A text of 2,953 bytes fits; one of 3,000 is a clear error."""
        self.assertTrue(profile.qr_terminal("x" * 2953))
        for length in (2954, 3000, 100_000):
            error = self.assertRaises(TooLong, profile.qr_terminal, "x" * length)
            self.assertIn("use the file", error.message)

    def test_correction(self) -> None:
        """The code is the smallest one, with the best correction that fits."""
        self.assertEqual(profile.qr("x" * 2953).designator, "40-L")
        self.assertEqual(profile.qr("x" * 17).designator, "1-L")
        self.assertEqual(profile.qr("x" * 7).designator, "1-H")


class PhoneRulesTests(SynchronousTestCase):
    """The rules of the applications, shown by refused files."""

    def test_refused(self) -> None:
        """An empty value, an unknown key, a repeated key, a hidden line."""
        good = profile.complete(profile.render(FULL), PRIVATE)
        for reader, wrong in (
            (phone_rules.android, good.replace("DNS = 10.80.0.1, fd80::1", "DNS = ")),
            (phone_rules.ios, good.replace("DNS =", "PostUp =")),
            (phone_rules.android, good.replace("DNS =", "Table =")),
            (phone_rules.ios, good.replace("MTU = 1280", "MTU = 1280\nMTU = 1280")),
            (phone_rules.ios, good.replace("MTU = 1280", "MTU = 1280\u2028x")),
            (phone_rules.ios, good.replace("MTU = 1280", "MTU = 1280\x85PostUp = x")),
            (phone_rules.ios, good + "[Interface]\n"),
            (phone_rules.android, good.replace("vpn.example.net", "http://h")),
            (phone_rules.ios, good.replace("vpn.example.net", "2001:db8::1")),
            (phone_rules.ios, good.replace("PublicKey", "#")),
        ):
            self.assertRaises(phone_rules.Refused, reader, wrong)
