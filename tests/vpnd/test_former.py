"""The interface of before root gave it another name."""

from msgspec.structs import replace

from semaphore_twisted.vpnd import former
from semaphore_twisted.vpnd.programs import ProgramFailed
from semaphore_twisted.wireguard.state import DeviceFailed
from tests.support.devices import SETTINGS, ScriptedPrograms
from tests.support.folders import FolderTestCase


class FormerTests(FolderTestCase):
    """It is taken away, with its rules."""

    def removed(self, name: str, programs: ScriptedPrograms) -> list[str]:
        """Start under *name*; return what is run."""
        programs.runs.clear()
        settings = replace(SETTINGS, interface=name)
        self.done(former.remove(settings, programs=programs, state=self.folder))
        return [words for words, _ in programs.runs]

    def test_renamed(self) -> None:
        """What has another name goes once; what has the same stays."""
        programs = ScriptedPrograms()
        self.assertEqual(self.removed("vpn0", programs), [])
        self.assertEqual(self.removed("vpn0", programs), [])
        # there is no such interface, but there may be rules
        self.assertEqual(self.removed("vpn1", programs), ["nft -f -"])
        self.assertIn(b"delete table inet semaphore_vpn_vpn0", programs.runs[0][1])
        self.assertEqual(self.removed("vpn1", programs), [])

    def test_failed(self) -> None:
        """What could not be taken away is tried again."""
        programs = ScriptedPrograms({"nft": ProgramFailed("nft failed (exit code 1)")})
        self.removed("vpn1", programs)
        settings = replace(SETTINGS, interface="vpn2")
        work = former.remove(settings, programs=programs, state=self.folder)
        self.failed(work, DeviceFailed)
        programs.answers.clear()
        self.assertEqual(self.removed("vpn2", programs), ["nft -f -"])

    def test_damaged(self) -> None:
        """A name that is none is not given to any program."""
        programs = ScriptedPrograms()
        for content in ('"-h"', '"a b"', "{", "7", '"x; reboot"'):
            (self.folder / "interface.json").write_text(content)
            self.assertEqual(self.removed("vpn1", programs), [])
