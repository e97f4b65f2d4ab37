"""The step of a script: bash and python.

Secret variables are in its environment only: arguments can be read by every user of
the machine.
"""

from semaphore_twisted.jobs.hosts import git_ssh
from semaphore_twisted.jobs.order import JobOptions, JobOrder
from semaphore_twisted.jobs.steps import Step
from semaphore_twisted.jobs.values import script_arguments, script_environment
from semaphore_twisted.jobs.workspace import CHECKOUT, WORKSPACE, Layout, environ
from semaphore_twisted.model.keys import SshKey

_PROGRAMS = {"bash": "bash", "python": "python3"}


def step(order: JobOrder, options: JobOptions, places: Layout, *, script: str) -> Step:
    """Return the step that runs *script*, a path in the checkout.

    :raises Invalid: if a variable cannot be given to a process.
    """
    with_key = order.inventory is not None and isinstance(order.inventory.key, SshKey)
    agent = places.agent if with_key else None
    return Step(
        name="script",
        argv=(
            _PROGRAMS[order.template.app],
            *script_arguments(order, script=script),
        ),
        cwd=f"{WORKSPACE}/{CHECKOUT}",
        environ={
            **environ(options, places),
            "GIT_SSH_COMMAND": git_ssh(options, places.known_hosts, agent=agent),
            **({"GIT_SSL_CAINFO": options.ca_bundle} if options.ca_bundle else {}),
            **script_environment(order, options),
            **({"SSH_AUTH_SOCK": agent} if agent else {}),
        },
    )
