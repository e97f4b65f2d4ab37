"""The names that people give to peers: shown, never written into a file or a rule."""

import unicodedata

from semaphore_twisted.model.errors import Invalid

#: Characters that break a line, steer it, or are none.
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class WrongName(Invalid):
    """A name cannot be used."""

    sentence = (
        "A name has 1 to 64 characters, without line breaks, control characters "
        "and blanks at its ends"
    )


def parse_name(text: str) -> str:
    """Return the name in *text*, normalized (NFC).

    :raises WrongName: for what cannot be shown in one line as it is.
    """
    name = unicodedata.normalize("NFC", text)
    if (
        not 1 <= len(name) <= 64
        or name != name.strip()
        or any(unicodedata.category(each) in _REFUSED for each in name)
    ):
        raise WrongName
    return name
