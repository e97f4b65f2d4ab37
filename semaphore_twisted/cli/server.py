"""``semaphore server``: runs ``twistd -n semaphore`` in this process."""

import argparse
import os
import sys

from semaphore_twisted.cli.installation import add_options
from semaphore_twisted.cli.paths import path_of
from semaphore_twisted.common.log_setting import FORMAT, LEVEL


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
        "--log-format",
        choices=FORMAT.accepted,
        help=f"log format (default: {FORMAT.variable}, or {FORMAT.default})",
    )
    parser.add_argument(
        "--log-level",
        choices=LEVEL.accepted,
        help=f"minimum log level (default: {LEVEL.variable}, or {LEVEL.default})",
    )
    parser.set_defaults(run=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    # Only this command imports the reactor and the modules that use it.
    from twisted.internet import reactor  # noqa: PLC0415
    from twisted.logger import globalLogBeginner  # noqa: PLC0415

    from semaphore_twisted import tap  # noqa: PLC0415
    from semaphore_twisted.runtime import daemon  # noqa: PLC0415

    options = tap.Options()
    options["config"] = arguments.config and str(arguments.config)
    options["state"] = arguments.state and str(arguments.state)
    options["demo"] = arguments.demo
    options["insecure-http"] = arguments.insecure_http
    options["with-vpn"] = arguments.with_vpn
    options["user"] = arguments.user
    options["vpn-settings"] = str(arguments.vpn_settings)
    options["vpn-state"] = str(arguments.vpn_state)
    options[FORMAT.option] = arguments.log_format
    options[LEVEL.option] = arguments.log_level
    service = tap.makeService(options)
    observer = daemon.observer(
        sys.stdout,
        format=arguments.log_format,
        level=arguments.log_level,
        environ=os.environ,
    )
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    service.privilegedStartService()
    reactor.callWhenRunning(service.startService)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()
    return 0
