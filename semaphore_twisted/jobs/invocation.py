"""Builds the specification that the supervisor executes from an order; pure.

The steps, in order: the checkout (with an agent or login of its own, removed again),
the inventory's checkout, the inventory's agent with its key, the requirements, the
program.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from semaphore_twisted.jobs import ansible, shell
from semaphore_twisted.jobs.agent import Agent
from semaphore_twisted.jobs.checkout import Checkout
from semaphore_twisted.jobs.inventory import (
    inventory_path,
    of_collection,
    path_in_checkout,
)
from semaphore_twisted.jobs.job_inputs import (
    InventorySource,
    JobOptions,
    JobOrder,
    RepositorySource,
)
from semaphore_twisted.jobs.masking import patterns
from semaphore_twisted.jobs.parameters import branch
from semaphore_twisted.jobs.workspace import (
    CHECKOUT,
    INVENTORY_CHECKOUT,
    WORKSPACE,
    Layout,
    environ,
    files,
    layout,
)
from semaphore_twisted.model.jobs import JobSpecification, Step
from semaphore_twisted.model.keys import (
    ClientCertificate,
    LoginPassword,
    OpenedSecret,
    SshKey,
    Text,
)


def specification(
    order: JobOrder,
    options: JobOptions,
    entropy: Callable[[int], bytes] = secrets.token_bytes,
) -> JobSpecification:
    """Return the supervisor's specification for *order*.

    The job's mark, which identifies its processes, is made from *entropy*.

    :raises Invalid: if the order cannot be carried out; the sentence says why.
    """
    mark = entropy(16).hex()
    paths = layout(options, order.job_name)
    checkouts = _checkouts(order, options, paths)
    program = _program(order, options, paths)
    return JobSpecification(
        mark=mark,
        spool=paths.spool,
        workspace=paths.workspace,
        steps=(
            *(step for checkout in checkouts for step in checkout.steps()),
            *inventory_agent(order.inventory, options, paths),
            *program.steps,
        ),
        finally_steps=(
            *(step for checkout in checkouts for step in checkout.finally_steps()),
            *program.finally_steps,
        ),
        files=(*files(options), *program.files),
        masks=patterns(filter(None, _secrets(order))),
        time_limit=_time_limit(order, options),
        max_output_bytes=options.max_output_bytes,
        uid=options.uid,
        gid=options.gid,
        isolation=options.isolation,
    )


def _time_limit(order: JobOrder, options: JobOptions) -> float:
    """Return the shorter time limit of the template and of the installation; 0: none.

    A template cannot exceed the limit of the installation.
    """
    own = float(order.template.max_task_duration_sec)
    return min(filter(None, (own, options.time_limit)), default=0)


def _path(order: JobOrder) -> str:
    """Return the path of the playbook or script, relative to the checkout.

    For an app that plans it may be empty, which is the whole repository.
    """
    path = order.task.playbook or order.template.playbook
    if order.app.plans and path in {"", "."}:
        return ""
    return path_in_checkout(path, _called(order))


def _of_collection(order: JobOrder) -> bool:
    """Whether the playbook is in a collection of the requirements, not in a file."""
    return order.app.is_ansible and of_collection(_path(order))


def _called(order: JobOrder) -> str:
    """Return the word for the file that is run."""
    return order.app.file


def _checkouts(
    order: JobOrder, options: JobOptions, paths: Layout
) -> tuple[Checkout, ...]:
    """Return the checkouts that the job needs."""
    source = order.source
    reference = branch(order.template, order.task, source.branch)
    path = _path(order)
    wanted = [(_called(order), path)] if path and not _of_collection(order) else []
    wanted += [
        ("vault script", path_in_checkout(vault.script, "vault script"))
        for vault in order.vaults
        if vault.script
    ]
    inventory = order.inventory
    file = inventory_path(inventory)
    other = inventory.source if inventory is not None and file is not None else None
    if file is not None and other is None:
        wanted.append(("inventory", file))
    first = Checkout(
        name="repository",
        folder=CHECKOUT,
        source=replace(source, branch=reference),
        options=options,
        paths=paths,
        wanted=tuple(wanted),
    )
    if other is None or file is None:
        return (first,)
    second = Checkout(
        name="inventory",
        folder=INVENTORY_CHECKOUT,
        source=other,
        options=options,
        paths=paths,
        wanted=(("inventory", file),),
        facts=False,
    )
    return first, second


def inventory_agent(
    inventory: InventorySource | None, options: JobOptions, paths: Layout
) -> tuple[Step, ...]:
    """Return the steps that give the inventory's key to the job's own steps."""
    if inventory is None or not isinstance(inventory.key, SshKey):
        return ()
    agent = Agent(
        name="inventory",
        socket=paths.agent,
        environ=environ(options, paths),
        cwd=WORKSPACE,
        as_user=True,
    )
    return agent.begin(inventory.key)


def _program(
    order: JobOrder, options: JobOptions, paths: Layout
) -> ansible.AnsiblePlan:
    """Return the steps of the app.

    :raises Invalid: if the app is not supported.
    """
    path = _path(order)
    if order.app.is_ansible:
        return ansible.plan(order, options, paths, playbook=path)
    if order.app.plans:
        # most servers run no such app, and save its memory
        from semaphore_twisted.jobs import terraform  # noqa: PLC0415

        return ansible.AnsiblePlan(
            steps=terraform.steps(order, options, paths, directory=path),
            files=terraform.files(order, options, paths),
            finally_steps=terraform.finally_steps(order, options, paths),
        )
    return ansible.AnsiblePlan(
        steps=(shell.step(order, options, paths, script=path),),
        files=shell.files(order, options, paths),
    )


def _of_source(source: RepositorySource | None) -> Iterator[OpenedSecret]:
    if source is None:
        return
    yield source.key
    if source.certificate is not None:
        yield source.certificate


def secrets_of(
    source: RepositorySource | None, inventory: InventorySource | None
) -> Iterator[bytes]:
    """Yield every secret text of a repository and of an inventory."""
    keys = [*_of_source(source)]
    if inventory is not None:
        keys += [inventory.key, inventory.become, *_of_source(inventory.source)]
    yield from _texts(keys)


def _secrets(order: JobOrder) -> Iterator[bytes]:
    """Yield every secret text of the order."""
    yield from secrets_of(order.source, order.inventory)
    yield from _texts(vault.password for vault in order.vaults)
    if order.state is not None:
        yield order.state.password.encode()
    for pairs in (
        order.secret_variables,
        order.secret_answers,
        order.secret_environment,
    ):
        yield from (value.encode() for value in pairs.values())


def _texts(keys: Iterable[OpenedSecret]) -> Iterator[bytes]:
    for key in keys:
        match key:
            case (
                SshKey(private_key=text)
                | LoginPassword(password=text)
                | ClientCertificate(private_key=text)
                | Text(text=text)
            ):
                yield text.encode()
            case _:
                pass
