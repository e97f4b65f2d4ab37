"""The results plugin without Ansible's run: its limits, and its failures.

``tests.integration.test_ansible_results`` runs it in each release of ansible-core.
"""

import importlib.util
import os
from pathlib import Path
from typing import Any

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.jobs import ansible, spool
from semaphore_twisted.jobs.supervision.masker import Masker
from semaphore_twisted.jobs.supervision.reports import MOST_BYTES, Reports
from semaphore_twisted.model import limits
from semaphore_twisted.model.results import (
    HostFailed,
    HostsCounted,
    ReportsDropped,
    RunEnded,
    TaskBegun,
)

PLUGIN = Path(ansible.__file__).with_name("plugins") / "semaphore_results.py"
MARK = "ab" * 16


@define
class Named:
    """A play, a task or a host of Ansible."""

    name: str
    _uuid: str = "u"
    strategy: str = "linear"

    def get_name(self) -> str:
        """Return the name."""
        return self.name


@define
class Result:
    """A result of Ansible 2.19 and later."""

    result: dict[str, Any]
    host: Named
    task: Named

    def is_changed(self) -> bool:
        """Return no."""
        return False


@define
class Stats:
    """Ansible's own counters."""

    processed: dict[str, int] = field(factory=dict)

    def summarize(self, _: str) -> dict[str, int]:
        """Return the counters of a host."""
        return {"ok": 1, "failures": 2}


class PluginTests(SynchronousTestCase):
    """The plugin in this process."""

    def setUp(self) -> None:
        """Load it, as a job does."""
        self.addCleanup(os.environ.pop, "SEMAPHORE_RESULTS", None)
        os.environ["SEMAPHORE_RESULTS"] = MARK
        made = importlib.util.spec_from_file_location("plugin", PLUGIN)
        assert made is not None
        assert made.loader is not None
        module = importlib.util.module_from_spec(made)
        made.loader.exec_module(module)
        self.plugin = module.CallbackModule()
        self.lines: list[bytes] = []
        self.plugin.send = self.lines.append
        self.time = 100.0
        self.plugin.clock = lambda: self.time

    def reports(self) -> list[Any]:
        """Return what the server makes of the records."""
        found: list[dict[str, object]] = []
        taken = Reports(MARK, Masker([]), found.append)
        for line in self.lines:
            self.assertLessEqual(len(line), limits.REPORT)
            taken.pass_on(line, self.fail)
        taken.finish()
        return [spool.report(json.encode(each)) for each in found]

    def fail_on(self, host: str, **result: Any) -> None:
        """Report a failure."""
        failed = Result(result, Named(host), Named("t"))
        self.plugin.v2_runner_on_failed(failed, ignore_errors=True)

    @settings(max_examples=40)
    @given(st.text(min_size=1), st.text(), st.text(), st.integers(1, 900))
    def test_any_text(self, host: str, name: str, text: str, times: int) -> None:
        """Any text makes a report that the server accepts."""
        self.setUp()
        self.plugin.v2_playbook_on_task_start(Named(name * times))
        self.fail_on("h" + host * times, msg=text * times, rc=1, stderr=text * times)
        reports = self.reports()
        self.assertEqual(
            [type(each) for each in reports], [TaskBegun, HostsCounted, HostFailed]
        )
        self.assertEqual(self.plugin.errors, 0)

    def test_ends_of_the_message(self) -> None:
        """A message has its exit status and the last line of errors, once."""
        self.plugin.v2_playbook_on_task_start(Named("t"))
        for result, wanted in (
            ({"msg": "no", "rc": 2, "stderr": "a\nb \n\n"}, "no (exit status 2): b"),
            ({"msg": "a: b", "stderr": "b", "stdout": "c"}, "a: b: c"),
            ({"reason": "syntax"}, "syntax"),
            ({}, "failed"),
            ({"msg": ["x", 1]}, "['x', 1]"),
            ({"msg": "no", "censored": "concealed"}, "concealed"),
            ({"results": [{"msg": "1"}, {"failed": True, "msg": "2"}]}, "2"),
            ({"results": [{"exception": "x", "censored": "c"}], "msg": "m"}, "c"),
        ):
            self.fail_on("h", **result)
            self.assertEqual(self.reports()[-1].message, wanted)

    def test_a_day_with_many_hosts(self) -> None:
        """The counters of hosts leave room for all other reports."""
        for number in range(3000):
            self.plugin._hosts[f"host-{number}.example.org"] = dict.fromkeys(
                "abcdefg", 7
            )
        while self.time < 86_400:
            self.time += 2
            self.plugin._changed_hosts = set(self.plugin._hosts)
            self.plugin._report_hosts_in_time()
        self.assertLess(sum(map(len, self.lines)), MOST_BYTES // 2)
        self.assertGreater(len(self.lines), 100)

    def test_many_sections_and_errors(self) -> None:
        """What the server does not keep is counted, and the end is still reported."""
        self.plugin.v2_playbook_on_play_start(Named("p"))
        for _ in range(limits.RESULT_SECTIONS + 4):
            self.plugin.v2_playbook_on_task_start(Named("t"))
        for _ in range(limits.RESULT_ERRORS + 3):
            self.fail_on("h", msg="no")
        self.plugin.v2_playbook_on_stats(Stats({"h": 1}))
        reports = self.reports()
        self.assertNotIn(ReportsDropped, map(type, reports))
        self.assertEqual(reports[-1], RunEnded(errors=8))
        self.assertEqual(reports[-2], HostsCounted((("h", 1, 0, 2, 0, 0, 0, 0),)))
        errors = [each for each in reports if isinstance(each, HostFailed)]
        self.assertEqual(len(errors), limits.RESULT_ERRORS)

    def test_failures(self) -> None:
        """A failure of the plugin is counted, and raises nothing."""

        def refuse(_: bytes) -> None:
            raise OSError(28, "No space left on device")

        self.plugin.v2_playbook_on_start(None)
        self.plugin.v2_runner_on_ok(None)
        self.plugin.send = refuse
        self.plugin.v2_playbook_on_play_start(Named("p"))
        self.plugin.send = self.lines.append
        self.plugin.v2_playbook_on_stats(Stats())
        self.assertEqual(self.reports(), [RunEnded(errors=3)])

    def test_without_a_token(self) -> None:
        """Beside the server's jobs it is disabled, and changes no variable."""
        other = type(self.plugin)()
        self.assertTrue(other.disabled)
        self.assertFalse(self.plugin.disabled)
