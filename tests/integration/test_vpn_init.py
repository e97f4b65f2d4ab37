"""``semaphore vpn init`` many times at once, in processes of their own."""

import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.wireguard import keys, settings
from tests.support.vpn_command import Installed

_RUN = "from semaphore_twisted.cli.main import run; run()"


class ParallelTests(SynchronousTestCase):
    """Parallel first runs give the result of one."""

    def test_first_runs(self) -> None:
        """Of 12 first runs at once one makes the key; the files agree with it."""
        site = Installed()
        self.addCleanup(site.remove)
        words = ("--state", str(site.state), "--vpn-settings", str(site.settings))
        running = [
            subprocess.Popen(
                [
                    *(sys.executable, "-c", _RUN, "vpn", "init", *words),
                    *("--endpoint", f"vpn{number}.example.net"),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={
                    **os.environ,
                    "PATH": site.path,
                    "PYTHONPATH": os.pathsep.join(sys.path),
                },
            )
            for number in range(12)
        ]
        outputs = [each.communicate(timeout=120) for each in running]
        self.assertEqual([each.returncode for each in running], [0] * 12, outputs)
        made = [out for out, _ in outputs if "(new)" in out]
        self.assertEqual(len(made), 1)
        network = vpn_network.get(site.conn, None)
        text = (site.settings / "private.key").read_text().strip()
        self.assertEqual(
            keys.format(keys.public_of(keys.decode(text))), network.public_key
        )
        self.assertIn(network.public_key, made[0])
        found = settings.load((site.settings / "companion.json").read_bytes())
        self.assertEqual(
            {str(each) for each in found.own}, {network.server4, network.server6}
        )
        self.assertEqual(
            sorted(each.name for each in site.settings.iterdir()),
            ["companion.json", "private.key"],
        )
