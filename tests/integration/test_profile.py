"""Client files, read by real programs: `wg`, `wg-quick` and a reader of QR codes."""

import os
import subprocess
import tempfile
import time
from pathlib import Path
from unittest import skipUnless

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.wireguard import key_pairs, keys, profile, tool
from semaphore_twisted.wireguard.reconcile import plan
from semaphore_twisted.wireguard.state import (
    Change,
    DesiredPeer,
    DeviceState,
    RemovePeer,
    SetPeer,
)
from tests.integration.test_ruleset import run
from tests.support.programs import needs, program

FULL = profile.Profile(
    addresses=("10.80.0.2", "fd80::2"),
    public_key=b"p" * 32,
    allowed_ips=("10.80.0.1/32", "fd80::1/128", "10.20.0.0/16"),
    endpoint="2001:db8::1",
    preshared_key=b"preshared-key-preshared-key-pre!",
    dns=("10.80.0.1", "fd80::1"),
    mtu=1280,
    keepalive=25,
)
LEAST = profile.Profile(
    addresses=("10.80.0.2",),
    public_key=b"q" * 32,
    allowed_ips=profile.FULL,
    endpoint="192.0.2.1:443",
    keepalive=None,
)
PAIR = key_pairs.new_pair(os.urandom)


@needs("wg", "wg-quick")
class QuickTests(SynchronousTestCase):
    """The file under ``wg-quick``."""

    def test_strip(self) -> None:
        """``wg-quick`` takes the file and its name, leaves the rest to ``wg``."""
        folder = Path(tempfile.mkdtemp(prefix="profile-"))
        self.addCleanup(folder.rmdir)
        file = folder / "semaphore.conf"
        file.touch(0o600)
        self.addCleanup(file.unlink)
        for each in (FULL, LEAST):
            file.write_text(profile.complete(profile.render(each), PAIR.private_key))
            kept = run("wg-quick", "strip", str(file))
            names = [line.partition(" = ")[0] for line in kept.split("\n") if line]
            self.assertEqual(names[:3], ["[Interface]", "PrivateKey", "[Peer]"])
            self.assertLessEqual(
                set(names[3:]),
                {*("PublicKey", "PresharedKey", "AllowedIPs", "Endpoint")}
                | {"PersistentKeepalive"},
            )


class CodeTests(SynchronousTestCase):
    """The QR code under a camera's reader."""

    def read(self, text: str) -> bytes:
        """Return what ``zbarimg`` reads of the code for a text."""
        with tempfile.NamedTemporaryFile(suffix=".png") as file:
            profile.qr(text).save(file.name, kind="png", scale=4)
            done = subprocess.run(
                [program("zbarimg"), "-q", "--raw", "-Sbinary", file.name],
                capture_output=True,
                check=True,
            )
        return done.stdout

    def test_same(self) -> None:
        """The decoded code equals the file, byte for byte, for all lengths."""
        for each in (FULL, LEAST):
            text = profile.complete(profile.render(each), PAIR.private_key)
            self.assertEqual(self.read(text), text.encode())
        many = tuple(f"10.{n // 256}.{n % 256}.0/24" for n in range(140))
        text = profile.render(msgspec.structs.replace(FULL, allowed_ips=many))
        self.assertGreater(len(text), 2000)
        self.assertEqual(self.read(text), text.encode())


@skipUnless(
    os.geteuid() == 0 and Path("/dev/net/tun").exists(), "a device is for root to make"
)
@needs("ip", "wg", "wireguard-go")
class DeviceTests(SynchronousTestCase):
    """Our texts under ``wg`` and ``wireguard-go``."""

    def setUp(self) -> None:
        """Start a device without a peer."""
        self.name = f"p{os.getpid()}"
        self.socket = Path("/var/run/wireguard") / f"{self.name}.sock"
        process = subprocess.Popen(
            ["wireguard-go", "-f", self.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

        def stop() -> None:
            process.terminate()
            process.wait(10)

        self.addCleanup(stop)
        deadline = time.monotonic() + 30
        while not self.socket.exists():
            self.assertIsNone(process.poll(), "wireguard-go ended")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def state(self) -> DeviceState:
        """Return the device's state, its peers in the order of their keys."""
        found = tool.parse_dump(run("wg", "show", self.name, "dump").encode())
        peers = sorted(found.peers, key=lambda each: each.public_key)
        return msgspec.structs.replace(found, peers=tuple(peers))

    def write(self, *changes: Change) -> None:
        """Write *changes*."""
        gone = [each for each in changes if isinstance(each, RemovePeer)]
        if gone:
            run("wg", *tool.removal_arguments(self.name, gone))
        text = tool.addconf(each for each in changes if isinstance(each, SetPeer))
        run("wg", "addconf", self.name, "/dev/stdin", text=text.decode())

    def test_file(self) -> None:
        """``wg`` reads the file's values as they were meant."""
        for each in (FULL, LEAST):
            text = profile.complete(profile.render(each), PAIR.private_key)
            kept = "".join(
                f"{line}\n"
                for line in text.split("\n")
                if line.partition(" = ")[0] not in {"Address", "DNS", "MTU"}
            )
            run("wg", "setconf", self.name, "/dev/stdin", text=kept)
            state = self.state()
            self.assertEqual(state.public_key, PAIR.public_key)
            (peer,) = state.peers
            self.assertEqual(peer.public_key, each.public_key)
            self.assertEqual(peer.preshared_key, each.preshared_key)
            self.assertEqual(peer.allowed_ips, frozenset(each.allowed_ips))
            self.assertEqual(peer.keepalive, each.keepalive or 0)
            self.assertIn(f"\nEndpoint = {peer.endpoint}\n", text)

    def test_plans(self) -> None:
        """Plans reach what is desired."""
        secret = b"s" * 32
        first = DesiredPeer(public_key=b"a" * 32, addresses=("10.80.0.2", "fd80::2"))
        second = DesiredPeer(
            public_key=b"b" * 32, addresses=("10.80.0.3",), preshared_key=secret
        )
        shared = msgspec.structs.replace(first, preshared_key=secret)
        swapped = (
            msgspec.structs.replace(first, addresses=second.addresses),
            msgspec.structs.replace(second, addresses=first.addresses),
        )
        for desired in (
            (first,),
            (first, second),
            (shared, second),
            (first, second),
            swapped,
            (first,),
            (first, msgspec.structs.replace(second, addresses=())),
            (),
        ):
            self.write(*plan(self.state(), desired))
            self.assertEqual(plan(self.state(), desired), ())

    def test_by_hand(self) -> None:
        """Changes by hand are repaired, and the endpoint is kept."""
        peers = [
            DesiredPeer(public_key=bytes([n]) * 32, addresses=(f"10.80.0.{n}",))
            for n in (2, 3)
        ]
        self.write(*plan(self.state(), peers))
        run(
            *("wg", "set", self.name, "peer", keys.format(peers[0].public_key)),
            *("persistent-keepalive", "25", "endpoint", "192.0.2.7:1234"),
            *("allowed-ips", "10.80.0.3/32,0.0.0.0/0"),
        )
        run(
            *("wg", "set", self.name, "peer", keys.format(b"x" * 32)),
            *("allowed-ips", "10.80.0.2/32"),
        )
        changes = plan(self.state(), peers)
        self.assertEqual(len(changes), 3)
        self.write(*changes)
        state = self.state()
        self.assertEqual(plan(state, peers), ())
        self.assertEqual(state.peers[0].endpoint, "192.0.2.7:1234")

    def test_endpoints(self) -> None:
        """A learned endpoint can be given back, of either family."""
        for endpoint in ("192.0.2.1:4000", "[2001:db8::1]:4000"):
            self.write(
                SetPeer(
                    public_key=b"e" * 32,
                    allowed_ips=("10.80.0.9/32",),
                    keepalive=1,
                    endpoint=endpoint,
                )
            )
            (peer,) = self.state().peers
            self.assertEqual((peer.endpoint, peer.keepalive), (endpoint, 1))
