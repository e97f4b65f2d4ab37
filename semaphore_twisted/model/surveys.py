"""The types of survey variables, and the rules for their values (pure functions).

The same rules hold for a default and for an answer of any sender. A refusal names
the variable, and never contains the value.
"""

from collections.abc import Callable, Sequence
from datetime import date

import msgspec

from semaphore_twisted.model import limits, patterns
from semaphore_twisted.model.documents import json_texts
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.templates import SurveyType, SurveyVariable

#: The value of an answer, as a job receives it.
Answer = str | int | float | bool | list[str]

_TEXTS = frozenset({SurveyType.STRING, SurveyType.TEXT, SurveyType.SECRET})
_CHOICES = frozenset({SurveyType.ENUM, SurveyType.SELECT})
_BOUNDED = _TEXTS | {SurveyType.INTEGER, SurveyType.DATE, SurveyType.SELECT}
_TRUE_FALSE = {"true": True, "false": False}
#: The digits of an integer that every program can receive exactly.
_DIGITS = 18


def is_empty(value: object) -> bool:
    """Return whether *value* counts as a missing answer."""
    return value is None or value in ("", [], ())


def check_rules(survey: Sequence[SurveyVariable]) -> None:
    """Accept the rules and the defaults of a template's survey.

    :raises Invalid: naming the variable and the rule that is wrong
    """
    size = 0
    for each in survey:
        _check_choices(each)
        _check_bounds(each)
        if each.pattern:
            if each.kind not in _TEXTS:
                raise Invalid(
                    f"{_named(each)} has a regular expression; expected one for a "
                    "text, long text or secret only"
                )
            size += patterns.size_of(each.pattern)
        _check_default(each)
    if size > limits.SURVEY_PATTERNS:
        raise Invalid(
            f"The regular expressions of the survey have {size} instructions together;"
            f" expected at most {limits.SURVEY_PATTERNS}"
        )


def answer_of(variable: SurveyVariable, sent: object) -> Answer:
    """Return the value of the answer *sent*, which is not empty.

    :raises Invalid: if it does not follow the rules of *variable*
    """
    value = _typed(variable, sent)
    _check_limits(variable, value)
    if variable.pattern:
        _check_pattern(variable, variable.pattern, _text(value))
    return value


def environment_names(survey: Sequence[SurveyVariable]) -> frozenset[str]:
    """Return the variables whose answers go into the environment of the process."""
    return frozenset(each.name for each in survey if each.in_environment)


def _check_pattern(variable: SurveyVariable, pattern: str, text: str) -> None:
    if patterns.is_too_long(text):
        raise Invalid(
            f"{_named(variable)} is too long to be compared with its regular "
            f"expression; expected at most {limits.PATTERN_TEXT} bytes"
        )
    if not patterns.matches(pattern, text):
        raise Invalid(
            f"{_named(variable)} must match the regular expression {quoted(pattern)}"
        )


def _named(variable: SurveyVariable) -> str:
    return f"The variable {quoted(variable.name)}"


def _text(value: Answer) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


# Types.


def _typed(variable: SurveyVariable, sent: object) -> Answer:
    return _PARSERS.get(variable.kind, _plain)(variable, sent)


def _plain(variable: SurveyVariable, sent: object) -> str | float:
    if isinstance(sent, str | int | float):
        return sent
    raise Invalid(f"{_named(variable)} must be one value")


def _secret(variable: SurveyVariable, sent: object) -> str:
    if isinstance(sent, str):
        return sent
    raise Invalid(f"{_named(variable)} must be a text")


def _integer(variable: SurveyVariable, sent: object) -> int:
    is_number = isinstance(sent, int | str) and not isinstance(sent, bool)
    found = whole_number(str(sent)) if is_number else None
    if found is None:
        raise Invalid(
            f"{_named(variable)} must be an integer of at most {_DIGITS} digits"
        )
    return found


def whole_number(text: str) -> int | None:
    """Return the integer that *text* is in decimal digits, or ``None``."""
    digits = text.strip()
    number = digits.removeprefix("-")
    if number.isascii() and number.isdigit() and len(number) <= _DIGITS:
        return int(digits)
    return None


def _choice(variable: SurveyVariable, sent: object) -> str:
    choices = [each.value for each in variable.values or ()]
    if isinstance(sent, str) and sent in choices:
        return sent
    if isinstance(sent, int | float) and not isinstance(sent, bool):
        text = str(sent)
        if text in choices:
            return text
    listed = ", ".join(map(quoted, choices))
    raise Invalid(f"{_named(variable)} must be one of {listed}")


def _several(variable: SurveyVariable, sent: object) -> list[str]:
    choices = {each.value for each in variable.values or ()}
    if isinstance(sent, str) and sent.startswith("[") and sent not in choices:
        # a sender that has texts only, such as the command line or a webhook
        sentence = f"{_named(variable)} must be a JSON list of its values"
        items: Sequence[object] = json_texts(sent, sentence)
    else:
        items = sent if isinstance(sent, list | tuple) else [sent]
    found = [_choice(variable, each) for each in items]
    if len(set(found)) < len(found):
        raise Invalid(f"{_named(variable)} has a value twice")
    return found


def _boolean(variable: SurveyVariable, sent: object) -> bool:
    if isinstance(sent, bool):
        return sent
    found = _TRUE_FALSE.get(sent.lower()) if isinstance(sent, str) else None
    if found is None:
        raise Invalid(f"{_named(variable)} must be true or false")
    return found


def _day(variable: SurveyVariable, sent: object) -> str:
    return _date(_named(variable), sent).isoformat()


def _date(named: str, sent: object) -> date:
    try:
        found = date.fromisoformat(sent) if isinstance(sent, str) else None
    except ValueError:
        found = None
    if found is None or found.isoformat() != sent:
        raise Invalid(f"{named} must be a date such as 2026-12-31")
    return found


_PARSERS: dict[SurveyType, Callable[[SurveyVariable, object], Answer]] = {
    SurveyType.SECRET: _secret,
    SurveyType.INTEGER: _integer,
    SurveyType.ENUM: _choice,
    SurveyType.SELECT: _several,
    SurveyType.BOOLEAN: _boolean,
    SurveyType.DATE: _day,
}

# Limits.


def _check_limits(variable: SurveyVariable, value: Answer) -> None:
    least, most = _bound(variable, "minimum"), _bound(variable, "maximum")
    if least is None and most is None:
        return
    measure, unit = _measured(variable, value)
    above = least is None or measure >= least
    below = most is None or measure <= most
    if not (above and below):
        raise Invalid(f"{_named(variable)} must {_expected(variable, unit)}")


def _measured(variable: SurveyVariable, value: Answer) -> tuple[int, str]:
    """Return what the limits of a variable apply to, and its unit."""
    if variable.kind is SurveyType.DATE:
        return date.fromisoformat(str(value)).toordinal(), ""
    if isinstance(value, list):
        return len(value), "values"
    if variable.kind is SurveyType.INTEGER:
        return int(value), ""
    return len(_text(value)), "characters"


def _expected(variable: SurveyVariable, unit: str) -> str:
    least, most = variable.minimum or "", variable.maximum or ""
    verb = "have" if unit else "be"
    if least and most:
        said = f"{verb} {least} to {most}"
    else:
        said = f"{verb} at {'least' if least else 'most'} {least or most}"
    return f"{said} {unit}".rstrip()


def _bound(variable: SurveyVariable, name: str) -> int | None:
    """Return the limit *name* as the number that values are compared with.

    :raises Invalid: if it does not fit the type of the variable
    """
    text = (variable.minimum if name == "minimum" else variable.maximum) or ""
    if not text:
        return None
    if variable.kind is SurveyType.DATE:
        return _date(f"{name}: the limit of {quoted(variable.name)}", text).toordinal()
    found = whole_number(text)
    if found is None or (variable.kind is not SurveyType.INTEGER and found < 0):
        raise Invalid(
            f"{name}: the limit of {quoted(variable.name)} must be a whole number"
        )
    return found


# What a template declares.


def _check_choices(variable: SurveyVariable) -> None:
    if variable.kind in _CHOICES and not variable.values:
        raise Invalid(f"{_named(variable)} has no values to choose from")


def _check_bounds(variable: SurveyVariable) -> None:
    least, most = _bound(variable, "minimum"), _bound(variable, "maximum")
    if least is None and most is None:
        return
    if variable.kind not in _BOUNDED:
        raise Invalid(
            f"{_named(variable)} has a minimum or maximum; a variable of the type "
            f"{variable.kind} has none"
        )
    if least is not None and most is not None and least > most:
        raise Invalid(f"{_named(variable)} has a minimum above its maximum")


def _check_default(variable: SurveyVariable) -> None:
    default = variable.default_value
    if is_empty(default):
        return
    if variable.kind is SurveyType.SECRET:
        raise Invalid(
            f"The secret variable {quoted(variable.name)} cannot have a default, since "
            "everybody in the project could read it: use a variable group"
        )
    try:
        answer_of(variable, default)
    except Invalid as error:
        raise Invalid(f"Default: {error.message}") from None
