"""Which line of a failed program's output names the cause of its failure.

A line of a lower rank counts only if there is none of a higher one: a shell names the
command that it did not find, and the script that goes on says no more than "deployment
failed". Among lines of the same rank the last one counts, since it is nearest to the
end.
"""

import re
from collections.abc import Sequence
from enum import IntEnum

from attrs import frozen

#: Characters of a line that are looked at.
_LONGEST = 500
#: Lines between two that belong to the same error.
_APART = 30
#: The frame that Terraform draws in front of the lines of an error.
_FRAME = re.compile(r"[│╷╵|]?\s*")


class FailureRank(IntEnum):
    """How much a line tells about the cause; the lowest number tells most."""

    #: a program names what is wrong
    CAUSE = 0
    #: a line is marked as an error, often by the script's author
    MARKED = 1
    #: a program says that another one failed
    CONSEQUENCE = 2


@frozen
class FailureRule:
    """Lines of a program that name an error."""

    program: str
    rank: FailureRank
    pattern: re.Pattern[str]
    #: whether the first of several such lines counts: the others follow from it
    first: bool = False


#: The first line behind this one that is not indented has the exception. It counts as
#: one even if its name has another form than below.
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = FailureRule(
    "python, traceback", FailureRank.CAUSE, re.compile(r"[A-Za-z_][\w.]*(?::.*)?$")
)

#: The first rule that a line matches counts for it.
RULES = (
    # What follows from another error; these lines would match a rule below.
    FailureRule(
        "python, failed program",
        FailureRank.CONSEQUENCE,
        re.compile(r"(?:subprocess\.)?CalledProcessError:"),
    ),
    FailureRule(
        "make, failed recipe",
        FailureRank.CONSEQUENCE,
        re.compile(r"make(?:\[\d+\])?: \*\*\* \[.*Error"),
    ),
    FailureRule(
        "npm, failed script",
        FailureRank.CONSEQUENCE,
        re.compile(
            r"npm (?:ERR!|error)(?:$| (?:$|code|errno|syscall|path|command"
            r"|workspace|signal"
            r"|location|dest|Lifecycle script|A complete log|Exit status|Failed at"
            r" the))"
        ),
    ),
    FailureRule(
        "git, failed transport",
        FailureRank.CONSEQUENCE,
        re.compile(
            r"fatal: (?:Could not read from remote|the remote end hung up|early EOF)"
            r"|error: failed to push some refs"
        ),
    ),
    FailureRule(
        "ssh, end of the connection",
        FailureRank.CONSEQUENCE,
        re.compile(r"lost connection$"),
    ),
    FailureRule(
        "tar, end",
        FailureRank.CONSEQUENCE,
        re.compile(r"tar: (?:Error is not|Exiting with failure)"),
    ),
    # bash repeats the line of a syntax error in a second message
    FailureRule(
        "bash, repeated line",
        FailureRank.CONSEQUENCE,
        re.compile(r"\S+: line \d+: `.*'$"),
    ),
    # Programs that name what is wrong.
    FailureRule(
        "bash", FailureRank.CAUSE, re.compile(r"\S+: line \d+: (?!warning:)\S")
    ),
    FailureRule(
        "sh",
        FailureRank.CAUSE,
        re.compile(r"\S+: \d+: [^\s:].*(?:: \S|[Ss]yntax error|[Cc]annot )"),
    ),
    FailureRule(
        "bash, interactive",
        FailureRank.CAUSE,
        re.compile(r"(?:ba)?sh: .*: (?:command )?not found$"),
    ),
    FailureRule(
        "python",
        FailureRank.CAUSE,
        re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception): \S"),
    ),
    FailureRule(
        "ansible", FailureRank.CAUSE, re.compile(r"ERROR! \S|\[ERROR\]: \S"), first=True
    ),
    FailureRule(
        "npm", FailureRank.CAUSE, re.compile(r"npm (?:ERR!|error) \S"), first=True
    ),
    FailureRule("terraform", FailureRank.CAUSE, re.compile(r"Error: \S"), first=True),
    FailureRule(
        "make",
        FailureRank.CAUSE,
        re.compile(r"make(?:\[\d+\])?: \*\*\* \S|\S+:\d+: \*\*\* \S"),
    ),
    FailureRule(
        "compiler",
        FailureRank.CAUSE,
        re.compile(r"\S+:\d+(?::\d+)?: (?:fatal )?error: \S"),
        first=True,
    ),
    FailureRule(
        "ssh",
        FailureRank.CAUSE,
        re.compile(
            r"ssh: \S|Host key verification failed|\S+: Permission denied \("
            r"|Permission denied\b|kex_exchange_identification: "
            r"|Connection (?:closed|reset) by "
        ),
    ),
    FailureRule(
        "git",
        FailureRank.CAUSE,
        re.compile(r"fatal: \S|error: \S| ?! \[(?:remote )?rejected\]"),
        first=True,
    ),
    FailureRule("curl", FailureRank.CAUSE, re.compile(r"curl: \(\d+\) \S")),
    FailureRule(
        "other programs",
        FailureRank.CAUSE,
        re.compile(
            r"(?!(?:info|debug|warning|note|notice|hint|usage):)[a-z./~][\w./+-]*: "
            r"(?:error: \S|fatal: \S|.*(?:[Nn]o such file or directory"
            r"|Permission denied|Operation not permitted|No space left on device"
            r"|Connection refused|[Tt]imed out|[Nn]ot found|[Cc]annot \S|can't \S"
            r"|(?:invalid|unrecognized|unknown) option))"
        ),
    ),
    # Lines that are marked as errors.
    FailureRule(
        "marked",
        FailureRank.MARKED,
        re.compile(r"(?:\S+ ){0,3}\[?(?:ERROR|FATAL|CRITICAL)\b"),
    ),
)


def cause_line(lines: Sequence[str]) -> tuple[int, FailureRank] | None:
    """Return the index of the line that names the cause, and how much it tells.

    *lines* are without colors. The work is linear in their number.
    """
    matches = [
        (index, rule) for index, rule in enumerate(_rules(lines)) if rule is not None
    ]
    if not matches:
        return None
    rank = min(rule.rank for _, rule in matches)
    of_rank = [each for each in matches if each[1].rank is rank]
    index, rule = of_rank.pop()
    while rule.first and of_rank:
        before, same = of_rank.pop()
        if same is not rule or index - before > _APART:
            break
        index = before
    return index, rank


def said(line: str) -> str:
    """Return what *line* says, without a frame around it."""
    return line[_match_start(line) :].strip()


def _match_start(line: str) -> int:
    frame = _FRAME.match(line)
    return frame.end() if frame else 0


def _rules(lines: Sequence[str]) -> list[FailureRule | None]:
    """Return the rule of each line, or ``None``."""
    found: list[FailureRule | None] = []
    in_traceback = False
    for full in lines:
        line = full[:_LONGEST].rstrip()
        if line == _TRACEBACK:
            in_traceback = True
            found.append(None)
            continue
        rule = _rule_of(line)
        if in_traceback and line and not line[0].isspace():
            in_traceback = False
            if rule is None and _EXCEPTION.pattern.match(line):
                rule = _EXCEPTION
        elif in_traceback:
            rule = None  # source code of a traceback
        found.append(rule)
    return found


def _rule_of(line: str) -> FailureRule | None:
    start = 0 if line[:1] == " " else _match_start(line)
    return next((each for each in RULES if each.pattern.match(line, start)), None)
