"""Matchers and extractors applied to a delivery; pure, with bounded work."""

from collections.abc import Sequence

from attrs import define

from semaphore_twisted.model.deliveries import (
    MASK,
    RawDelivery,
    hides,
    is_secret,
)
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.integrations import (
    BodyType,
    DeliveryPart,
    IntegrationMatcher,
    IntegrationValue,
    MatchMethod,
    VariableType,
)
from semaphore_twisted.model.payloads import NOTHING, decoded, path, select, text_of
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.operations.webhooks.task_settings import Extracted

#: Characters of a value in a sentence of the log.
_QUOTED = 80

_ABSENT = object()


@define(eq=False, repr=False)
class Payload:
    """A delivery whose body is decoded at most once, and only if it is needed."""

    delivery: RawDelivery
    #: names of headers whose values are not shown
    secret: Sequence[str] = ()
    _json: object = _ABSENT
    _fault: str = ""

    def json(self) -> object:
        """Return the body as JSON.

        :raises Invalid: if it is not JSON, or too deep or too large
        """
        if self._fault:
            raise Invalid(self._fault)
        if self._json is _ABSENT:
            try:
                self._json = decoded(self.delivery.body)
            except Invalid as error:
                self._fault = error.message
                raise
        return self._json

    def text(self) -> str:
        """Return the whole body; bytes that are not UTF-8 are replaced."""
        return self.delivery.body.decode("utf-8", "replace")


def mismatch(matchers: Sequence[IntegrationMatcher], payload: Payload) -> str:
    """Return why the first of *matchers* does not match; empty if all match.

    :raises Invalid: if the body, or a header in the log, cannot be read
    """
    for each in matchers:
        found = _seen(each, payload)
        if not _matches(each, found):
            difference = _difference(each, found, payload)
            return f"{difference} (matcher {quoted(each.name, _QUOTED)})"
    return ""


def _difference(
    matcher: IntegrationMatcher, found: Sequence[str], payload: Payload
) -> str:
    """Return the found and the expected value of a matcher, without secret ones."""
    place = _place(matcher)
    if matcher.match_type is DeliveryPart.HEADER and any(
        hides(matcher.key, text, payload.secret) for text in found
    ):
        return f"{place} has another value"
    shown = ", ".join(quoted(text, _QUOTED) for text in found[:3]) or "missing"
    wanted = quoted(matcher.value, _QUOTED)
    return f"{place} is {shown}; expected {matcher.method} {wanted}"


def _place(matcher: IntegrationMatcher) -> str:
    if matcher.match_type is DeliveryPart.HEADER:
        return f"The header {matcher.key}"
    if matcher.body_data_type == BodyType.STRING:
        return "The body"
    return matcher.key


def _seen(matcher: IntegrationMatcher, payload: Payload) -> list[str]:
    """Return the texts that a matcher looks at; several only for ``[*]``.

    Nothing at a path counts as ``<nil>``, and a missing header as empty, as in
    Semaphore.

    :raises Invalid: if the body cannot be read, or the delivery is a stored one whose
        header was masked
    """
    if matcher.match_type is DeliveryPart.HEADER:
        value = payload.delivery.header(matcher.key) or ""
        if MASK in value.split(", ") and is_secret(matcher.key, payload.secret):
            raise Invalid(
                f"The header {matcher.key} is masked in the log, so the matcher"
                f" {quoted(matcher.name, _QUOTED)} cannot be checked; start the task"
                " yourself"
            )
        return [value]
    if matcher.body_data_type == BodyType.STRING:
        return [payload.text()]
    segments = path(matcher.key)
    found = [text_of(each) for each in select(payload.json(), segments)]
    return found or ([] if None in segments else [NOTHING])


def _matches(matcher: IntegrationMatcher, found: Sequence[str]) -> bool:
    match matcher.method:
        case MatchMethod.EQUALS:
            return matcher.value in found
        case MatchMethod.UNEQUALS:
            return matcher.value not in found
        case MatchMethod.CONTAINS:
            return any(matcher.value in each for each in found)


def extract(values: Sequence[IntegrationValue], payload: Payload) -> Extracted:
    """Return the texts that *values* find; one that finds nothing is absent.

    :raises Invalid: if the body cannot be read
    """
    environment: dict[str, str] = {}
    task: dict[str, str] = {}
    for each in values:
        found = _value(each, payload)
        if found is not None:
            of_task = each.variable_type is VariableType.TASK
            (task if of_task else environment)[each.variable] = found
    return Extracted(environment=environment, task=task)


def _value(value: IntegrationValue, payload: Payload) -> str | None:
    if value.value_source is DeliveryPart.HEADER:
        if is_secret(value.key, payload.secret):
            raise Invalid(
                f"The header {value.key} may hold a secret; no value is taken from it"
            )
        return payload.delivery.header(value.key)
    if value.body_data_type == BodyType.STRING:
        return payload.text()
    found = select(payload.json(), path(value.key))
    return text_of(found[0]) if found and found[0] is not None else None
