"""Names of peers as users enter them; they are never written into a file or a rule."""

import unicodedata

from semaphore_twisted.model.errors import Invalid

#: Unicode categories of line breaks, control characters and unassigned code points.
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class WrongName(Invalid):
    """A text is not a valid name of a peer."""

    sentence = (
        "A name has 1 to 64 characters, without line breaks, control characters "
        "and blanks at its ends"
    )


def parse_name(text: str) -> str:
    """Return the name in *text*, normalized (NFC).

    :raises WrongName: if it cannot be displayed unchanged in one line.
    """
    name = unicodedata.normalize("NFC", text)
    if (
        not 1 <= len(name) <= 64
        or name != name.strip()
        or any(unicodedata.category(each) in _REFUSED for each in name)
    ):
        raise WrongName
    return name
