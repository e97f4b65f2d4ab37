"""A callback plugin that prints what became of each host of ``ansible -m ping``.

It runs in Ansible, and uses the standard library and what ansible-core 2.17 and later
have in common. Each line is the token in ``SEMAPHORE_CHECK``, a space, and JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time

from ansible.plugins.callback import CallbackBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    #: An object of Ansible; their types differ between releases.
    Foreign: TypeAlias = Any

DOCUMENTATION = """
name: semaphore_check
type: stdout
short_description: Prints the result of each host
description: Prints the result of each host as JSON, without variables.
"""

#: Characters of a reason.
_LONGEST = 300

#: Ansible's message if a module printed no result, and the reason shown for it.
_NO_ANSWER = "No start of json char found"
_NO_PYTHON = (
    "The host was reached, but Python did not run there: check that Python 3 is "
    "installed and what ansible_python_interpreter says"
)


class CallbackModule(CallbackBase):
    """Prints a line for each host."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "semaphore_check"

    def __init__(self, *args: Foreign, **kwargs: Foreign) -> None:
        super().__init__(*args, **kwargs)
        self._token = os.environ.pop("SEMAPHORE_CHECK", "")
        self._begun: dict[str, float] = {}

    def v2_runner_on_start(self, host: Foreign, task: Foreign) -> None:
        """Note when the check of a host begins."""
        del task
        self._begun[host.get_name()] = time.monotonic()
        self._say(ping=host.get_name(), state="checking")

    def v2_runner_on_ok(self, result: Foreign) -> None:
        """Print that a host answers."""
        self._end(result, "ok")

    def v2_runner_on_failed(
        self, result: Foreign, ignore_errors: Foreign = False
    ) -> None:
        """Print that a host is reached, and does not do what it should."""
        del ignore_errors
        self._end(result, "failed")

    def v2_runner_on_unreachable(self, result: Foreign) -> None:
        """Print that a host is not reached."""
        self._end(result, "unreachable")

    def _end(self, result: Foreign, state: str) -> None:
        host, said = result._host.get_name(), result._result
        reason = ""
        if state != "ok":
            text = " ".join(str(said.get("msg") or "").split())
            if _NO_ANSWER in text:
                text = _NO_PYTHON
            reason = text.removeprefix("Task failed: ")[:_LONGEST]
        seconds = time.monotonic() - self._begun.get(host, time.monotonic())
        self._say(ping=host, state=state, reason=reason, seconds=round(seconds, 3))

    def _say(self, **record: object) -> None:
        sys.stdout.write(f"{self._token} {json.dumps(record)}\n")
        sys.stdout.flush()
