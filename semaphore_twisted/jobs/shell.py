"""The step of a script: bash and python.

The script gets, as with Semaphore, the template's arguments, then ``NAME=value`` for
each variable, then the task's arguments. Secret variables are in its environment
only: arguments can be read by every user of the machine.
"""

from semaphore_twisted.jobs.hosts import git_ssh
from semaphore_twisted.jobs.order import JobOptions, JobOrder
from semaphore_twisted.jobs.parameters import arguments
from semaphore_twisted.jobs.steps import Step
from semaphore_twisted.jobs.variables import (
    checked_environment,
    details_environment,
    task_details,
    task_environment,
    text,
)
from semaphore_twisted.jobs.workspace import (
    CHECKOUT,
    WORKSPACE,
    Layout,
    environ,
    literal,
)
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.keys import SshKey

_PROGRAMS = {"bash": "bash", "python": "python3"}


def step(order: JobOrder, options: JobOptions, places: Layout, *, script: str) -> Step:
    """Return the step that runs *script*, a path in the checkout.

    :raises Invalid: if a variable cannot be given to a process.
    """
    own, asked = arguments(order.template, order.task)
    variables = tuple(
        f"{name}={text(value)}" for name, value in order.variables.items()
    )
    if any("\0" in variable for variable in variables):
        raise Invalid("The value of a variable has a NUL character")
    with_key = order.inventory is not None and isinstance(order.inventory.key, SshKey)
    agent = places.agent if with_key else None
    return Step(
        name="script",
        argv=(
            _PROGRAMS[order.template.app],
            *map(literal, (script, *own, *variables, *asked)),
        ),
        cwd=f"{WORKSPACE}/{CHECKOUT}",
        environ={
            **environ(options, places),
            "GIT_SSH_COMMAND": git_ssh(options, places.known_hosts, agent=agent),
            **({"GIT_SSL_CAINFO": options.ca_bundle} if options.ca_bundle else {}),
            **task_environment(order),
            **details_environment(task_details(order, options)),
            **checked_environment(order.environment),
            **checked_environment(order.secret_environment),
            **checked_environment(order.secret_variables),
            **({"SSH_AUTH_SOCK": agent} if agent else {}),
        },
    )
