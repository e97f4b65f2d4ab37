"""Effective parameters of a task: the template's settings and permitted overrides."""

from collections.abc import Mapping

import msgspec

from semaphore_twisted.model.apps import is_ansible
from semaphore_twisted.model.documents import json_texts
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.selections import (
    check_hosts,
    check_tag,
    check_task_arguments,
    listed,
)
from semaphore_twisted.model.tasks import Task
from semaphore_twisted.model.templates import TaskParams, Template
from semaphore_twisted.model.terraform import (
    USUAL_APPROVAL,
    PhaseArguments,
    check_arguments,
    phase_arguments,
)
from semaphore_twisted.model.terraform import check_task_arguments as check_phases
from semaphore_twisted.model.wording import sentence

_MOST_VERBOSE = 6


class EffectiveParams(msgspec.Struct, frozen=True, kw_only=True):
    """The merged settings of one run."""

    #: The number of ``-v`` options.
    verbosity: int = 0
    dry_run: bool = False
    diff: bool = False
    limit: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()


def effective_params(template: Template, task: Task) -> EffectiveParams:
    """Merge the template's parameters with the permitted ones of *task*.

    Overrides that are not permitted are ignored silently: they are refused when the
    task is created. Dry run and diff are always permitted.

    :raises Invalid: if stored parameters have a wrong type, or select hosts or tasks by
        an expression instead of names
    """
    own = _decoded(template.task_params or {})
    asked = _decoded(task.params)
    debug = own.debug
    level = own.debug_level
    if own.allow_debug:
        debug = _chosen(task.params, "debug", asked.debug or task.debug, own.debug)
        level = asked.debug_level if "debug_level" in task.params else level
    limit = asked.limit or listed(task.limit)
    limit = limit if own.allow_override_limit else ()
    for part in limit:
        check_hosts(part)
    for part in own.limit:
        check_hosts(part, names_only=False)
    tags = (asked.tags if own.allow_override_tags else ()) or own.tags
    skip_tags = (
        asked.skip_tags if own.allow_override_skip_tags else ()
    ) or own.skip_tags
    for tag in (*tags, *skip_tags):
        check_tag(tag)
    return EffectiveParams(
        verbosity=min(max(level, 1), _MOST_VERBOSE) if debug else 0,
        dry_run=_chosen(
            task.params, "dry_run", asked.dry_run or task.dry_run, own.dry_run
        ),
        diff=_chosen(task.params, "diff", asked.diff or task.diff, own.diff),
        limit=limit or own.limit,
        tags=tags,
        skip_tags=skip_tags,
    )


class EffectivePhases(msgspec.Struct, frozen=True, kw_only=True):
    """The merged settings of one run of an app that plans."""

    #: whether nothing is applied
    plan: bool = False
    destroy: bool = False
    auto_approve: bool = False
    upgrade: bool = False
    reconfigure: bool = False
    migrate_state: bool = False
    #: whether the state is kept here even if the code has a backend, and the file that
    #: says so
    override_backend: bool = False
    backend_filename: str = ""
    #: seconds that the approval may take
    approval_timeout: int = USUAL_APPROVAL


def effective_phases(template: Template, task: Task) -> EffectivePhases:
    """Merge the template's parameters with the permitted ones of *task*.

    A task adds to the template's settings, and takes none away: a template that only
    plans never applies. Overrides that are not permitted are ignored silently: they
    are refused when the task is created.

    :raises Invalid: if stored parameters have a wrong type
    """
    own = _decoded(template.task_params or {})
    asked = _decoded(task.params)
    return EffectivePhases(
        plan=own.plan or asked.plan,
        destroy=own.destroy or (own.allow_destroy and asked.destroy),
        auto_approve=own.auto_approve
        or (own.allow_auto_approve and asked.auto_approve),
        upgrade=own.upgrade or asked.upgrade,
        reconfigure=own.reconfigure or asked.reconfigure,
        migrate_state=own.migrate_state
        or (own.allow_migrate_state and asked.migrate_state),
        override_backend=own.override_backend,
        backend_filename=own.backend_filename,
        approval_timeout=own.approval_timeout_sec or USUAL_APPROVAL,
    )


def arguments_of_phases(template: Template, task: Task) -> PhaseArguments:
    """Return the template's arguments, then the task's if permitted, by phase.

    A client may send the template's arguments back; they are not added a second time.

    :raises Invalid: if they have a wrong form, or one is not permitted
    """
    own = phase_arguments(template.arguments, "template")
    check_arguments(own)
    asked = PhaseArguments()
    if template.allow_override_args_in_task:
        asked = phase_arguments(task.arguments, "task")
    if asked == own:
        return own
    check_phases(asked)
    return PhaseArguments(
        **{name: (*words, *asked.phases[name]) for name, words in own.phases.items()}
    )


def arguments(template: Template, task: Task) -> tuple[tuple[str, ...], ...]:
    """Return the template's arguments, and the task's arguments if permitted.

    A client may send the template's arguments back; they are not added a second time.

    :raises Invalid: if they are not a JSON list of texts, or one is not permitted for
        tasks
    """
    own = _argument_list(template.arguments, "template")
    if not template.allow_override_args_in_task:
        return own, ()
    asked = _argument_list(task.arguments, "task")
    if asked == own:
        return own, ()
    if is_ansible(template.app):
        check_task_arguments(asked, template.variable_names)
    return own, asked


def branch(template: Template, task: Task, repository: str) -> str:
    """Return the task's commit, else its branch if permitted, else the default.

    The default is the template's branch, or *repository*. Whether a task may have a
    commit was checked when it was created.
    """
    if task.commit_hash:
        return task.commit_hash
    asked = task.git_branch if template.allow_override_branch_in_task else None
    return asked or template.git_branch or repository


def _decoded(stored: Mapping[str, object]) -> TaskParams:
    """Return stored parameters as a value; a list may be a text with commas."""
    plain = {name: value for name, value in stored.items() if value is not None}
    for name in ("limit", "tags", "skip_tags"):
        if isinstance(value := plain.get(name), str):
            plain[name] = listed(value)
    try:
        return msgspec.convert(plain, TaskParams)
    except msgspec.ValidationError as error:
        said = sentence(error, TaskParams, root="the value")
        raise Invalid(f"The task's parameters cannot be used: {said}") from None


def _chosen(params: Mapping[str, object], name: str, asked: bool, own: bool) -> bool:  # noqa: FBT001
    """Return the task's choice if it made one, else the template's."""
    return asked if asked or params.get(name) is not None else own


def _argument_list(text: str | None, whose: str) -> tuple[str, ...]:
    """Return arguments that are stored as a JSON list in a text."""
    found = json_texts(
        text or "",
        f"The {whose}'s arguments are not a JSON list of texts, such as"
        ' ["--limit", "web"]',
    )
    if any("\0" in argument for argument in found):
        raise Invalid(f"The {whose}'s arguments have a NUL character")
    return found
