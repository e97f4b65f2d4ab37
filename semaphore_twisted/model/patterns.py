"""Regular expressions that users write.

RE2 takes linear time for any text, where Python's ``re`` can take exponential time. The
factor is the size of the compiled program, so that is limited too, and so is the text.
"""

from functools import cache
from types import ModuleType

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import quoted


@cache
def _library() -> tuple[ModuleType, object]:
    """Return RE2 with its options; most servers never need its 3 MB of memory."""
    import re2  # noqa: PLC0415 - see above

    options = re2.Options()
    options.log_errors = False
    options.max_mem = limits.PATTERN_MEMORY
    return re2, options


def size_of(pattern: str) -> int:
    """Return the number of instructions of a compiled *pattern*.

    :raises Invalid: if it is no regular expression of RE2, or a too large one
    """
    re2, options = _library()
    try:
        size: int = re2.compile(pattern, options).programsize
    except re2.error as error:
        said = error.args[0].decode(errors="replace")
        raise Invalid(
            f"{quoted(pattern)} is no regular expression of RE2: {said}"
        ) from None
    except UnicodeEncodeError:
        raise Invalid("The regular expression is not Unicode") from None
    finally:
        re2.purge()
    if size > limits.PATTERN_SIZE:
        raise Invalid(
            f"The regular expression {quoted(pattern)} has {size} instructions; "
            f"expected at most {limits.PATTERN_SIZE}: use smaller repetitions"
        )
    return size


def is_too_long(text: str) -> bool:
    """Return whether *text* has more than :data:`.limits.PATTERN_TEXT` bytes."""
    return len(text.encode(errors="replace")) > limits.PATTERN_TEXT


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole *text* has the form of *pattern*.

    A pattern that is not accepted any more matches nothing, nor does a text for which
    :func:`is_too_long` is true: ask this first, to say so.
    """
    if is_too_long(text):
        return False
    re2, options = _library()
    try:
        compiled = re2.compile(pattern, options)
        if compiled.programsize > limits.PATTERN_SIZE:
            return False
        return compiled.fullmatch(text) is not None
    except (re2.error, UnicodeEncodeError):
        return False
    finally:
        re2.purge()  # the library would keep the memory of many expressions
