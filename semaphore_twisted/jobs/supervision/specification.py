"""The specification of a job, as the supervisor reads it.

The names are those of ``model.jobs``, which documents them; a test compares both.
"""

from __future__ import annotations

import binascii
import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    _Given = dict[str, Any]

_PLACE = re.compile(r"\{workspace\}|\{brace\}|\{user\}|\{pipe:([^{}]*)\}")


def _bytes(text: str) -> bytes:
    return binascii.a2b_base64(text)


class NamespaceSettings:
    """How a job's own steps are isolated from other jobs."""

    def __init__(self, given: _Given) -> None:
        self.kinds: list[str] = given["kinds"]
        self.hidden: list[str] = given.get("hidden", [])
        self.covered: list[str] = given.get("covered", [])
        self.shown: list[str] = given.get("shown", [])
        self.fixed: list[str] = given.get("fixed", [])


class ReadStep:
    """One program of a job."""

    def __init__(self, given: _Given) -> None:
        stdin = given.get("stdin")
        self.name: str = given["name"]
        self.argv: list[str] = given.get("argv", [])
        self.cwd: str = given.get("cwd", "{workspace}")
        self.environ: dict[str, str] = given.get("environ", {})
        self.announce: list[str] = given.get("announce", [])
        self.stdin: bytes | None = None if stdin is None else _bytes(stdin)
        self.pipes: dict[str, bytes] = {
            pipe["name"]: _bytes(pipe["content"]) for pipe in given.get("pipes", ())
        }
        #: Names of the pipes that can be opened repeatedly.
        self.reread: set[str] = {
            pipe["name"] for pipe in given.get("pipes", ()) if pipe.get("reread")
        }
        self.requires: str | None = given.get("requires")
        self.absent: list[str] = given.get("absent", [])
        self.empty: list[str] = given.get("empty", [])
        self.exits: dict[str, str] = given.get("exits", {})
        self.background: bool = given.get("background", False)
        self.ready: str | None = given.get("ready")
        self.capture: list[str] = given.get("capture", [])
        self.quiet: bool = given.get("quiet", False)
        self.lock: str | None = given.get("lock")
        self.as_user: bool = given.get("as_user", True)
        self.handed: bool = given.get("handed", False)
        self.inside: bool = given.get("inside", True)
        self.time_limit: float | None = given.get("time_limit")
        self.failure: str | None = given.get("failure")
        self.install: str = given.get("install", "")
        self.remarks: dict[str, str] = given.get("remarks", {})
        self.reports: str | None = given.get("reports")
        self.writes: str | None = given.get("writes")
        self.reads: str | None = given.get("reads")
        self.plan: bool = given.get("plan", False)
        self.own_backend: str | None = given.get("own_backend")
        self.patience: float = given.get("patience", 0)
        self.applies: bool = given.get("applies", False)
        self.approval: float | None = given.get("approval")


class Specification:
    """The specification of a whole job."""

    def __init__(self, given: _Given) -> None:
        self.mark: str = given["mark"]
        self.spool: str = given["spool"]
        self.workspace: str = given["workspace"]
        self.steps = [ReadStep(step) for step in given["steps"]]
        self.files: list[tuple[str, bytes, bool]] = [
            (file["path"], _bytes(file["content"]), file.get("executable", False))
            for file in given.get("files", ())
        ]
        self.masks = [_bytes(mask) for mask in given.get("masks", ())]
        self.time_limit: float = given.get("time_limit", 0)
        self.grace: float = given.get("grace", 5)
        self.max_output_bytes: int = given.get("max_output_bytes", 1 << 30)
        self.disk_reserve: int = given.get("disk_reserve", 0)
        self.uid: int | None = given.get("uid")
        self.gid: int | None = given.get("gid")
        isolation = given.get("isolation")
        self.isolation = None if isolation is None else NamespaceSettings(isolation)
        self.finally_steps = [ReadStep(step) for step in given.get("finally_steps", ())]
        #: Set by ``jobs.process`` after a supervisor vanished: only clean up. The value
        #: is the start of the job in seconds since the epoch.
        self.interrupted: float | None = given.get("interrupted")
        #: With *interrupted*, the offset of the first record that the server has not
        #: stored. The records before it may be a hole of the file.
        self.offset: int = given.get("offset", 0)


def load(data: bytes) -> Specification:
    """Decode the JSON of a specification."""
    return Specification(json.loads(data))


def expand(text: str, workspace: str, pipes: dict[str, int], user: str = "") -> str:
    """Replace the placeholders in *text*; *pipes* maps names to descriptors.

    *user* is the name of the user that runs the step.
    """
    known = {"{brace}": "{", "{workspace}": workspace, "{user}": user}

    def value(place: re.Match[str]) -> str:
        name = place[1]
        if name is None:
            return known[place[0]]
        return f"/dev/fd/{pipes[name]}" if name in pipes else place[0]

    return _PLACE.sub(value, text)
