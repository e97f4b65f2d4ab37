"""Builds the specification of the check of an inventory or a repository; pure.

A check is a job like that of a task: under a supervisor, with the same checkout, the
same keys and the same separation. Its programs (``check_programs``) print names only,
since what Ansible and git print can contain secrets of the project.
"""

import posixpath
import secrets
from collections.abc import Callable
from pathlib import Path

from semaphore_twisted.jobs import ssh
from semaphore_twisted.jobs.ansible import environ_of, logins
from semaphore_twisted.jobs.checkout import Checkout
from semaphore_twisted.jobs.inventory import (
    arguments_of,
    inventory_path,
    strictness,
)
from semaphore_twisted.jobs.invocation import inventory_agent, secrets_of
from semaphore_twisted.jobs.job_inputs import (
    CheckOrder,
    JobOptions,
)
from semaphore_twisted.jobs.masking import patterns
from semaphore_twisted.jobs.workspace import (
    CHECKOUT,
    INVENTORY_CHECKOUT,
    WORKSPACE,
    Layout,
    environ,
    files,
    layout,
    literal,
)
from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.jobs import File, JobSpecification, Outcome, Step

_PROGRAMS = Path(__file__).with_name("check_programs")
_LIST_HOSTS, _LIST_FILES, _PLUGIN = (
    (_PROGRAMS / name).read_bytes()
    for name in ("list_hosts.py", "list_files.py", "semaphore_check.py")
)

#: The directory of the programs in the workspace, and that of the callback plugin.
_FOLDER, _PLUGINS = "check", "check/plugins"

#: Seconds that a host may take to answer.
_PATIENCE = 10

#: Ends of ``ansible`` that say that hosts failed or were not reached.
_HOSTS_FAILED: dict[str, Outcome] = {"2": "next", "4": "next", "6": "next"}


def specification(
    order: CheckOrder,
    options: JobOptions,
    *,
    token: str,
    commit_only: bool = False,
    entropy: Callable[[int], bytes] = secrets.token_bytes,
) -> JobSpecification:
    """Return the supervisor's specification for *order*.

    Each line that its programs print begins with *token*. With *commit_only* it checks
    a repository out, which records the commit, and lists nothing.

    :raises Invalid: if the order cannot be carried out; the sentence says why.
    """
    paths = layout(options, order.job_name)
    checkout = _checkout(order, options, paths)
    made: tuple[Step, ...]
    own: tuple[File, ...]
    if commit_only:
        made, own = (), ()
    elif order.inventory is None:
        made, own = (_list_files(options, paths, token),), (_file(_LIST_FILES),)
    else:
        made, own = _inventory(order, checkout, options, paths, token)
    limit = limits.CHECK_SECONDS
    return JobSpecification(
        mark=entropy(16).hex(),
        spool=paths.spool,
        workspace=paths.workspace,
        steps=(*(() if checkout is None else checkout.steps()), *made),
        finally_steps=() if checkout is None else checkout.finally_steps(),
        files=(*files(options), *own),
        masks=patterns(filter(None, secrets_of(order.source, order.inventory))),
        time_limit=min(limit, options.time_limit or limit),
        max_output_bytes=limits.CHECK_OUTPUT,
        uid=options.uid,
        gid=options.gid,
        isolation=options.isolation,
    )


def _checkout(order: CheckOrder, options: JobOptions, paths: Layout) -> Checkout | None:
    """Return the checkout that the check needs, if any."""
    inventory, source, folder = order.inventory, order.source, CHECKOUT
    wanted: tuple[tuple[str, str], ...] = ()
    if inventory is not None:
        path = inventory_path(inventory)
        if path is None:
            return None
        wanted = (("inventory", path),)
        if inventory.source is not None:
            source, folder = inventory.source, INVENTORY_CHECKOUT
        if source is None:
            raise Invalid(
                "repository_id: missing; this inventory is a file of the repository of "
                "each template, so name the repository to check it with"
            )
    if source is None:
        return None
    return Checkout(
        name="repository",
        folder=folder,
        source=source,
        options=options,
        paths=paths,
        wanted=wanted,
    )


def _list_files(options: JobOptions, paths: Layout, token: str) -> Step:
    """Return the step that prints branches and playbooks."""
    return Step(
        name="list",
        argv=("python3", "-I", f"{WORKSPACE}/{_FOLDER}/list.py"),
        cwd=f"{WORKSPACE}/{CHECKOUT}",
        environ={**environ(options, paths), "SEMAPHORE_CHECK": token},
    )


def _inventory(
    order: CheckOrder,
    checkout: Checkout | None,
    options: JobOptions,
    paths: Layout,
    token: str,
) -> tuple[tuple[Step, ...], tuple[File, ...]]:
    """Return the steps and files that list the hosts and ping them."""
    inventory, app = order.inventory, order.ansible
    installed, where = arguments_of(inventory)
    who = logins(inventory)
    common = environ_of(inventory, options, paths)
    if folder := posixpath.dirname(app.program):  # the check uses the same Ansible
        common["PATH"] = f"{literal(folder)}:{common['PATH']}"
    own = {
        **common,
        **strictness(inventory),
        "ANSIBLE_FORCE_COLOR": "False",
        "SEMAPHORE_CHECK": token,
    }
    cwd = f"{WORKSPACE}/{_FOLDER if checkout is None else checkout.folder}"
    listing = Step(
        name="list",
        argv=("python3", "-I", f"{WORKSPACE}/{_FOLDER}/list.py", *where),
        cwd=cwd,
        environ=own,
        install=app.install,
        failure="The inventory cannot be listed",
    )
    ping = Step(
        name="ping",
        argv=(
            *("ansible", "all", *where, "-m", "ping", "-T", str(_PATIENCE)),
            *who.arguments,
        ),
        cwd=cwd,
        environ={
            **own,
            **who.environ,
            "ANSIBLE_CALLBACK_PLUGINS": f"{WORKSPACE}/{_PLUGINS}",
            "ANSIBLE_STDOUT_CALLBACK": "semaphore_check",
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "True",
            # instead of the project's; of this type only one is loaded
            "ANSIBLE_CALLBACKS_ENABLED": "minimal",
        },
        install=app.install,
        exits=_HOSTS_FAILED,
        pipes=who.pipes,
    )
    return (*inventory_agent(inventory, options, paths), listing, ping), (
        _file(_LIST_HOSTS),
        File(path=f"{_PLUGINS}/semaphore_check.py", content=_PLUGIN),
        *who.files,
        *(() if installed is None else (installed,)),
        *ssh.files(ssh.of_inventory(inventory, options, paths)),
    )


def _file(content: bytes) -> File:
    return File(path=f"{_FOLDER}/list.py", content=content)
