"""``semaphore server``: runs ``twistd -n semaphore`` in this process."""

import argparse
import os
import sys
from typing import Any

from semaphore_twisted.cli.installation import add_options
from semaphore_twisted.cli.paths import path_of

#: Log levels, from the most verbose to the least.
LEVELS = ("debug", "info", "warn", "error")


def declare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``server``."""
    parser = commands.add_parser(
        "server",
        help="run the server",
        description="Run the server in the foreground; the log goes to standard "
        "output. The same as: twistd -n semaphore",
    )
    add_options(parser)
    parser.add_argument(
        "--demo", action="store_true", help='add the project "Demo" if it is missing'
    )
    parser.add_argument(
        "--insecure-http",
        action="store_true",
        help="serve plain HTTP on any address (with tls.enabled: false)",
    )
    parser.add_argument(
        "--with-vpn",
        action="store_true",
        help="start the VPN companion too; root only, the server then runs as --user",
    )
    parser.add_argument("--user", help="the account to switch to, with --with-vpn")
    parser.add_argument(
        "--vpn-settings",
        type=path_of("--vpn-settings"),
        metavar="DIR",
        default="/etc/semaphore-vpn",
        help="the directory that `vpn init` wrote (default: %(default)s)",
    )
    parser.add_argument(
        "--vpn-state",
        type=path_of("--vpn-state"),
        metavar="DIR",
        default="/var/lib/semaphore-vpn",
        help="the companion's state directory (default: %(default)s)",
    )
    parser.add_argument(
        "--log-format", choices=("text", "json"), default="text", help="log format"
    )
    level = os.environ.get("SEMAPHORE_LOG_LEVEL", "").lower()
    parser.add_argument(
        "--log-level",
        choices=LEVELS,
        default=level if level in LEVELS else "info",
        help="minimum log level (default: SEMAPHORE_LOG_LEVEL, or info)",
    )
    parser.set_defaults(run=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    # Only this command imports the reactor and the modules that use it.
    from twisted.internet import reactor  # noqa: PLC0415
    from twisted.logger import (  # noqa: PLC0415
        FilteringLogObserver,
        LogLevel,
        LogLevelFilterPredicate,
        globalLogBeginner,
        jsonFileLogObserver,
        textFileLogObserver,
    )

    from semaphore_twisted import tap  # noqa: PLC0415

    options = tap.Options()
    options["config"] = arguments.config and str(arguments.config)
    options["state"] = arguments.state and str(arguments.state)
    options["demo"] = arguments.demo
    options["insecure-http"] = arguments.insecure_http
    options["with-vpn"] = arguments.with_vpn
    options["user"] = arguments.user
    options["vpn-settings"] = str(arguments.vpn_settings)
    options["vpn-state"] = str(arguments.vpn_state)
    service = tap.makeService(options)
    observer = (
        jsonFileLogObserver(sys.stdout)
        if arguments.log_format == "json"
        else textFileLogObserver(sys.stdout)
    )
    level = LogLevelFilterPredicate(LogLevel.lookupByName(arguments.log_level))
    globalLogBeginner.beginLoggingTo(
        [FilteringLogObserver(observer, [level])], redirectStandardIO=False
    )
    loop: Any = reactor
    service.privilegedStartService()
    loop.callWhenRunning(service.startService)
    loop.addSystemEventTrigger("before", "shutdown", service.stopService)
    loop.run()
    return 0
