"""The interface's addresses."""

import json
from typing import Any

from msgspec.structs import replace

from semaphore_twisted.vpnd import addressing
from semaphore_twisted.vpnd.programs import ProgramFailed
from semaphore_twisted.wireguard.state import (
    DeviceFailed,
)
from tests.support.devices import SETTINGS, ScriptedPrograms
from tests.support.folders import FolderTestCase

#: An interface that every machine has.
LOOPBACK = replace(
    SETTINGS,
    interface="lo",
    addresses=SETTINGS.addresses[: 1 + addressing.has_ipv6("lo")],
)

SHOWN: dict[str, Any] = {
    "flags": ["POINTOPOINT", "UP"],
    "mtu": 1420,
    "linkinfo": {"info_kind": "wireguard"},
    "addr_info": [
        {"local": "10.80.0.1", "prefixlen": 16, "scope": "global"},
        {"local": "fe80::1", "prefixlen": 64, "scope": "link"},
    ],
}
if len(LOOPBACK.addresses) > 1:
    SHOWN["addr_info"].append({"local": "fd80::1", "prefixlen": 64, "scope": "global"})


class AddressingTests(FolderTestCase):
    """The interface's addresses."""

    def written(self, **shown: Any) -> list[str]:
        """Return the lines for ``ip -batch`` where *shown* is what there is."""
        run = ScriptedPrograms({"ip -json": json.dumps([SHOWN | shown]).encode()})
        self.done(addressing.bring_up(LOOPBACK, run))
        return [
            line
            for words, content in run.runs
            if words == "ip -batch -"
            for line in content.decode().splitlines()
        ]

    def test_as_it_should_be(self) -> None:
        """Nothing is written where nothing differs."""
        self.assertEqual(self.written(), [])

    def test_new(self) -> None:
        """A new interface gets everything."""
        self.assertEqual(
            self.written(flags=[], mtu=1500, addr_info=[]),
            [
                *(f"address add {each} dev if1" for each in LOOPBACK.addresses),
                "link set dev if1 mtu 1420 up",
            ],
        )

    def test_foreign(self) -> None:
        """Addresses of other programs are removed; link-local ones stay."""
        other = {"local": "10.9.0.1", "prefixlen": 24, "scope": "global"}
        found: Any = SHOWN["addr_info"]
        self.assertEqual(
            self.written(addr_info=[*found, other]),
            ["address del 10.9.0.1/24 dev if1"],
        )

    def test_of_others(self) -> None:
        """Nothing is written to an interface of a type that we do not make."""
        for info in ({}, {"info_kind": "bridge"}):
            shown = [SHOWN | {"linkinfo": info}]
            run = ScriptedPrograms({"ip -json": json.dumps(shown).encode()})
            self.failed(addressing.bring_up(LOOPBACK, run), DeviceFailed)
            self.failed(addressing.delete("lo", run), DeviceFailed)
            self.assertEqual([each for each, _ in run.runs if "show" not in each], [])

    def test_failed(self) -> None:
        """The output of ``ip`` is validated."""
        for answer in (b"nonsense", ProgramFailed("ip failed (exit code 1)")):
            run = ScriptedPrograms({"ip -json": answer})
            self.failed(addressing.bring_up(LOOPBACK, run), DeviceFailed)
