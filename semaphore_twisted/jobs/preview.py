"""Shows what a job would run, from the specification that a real job would have.

The order holds :data:`PLACEHOLDER` instead of each secret. It is a text that every rule
accepts which a secret has to pass, such as that for names of accounts.
"""

import re
from typing import Final

from semaphore_twisted.jobs.invocation import specification
from semaphore_twisted.jobs.job_inputs import JobOptions, JobOrder
from semaphore_twisted.jobs.parameters import branch
from semaphore_twisted.jobs.values import (
    ansible_environment,
    plan_environment,
    script_environment,
)
from semaphore_twisted.model.previews import MASK, RunFile, RunPreview

#: Stands for a secret in an order that is only shown.
PLACEHOLDER: Final = "masked-secret-value"

#: The files that are made from an order; the others are the server's own programs.
_FOLDERS = ("inventory/", "variables/")

_PIPE = re.compile(r"\{pipe:[^{}]*\}")


def preview(order: JobOrder, options: JobOptions) -> RunPreview:
    """Return what the program of *order* would receive.

    :raises Invalid: if the order cannot be carried out; the sentence says why
    """
    made = specification(order, options)
    program = made.steps[-1]
    if order.app.is_ansible:
        names = ansible_environment(order)
    elif order.app.plans:
        program = next(step for step in made.steps if step.writes is not None)
        names = plan_environment(order, options)
    else:
        names = script_environment(order, options)
    return RunPreview(
        arguments=tuple(map(_shown, program.argv)),
        folder=_shown(program.cwd),
        environment={name: _shown(program.environ[name]) for name in names},
        files=tuple(
            RunFile(path=each.path, content=_masked(each.content.decode()))
            for each in made.files
            if each.path.startswith(_FOLDERS)
        )
        + tuple(
            RunFile(path=pipe.name, content=_masked(pipe.content.decode()))
            for pipe in (program.pipes if order.app.plans else ())
        ),
        repository=order.source.url,
        branch=branch(order.template, order.task, order.source.branch),
    )


def _shown(text: str) -> str:
    """Return an argument as the program receives it, but without secrets."""
    return _masked(_PIPE.sub(MASK, text)).replace("{brace}", "{")


def _masked(text: str) -> str:
    return text.replace(PLACEHOLDER, MASK)
