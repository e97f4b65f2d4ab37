"""The step of an app that runs a script, such as bash, python and custom apps.

Secret variables are passed in its environment only: every user of the machine can read
arguments.
"""

from semaphore_twisted.jobs import ssh
from semaphore_twisted.jobs.job_inputs import JobOptions, JobOrder
from semaphore_twisted.jobs.values import script_arguments, script_environment
from semaphore_twisted.jobs.workspace import (
    CHECKOUT,
    WORKSPACE,
    Layout,
    environ,
    literal,
)
from semaphore_twisted.model.jobs import File, Step


def files(order: JobOrder, options: JobOptions, paths: Layout) -> tuple[File, ...]:
    """Return the files that the step needs."""
    return ssh.files(ssh.of_order(order, options, paths))


def step(order: JobOrder, options: JobOptions, paths: Layout, *, script: str) -> Step:
    """Return the step that runs *script*, a path in the checkout.

    :raises Invalid: if a variable cannot be passed to a process.
    """
    programs = ssh.of_order(order, options, paths)
    agent = paths.agent if programs.agent else None
    app = order.app
    return Step(
        name="script",
        argv=(
            *map(literal, (app.program, *app.arguments)),
            *script_arguments(order, script=script),
        ),
        install=app.install,
        cwd=f"{WORKSPACE}/{CHECKOUT}",
        environ={
            **environ(options, paths),
            "GIT_SSH_COMMAND": programs.git,
            **({"GIT_SSL_CAINFO": options.ca_bundle} if options.ca_bundle else {}),
            **script_environment(order, options),
            **({"SSH_AUTH_SOCK": agent} if agent else {}),
        },
    )
