"""The records of ``SPOOL/output``.

A record is a header (length of the body, CRC-32 of the rest, kind, seconds since the
epoch) and a body. The file only grows; an incomplete record at its end is recognized by
its length or its checksum.
"""

import struct
import zlib


class RecordKind:
    """The kind of a record, which determines its body."""

    #: Masked bytes of the job; they continue the line of a preceding PART. The last
    #: line ends with the record, also without a line feed.
    OUTPUT = 1
    #: Lines of the supervisor, in UTF-8.
    NOTE = 2
    #: JSON with ``name`` and ``value``.
    FACT = 3
    #: JSON with ``name``, the step that begins.
    STEP = 4
    #: Masked bytes of a line that has not ended. The next record continues the line if
    #: it is an OUTPUT or a PART; any other record ends it.
    PART = 5
    #: JSON of the results plugin; its texts are masked.
    REPORT = 6
    #: The plan in JSON, without values that are sensitive; its texts are masked.
    PLAN = 7
    #: JSON: the approval that the job waits for, with ``token`` and ``until``, seconds
    #: since the epoch; or ``passed``, when the job continues.
    APPROVAL = 8


HEADER = struct.Struct(">IIBd")
_CHECKED = struct.Struct(">Bd")
#: The longest body; a larger length means damage.
LONGEST = 4 << 20


class SpoolRecord:
    """One record: kind, time, body, and the offset of its end."""

    __slots__ = ("body", "end", "kind", "time")

    def __init__(self, kind: int, time: float, body: bytes, end: int) -> None:
        self.kind = kind
        self.time = time
        self.body = body
        self.end = end


def encode(kind: int, time: float, body: bytes) -> bytes:
    """Return a record as bytes."""
    check = zlib.crc32(body, zlib.crc32(_CHECKED.pack(kind, time)))
    return HEADER.pack(len(body), check, kind, time) + body


def decode(data: bytes, start: int = 0) -> tuple[list[SpoolRecord], int]:
    """Return the complete records at the beginning of *data*, and their total size.

    *start* is the offset of *data* in the file. The bytes after these records are
    incomplete or damaged.
    """
    records = []
    position = 0
    while len(data) - position >= HEADER.size:
        length, check, kind, time = HEADER.unpack_from(data, position)
        end = position + HEADER.size + length
        if length > LONGEST or end > len(data):
            break
        body = data[position + HEADER.size : end]
        if zlib.crc32(body, zlib.crc32(_CHECKED.pack(kind, time))) != check:
            break
        records.append(SpoolRecord(kind, time, body, start + end))
        position = end
    return records, position
