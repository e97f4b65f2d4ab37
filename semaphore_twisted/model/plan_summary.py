"""The summary of a plan, from the output of ``terraform show -json PLANFILE``.

Its form is documented as "JSON Output Format" of Terraform. It comes from the job, so
it is read within limits, and a value is shown only if the plan says that it is not
sensitive. The module is imported where a plan is read, not at the start.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias, get_args

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.plan_document import (
    RawChange,
    RawPlan,
    RawResource,
    check_entries,
    decoded,
    paths_of,
    read_raw,
    values_of,
)
from semaphore_twisted.model.plan_values import (
    Leaf,
    ValuePath,
    encoded,
    leaves_of,
    marked,
    meets,
    path_text,
    visible,
)
from semaphore_twisted.model.plans import (
    PlanAction,
    PlanAttribute,
    PlanChange,
    PlanOutput,
    PlanSummary,
)

_ACTIONS: dict[frozenset[str], PlanAction | None] = {
    frozenset({"no-op"}): None,
    frozenset({"create"}): "create",
    frozenset({"read"}): "read",
    frozenset({"update"}): "update",
    frozenset({"delete"}): "delete",
    frozenset({"delete", "create"}): "replace",
    frozenset({"forget"}): "forget",
    frozenset({"forget", "create"}): "forget",
}
#: Actions in the order of their danger.
_ORDER = {each: number for number, each in enumerate(get_args(PlanAction))}

#: Makes a text safe to store: replaces the secrets of the job in it.
Mask: TypeAlias = Callable[[str], str]


def _unmasked(text: str) -> str:
    return text


def summarize(
    content: bytes, mask: Mask = _unmasked, *, serial: int | None = None
) -> PlanSummary:
    """Return what the plan in *content* changes.

    *content* is the output of ``terraform show -json``. Content that cannot be read or
    shown makes the summary incomplete, with its reason in ``problem``. No error is
    raised.
    """
    own_backend = False
    try:
        plan = decoded(content)
        own_backend = plan.own_backend
        return _PlanReader(mask).read(plan, serial)
    except Invalid as error:
        problem = f"{error.message}."
        return PlanSummary(
            serial=serial, own_backend=own_backend, complete=False, problem=problem
        )


class _PlanReader:
    """Makes the summary of one plan."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._room = limits.PLAN_STORED
        self._values = limits.PLAN_VALUES
        self._problems: dict[str, None] = {}

    def read(self, plan: RawPlan, serial: int | None) -> PlanSummary:
        check_entries(plan)
        resources = [
            read_raw(each, RawResource, "A resource of the plan")
            for each in plan.resource_changes or ()
        ]
        acts = [_action(each) for each in resources]
        if plan.errored:
            self._problem("Terraform made this plan with errors.")
        if plan.shortened:
            self._problem("The plan is so long that values of its end are left out.")
        if "other" in acts:
            self._problem("The plan has an action that this server does not know.")
        listed = sorted(
            (
                (act, each)
                for act, each in zip(acts, resources, strict=True)
                if act is not None
            ),
            key=lambda pair: _ORDER[pair[0]],
        )
        outputs = self._outputs(plan.output_changes or {})
        changes = self._changes(listed)
        created = sum("create" in each.change.actions for each in resources)
        return PlanSummary(
            add=created,
            change=acts.count("update"),
            destroy=acts.count("delete") + acts.count("replace"),
            unchanged=sum(
                act is None and each.mode != "data"
                for act, each in zip(acts, resources, strict=True)
            ),
            serial=serial,
            own_backend=plan.own_backend,
            changes=changes,
            outputs=outputs,
            complete=not self._problems,
            problem=" ".join(self._problems),
        )

    def _problem(self, sentence: str) -> None:
        self._problems[sentence] = None

    def _took(self, value: object) -> bool:
        """Return whether there is room for *value*, and use it."""
        size = len(msgspec.json.encode(value)) + 1
        if size > self._room:
            self._problem("The list is too long to be kept whole.")
            return False
        self._room -= size
        return True

    # Resources

    def _changes(
        self, listed: Sequence[tuple[PlanAction, RawResource]]
    ) -> tuple[PlanChange, ...]:
        """Return the changes: all heads first, then attributes as there is room."""
        heads = []
        for action, each in listed[: limits.PLAN_CHANGES]:
            head = self._head(action, each)
            if not self._took(head):
                break
            heads.append(head)
        if len(listed) > len(heads):
            self._problem(f"{len(listed) - len(heads)} more resources change.")
        return tuple(
            self._with_attributes(head, each.change)
            for head, (_, each) in zip(heads, listed, strict=False)
        )

    def _head(self, action: PlanAction, resource: RawResource) -> PlanChange:
        address = resource.address
        if resource.deposed:
            address = f"{address} (deposed {resource.deposed})"
        previous = resource.previous_address
        return PlanChange(
            address=self._name(address),
            type=self._name(resource.type),
            action=action,
            reason=self._name(resource.action_reason),
            previous_address=self._name(previous) if previous != address else "",
            imported=_is_import(resource.change),
        )

    def _with_attributes(self, head: PlanChange, change: RawChange) -> PlanChange:
        try:
            forces = paths_of(change.replace_paths)
            leaves = self._compared(change)
        except Invalid as error:
            self._problem(f"{head.address}: {error.message}.")
            return head
        attributes: list[PlanAttribute] = []
        omitted = 0
        changed = [each for each in leaves if each.changed]
        for leaf in changed:
            if omitted == 0 and len(attributes) < limits.PLAN_ATTRIBUTES:
                attribute = self._attribute(leaf, forces)
                if self._took(attribute):
                    attributes.append(attribute)
                    continue
            omitted += 1
        if omitted:
            self._problem("Not every attribute is listed.")
        return replace(
            head,
            attributes=tuple(attributes),
            unchanged=len(leaves) - len(changed),
            omitted=omitted,
        )

    def _compared(self, change: RawChange) -> list[Leaf]:
        """Return the values of a resource.

        :raises Invalid: if they cannot be read, or the plan has too many
        """
        leaves = []
        for leaf in leaves_of((), *values_of(change.sides)):
            self._values -= 1
            if self._values < 0:
                raise Invalid(f"The plan has more than {limits.PLAN_VALUES} values")
            leaves.append(leaf)
        return leaves

    def _attribute(self, leaf: Leaf, forces: list[ValuePath]) -> PlanAttribute:
        before, after, shortened = self._texts(leaf)
        return PlanAttribute(
            path=self._name(path_text(leaf.path)),
            before=before,
            after=after,
            sensitive=leaf.sensitive,
            unknown=leaf.unknown,
            forces=any(meets(leaf.path, each) for each in forces),
            shortened=shortened,
        )

    # Outputs

    def _outputs(self, raw: dict[str, Raw]) -> tuple[PlanOutput, ...]:
        changes = [
            (name, read_raw(each, RawChange, "An output of the plan"))
            for name, each in raw.items()
        ]
        found = [
            (name, each, action)
            for name, each in changes
            if (action := _ACTIONS.get(frozenset(each.actions), "other"))
        ]
        found.sort(key=lambda each: _ORDER[each[2]])
        outputs = []
        for name, change, action in found[: limits.PLAN_OUTPUTS]:
            try:
                output = self._output(name, change, action)
            except Invalid as error:
                self._problem(f"Output {self._name(name)}: {error.message}.")
                continue
            if not self._took(output):
                break
            outputs.append(output)
        if len(outputs) < len(found):
            self._problem("Not every output is listed.")
        return tuple(outputs)

    def _output(self, name: str, change: RawChange, action: PlanAction) -> PlanOutput:
        before, after, unknown, *marks = values_of(change.sides)
        leaf = Leaf(
            path=(),
            before=before,
            after=after,
            sensitive=any(map(marked, marks)),
            unknown=marked(unknown),
            changed=True,
        )
        old, new, shortened = self._texts(leaf)
        return PlanOutput(
            name=self._name(name),
            action=action,
            before=old,
            after=new,
            sensitive=leaf.sensitive,
            unknown=leaf.unknown,
            shortened=shortened,
        )

    # Texts

    def _texts(self, leaf: Leaf) -> tuple[str | None, str | None, bool]:
        """Return what is shown of a value before and after, and if a text is cut."""
        if leaf.sensitive:
            return None, None, False
        before = self._text(leaf.before)
        after = None if leaf.unknown else self._text(leaf.after)
        longest = limits.PLAN_VALUE
        cut = any(each is not None and len(each) > longest for each in (before, after))
        if cut:
            before, after = (each and each[:longest] for each in (before, after))
        return before, after, cut

    def _text(self, value: object) -> str | None:
        if value is None:
            return None
        return visible(self._mask(encoded(value)))

    def _name(self, text: str) -> str:
        shown = visible(self._mask(text))
        if len(shown) <= limits.PLAN_NAME:
            return shown
        return f"{shown[: limits.PLAN_NAME - 1]}…"


def _action(resource: RawResource) -> PlanAction | None:
    """Return what happens to a resource; ``None`` if nothing does."""
    change = resource.change
    action = _ACTIONS.get(frozenset(change.actions), "other")
    if action is None and _is_import(change):
        return "import"
    moved = resource.previous_address not in {"", resource.address}
    return "move" if action is None and moved else action


def _is_import(change: RawChange) -> bool:
    return bytes(change.importing) != b"null"
