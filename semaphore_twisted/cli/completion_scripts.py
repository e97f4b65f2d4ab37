"""Completion scripts for bash, zsh and fish, made from the tree of commands.

Each script follows the words of the line from command to subcommand, then offers what
is possible there: subcommands, options, the choices of an option, files or directories.
"""

from collections.abc import Iterable, Iterator

from semaphore_twisted.cli.command_tree import DIRECTORY, FILE, Argument, Command

#: What is offered for a value without choices.
_FILES, _DIRECTORIES, _NOTHING = "files", "directories", "nothing"


def bash(tree: Command) -> str:
    """Return the script for bash."""
    return _fill(
        _BASH,
        steps=_steps(tree, "            {}) at={} ;;"),
        values=_values(tree, "        {}) {}; return ;;", _bash_value),
        words=_bash_words(tree),
    )


def zsh(tree: Command) -> str:
    """Return the script for zsh."""
    return _fill(
        _ZSH,
        steps=_steps(tree, "            ({}) at={} ;;"),
        values=_values(tree, "        ({}) {}; return ;;", _zsh_value),
        words=_zsh_words(tree),
    )


def fish(tree: Command) -> str:
    """Return the script for fish."""
    return _fill(
        _FISH,
        steps=(
            f"            case {_fish_quoted(line)}\n"
            f"                set at {_fish_quoted(target)}"
            for line, target in _transitions(tree)
        ),
        rules=_fish_rules(tree),
    )


def _fill(template: str, **parts: Iterable[str]) -> str:
    """Replace each line ``@NAME@`` of *template* by the lines of that part."""
    for name, lines in parts.items():
        template = template.replace(f"@{name.upper()}@", "\n".join(lines))
    return template


def _transitions(tree: Command) -> Iterator[tuple[str, str]]:
    """Yield a command with a word after it, and the command that this leads to."""
    for command in tree.walk():
        for each in command.commands:
            for word in (each.words[-1], *each.aliases):
                yield f"{command.name} {word}", each.name


def _steps(tree: Command, form: str) -> Iterator[str]:
    for line, target in _transitions(tree):
        yield form.format(_quoted(line), _quoted(target))


def _offered(argument: Argument) -> str | tuple[str, ...]:
    """Return the choices of a value, or which kind of names completes it."""
    if argument.choices:
        return argument.choices
    return {FILE: _FILES, DIRECTORY: _DIRECTORIES}.get(argument.value, _NOTHING)


def _with_value(command: Command) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    for option in command.options:
        if option.value:
            for flag in option.flags:
                yield flag, _offered(option)


def _values(tree: Command, form: str, offer: dict[str, str]) -> Iterator[str]:
    """Yield a line of a ``case`` for each option that takes a value."""
    for command in tree.walk():
        for flag, offered in _with_value(command):
            action = (
                offer[offered]
                if isinstance(offered, str)
                else offer["choices"].format(_listed(offered))
            )
            yield form.format(_quoted(f"{command.name} {flag}"), action)


def _quoted(text: str) -> str:
    """Return *text* as one word of bash and zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _listed(words: Iterable[str]) -> str:
    """Return *words* with spaces between; each is a plain word of every shell."""
    return " ".join(words)


def _flags(command: Command) -> Iterator[tuple[str, str]]:
    for option in command.options:
        for flag in option.flags:
            yield flag, option.help


def _short(text: str) -> str:
    """Return a summary that fits beside a name in a list."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:59].rpartition(" ")[0] + " …"


_bash_value = {
    _FILES: "_semaphore_names -f",
    _DIRECTORIES: "_semaphore_names -d",
    _NOTHING: "COMPREPLY=()",
    "choices": '_semaphore_words "{}"',
}


def _bash_words(tree: Command) -> Iterator[str]:
    for command in tree.walk():
        words = [
            *(each.words[-1] for each in command.commands),
            *(flag for flag, _ in _flags(command)),
            *(word for each in command.positionals for word in each.choices),
        ]
        files = any(_offered(each) == _FILES for each in command.positionals)
        names = "; _semaphore_positional -f" if files else ""
        yield (
            f"        {_quoted(command.name)}) "
            f"_semaphore_words {_quoted(' '.join(words))}{names} ;;"
        )


_BASH = """\
# Completes the command semaphore in bash; `semaphore completion bash` prints this.
_semaphore_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
}

_semaphore_names() {
    mapfile -t COMPREPLY < <(compgen "$1" -- "$current")
    compopt -o filenames 2>/dev/null
}

_semaphore_positional() {
    [[ $current == -* ]] || _semaphore_names "$1"
}

_semaphore() {
    local at=semaphore current=${COMP_WORDS[COMP_CWORD]} previous word
    local last=$((COMP_CWORD - 1))
    # bash takes --option=value for three words
    if [[ $current == = ]]; then
        current=
    elif [[ ${COMP_WORDS[last]} == = ]]; then
        last=$((last - 1))
    fi
    previous=${COMP_WORDS[last]}
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$at $word" in
@STEPS@
        esac
    done
    case "$at $previous" in
@VALUES@
    esac
    case $at in
@WORDS@
    esac
}

complete -F _semaphore semaphore
"""

_zsh_value = {
    _FILES: "_files",
    _DIRECTORIES: "_files -/",
    _NOTHING: "_message value",
    "choices": "compadd -- {}",
}


def _zsh_words(tree: Command) -> Iterator[str]:
    for command in tree.walk():
        yield f"        ({_quoted(command.name)})"
        if command.commands:
            named = [(each.words[-1], each.summary) for each in command.commands]
            yield f"            entries=({_zsh_entries(named)})"
            yield "            _describe -t commands command entries"
        yield f"            entries=({_zsh_entries(_flags(command))})"
        yield "            _describe -o -t options option entries"
        for each in command.positionals:
            offered = _offered(each)
            action = (
                _zsh_value[offered]
                if isinstance(offered, str)
                else _zsh_value["choices"].format(_listed(offered))
            )
            if offered != _NOTHING:
                yield f"            {action}"
        yield "            ;;"


def _zsh_entries(named: Iterable[tuple[str, str]]) -> str:
    return " ".join(
        _quoted(f"{name}:{_short(text)}" if text else name) for name, text in named
    )


_ZSH = """\
#compdef semaphore
# Completes the command semaphore in zsh; `semaphore completion zsh` prints this.
_semaphore() {
    local at=semaphore word previous=${words[CURRENT-1]}
    local -a entries
    for word in ${words[2,CURRENT-1]}; do
        case "$at $word" in
@STEPS@
        esac
    done
    if [[ ${words[CURRENT]} == --*=* ]]; then
        previous=${words[CURRENT]%%=*}
        compset -P '*='
    fi
    case "$at $previous" in
@VALUES@
    esac
    case $at in
@WORDS@
    esac
}

if [[ ${funcstack[1]} == _semaphore ]]; then
    _semaphore "$@"
else
    compdef _semaphore semaphore
fi
"""


def _fish_quoted(text: str) -> str:
    """Return *text* as one word of fish."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish_rules(tree: Command) -> Iterator[str]:
    for command in tree.walk():
        at = (
            f"complete -c semaphore -n {_fish_quoted(f'__semaphore_at {command.name}')}"
        )
        for each in command.commands:
            summary = _fish_quoted(_short(each.summary))
            yield f"{at} -a {each.words[-1]} -d {summary}"
        for argument in command.arguments:
            if argument.flags:
                yield f"{at} {_fish_option(argument)}"
            elif argument.choices:
                yield f"{at} -a {_fish_quoted(' '.join(argument.choices))}"
            elif _offered(argument) == _FILES:
                yield f"{at} -F"


def _fish_option(option: Argument) -> str:
    words = [
        f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
        for flag in option.flags
    ]
    if option.value:
        offered = _offered(option)
        if offered == _FILES:
            words.append("-r -F")
        elif offered == _DIRECTORIES:
            words.append("-x -a '(__fish_complete_directories)'")
        elif isinstance(offered, tuple):
            words.append(f"-x -a {_fish_quoted(' '.join(offered))}")
        else:
            words.append("-x")
    return " ".join([*words, f"-d {_fish_quoted(_short(option.help))}"])


_FISH = """\
# Completes the command semaphore in fish; `semaphore completion fish` prints this.
function __semaphore_at
    set -l at semaphore
    for word in (commandline -opc)[2..-1]
        switch "$at $word"
@STEPS@
        end
    end
    test "$at" = "$argv"
end

complete -c semaphore -e
complete -c semaphore -f
@RULES@
"""
