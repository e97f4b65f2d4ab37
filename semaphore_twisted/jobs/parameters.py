"""What a task really runs with: the template's settings and the allowed overrides."""

from collections.abc import Mapping
from typing import Any

import msgspec

from semaphore_twisted.model.documents import json_texts
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.selections import (
    check_hosts,
    check_tag,
    check_task_arguments,
    listed,
)
from semaphore_twisted.model.tasks import Task
from semaphore_twisted.model.templates import App, TaskParams, Template
from semaphore_twisted.model.wording import sentence

_MOST_VERBOSE = 6


class Effective(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one run, merged."""

    #: How many ``-v``; 0 is none.
    verbosity: int = 0
    dry_run: bool = False
    diff: bool = False
    limit: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()


def effective_params(template: Template, task: Task) -> Effective:
    """Merge the template's parameters with those of *task* that it allows.

    What is not allowed is left out without a word: whether it may be asked for is
    checked when the task is made. Dry run and diff are always allowed.

    :raises Invalid: if stored parameters have a wrong type, or select hosts or tasks by
        something else than names
    """
    own = _decoded(template.task_params)
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
    return Effective(
        verbosity=min(max(level, 1), _MOST_VERBOSE) if debug else 0,
        dry_run=_chosen(
            task.params, "dry_run", asked.dry_run or task.dry_run, own.dry_run
        ),
        diff=_chosen(task.params, "diff", asked.diff or task.diff, own.diff),
        limit=limit or own.limit,
        tags=tags,
        skip_tags=skip_tags,
    )


def arguments(template: Template, task: Task) -> tuple[tuple[str, ...], ...]:
    """Return the template's arguments and those of the task, if it may give some.

    A client may send the template's arguments back; they are not added a second time.

    :raises Invalid: if one of them is no JSON list of texts, or is not for tasks
    """
    own = _argument_list(template.arguments, "template")
    if not template.allow_override_args_in_task:
        return own, ()
    asked = _argument_list(task.arguments, "task")
    if asked == own:
        return own, ()
    if template.app in {App.ANSIBLE, ""}:
        check_task_arguments(asked)
    return own, asked


def branch(template: Template, task: Task, repository: str) -> str:
    """Return the task's commit, or the branch: the task's if allowed, or the rest's.

    Whether a task may have a commit was checked when it was made.
    """
    if task.commit_hash:
        return task.commit_hash
    asked = task.git_branch if template.allow_override_branch_in_task else None
    return asked or template.git_branch or repository


def _decoded(stored: Mapping[str, Any]) -> TaskParams:
    """Return stored parameters as a value; lists may be one text with commas."""
    plain = {name: value for name, value in stored.items() if value is not None}
    for name in ("limit", "tags", "skip_tags"):
        if isinstance(value := plain.get(name), str):
            plain[name] = listed(value)
    try:
        return msgspec.convert(plain, TaskParams)
    except msgspec.ValidationError as error:
        said = sentence(error, TaskParams, root="the value")
        raise Invalid(f"The task's parameters cannot be used: {said}") from None


def _chosen(params: Mapping[str, Any], name: str, asked: bool, own: bool) -> bool:  # noqa: FBT001
    """Return what the task says, if it says something, else what the template says."""
    return asked if asked or params.get(name) is not None else own


def _argument_list(text: str | None, whose: str) -> tuple[str, ...]:
    """Return arguments that are stored as a JSON list inside a text."""
    found = json_texts(
        text or "",
        f"The {whose}'s arguments are not a JSON list of texts, such as"
        ' ["--limit", "web"]',
    )
    if any("\0" in argument for argument in found):
        raise Invalid(f"The {whose}'s arguments have a NUL character")
    return found
