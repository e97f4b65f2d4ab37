"""``semaphore task``: start, follow, stop and list tasks of any server.

The exit code of a followed task is its result: 0 success, 1 error, 3 stopped; 4 means
that the server could not be reached or refused.
"""

import argparse
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from semaphore_twisted.cli import secret_argument, table, under_reactor
from semaphore_twisted.cli.numbers import LARGEST, identifier, within
from semaphore_twisted.cli.paths import path_of
from semaphore_twisted.cli.subparsers import Subparsers
from semaphore_twisted.cli.task.client import ApiClient, Server, Socket
from semaphore_twisted.cli.task.follow import EXIT_CODES, LogMerger, TaskProgress
from semaphore_twisted.cli.terminal import Terminal
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.model.refusals import invalid, quoted

#: Seconds between API polls while the websocket is unavailable.
POLL_SECONDS = 1.0

#: Maximum number of tasks in one response of the server.
MOST_LISTED = 200

_TASK = within(1, LARGEST)

#: Exit code after control-C: 128 and the number of SIGINT, as in shells.
INTERRUPTED = 130

_EPILOG = """\
exit codes of a followed task: 0 success, 1 error, 3 stopped; 4 the server could not be
reached or refused, 130 interrupted (the task goes on)

environment: SEMAPHORE_URL, SEMAPHORE_TOKEN and SEMAPHORE_CA replace --url, --token
and --ca
"""


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``task`` and its verbs."""
    task = commands.add_parser(
        "task", help="run, follow, stop and list tasks of a server"
    )
    verbs = task.add_subparsers(dest="verb", required=True, metavar="VERB")

    run = _verb(verbs, "run", "start a task from a template", _run)
    _project(run)
    run.add_argument(
        "--template", "-t", required=True, help="the template's name or number"
    )
    run.add_argument(
        "--follow", "-f", action="store_true", help="show the log until the task ends"
    )
    run.add_argument(
        "--var",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a survey variable; may be repeated",
    )
    run.add_argument("--message", "-m", default="", help="shown in the history")
    run.add_argument("--limit", help="run on these hosts only")
    run.add_argument(
        "--build", type=_TASK, metavar="TASK", help="the task whose version is deployed"
    )
    run.add_argument("--dry-run", action="store_true", help="change nothing")
    run.add_argument("--diff", action="store_true", help="show what changes in files")

    follow = _verb(verbs, "follow", "show a task's log until it ends", _follow)
    _project(follow)
    follow.add_argument("task", type=_TASK, help="the task's number")

    stop = _verb(verbs, "stop", "stop a task", _stop)
    _project(stop)
    stop.add_argument("task", type=_TASK, help="the task's number")
    stop.add_argument("--force", action="store_true", help="stop it at once (SIGKILL)")

    listing = _verb(verbs, "list", "show the newest tasks", _list)
    _project(listing)
    listing.add_argument(
        "--limit",
        type=within(1, MOST_LISTED),
        default=20,
        help=f"how many, up to {MOST_LISTED} (default 20)",
    )


def _verb(
    verbs: "Subparsers", name: str, summary: str, run: "_Command"
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name,
        help=summary,
        description=summary.capitalize() + ".",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", help="the server, for example https://localhost:3000")
    secret_argument.add(parser, "--token", help="an API token")
    parser.add_argument(
        "--ca", type=path_of("--ca"), metavar="FILE", help="the server's CA, PEM"
    )
    parser.set_defaults(run=lambda arguments: _with_client(arguments, run))
    return parser


def _project(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--project", "-p", required=True, help="the project's name or number"
    )


def _server(arguments: argparse.Namespace) -> Server:
    url = arguments.url or os.environ.get("SEMAPHORE_URL")
    token = secret_argument.read(arguments, "token") or os.environ.get(
        "SEMAPHORE_TOKEN"
    )
    ca = arguments.ca or os.environ.get("SEMAPHORE_CA")
    if not url:
        raise CommandError(
            "--url: not set; expected the address of a server, such as "
            "https://localhost:3000"
        )
    if not token:
        raise CommandError("--token-file: not set; expected a file with an API token")
    return Server.at(url, token.strip(), Path(ca) if ca else None)


_Command = Callable[[argparse.Namespace, ApiClient, IReactorTime], Awaitable[int]]


def _with_client(arguments: argparse.Namespace, command: _Command) -> int:
    """Run *command* with a client under the reactor and return its exit code."""
    _check_texts(arguments)
    server = _server(arguments)
    from twisted.internet import reactor  # noqa: PLC0415 - a root chooses the reactor

    from semaphore_twisted.runtime.reactor_setup import steady  # noqa: PLC0415 - with the reactor

    steady(reactor)
    client = ApiClient(reactor, server)

    async def work() -> int:
        try:
            return await command(arguments, client, reactor)
        finally:
            await client.close()

    try:
        return under_reactor.run(reactor, work)
    except under_reactor.Interrupted:
        return INTERRUPTED


def _check_texts(arguments: argparse.Namespace) -> None:
    """Refuse arguments that are not valid UTF-8 and cannot be sent."""
    for name, value in vars(arguments).items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) and any("\ud800" <= c <= "\udfff" for c in each):
                raise CommandError(f"--{name.replace('_', '-')}: the text is not UTF-8")


async def _named(client: ApiClient, path: str, expected: str, what: str) -> int:
    """Return the id of the object *expected*, given by name or number."""
    found = await client.call("GET", path) or []
    number = identifier(expected)
    numbers = [
        each["id"] for each in found if each["name"] == expected or each["id"] == number
    ]
    if len(numbers) == 1:
        return int(numbers[0])
    names = ", ".join(sorted(str(each["name"]) for each in found)) or "none"
    if numbers:
        raise CommandError(
            f"--{what}: {quoted(expected)} is ambiguous; give its number"
        )
    raise CommandError(invalid(f"--{what}", expected, f"one of: {names}"))


async def _run(
    arguments: argparse.Namespace, client: ApiClient, reactor: IReactorTime
) -> int:
    project = await _named(client, "/projects", arguments.project, "project")
    template = await _named(
        client, f"/project/{project}/templates", arguments.template, "template"
    )
    variables = {}
    for each in arguments.var:
        name, equals, value = each.partition("=")
        if not equals:
            raise CommandError("--var: no = in the argument; expected NAME=VALUE")
        variables[name] = value
    body: dict[str, object] = {
        "template_id": template,
        "message": arguments.message,
        "dry_run": arguments.dry_run,
        "diff": arguments.diff,
    }
    if variables:
        body["environment"] = json.dumps(variables)
    if arguments.build is not None:
        body["build_task_id"] = arguments.build
    if arguments.limit is not None:
        if not arguments.limit.strip(", "):
            raise CommandError(invalid("--limit", arguments.limit, "hosts or groups"))
        body["params"] = {"limit": [arguments.limit]}
    started = await client.call("POST", f"/project/{project}/tasks", body)
    terminal = Terminal()
    terminal.note(f"Task {started['id']} of {arguments.template} was started")
    if not arguments.follow:
        return 0
    return await _until_end(client, reactor, terminal, project, int(started["id"]))


async def _follow(
    arguments: argparse.Namespace, client: ApiClient, reactor: IReactorTime
) -> int:
    project = await _named(client, "/projects", arguments.project, "project")
    return await _until_end(client, reactor, Terminal(), project, arguments.task)


async def _until_end(
    client: ApiClient,
    reactor: IReactorTime,
    terminal: Terminal,
    project: int,
    task: int,
) -> int:
    """Print a task's log until it ends; return its result as an exit code."""
    path = f"/project/{project}/tasks/{task}"
    progress = TaskProgress(task, LogMerger(terminal.line, terminal.part))
    socket: Socket | None = None
    lost: list[str] = []

    async def fetch() -> None:
        lines = await client.call("GET", f"{path}/output?from={progress.log.last}")
        for line in lines or ():
            progress.log.take(int(line["id"]), str(line["output"]))

    try:
        while True:
            if socket is None or lost:
                lost.clear()
                try:
                    socket = await client.watch(progress.take, lost.append)
                except CommandError:
                    socket = None  # the API suffices
                progress.status = (await client.call("GET", path))["status"]
                await fetch()
            elif progress.log.incomplete:
                await fetch()
            if progress.final:
                await fetch()  # lines that the websocket has not delivered
                break
            terminal.flush()
            terminal.progress(progress.status)
            await deferLater(reactor, POLL_SECONDS if socket is None else 0.2)
    finally:
        if socket is not None and not lost:
            socket.leave()
    terminal.flush()
    terminal.note(f"Task {task}: {progress.status}")
    return EXIT_CODES[progress.status]


async def _stop(
    arguments: argparse.Namespace,
    client: ApiClient,
    reactor: IReactorTime,  # noqa: ARG001
) -> int:
    project = await _named(client, "/projects", arguments.project, "project")
    await client.call(
        "POST",
        f"/project/{project}/tasks/{arguments.task}/stop",
        {"force": arguments.force},
    )
    Terminal().note(f"Task {arguments.task} is being stopped")
    return 0


async def _list(
    arguments: argparse.Namespace,
    client: ApiClient,
    reactor: IReactorTime,  # noqa: ARG001
) -> int:
    project = await _named(client, "/projects", arguments.project, "project")
    tasks = await client.call(
        "GET", f"/project/{project}/tasks/last?limit={arguments.limit}"
    )
    rows = [
        (
            str(each["id"]),
            each["status"],
            each["tpl_alias"],
            each["created"][:19].replace("T", " ") + "Z",
            each["message"],
        )
        for each in tasks or ()
    ]
    table.show(("TASK", "STATUS", "TEMPLATE", "CREATED", "MESSAGE"), rows)
    return 0
