"""Which backend there is."""

import json
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from semaphore_twisted.vpnd import backend_selection
from semaphore_twisted.vpnd.device import KernelDevice
from semaphore_twisted.vpnd.programs import ProgramFailed
from tests.support.devices import PRIVATE, SETTINGS, ScriptedPrograms
from tests.support.folders import FolderTestCase
from tests.support.programs import needs


@needs("wireguard-go")
class ChoiceTests(FolderTestCase):
    """Which backend there is."""

    def chosen(self, kind: str | None, *, module: bool, **options: Any) -> Any:
        """Return what is chosen, or the sentence of the refusal."""
        shown: list[Any] = [{"linkinfo": {"info_kind": kind}}] if kind else []
        run = ScriptedPrograms({"ip -json": json.dumps(shown).encode()})
        if not module:
            run.answers["ip link add"] = ProgramFailed("ip failed (exit code 2)")
        settings = replace(SETTINGS, interface="lo" if kind else "not-there", **options)
        kernel = KernelDevice(settings, PRIVATE, programs=run)
        userspace: Any = object()
        work = backend_selection.choose(
            settings, programs=run, kernel=kernel, userspace=userspace
        )
        result: list[Any] = []
        _ = Deferred.fromCoroutine(work).addBoth(result.append)
        if result[0] in (kernel, userspace):
            return "kernel" if result[0] is kernel else "userspace"
        return str(result[0].value)

    def test_choices(self) -> None:
        """An existing interface decides, else the kernel's support."""
        self.assertEqual(self.chosen(None, module=True), "kernel")
        self.assertEqual(self.chosen(None, module=False), "userspace")
        self.assertEqual(self.chosen("wireguard", module=True), "kernel")
        self.assertEqual(self.chosen("tun", module=True), "userspace")

    def test_wishes(self) -> None:
        """Root may want one of them."""
        self.assertEqual(
            self.chosen(None, module=True, backend="userspace"), "userspace"
        )
        self.assertEqual(self.chosen(None, module=True, backend="kernel"), "kernel")
        refusal = self.chosen(None, module=False, backend="kernel")
        self.assertIn("backend: kernel", refusal)
