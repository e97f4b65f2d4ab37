"""Routes of the server itself: version, metrics and the API document."""

import hmac
import os
import platform
import resource
import time
from functools import lru_cache
from pathlib import Path

import msgspec

from semaphore_twisted.identity import throttle
from semaphore_twisted.model.tasks import FINAL, TaskStatus
from semaphore_twisted.model.users import Access
from semaphore_twisted.operations import metrics as operations
from semaphore_twisted.web.api import vpn_metrics
from semaphore_twisted.web.api.auth import throttled
from semaphore_twisted.web.http import openapi
from semaphore_twisted.web.http.context import RequestContext, Services
from semaphore_twisted.web.http.prometheus import CONTENT_TYPE, Metric, exposition
from semaphore_twisted.web.http.responses import PlainText, Response, json
from semaphore_twisted.web.http.routing import Route


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about the server, for logged-in users."""

    version: str
    ansible: str
    web_host: str
    use_remote_runner: bool = False
    git_client: str = "cmd_git"
    schedule_timezone: str = "UTC"
    auth_methods: dict[str, bool] = {}
    features: dict[str, bool] = {}
    #: what a license of Semaphore switches on; there are none here, so it is empty
    premium_features: dict[str, bool] = {}


class AdminInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Facts about the server, for administrators.

    Semaphore documents no fields of this answer; *version*, *ansible* and *web_host*
    are those of ``/info``.
    """

    version: str
    ansible: str
    web_host: str
    #: version of Python, and the kind of machine
    python: str
    platform: str
    uptime_seconds: int
    #: stored tasks by their status
    tasks: dict[TaskStatus, int]


async def ping(context: RequestContext) -> PlainText:  # noqa: ARG001 - a handler's shape
    """Confirm that the server runs."""
    return PlainText("pong")


async def info(context: RequestContext) -> Info:
    """Show versions and enabled features."""
    options = context.options
    return Info(
        version=options.version,
        ansible=options.ansible,
        web_host=options.config.web_host,
        schedule_timezone=options.config.schedule.timezone,
    )


async def admin_info(context: RequestContext) -> AdminInfo:
    """Show facts about the server, and how many tasks there are by status."""
    options = context.options
    return AdminInfo(
        version=options.version,
        ansible=options.ansible,
        web_host=options.config.web_host,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        uptime_seconds=int(time.monotonic() - _BEGUN),
        tasks=await context.read_unchecked(operations.tasks_by_status),
    )


async def document(context: RequestContext) -> Response:
    """Return this document."""
    base = context.cookie_path.rstrip("/")
    return Response(200, _document(context.services.routes, base))


@lru_cache(maxsize=4)
def _document(routes: tuple[Route, ...], base: str) -> bytes:
    """Generate the document once: it takes milliseconds, and the route is public."""
    return json(openapi.document(routes, base=base))


async def metrics(context: RequestContext) -> Response:
    """Return metrics for Prometheus; requires the credentials of ``metrics.*``."""
    if not await _may_see_metrics(context):
        challenge = (b"www-authenticate", b'Basic realm="metrics"')
        return Response(401, headers=(challenge,))
    counts = await context.read_unchecked(operations.tasks_by_status)
    text = exposition(
        [
            *_task_figures(counts),
            *_process_figures(),
            *await vpn_metrics.figures(context),
            *_certificate_figures(context.services),
        ]
    )
    return Response(200, text.encode(), CONTENT_TYPE)


async def _may_see_metrics(context: RequestContext) -> bool:
    """Return whether the request has the name and the password of ``metrics.*``.

    Failures count for the address, not for the name: an attacker could otherwise lock
    Prometheus out.

    :raises TooManyAttempts: if the address has failed too often
    """
    options = context.options
    if not (options.config.metrics.enabled and options.config.metrics.password):
        return False
    if context.basic is None:
        return False
    subject = throttle.Subject(account=None, address=context.address)
    await throttled(context, subject)
    name, password = context.basic
    right_name = hmac.compare_digest(
        name.encode(), options.config.metrics.username.encode()
    )
    right_password = hmac.compare_digest(
        password.encode(), options.config.metrics.password.encode()
    )
    if right_name and right_password:
        return True
    await context.write_unchecked(throttle.failed, subject)
    return False


def _task_figures(counts: dict[TaskStatus, int]) -> list[Metric]:
    waiting = counts.get(TaskStatus.WAITING, 0)
    unfinished = sum(
        count
        for status, count in counts.items()
        if status not in FINAL and status is not TaskStatus.WAITING
    )
    ends = sorted(FINAL)
    return [
        Metric(
            "semaphore_tasks_running", "gauge", "Tasks that run.", [({}, unfinished)]
        ),
        Metric("semaphore_tasks_waiting", "gauge", "Tasks that wait.", [({}, waiting)]),
        Metric(
            "semaphore_tasks_total",
            "counter",
            "Tasks that ended, of those that were not deleted.",
            [({"status": each}, counts.get(each, 0)) for each in ends],
        ),
    ]


def _certificate_figures(services: Services) -> list[Metric]:
    if services.expires is None:
        return []
    return [
        Metric(
            "semaphore_tls_expires_seconds",
            "gauge",
            "Time until the certificate that is presented ends.",
            [({}, round(services.expires()))],
        ),
        Metric(
            "semaphore_tls_renewal_failing",
            "gauge",
            "1 if there should be a newer certificate, and it cannot be had or used.",
            [({}, int(services.failing()))],
        ),
    ]


def _process_figures() -> list[Metric]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return [
        Metric(
            "process_cpu_seconds_total",
            "counter",
            "Processor time used.",
            [({}, usage.ru_utime + usage.ru_stime)],
        ),
        Metric(
            "process_resident_memory_bytes",
            "gauge",
            "Memory in use.",
            [({}, pages * resource.getpagesize())],
        ),
        Metric(
            "process_open_fds",
            "gauge",
            "Open files and connections.",
            [({}, len(os.listdir("/proc/self/fd")))],  # noqa: PTH208 - names only
        ),
        Metric(
            "process_uptime_seconds",
            "gauge",
            "Time since the start.",
            [({}, time.monotonic() - _BEGUN)],
        ),
    ]


_BEGUN = time.monotonic()

ROUTES = (
    Route.get("/ping", ping, Access.PUBLIC, answer=PlainText),
    Route.get("/info", info, Access.USER, answer=Info, one_project=True),
    Route.get("/admin/info", admin_info, Access.ADMIN, answer=AdminInfo),
    Route.get(
        "/metrics",
        metrics,
        Access.PUBLIC,
        answer=PlainText,
        refusals=frozenset({401, 429}),
    ),
    Route.get("/openapi.json", document, Access.PUBLIC, answer=dict),
)
