"""The specification of a job: its steps, fixed before it starts.

The server builds a :class:`JobSpecification`, encodes it as JSON and passes it to the
supervisor through a pipe; it is never on disk or in argv. The supervisor runs the whole
job without the server, so a job outlives the server that started it.
"""

from typing import Literal

import msgspec
from typing_extensions import override

from semaphore_twisted.model.reprs import redacted

#: The effect of a step's end.
#: ``next`` continues with the following step; ``unchanged`` does too, but skips the
#: steps that apply changes; ``success`` and ``error`` end the job.
Outcome = Literal["next", "unchanged", "success", "error"]


class Pipe(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes passed to a step through an inherited pipe, never on disk or in argv.

    ``{pipe:NAME}`` in ``argv`` or in a value of ``environ`` becomes ``/dev/fd/N``. With
    *reread* it can be opened repeatedly: it is then an unnamed file in memory
    (``memfd_create(2)``).
    """

    name: str
    content: bytes
    reread: bool = False

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "name", "reread")


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the workspace, mode 0600, or 0700 if executable.

    *path* is relative to the workspace; its directories are created with mode 0700.
    """

    path: str
    content: bytes
    executable: bool = False

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "path", "executable")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One program of a job.

    ``{workspace}`` in ``argv``, ``cwd``, ``ready``, ``requires`` and the values of
    ``environ`` becomes the absolute path of the job's private directory. ``{brace}``
    becomes an opening brace; it escapes placeholders in other texts.
    """

    #: Short name for status and errors, such as ``clone`` or ``playbook``.
    name: str
    argv: tuple[str, ...] = ()
    cwd: str = "{workspace}"
    #: The whole environment; only the job's mark is added, nothing is inherited.
    environ: dict[str, str] = {}
    #: Lines written to the log before the step starts.
    announce: tuple[str, ...] = ()
    #: Bytes for standard input, through a pipe; ``None`` is ``/dev/null``.
    stdin: bytes | None = None
    pipes: tuple[Pipe, ...] = ()
    #: The step runs only if this file exists; else ``absent`` is logged and the job
    #: continues.
    requires: str | None = None
    absent: tuple[str, ...] = ()
    #: Logged if the required YAML file has only comments; the step is skipped then.
    empty: tuple[str, ...] = ()
    #: Exit status (as text) to outcome; by default 0 is ``next``, the rest ``error``.
    exits: dict[str, Outcome] = {}
    #: The program runs in the background until the job ends, such as an ssh-agent.
    background: bool = False
    #: The job waits until a background step listens on this Unix socket (at most 10 s).
    ready: str | None = None
    #: The lines of the output (at most 4 KiB) become the facts of these names, and are
    #: not logged.
    capture: tuple[str, ...] = ()
    #: Output is dropped unless the step fails.
    quiet: bool = False
    #: The file on which an exclusive ``flock`` is held during the step; created if
    #: missing.
    lock: str | None = None
    #: Whether to run as the job's user (``JobSpecification.uid``) or the supervisor's.
    as_user: bool = True
    #: Whether to enter ``cwd`` before switching to the job's user, who may not have
    #: access to its parent directories.
    handed: bool = False
    #: Whether a step of the job's user runs in the job's namespaces, if there are some.
    inside: bool = True
    #: Seconds after which this step fails.
    time_limit: float | None = None
    #: Logged when the step fails, before its exit status; ``{output}`` is not expanded.
    failure: str | None = None
    #: Words that tell how to install the program, logged if it is missing.
    install: str = ""
    #: Text to sentence: if the output contains the text, the sentence is logged once,
    #: after the step.
    remarks: dict[str, str] = {}
    #: The directory of Ansible's results plugin, whose records are then taken out of
    #: the output.
    reports: str | None = None
    #: A file in memory that the program writes; ``{pipe:NAME}`` stands for its path, as
    #: for a pipe. When the program has ended, all other processes of the job are ended
    #: except for those in the background, and the file is sealed: its content cannot
    #: change any more. An empty file is a failure.
    writes: str | None = None
    #: A file in memory that an earlier step wrote.
    reads: str | None = None
    #: Standard output is the plan in JSON, and no part of the log.
    plan: bool = False
    #: With *plan*: a file that exists if the code keeps its state in its own backend.
    own_backend: str | None = None
    #: Whole seconds, at most 300, that the program gets after SIGINT when the job is
    #: stopped or its supervisor vanishes, before its processes are ended. A background
    #: step gets them after SIGTERM, when all other programs of the job have ended.
    patience: float = 0
    #: The step is skipped if an earlier one ended with the outcome ``unchanged``.
    applies: bool = False
    #: The step runs no program: it waits so many seconds for an approval, and the job
    #: fails without one. This time does not count for the job's time limit.
    approval: float | None = None

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "name")


#: Kinds of namespaces, named as Semaphore's options.
Namespace = Literal["user", "mount", "ipc", "uts", "pid"]


class JobIsolation(msgspec.Struct, frozen=True, kw_only=True):
    """How a job's own steps are isolated from other jobs; paths are absolute.

    The paths apply only if ``mount`` is in *kinds*. ``pid`` needs ``mount``.
    """

    kinds: tuple[Namespace, ...]
    #: Directories that are empty for the job, except for its workspace and *shown*.
    hidden: tuple[str, ...] = ()
    #: Files that the job cannot read.
    covered: tuple[str, ...] = ()
    #: Files and directories that stay visible, also below a hidden directory or /tmp.
    shown: tuple[str, ...] = ()
    #: Files and directories that stay visible, read-only for the job.
    fixed: tuple[str, ...] = ()


class JobSpecification(msgspec.Struct, frozen=True, kw_only=True):
    """All inputs of the supervisor for one job."""

    #: Unique mark of the job; in the environment of each of its processes.
    mark: str
    #: Absolute path of the spool; exists, mode 0700.
    spool: str
    #: Absolute path of the private directory; the supervisor creates and removes it.
    workspace: str
    steps: tuple[Step, ...]
    files: tuple[File, ...] = ()
    #: Regular-expression-free byte strings to mask in output, longest first.
    masks: tuple[bytes, ...] = ()
    #: Time limit of the whole job in seconds; 0 is none.
    time_limit: float = 0
    #: Seconds between SIGTERM and SIGKILL when the job is stopped.
    grace: float = 5
    #: Output beyond this many bytes is dropped; one line reports it.
    max_output_bytes: int = 1 << 30
    #: Output is dropped while the spool's disk has fewer free bytes than this.
    disk_reserve: int = 0
    #: Ids of the user that runs the steps, if the supervisor may switch users.
    uid: int | None = None
    gid: int | None = None
    #: Namespaces of the job's own steps; ``None`` means no isolation.
    isolation: JobIsolation | None = None
    #: Steps that run last, after any result, such as the removal of a checkout.
    finally_steps: tuple[Step, ...] = ()

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "mark", "spool")


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a job; ``SPOOL/result``, written once and atomically."""

    status: Literal["success", "error", "stopped"]
    #: A sentence for a person when the status is not ``success``.
    reason: str = ""
    step: str = ""
    exit_status: int | None = None
    signal: int | None = None
    #: Seconds since the epoch.
    started: float
    ended: float
    #: Bytes of output that were dropped for lack of disk space; the log reports it too.
    dropped: int = 0
