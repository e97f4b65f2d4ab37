"""A container for bytes that prevents accidental disclosure."""

from typing import NoReturn, SupportsIndex, final

from typing_extensions import override

_SHOWN = "Secret(…)"


@final
class Secret:
    """Bytes that appear in no text, comparison, copy, pickle or JSON.

    :meth:`reveal` is the only access, so that every use can be found. Two secrets are
        equal only if they are the same object.
    """

    __slots__ = ("__content",)

    def __init__(self, content: bytes) -> None:
        """Keep *content*."""
        self.__content = content

    def reveal(self) -> bytes:
        """Return the content."""
        return self.__content

    @override
    def __repr__(self) -> str:
        return _SHOWN

    @override
    def __str__(self) -> str:
        return _SHOWN

    @override
    def __format__(self, format_spec: str) -> str:
        return format(_SHOWN, format_spec)

    @override
    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Secret is neither copied nor pickled")

    @override
    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret is neither copied nor pickled")
