"""Ansible's results of a job, as records between the lines of its output.

This file is a callback plugin. It runs in ``ansible-playbook``, not in the server, and
uses the standard library and what ansible-core 2.17 and later have in common. A failure
in it never fails a run.

A record is one line: RS (0x1E), the token of the job, a space, and base64 of a JSON
object with upper and lower case exchanged: the output is masked before the records are
taken out of it, and secrets in plain base64 would be masked there, which breaks the
record. The stdout callback is called before other plugins, so the record of an event
follows the lines of this event. The supervisor takes the records out of the output
(``supervision.reports``), and masks and limits their texts.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import sys
import time

from ansible.plugins.callback import CallbackBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    # stands for any object of Ansible: their types differ between releases
    from ansible.playbook.base import Base as Foreign

DOCUMENTATION = """
name: semaphore_results
type: notification
short_description: Reports plays, tasks, hosts and errors to the server
description: Reports plays, tasks, hosts and errors to the server that runs the job.
"""

#: A write of this many bytes into a pipe is never mixed with other output.
_RECORD = 4096
#: The longest texts, in bytes of JSON.
_NAME, _HOST, _MESSAGE = 390, 390, 1490
#: Seconds between two reports of hosts; each of so many bytes doubles them, so that a
#: long run with many hosts stays within the limit of all reports.
_PAUSE, _DOUBLED = 2.0, 256 * 1024
#: More plays and tasks, and more errors, are not kept by the server.
_SECTIONS, _ERRORS = 10_000, 1_000
_COUNTS = ("ok", "changed", "failed", "skipped", "unreachable", "ignored")
#: Strategies whose tasks run at the same time.
_MIXED = ("free", "host_pinned")


def _quiet(method: Callable[..., None]) -> Callable[..., None]:
    """Return *method* without its errors: a report is less important than the run."""

    @functools.wraps(method)
    def tried(self: CallbackModule, *args: Foreign, **kwargs: Foreign) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception:  # noqa: BLE001
            self.errors += 1

    return tried


class CallbackModule(CallbackBase):
    """Writes the records of one run."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "semaphore_results"

    def __init__(self, *args: Foreign, **kwargs: Foreign) -> None:
        super().__init__(*args, **kwargs)
        token, separator, before = os.environ.pop("SEMAPHORE_RESULTS", "").partition(
            ":"
        )
        self.disabled = not token
        if token:
            # programs of the play, such as another ansible-playbook, write no records
            os.environ.pop("ANSIBLE_CALLBACK_PLUGINS", None)
            if separator:
                os.environ["ANSIBLE_CALLBACK_PLUGINS"] = before
        self.errors = 0
        self.clock = time.monotonic
        self._begin = b"\x1e" + os.fsencode(token) + b" "
        self._number = 0
        self._play: str | None = None
        self._plays = 0
        self._mixed = False
        #: the number of each task's section, by the id of the task
        self._sections: dict[str, int] = {}
        #: counters of sections and of hosts, and those that were not reported yet
        self._counts: dict[int, dict[str, int]] = {}
        self._hosts: dict[str, dict[str, int]] = {}
        self._changed_hosts: set[str] = set()
        #: when hosts were reported, the bytes of these reports, and reported errors
        self._told = 0.0
        self._spent = 0
        self._failures = 0

    # Events

    @_quiet
    def v2_playbook_on_start(self, playbook: Foreign) -> None:
        """Report the number of plays."""
        self._write({"type": "start", "plays": len(playbook.get_plays())})

    @_quiet
    def v2_playbook_on_play_start(self, play: Foreign) -> None:
        """Report a play, or the next batch of hosts of a serial play."""
        self._report()
        self._report_hosts()
        if play._uuid != self._play:
            self._play = play._uuid
            self._plays += 1
        self._mixed = str(play.strategy).rpartition(".")[2] in _MIXED
        self._sections.clear()
        self._begin_section("play", play, play=self._plays)

    @_quiet
    def v2_playbook_on_task_start(
        self, task: Foreign, *_: Foreign, **__: Foreign
    ) -> None:
        """Report a task."""
        self._begin_task(task, "task")

    @_quiet
    def v2_playbook_on_handler_task_start(self, task: Foreign) -> None:
        """Report a handler."""
        self._begin_task(task, "handler")

    @_quiet
    def v2_runner_on_ok(self, result: Foreign) -> None:
        """Count a success."""
        self._count(result, "ok", "changed" if result.is_changed() else None)

    @_quiet
    def v2_runner_on_skipped(self, result: Foreign) -> None:
        """Count a task that did not apply."""
        self._count(result, "skipped")

    @_quiet
    def v2_runner_on_failed(self, result: Foreign, ignore_errors: bool = False) -> None:
        """Count and report a failure."""
        if ignore_errors:
            changed = "changed" if result.is_changed() else None
            self._count(result, "ok", "ignored", changed)
        else:
            self._count(result, "failed")
        self._fail(result, "failed", ignored=bool(ignore_errors))

    @_quiet
    def v2_runner_on_unreachable(self, result: Foreign) -> None:
        """Count and report a host that could not be reached."""
        ignored = bool(getattr(_of(result, "task"), "ignore_unreachable", False))
        self._count(result, "unreachable")
        self._fail(result, "unreachable", ignored=ignored)

    @_quiet
    def v2_playbook_on_stats(self, stats: Foreign) -> None:
        """Report Ansible's own counters of the hosts, which know what was rescued."""
        for host in stats.processed:
            found = stats.summarize(host)
            self._hosts[host] = {
                **{name: found.get(name, 0) for name in (*_COUNTS, "rescued")},
                "failed": found.get("failures", 0),
            }
        self._changed_hosts = set(self._hosts)
        self._report()
        self._report_hosts()
        self._write({"type": "end", "errors": self.errors})

    # Records

    def _begin_task(self, task: Foreign, kind: str) -> None:
        if self._mixed and task._uuid in self._sections:
            return
        if not self._mixed:
            self._report()
        self._sections[task._uuid] = self._number + 1
        self._begin_section(kind, task)

    def _begin_section(self, kind: str, named: Foreign, **more: int) -> None:
        self._number += 1
        if self._number > _SECTIONS:
            raise ValueError("too many plays and tasks")
        name = _short(named.get_name(), _NAME)
        self._write({"type": kind, "number": self._number, "name": name, **more})

    def _count(self, result: Foreign, *names: str | None) -> None:
        number = self._sections.get(_of(result, "task")._uuid, self._number)
        host = _of(result, "host").get_name()
        of_section = self._counts.setdefault(number, dict.fromkeys(_COUNTS, 0))
        of_host = self._hosts.setdefault(host, dict.fromkeys((*_COUNTS, "rescued"), 0))
        for name in names:
            if name:
                of_section[name] += 1
                of_host[name] += 1
        self._changed_hosts.add(host)
        self._report_hosts_in_time()

    def _fail(self, result: Foreign, kind: str, *, ignored: bool) -> None:
        self._failures += 1
        if self._failures > _ERRORS:
            raise ValueError("too many errors")
        number = self._sections.get(_of(result, "task")._uuid, self._number)
        self._write(
            {
                "type": "error",
                "number": number,
                "host": _short(_of(result, "host").get_name(), _HOST),
                "kind": kind,
                "ignored": ignored,
                "message": _message(_of(result, "result")),
            }
        )

    def _report(self) -> None:
        """Report the counters of tasks, which have ended unless they are mixed."""
        ended, self._counts = self._counts, {}
        for number, counts in ended.items():
            if number <= _SECTIONS:
                self._write({"type": "done", "number": number, **counts})
        self._report_hosts_in_time()

    def _report_hosts_in_time(self) -> None:
        pause = _PAUSE * 2.0 ** (self._spent / _DOUBLED)
        if self._changed_hosts and self.clock() >= self._told + pause:
            self._report_hosts()

    def _report_hosts(self) -> None:
        self._told = self.clock()
        rows: list[object] = []
        size = 0
        for host in sorted(self._changed_hosts):
            rows.append([_short(host, _HOST), *self._hosts[host].values()])
            length = len(_encoded(rows[-1]))
            size += length
            self._spent += length
            if size > _RECORD // 3:
                self._write({"type": "hosts", "rows": rows})
                rows, size = [], 0
        if rows:
            self._write({"type": "hosts", "rows": rows})
        self._changed_hosts.clear()

    def _write(self, record: dict[str, object]) -> None:
        line = self._begin + base64.b64encode(_encoded(record)).swapcase() + b"\n"
        if len(line) > _RECORD:
            raise ValueError("this record is too long")
        self.send(line)

    def send(self, line: bytes) -> None:
        """Write a record after all output so far."""
        sys.stdout.flush()
        os.write(1, line)


def _of(result: Foreign, name: str) -> Foreign:
    """Return the task, host or result of *result*, which are public since 2.19."""
    found = getattr(result, name, None)
    return getattr(result, f"_{name}") if found is None else found


def _encoded(value: object) -> bytes:
    """Return *value* as JSON."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _short(text: object, limit: int) -> str:
    """Return *text* with at most *limit* bytes of JSON; a shortened one ends in ….

    Nothing else is changed, so that the supervisor finds secrets in it.
    """
    whole = str(text)
    kept = whole[:limit]
    while len(_encoded(kept)) > limit:
        kept = kept[: len(kept) * 3 // 4]
    return kept if kept == whole else f"{kept}…"


def _message(result: Foreign) -> str:
    """Return why a task failed; what is censored stays so."""
    if "censored" in result:
        return _short(result["censored"], _MESSAGE)
    for item in result.get("results") or ():
        # releases after 2.19 leave "failed" out
        if any(map(item.get, ("failed", "unreachable", "exception"))):
            return _message(item)
    message = str(result.get("msg") or result.get("reason") or "failed")
    more = f" (exit status {result['rc']})" if result.get("rc") else ""
    for name in ("stderr", "module_stderr", "stdout", "module_stdout"):
        lines = [
            each for each in str(result.get(name) or "").split("\n") if each.strip()
        ]
        if lines and lines[-1] not in message:
            more += f": {lines[-1]}"
            break
    return _short(message + more, _MESSAGE)
