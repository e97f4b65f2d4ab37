"""Splitting UTF-8 between characters."""


def whole_characters(data: bytes) -> int:
    """Return the length of *data* without an incomplete character at its end.

    Bytes that are not UTF-8 count as characters of their own.
    """
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            if byte < 0xF8 and length > back:
                return len(data) - back
            break
    return len(data)
