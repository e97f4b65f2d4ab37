# The body of a job's ssh program: it passes options on to the real ssh, except for those
# that the operator sets. The lines before it set $folder, $checks (whether host keys are
# checked) and $project (whether the project may set options); the line after it calls the
# function launch with the operator's options, which take precedence, and the remaining
# arguments.
set -f

# Record the ignored option $1 of the project for the log.
ignore() {
    grep -qxFs -e "$1" "$folder/ignored" || printf '%s\n' "$1" >>"$folder/ignored"
}

# Whether the option -$1 with the value $2 is passed on.
passes() {
    case $1$2 in
    o[Ss]trict[Hh]ost[Kk]ey[Cc]hecking[=\ ]* | o[Uu]ser[Kk]nown[Hh]osts[Ff]ile[=\ ]* | \
        o[Gg]lobal[Kk]nown[Hh]osts[Ff]ile[=\ ]* | oKnownHostsCommand[=\ ]*)
        [ "$checks" = yes ] || return 0
        ignore "$2"
        return 1
        ;;
    oControl* | oPort[=\ ]* | oUser[=\ ]* | oIdentity* | oConnectTimeout[=\ ]* | \
        oServerAlive* | oBatchMode[=\ ]* | oKbdInteractive* | oPreferred* | \
        oPasswordAuthentication[=\ ]* | oNumberOfPasswordPrompts[=\ ]* | \
        oForwardX11[=\ ]* | oForwardAgent[=\ ]* | oPermitLocalCommand[=\ ]* | \
        oClearAllForwardings[=\ ]* | oRemoteCommand[=\ ]* | oRequestTTY[=\ ]* | \
        F/dev/null) ;;
    [FJo]*)
        [ "$project" != yes ] || return 0
        ignore "-$1 $2"
        return 1
        ;;
    esac
}

launch() {
    # With connection sharing, ssh discards the messages of a jump host's ssh.
    if [ -n "$jump" ] && [ /dev/fd/2 -ef /dev/null ]; then
        exec 2>>"$folder/jumps"
    fi
    program=$(command -v ssh) || {
        echo "ssh: not found; install it with the package openssh-client" >&2
        exit 127
    }
    case $folder in
    *[!A-Za-z0-9/._-]*) ;;
    *)
        # For a jump host, ssh starts the program that it was called as: this one again.
        ! command -v bash >/dev/null ||
            exec bash -c 'exec -a "$0" "$@"' "$folder/ssh" "$program" "$@"
        ;;
    esac
    exec "$program" "$@"
}

count=$# expects='' past='' jump=''
while [ "$count" -gt 0 ]; do
    count=$((count - 1)) word=$1
    shift
    if [ -n "$past" ]; then
        set -- "$@" "$word"
    elif [ -n "$expects" ]; then
        option=$expects expects=''
        ! passes "$option" "$word" || set -- "$@" "-$option" "$word"
    else
        case $word in
        -[BbcDEeFIiJLlmOopQRSWw])
            expects=${word#-}
            [ "$expects" != W ] || jump=yes
            ;;
        -[FJo]?*)
            value=${word#-?} option=${word#-}
            ! passes "${option%"$value"}" "$value" || set -- "$@" "$word"
            ;;
        -*) set -- "$@" "$word" ;;
        *)
            past=yes
            set -- "$@" "$word"
            ;;
        esac
    fi
done
