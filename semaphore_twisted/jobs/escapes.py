"""Escaped forms of a text in quotation marks: JSON, YAML, Python and bash.

Each function yields the text as it appears between the quotation marks, for each
variant in common use. If a program escapes a quotation mark only in combination with
another one, both forms are yielded, since the secret may be part of a longer text.
"""

import html
import json
from collections.abc import Callable, Iterator, Mapping

#: YAML 1.1, section 5.6, as PyYAML and libyaml write them.
_YAML = {
    "\0": "\\0",
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
    '"': '\\"',
    "\\": "\\\\",
    "\x85": "\\N",
    "\xa0": "\\_",
    "\u2028": "\\L",
    "\u2029": "\\P",
}
#: Characters that JSON for web pages escapes in addition.
_TO_HTML = {ord(each): f"\\u{ord(each):04x}" for each in "<>&"}
#: White space in an attribute of XML.
_TO_ATTRIBUTE = {ord(each): f"&#{ord(each)};" for each in "\t\n\r"}
#: ``$'…'`` as bash's ``printf %q`` and ``set -x`` write it.
_BASH = {
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\E",
    "'": "\\'",
    "\\": "\\\\",
}


def escaped(text: str, *, nested: int = 2) -> Iterator[str]:
    """Yield the escaped forms of *text*, also *nested* levels deep in JSON strings."""
    inner = {text, *_json(text), *_python(text), *_yaml(text)}
    yield from inner
    # Programs nest them, such as an error with a repr in it, printed as JSON.
    for _ in range(nested):
        inner = {form for each in inner for form in _quoted(each)}
        yield from inner
    yield text.replace("'", "''")
    yield _written(text, _BASH, _octal, _is_bash)
    yield from _markup(text)


def _markup(text: str) -> Iterator[str]:
    """Yield *text* as content of HTML and XML, and as an attribute."""
    content = html.escape(text, quote=False)
    yield content
    for double, single in (
        ("&quot;", "&#x27;"),  # Python
        ("&quot;", "&#39;"),
        ("&quot;", "'"),
        ("&quot;", "&apos;"),
        ("&#34;", "&#39;"),  # Go
    ):
        attribute = content.replace('"', double).replace("'", single)
        yield attribute
        yield attribute.translate(_TO_ATTRIBUTE)


def _quoted(text: str) -> tuple[str, ...]:
    """Return *text* as the inside of a JSON string, in ASCII and in Unicode."""
    return json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def _json(text: str) -> Iterator[str]:
    """Yield the forms that different programs write inside JSON strings."""
    for inside in _quoted(text):
        yield inside
        yield inside.replace("\x7f", "\\u007f")
        to_html = inside.translate(_TO_HTML)
        yield to_html
        yield to_html.replace("'", "\\u0027")
        yield to_html.replace("/", "\\/")
        yield inside.replace("/", "\\/")


def _python(text: str) -> Iterator[str]:
    """Yield the insides of ``repr`` and ``ascii``, of the text and of its bytes."""
    data = text.encode(errors="replace")
    for plain in (
        "".join(each if each == "'" else repr(each)[1:-1] for each in text),
        "".join(each if each == "'" else ascii(each)[1:-1] for each in text),
        "".join(
            chr(each) if each == 0x27 else repr(bytes((each,)))[2:-1] for each in data
        ),
    ):
        yield plain
        # With both kinds of quotation marks in a text, the single one is escaped.
        yield plain.replace("'", "\\'")


def _yaml(text: str) -> Iterator[str]:
    """Yield the forms inside YAML's double quotation marks."""
    yield _written(text, _YAML, _hexadecimal, _is_ascii)
    yield _written(text, _YAML, _hexadecimal, _is_yaml)
    yield _written(text, _YAML, _hexadecimal, _is_libyaml)


def _written(
    text: str,
    table: Mapping[str, str],
    coded: Callable[[str], str],
    plain: Callable[[str], bool],
) -> str:
    """Return *text* with each character that is not *plain* escaped.

    The escape is in *table*, or else *coded* returns it.
    """
    return "".join(
        each if plain(each) else table.get(each) or coded(each) for each in text
    )


def _is_ascii(character: str) -> bool:
    return " " <= character <= "~" and character not in '"\\'


def _is_yaml(character: str) -> bool:
    """Whether PyYAML writes a character unescaped when it may write Unicode."""
    return _is_ascii(character) or (
        "\xa0" <= character <= "\ufffd" and character not in "\u2028\u2029\ufeff"
    )


def _is_libyaml(character: str) -> bool:
    """Whether libyaml writes a character unescaped."""
    return _is_yaml(character) or character > "\uffff"


def _is_bash(character: str) -> bool:
    return character.isprintable() and character not in "'\\"


def _hexadecimal(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode(errors="replace"))
