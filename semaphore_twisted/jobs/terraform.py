"""The steps of apps that plan: Terraform, OpenTofu and Terragrunt.

They are ``init``, the choice of the workspace, the plan, its figures, the approval, and
the application of the plan. The plan is a file in memory that no process can change
after it was made, so what is applied is what was approved.
"""

from msgspec.structs import replace

from semaphore_twisted.jobs import ssh, state_backend
from semaphore_twisted.jobs.job_inputs import (
    InventorySource,
    JobOptions,
    JobOrder,
    StateBackend,
)
from semaphore_twisted.jobs.parameters import (
    EffectivePhases,
    arguments_of_phases,
    effective_phases,
)
from semaphore_twisted.jobs.values import plan_environment, plan_variables
from semaphore_twisted.jobs.workspace import (
    CHECKOUT,
    WORKSPACE,
    Layout,
    environ,
    literal,
)
from semaphore_twisted.model.apps import TERRAGRUNT
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.inventories import DEFAULT_WORKSPACE, WORKSPACES
from semaphore_twisted.model.jobs import File, Step
from semaphore_twisted.model.terraform import check_workspace

#: The file in memory with the plan.
_PLAN = "plan"
_PLAN_PATH = f"{{pipe:{_PLAN}}}"
#: Seconds in which the program may end by itself when a task is stopped: while it plans
#: it holds the lock of the state, and while it applies it must store what it has done.
_PLAN_PATIENCE = 30
_APPLY_PATIENCE = 300
#: Selects the workspace, or makes it: only Terraform 1.4 and newer do both at once.
_SELECT = """\
program=$1 workspace=$2
if said=$("$program" workspace select "$workspace" 2>&1); then
    printf '%s\\n' "$said"
elif ! "$program" workspace new "$workspace"; then
    printf '%s\\n' "$said" >&2
    exit 1
fi
"""
_ENVIRONMENT = {
    "TF_IN_AUTOMATION": "1",
    "TF_INPUT": "0",
    "CHECKPOINT_DISABLE": "1",
}
#: Terragrunt has two names of each setting; its older ones are deprecated.
_OF_TERRAGRUNT = {
    f"{prefix}_{name}": value
    for prefix, names in (
        ("TG", ("TF_PATH", "NON_INTERACTIVE", "TF_FORWARD_STDOUT")),
        ("TERRAGRUNT", ("TFPATH", "NON_INTERACTIVE", "FORWARD_TF_STDOUT")),
    )
    for name, value in zip(names, ("terraform", "true", "true"), strict=True)
}


def files(order: JobOrder, options: JobOptions, paths: Layout) -> tuple[File, ...]:
    """Return the files that the steps need."""
    return ssh.files(ssh.of_order(order, options, paths))


def steps(
    order: JobOrder, options: JobOptions, paths: Layout, *, directory: str
) -> tuple[Step, ...]:
    """Return the steps for the code in *directory*, a path in the checkout.

    :raises Invalid: if an argument is not accepted, or a variable cannot be written
    """
    program = literal(order.app.program)
    given = arguments_of_phases(order.template, order.task)
    params = effective_phases(order.template, order.task)
    base = _base(order, options, paths, directory)
    workspace = workspace_of(order.inventory)
    return (
        *_initialized(order, base, paths, params, given.init),
        *_workspace(base, program, workspace, order.state),
        _plan(order, base, destroy=params.destroy, given=given.plan),
        replace(
            base,
            name="show",
            argv=(program, "show", "-json", _PLAN_PATH),
            exits={"1": "next"},
            quiet=True,
            reads=_PLAN,
            plan=True,
            own_backend=None if order.state is None else state_backend.OWN_BACKEND,
        ),
        *(() if params.plan else _apply(base, program, params, given.apply)),
    )


def finally_steps(
    order: JobOrder, options: JobOptions, paths: Layout
) -> tuple[Step, ...]:
    """Return the steps after any result: a state that was not stored is rescued."""
    if order.state is None or effective_phases(order.template, order.task).plan:
        return ()
    base = Step(name="", environ=environ(options, paths))
    return state_backend.rescue(base, order.state, paths)


def workspace_of(inventory: InventorySource | None) -> str:
    """Return the name of the workspace that *inventory* is.

    :raises Invalid: if it is an inventory of another kind
    """
    if inventory is None:
        return DEFAULT_WORKSPACE
    if inventory.type not in WORKSPACES:
        raise Invalid(
            f"An inventory of the type {inventory.type} is no workspace; expected the "
            f"type {' or '.join(sorted(WORKSPACES))}"
        )
    return check_workspace(inventory.inventory)


def _words(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return arguments of a template or task as they are."""
    return tuple(map(literal, given))


def _base(order: JobOrder, options: JobOptions, paths: Layout, directory: str) -> Step:
    """Return what all steps have in common."""
    app = order.app
    programs = ssh.of_order(order, options, paths)
    cwd = f"{WORKSPACE}/{CHECKOUT}"
    return Step(
        name="",
        install=app.install,
        cwd=f"{cwd}/{literal(directory)}" if directory else cwd,
        environ={
            **environ(options, paths),
            **_ENVIRONMENT,
            **(_OF_TERRAGRUNT if app.id == TERRAGRUNT.id else {}),
            "GIT_SSH_COMMAND": programs.git,
            **({"GIT_SSL_CAINFO": options.ca_bundle} if options.ca_bundle else {}),
            **plan_environment(order, options),
            **({"SSH_AUTH_SOCK": paths.agent} if programs.agent else {}),
        },
    )


def _init(params: EffectivePhases) -> tuple[str, ...]:
    """Return the options of ``init``; -force-copy migrates without asking."""
    return (
        "-input=false",
        *(("-upgrade",) if params.upgrade else ()),
        *(("-reconfigure",) if params.reconfigure else ()),
        *(("-force-copy",) if params.migrate_state else ()),
    )


def _initialized(
    order: JobOrder,
    base: Step,
    paths: Layout,
    params: EffectivePhases,
    given: tuple[str, ...],
) -> tuple[Step, ...]:
    """Return the steps that run ``init``, and decide where the state is kept.

    Without a backend in the code, ``init`` runs again with the server's.
    """
    state = order.state
    argv = (literal(order.app.program), "init", *_init(params), *_words(given))
    init = replace(base, name="init", argv=argv)
    if state is None:
        return (
            replace(init, announce=(state_backend.NO_WORKSPACE,))
            if order.inventory is None
            else init,
        )
    relay = state_backend.relay(state, paths)
    file, terragrunt = params.backend_filename, order.app.id == TERRAGRUNT.id
    check = state_backend.verification(base, terragrunt=terragrunt)
    if params.override_backend:
        return (relay, state_backend.override(base, state, file=file), init, check)
    return (
        relay,
        init,
        state_backend.decision(base, state, file=file, terragrunt=terragrunt),
        replace(init, requires=state_backend.DECLARED),
        replace(check, requires=state_backend.DECLARED),
    )


def _workspace(
    base: Step, program: str, name: str, state: StateBackend | None
) -> tuple[Step, ...]:
    """Return the step that selects the workspace; a fresh checkout has the default.

    The state that the server keeps is that of the workspace already, and Terraform's
    backend ``http`` has a single workspace.
    """
    if name == DEFAULT_WORKSPACE:
        return ()
    argv = ("sh", "-c", _SELECT, "workspace", program, name)
    step = replace(base, name="workspace", argv=argv)
    if state is not None:
        step = replace(
            step,
            requires=state_backend.OWN_BACKEND,
            absent=(f"The state is that of the workspace {name}",),
        )
    return (step,)


def _plan(
    order: JobOrder, base: Step, *, destroy: bool, given: tuple[str, ...]
) -> Step:
    """Return the step that plans; its last arguments override those of a template."""
    file, variables = plan_variables(order)
    return replace(
        base,
        name="plan",
        argv=(
            *(literal(order.app.program), "plan"),
            *(("-destroy",) if destroy else ()),
            *variables,
            *_words(given),
            *("-input=false", "-detailed-exitcode", f"-out={_PLAN_PATH}"),
        ),
        pipes=() if file is None else (file,),
        exits={"0": "unchanged", "2": "next"},
        writes=_PLAN,
        patience=_PLAN_PATIENCE,
    )


def _apply(
    base: Step, program: str, params: EffectivePhases, given: tuple[str, ...]
) -> tuple[Step, ...]:
    """Return the steps that wait for the approval, and apply the plan."""
    approval = Step(
        name="approval", approval=float(params.approval_timeout), applies=True
    )
    apply = replace(
        base,
        name="apply",
        argv=(program, "apply", "-input=false", *_words(given), _PLAN_PATH),
        reads=_PLAN,
        patience=_APPLY_PATIENCE,
        applies=True,
    )
    return (apply,) if params.auto_approve else (approval, apply)
