"""The real devices keep the contract of their port."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from unittest import SkipTest, skipUnless

from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from semaphore_twisted.vpnd.device import KernelDevice
from semaphore_twisted.vpnd.programs import ProgramFailed, Programs
from semaphore_twisted.vpnd.userspace import UserspaceDevice
from semaphore_twisted.wireguard import keys
from semaphore_twisted.wireguard.state import DeviceFailed
from tests.contracts.wireguard_device import PRIVATE, SETTINGS, DeviceContract, peer
from tests.support.netns import own_network, own_socket_place
from tests.support.programs import needs

#: mypy does not know all interfaces of the reactor
REACTOR: Any = reactor


class _RealDevice(DeviceContract):
    """A device in a network of the test's own."""

    timeout = 60

    def setUp(self) -> None:
        """Make the network, and a folder for the socket."""
        case: Any = self
        own_network(case)
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        case.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        # no two tests at once may use one name below /run/wireguard
        name = f"smp{os.getpid()}"
        self.settings = replace(SETTINGS, interface=name)
        own_socket_place(case, name, self.folder)

    def drive(self, work: Coroutine[Any, Any, None]) -> Deferred[None]:
        """Let trial wait for the test."""
        return Deferred.fromCoroutine(work)

    def shown(self) -> str:
        """Return the output of ``ip`` for the interface."""
        return subprocess.check_output(
            ["ip", "address", "show", "dev", self.settings.interface], text=True
        )


@skipUnless(os.geteuid() == 0, "only root makes interfaces")
@needs("ip", "wg", "wireguard-go")
class UserspaceDeviceTests(_RealDevice, TestCase):
    """``UserspaceDevice`` is a device."""

    def device(self, timeout: float = 10) -> UserspaceDevice:
        """Return the device, which is taken down at the end."""
        made = UserspaceDevice(
            self.settings,
            PRIVATE,
            folder=self.folder,
            tun=-1,
            programs=Programs(REACTOR, timeout=timeout),
            reactor=REACTOR,
        )

        def close() -> Deferred[None]:
            return self.drive(made.down()).addCallback(
                lambda _: deferLater(reactor, 0.05)
            )

        self.addCleanup(close)
        return made

    async def test_addresses(self) -> None:
        """Addresses and MTU are restored to the settings after changes by hand."""
        device = self.device()
        await device.ensure()
        name = self.settings.interface
        for command in (
            "address add 10.99.0.1/24 dev NAME",
            "address del 10.213.0.1/16 dev NAME",
            "link set dev NAME mtu 1280",
            "link set dev NAME down",
        ):
            words = command.replace("NAME", name).split()
            subprocess.run(["ip", *words], check=True)
        self.assertFalse(await device.ensure())
        shown = self.shown()
        self.assertIn("inet 10.213.0.1/16", shown)
        self.assertIn("inet6 fd80:213::1/64", shown)
        self.assertNotIn("10.99.0.1", shown)
        self.assertIn("mtu 1380", shown)
        self.assertIn(",UP", shown)

    async def test_killed(self) -> None:
        """A killed daemon is replaced, on the same interface."""
        device = self.device()
        lost: list[None] = []
        device.lost = lambda: lost.append(None)
        await device.ensure()
        index = device.index()
        for count in range(1, 4):
            await device.apply([peer(2)])
            daemon: Any = device._daemon
            daemon.transport.signalProcess("KILL")
            await daemon.ended
            while len(lost) < count:
                await deferLater(reactor, 0.01)
            self.assertEqual(device.index(), index)
            self.assertTrue(await device.ensure())
            self.assertEqual((await device.state()).peers, ())
        self.assertEqual(device.index(), index)

    async def test_hung(self) -> None:
        """A daemon that does not answer is replaced."""
        device = self.device(timeout=1)
        await device.ensure()
        daemon: Any = device._daemon
        daemon.transport.signalProcess("STOP")
        status = Path(f"/proc/{daemon.transport.pid}/status")
        while "State:\tT" not in status.read_text():
            await deferLater(reactor, 0.01)
        with self.assertRaises(DeviceFailed):
            await device.state()
        self.assertTrue(await device.ensure())
        self.assertIsNot(device._daemon, daemon)

    async def test_name_unlinked(self) -> None:
        """The name of the socket that another ``wg`` has unlinked is made again."""
        device = self.device()
        await device.ensure()
        daemon: Any = device._daemon
        daemon.transport.signalProcess("KILL")
        await daemon.ended
        with self.assertRaises(DeviceFailed):
            await device.state()
        name = Path("/run/wireguard") / f"{self.settings.interface}.sock"
        self.assertTrue(name.is_symlink())
        subprocess.run(
            ["wg", "show", self.settings.interface], check=False, capture_output=True
        )
        self.assertFalse(name.is_symlink())
        self.assertTrue(await device.ensure())
        self.assertEqual((await device.state()).port, self.settings.port)

    async def test_adopted(self) -> None:
        """Another companion finds the daemon and its peers, and writes nothing."""
        device = self.device()
        await device.ensure()
        change = peer(2)
        await device.apply([change])
        other = self.device()
        self.assertFalse(await other.ensure())
        await self._has(other, *(await device.state()).peers)
        self.assertIsNone(other._daemon)

    async def test_key_changed(self) -> None:
        """A changed key or port is restored."""
        device = self.device()
        await device.ensure()
        name = self.settings.interface
        subprocess.run(
            ["wg", "set", name, "listen-port", "40404", "private-key", "/dev/stdin"],
            input=keys.format(b"\1" * 32),
            text=True,
            check=True,
        )
        self.assertFalse(await device.ensure())
        found = await device.state()
        self.assertEqual(found.public_key, keys.public_of(PRIVATE))
        self.assertEqual(found.port, self.settings.port)


@skipUnless(os.geteuid() == 0, "only root makes interfaces")
@needs("ip", "wg", "wireguard-go")
class KernelDeviceTests(_RealDevice, TestCase):
    """``KernelDevice`` is a device.

    Where the kernel has none, ``wireguard-go`` serves in its place: ``wg`` drives
    both alike, and only the making of the interface is another's.
    """

    def device(self) -> KernelDevice:
        """Return the device, which is taken down at the end."""
        made = _Stood(self.settings, PRIVATE, programs=Programs(REACTOR))

        def close() -> Deferred[None]:
            return self.drive(made.down()).addCallback(
                lambda _: deferLater(reactor, 0.1)
            )

        self.addCleanup(close)
        return made

    async def test_kernel(self) -> None:
        """The kernel makes the interface."""
        device = KernelDevice(self.settings, PRIVATE, programs=Programs(REACTOR))
        try:
            self.assertTrue(await device.ensure())
        except ProgramFailed:
            raise SkipTest("this kernel has no WireGuard") from None
        self.assertEqual((await device.state()).port, self.settings.port)
        await device.down()


class _Stood(KernelDevice):
    """A kernel device whose interface wireguard-go serves."""

    async def make(self) -> None:
        """Make the interface."""
        Path(f"/run/wireguard/{self._settings.interface}.sock").unlink(missing_ok=True)
        subprocess.run(
            ["wireguard-go", self._settings.interface],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._anew = True
