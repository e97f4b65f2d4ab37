"""The results plugin in each release of ansible-core, under the real supervisor."""

import os
import re
from typing import Any, TypeVar

from msgspec.structs import replace

from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.model.results import (
    HandlerBegun,
    HostFailed,
    HostsCounted,
    PlayBegun,
    RunBegun,
    RunEnded,
    SectionBegun,
    TaskBegun,
    TaskDone,
)
from semaphore_twisted.operations.tasks.output import without_ansi
from tests.integration.test_ansible import LOCAL, PYTHON, AnsibleCase
from tests.support.ansible_versions import folder_of
from tests.support.execution import Ran, run
from tests.support.orders import static

HOSTS = "\n".join(
    (
        f"a ansible_connection=local {PYTHON}",
        f"b ansible_connection=local {PYTHON}",
        f"c ansible_host=127.0.0.1 ansible_port=1 {PYTHON}",
        "",
    )
)
SITE = """\
- name: first "play"
  hosts: all
  gather_facts: false
  tasks:
    - name: says é
      debug: msg=hi
    - name: breaks
      shell: echo why >&2; exit 3
      when: inventory_hostname == "b"
    - name: loops
      shell: test {{ item }} = 1
      loop: [1, 2, 3]
      ignore_errors: true
      changed_when: true
      when: inventory_hostname == "a"
    - ping:
    - name: conceals
      command: "false"
      no_log: true
      ignore_errors: true
    - name: all of it
      block:
        - name: fails
          fail: msg="{{ secret }} is wrong"
      rescue:
        - name: saves
          command: "true"
          notify: restart
  handlers:
    - name: restart
      debug: msg=handled
- hosts: a
  gather_facts: false
  tasks:
    - name: alone
      ping:
- hosts: nobody
  tasks: []
"""
CALLBACK = """\
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "{name}"
    CALLBACK_NEEDS_ENABLED = {needs}

    def v2_playbook_on_stats(self, stats):
        print("callback {name} works")
"""
DOCUMENTED = '''\
DOCUMENTATION = """
name: {name}
type: notification
short_description: A test
description: A test.
"""
'''


def callback(name: str, *, needs: bool = False) -> str:
    """Return a callback plugin that prints a line."""
    return (DOCUMENTED + CALLBACK).format(name=name, needs=needs)


#: Callbacks from each place from which Ansible takes them.
CALLBACKS = {
    "callback_plugins/beside.py": callback("beside"),
    "chosen/chosen.py": callback("chosen"),
    "chosen/asked.py": callback("asked", needs=True),
    "chosen/unasked.py": callback("unasked", needs=True),
    "ansible.cfg": "[defaults]\ncallback_plugins = chosen ; here\n"
    "callbacks_enabled = asked\n",
}


T = TypeVar("T")


def reported(ran: Ran, kind: type[T]) -> list[tuple[int, T]]:
    """Return the events of one kind, each with the number of its line."""
    return [
        (each.line, each.what) for each in ran.events if isinstance(each.what, kind)
    ]


class ResultsCase(AnsibleCase):
    """A run of Ansible, and what it reported."""

    def play_with(self, minor: str, files: dict[str, str], **fields: Any) -> Ran:
        """Commit *files* and run them with a release of ansible-core."""
        self.options = replace(
            self.options, search_path=f"{folder_of(minor)}:{os.environ['PATH']}"
        )
        self.upstream.commit(files)
        self.assertNotIn("\x1e", str(files))
        ran = run(specification(self.playbook(**fields), self.options))
        self.assertNotIn("\x1e", ran.log)
        return ran

    def assert_reported(self, ran: Ran) -> None:
        """Fail unless the run has reported its beginning and its end."""
        whats = [each.what for each in ran.events]
        self.assertIsInstance(whats[0], RunBegun, ran.log)
        self.assertEqual(whats[-1], RunEnded(errors=0), ran.log)


class ReleaseTests(ResultsCase):
    """The whole of a run, beside the callbacks of the repository."""

    def release(self, minor: str) -> None:
        """Run a playbook in which everything happens once, with own callbacks."""
        ran = self.play_with(
            minor,
            {"site.yml": SITE, **CALLBACKS},
            inventory=static(HOSTS),
            secret_variables={"secret": "hush  hush"},
        )
        self.assertEqual(ran.step, "playbook", ran.log)
        self.assert_reported(ran)
        self.assertEqual(ran.events[0].what, RunBegun(plays=3))
        kinds = (PlayBegun, TaskBegun, HandlerBegun)
        begun = [
            (each.line, each.what)
            for each in ran.events
            if isinstance(each.what, SectionBegun)
        ]
        self.assertEqual(
            [(kinds.index(type(each)), each.name) for _, each in begun],
            [
                (0, 'first "play"'),
                *((1, name) for name in ("says é", "breaks", "loops", "ping")),
                *((1, name) for name in ("conceals", "fails", "saves")),
                *((2, "restart"), (0, "a"), (1, "alone"), (0, "nobody")),
            ],
        )
        self.assertEqual([each.number for _, each in begun], list(range(1, 13)))
        plays = [each.play for _, each in reported(ran, PlayBegun)]
        self.assertEqual(plays, [1, 2, 3])
        for line, each in begun:
            self.assertIn(f"[{each.name}] *", ran.lines[line - 1], ran.log)
        self.compare_errors(ran)
        self.compare_counters(ran)
        for name in ("beside", "chosen", "asked"):
            self.assertEqual(ran.log.count(f"callback {name} works"), 1, ran.log)
        self.assertNotIn("unasked", ran.log)

    def compare_errors(self, ran: Ran) -> None:
        """Check the errors, with their lines and messages."""
        errors = reported(ran, HostFailed)
        self.assertEqual(
            [(each.number, each.host, each.kind, each.ignored) for _, each in errors],
            [
                (3, "b", "failed", False),
                (4, "a", "failed", True),
                (5, "c", "unreachable", False),
                (6, "a", "failed", True),
                (7, "a", "failed", False),
            ],
        )
        for line, each in errors:
            self.assertIn(f"[{each.host}]", ran.lines[line - 1])
        self.assertIn("(item=2)", ran.lines[errors[1][0] - 1])
        messages = [each.message for _, each in errors]
        self.assertRegex(messages[0], r"non-zero return code.* \(exit status 3\): why")
        self.assertRegex(messages[1], r"non-zero return code.* \(exit status 1\)$")
        self.assertIn("Connection refused", messages[2])
        self.assertIn("no_log", messages[3])
        self.assertEqual(messages[4], "*** is wrong")

    def compare_counters(self, ran: Ran) -> None:
        """Check the counters of tasks, and those of hosts by Ansible's own recap."""
        done = {each.number: each for _, each in reported(ran, TaskDone)}
        self.assertEqual(done[2].ok, 3)
        self.assertEqual((done[3].failed, done[3].skipped), (1, 2))
        self.assertEqual((done[4].ok, done[4].changed, done[4].ignored), (1, 1, 1))
        self.assertEqual((done[5].ok, done[5].unreachable), (1, 1))
        self.assertEqual((done[7].failed, done[8].changed, done[9].ok), (1, 1, 1))
        hosts = {
            row[0]: row[1:]
            for _, each in reported(ran, HostsCounted)
            for row in each.rows
        }
        names = ("ok", "changed", "failed", "skipped", "unreachable", "ignored")
        recap = {
            host: tuple(
                int(re.findall(rf"{name}=(\d+)", rest)[0])
                for name in (*names, "rescued")
            )
            for host, rest in re.findall(
                r"^(\w) +: (ok=.*)$", without_ansi(ran.log), re.M
            )
        }
        self.assertEqual(hosts, recap)
        self.assertEqual(hosts["a"], (7, 3, 0, 1, 0, 2, 1))
        self.assertEqual(hosts["c"], (1, 0, 0, 2, 1, 0, 0))

    def test_2_17(self) -> None:
        """ansible-core 2.17."""
        self.release("2.17")

    def test_2_18(self) -> None:
        """ansible-core 2.18."""
        self.release("2.18")

    def test_2_19(self) -> None:
        """ansible-core 2.19."""
        self.release("2.19")

    def test_newest(self) -> None:
        """The newest ansible-core."""
        self.release("newest")


PING = "- {hosts: all, gather_facts: false, tasks: [ping: ]}\n"


class EnvironmentTests(ResultsCase):
    """Variables of Ansible's environment."""

    def test_variable(self) -> None:
        """A variable group's ANSIBLE_CALLBACK_PLUGINS is kept, also for programs."""
        show = (
            "- hosts: all\n  gather_facts: false\n  tasks:\n"
            "    - command: env\n      register: said\n"
            "    - debug: msg={{ said.stdout_lines"
            " | select('match', '(ANSIBLE_CALLB|SEMAPHORE)') | list }}\n"
        )
        files = {"site.yml": show, "mine/mine.py": callback("mine")}
        ran = self.play_with("2.19", files)
        self.assert_reported(ran)
        self.assertNotIn("ANSIBLE_CALLBACK", ran.log)
        self.assertNotIn("SEMAPHORE_RESULTS", ran.log)
        ran = self.play_with(
            "2.19", files, environment={"ANSIBLE_CALLBACK_PLUGINS": "mine"}
        )
        self.assert_reported(ran)
        self.assertIn("callback mine works", ran.log)
        self.assertIn("ANSIBLE_CALLBACK_PLUGINS=mine", ran.log)
        self.assertNotIn("SEMAPHORE_RESULTS", ran.log)

    def test_inner_playbook(self) -> None:
        """A playbook that runs another one reports itself only."""
        inner = (
            "- hosts: all\n  gather_facts: false\n  tasks:\n"
            "    - command: ansible-playbook -i localhost, -c local inner.yml\n"
        )
        alone = "- {hosts: all, gather_facts: false, tasks: [debug: {msg: in}]}\n"
        ran = self.play_with("2.19", {"site.yml": inner, "inner.yml": alone})
        self.assertEqual(ran.status, "success", ran.log)
        self.assert_reported(ran)
        self.assertEqual(len(reported(ran, PlayBegun)), 1)


class StrategyTests(ResultsCase):
    """Other orders of tasks and hosts."""

    def test_serial(self) -> None:
        """Each batch of a serial play is a section, and they are one play."""
        serial = (
            "- hosts: all\n  gather_facts: false\n  serial: 1\n"
            "  tasks: [ping: , {debug: {msg: x}}]\n"
        )
        hosts = "\n".join(LOCAL.replace("localhost", name) for name in "ab")
        ran = self.play_with("2.19", {"site.yml": serial}, inventory=static(hosts))
        self.assert_reported(ran)
        plays = [each.play for _, each in reported(ran, PlayBegun)]
        self.assertEqual(plays, [1, 1])
        tasks = reported(ran, TaskBegun)
        self.assertEqual(len(tasks), 4)
        for line, _ in tasks:
            self.assertIn("TASK [", ran.lines[line - 1])

    def test_free(self) -> None:
        """With the strategy ``free`` each task is one section, with its counters."""
        free = (
            "- hosts: all\n  gather_facts: false\n  strategy: free\n"
            "  tasks: [ping: , {debug: {msg: x}}, {fail: {msg: no}}]\n"
        )
        hosts = "\n".join(LOCAL.replace("localhost", name) for name in "abc")
        ran = self.play_with("2.17", {"site.yml": free}, inventory=static(hosts))
        self.assert_reported(ran)
        tasks = [each.name for _, each in reported(ran, TaskBegun)]
        self.assertEqual(tasks, ["ping", "debug", "fail"])
        done = sorted((each.ok, each.failed) for _, each in reported(ran, TaskDone))
        self.assertEqual(done, [(0, 3), (3, 0), (3, 0)])
        errors = [line for line, _ in reported(ran, HostFailed)]
        for line in errors:
            self.assertIn("FAILED!", ran.lines[line - 1])
        self.assertEqual(len(set(errors)), 3)

    def test_nothing_to_run(self) -> None:
        """A run without a play, and one that does not begin, report no section."""
        ran = self.play_with("2.19", {"site.yml": "- hosts: [\n"})
        self.assertEqual((ran.status, ran.events), ("error", []), ran.log)

    def test_hidden_results(self) -> None:
        """Settings that hide results of the log hide none of the reports."""
        files = {
            "site.yml": PING,
            "ansible.cfg": "[defaults]\ndisplay_ok_hosts = no\n"
            "display_skipped_hosts = no\n",
        }
        ran = self.play_with("2.19", files)
        self.assert_reported(ran)
        ((_, done),) = reported(ran, TaskDone)
        self.assertEqual(done.ok, 1)
