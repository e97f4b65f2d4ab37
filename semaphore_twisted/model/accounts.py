"""Login names and e-mail addresses: comparison, and which texts are accepted.

They are stored as typed, and compared case-folded. A name that can be confused with
another one is refused: letters of several scripts, or only letters that have the same
shape as Latin ones. Users identify an account by its name when they grant rights.
"""

import re
import unicodedata

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import invalid, quoted

#: Lower-case letters that look like Latin letters, or whose capitals do.
_CYRILLIC = "аԝвԍеѵіјкмӏнорсԛѕтухһԁьү"
_GREEK = "αβγεζηικμνορστυχω"
_ARMENIAN = "ագզլհյոսցքօ"
_LOOKALIKES = frozenset(_CYRILLIC + _GREEK + _ARMENIAN)

#: Latin letters that do not decompose to a-z and cannot be confused with another one.
_LATIN = frozenset("æœøðþßđħŋł")

#: Scripts of living languages (Unicode annex 31, table 5), as in the names of letters.
_SCRIPTS = frozenset(
    {
        "ARABIC",
        "ARMENIAN",
        "BENGALI",
        "BOPOMOFO",
        "CJK",
        "CYRILLIC",
        "DEVANAGARI",
        "ETHIOPIC",
        "GEORGIAN",
        "GREEK",
        "GUJARATI",
        "GURMUKHI",
        "HANGUL",
        "HEBREW",
        "HIRAGANA",
        "KANNADA",
        "KATAKANA",
        "KHMER",
        "LAO",
        "LATIN",
        "MALAYALAM",
        "MYANMAR",
        "ORIYA",
        "SINHALA",
        "TAMIL",
        "TELUGU",
        "THAANA",
        "THAI",
        "TIBETAN",
    }
)

#: Scripts that are combined in one text.
_TOGETHER = frozenset({"BOPOMOFO", "CJK", "HANGUL", "HIRAGANA", "KATAKANA"})

_NOT_IN_MAIL = frozenset('()<>[]:;,\\"@')


def fold(text: str) -> str:
    """Return a login name or an e-mail address in the form used for comparison."""
    return unicodedata.normalize("NFKC", text.strip()).casefold()


def check_login(login: str) -> None:
    """Accept a login name: printable ASCII without spaces, or letters of one script.

    :raises Invalid: naming the part that is not accepted
    """
    _check_letters(login, "username")


def check_email(email: str) -> None:
    """Accept an address such as ``ops@example.org``, or ``root@localhost``.

    :raises Invalid: naming the part that is not accepted
    """
    local, at, domain = email.rpartition("@")
    labels = domain.split(".")
    good = (
        at
        and local
        and not _NOT_IN_MAIL & set(local)
        and not local.startswith(".")
        and not local.endswith(".")
        and ".." not in local
        and all(map(_is_label, labels))
    )
    if not good or any(each.isspace() for each in email):
        raise Invalid(invalid("email", email, "an address such as ops@example.org"))
    for part in (local, *labels):
        _check_letters(part, "email")


def _is_label(text: str) -> bool:
    """Return whether *text* is a valid label of a domain name."""
    bare = text.replace("-", "")
    return bare.isalnum() and text[0] != "-" and text[-1] != "-"


def _check_letters(text: str, field: str) -> None:
    for each in text:
        if each.isspace() or not each.isprintable():
            raise Invalid(invalid(field, text, "no spaces and no control characters"))
        if not each.isascii() and unicodedata.category(each)[0] not in "LM":
            raise _not_accepted(each, field)
    if text.isascii():
        return
    folded = fold(text)
    scripts = {_script(each, field) for each in folded if not each.isascii()}
    latin = any(each.isascii() and each.isalpha() for each in folded)
    if latin:
        scripts.add("LATIN")
    scripts.discard("")
    if len(scripts) > 1 and not scripts <= _TOGETHER:
        raise Invalid(
            f"{field}: {quoted(text)} has letters of several scripts"
            f" ({', '.join(sorted(each.title() for each in scripts))}); expected one"
        )
    letters = [each for each in folded if each.isalpha()]
    if letters and all(each in _LOOKALIKES for each in letters):
        raise Invalid(
            f"{field}: {quoted(text)} cannot be told from a name in Latin letters;"
            " use Latin letters"
        )


def _script(character: str, field: str) -> str:
    """Return the script of a letter that is not ASCII; empty for a combining mark.

    :raises Invalid: if it is no letter of a living language, or can be confused with
        another one
    """
    kind = unicodedata.category(character)
    script = re.split("[ -]", unicodedata.name(character, ""))[0]
    good = script in _SCRIPTS and kind[0] == "L"
    if kind in {"Mn", "Mc"} and script in _SCRIPTS - {"LATIN", "CYRILLIC", "GREEK"}:
        return ""
    if script == "LATIN" and good:
        base = unicodedata.normalize("NFD", character)
        marks = base[1:]
        good = (base[0] in _LATIN or base[0].isascii()) and len(marks) <= 2
    if not good:
        raise _not_accepted(character, field)
    return script


def _not_accepted(character: str, field: str) -> Invalid:
    return Invalid(
        f"{field}: the character {quoted(character)} (U+{ord(character):04X}) is"
        " not accepted; expected letters and digits"
    )
