"""What a job is: steps, written down before it starts.

The server makes a :class:`JobSpecification`, encodes it as JSON and hands it to the
supervisor through a pipe; it is never on disk or in argv. The supervisor brings the
whole job to its end alone, so a job outlives the server that started it.
"""

from typing import Literal

import msgspec

#: What happens after a step ended.
#: ``next``: go on with the following step; ``success`` and ``error`` end the job.
Outcome = Literal["next", "success", "error"]


class Pipe(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes handed to a step through an inherited pipe, never on disk or in argv.

    ``{pipe:NAME}`` in ``argv`` or in a value of ``environ`` becomes ``/dev/fd/N``. One
    that is *reread* can be opened again and again: a file of the memory's, without a
    name (``memfd_create(2)``).
    """

    name: str
    content: bytes
    reread: bool = False


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the workspace, mode 0600, or 0700 if executable.

    *path* is relative to the workspace; its folders are made, mode 0700.
    """

    path: str
    content: bytes
    executable: bool = False


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One program of a job.

    ``{workspace}`` in ``argv``, ``cwd``, ``ready``, ``requires`` and the values of
    ``environ`` becomes the absolute path of the job's private directory. ``{brace}``
    becomes an opening brace, so that any other text can be kept as it is.
    """

    #: Short name for status and errors, such as ``clone`` or ``playbook``.
    name: str
    argv: tuple[str, ...]
    cwd: str = "{workspace}"
    #: The whole environment; nothing is inherited but the supervisor's mark.
    environ: dict[str, str] = {}
    #: Lines written to the log before the step starts.
    announce: tuple[str, ...] = ()
    #: Bytes on standard input, through a pipe; without them it is ``/dev/null``.
    stdin: bytes | None = None
    pipes: tuple[Pipe, ...] = ()
    #: Runs only if this file exists; else ``absent`` is logged and the job goes on.
    requires: str | None = None
    absent: tuple[str, ...] = ()
    #: Logged where the required YAML file has comments only; the step is skipped then.
    empty: tuple[str, ...] = ()
    #: Exit status (as text) to outcome; others: 0 is ``next`` and the rest ``error``.
    exits: dict[str, Outcome] = {}
    #: Stays in the background until the job ends (an ssh-agent, for example).
    background: bool = False
    #: A background step is waited for until it listens on this Unix socket (at most
    #: 10 s).
    ready: str | None = None
    #: The output goes into a fact of this name instead of the log (at most 4 KiB).
    capture: str | None = None
    #: Output is dropped unless the step fails.
    quiet: bool = False
    #: Holds an exclusive ``flock`` on this path while the step runs (made if missing).
    lock: str | None = None
    #: Runs as the job's user (``JobSpecification.uid``); else as the supervisor's.
    as_user: bool = True
    #: Enters ``cwd`` before it becomes the job's user, who may not reach that by its
    #: path: the folder is handed over, its parents stay closed.
    handed: bool = False
    #: A step of the job's user runs in the job's namespaces, if it has some.
    inside: bool = True
    #: Seconds after which this step alone is ended as ``error``.
    time_limit: float | None = None
    #: Logged when the step fails, before its exit status; ``{output}`` is not expanded.
    failure: str | None = None
    #: Text to sentence: where the output has the text, the sentence is logged once,
    #: after the step.
    remarks: dict[str, str] = {}


#: Kinds of namespaces, called as Semaphore's options are.
Namespace = Literal["user", "mount", "ipc", "uts", "pid"]


class Isolation(msgspec.Struct, frozen=True, kw_only=True):
    """What a job's own steps are separated from other jobs by; absolute paths.

    The paths matter where ``mount`` is among the *kinds*. ``pid`` needs ``mount``.
    """

    kinds: tuple[Namespace, ...]
    #: Directories that are empty for the job, but for its workspace and *shown*.
    hidden: tuple[str, ...] = ()
    #: Files that the job cannot read.
    covered: tuple[str, ...] = ()
    #: Files and directories that stay visible, also below a hidden directory or /tmp.
    shown: tuple[str, ...] = ()
    #: Files and directories that stay visible, and that the job cannot change.
    fixed: tuple[str, ...] = ()


class JobSpecification(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the supervisor needs to bring a job to its end alone."""

    #: Unique mark of the job; found in the environment of each of its processes.
    mark: str
    #: Absolute path of the spool; exists, mode 0700.
    spool: str
    #: Absolute path of the private directory; the supervisor makes and removes it.
    workspace: str
    steps: tuple[Step, ...]
    files: tuple[File, ...] = ()
    #: Regular-expression-free byte strings to mask in output, longest first.
    masks: tuple[bytes, ...] = ()
    #: Of the whole job, in seconds; 0 is none.
    time_limit: float = 0
    #: Seconds between SIGTERM and SIGKILL at a stop.
    grace: float = 5
    #: Output is dropped after this many bytes, with one line that says so.
    max_output_bytes: int = 1 << 30
    #: Output is dropped while the spool's disk has fewer free bytes; 0 is no reserve.
    disk_reserve: int = 0
    #: Numbers of the user that runs the steps, if the supervisor may switch.
    uid: int | None = None
    gid: int | None = None
    #: Namespaces of the job's own steps; ``None`` is none.
    isolation: Isolation | None = None
    #: Steps that run at the very end whatever happened (clean-up of worktrees).
    finally_steps: tuple[Step, ...] = ()


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended; ``SPOOL/result``, written once and atomically."""

    status: Literal["success", "error", "stopped"]
    #: A sentence for a person when the status is not ``success``.
    reason: str = ""
    step: str = ""
    exit_status: int | None = None
    signal: int | None = None
    #: Seconds since the epoch.
    started: float
    ended: float
    #: Bytes of output that the disk had no room for; the log says so as well.
    dropped: int = 0
