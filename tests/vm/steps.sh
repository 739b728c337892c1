# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Sourced by the scripts: one line per long step with the time it took, and what it
# printed when it fails.

die() {
    printf 'dev: %s\n' "$*" >&2
    exit 1
}

# The moving part of a step's line, for as long as the script lives.
spin() {
    while kill -0 $$ 2> /dev/null; do
        printf '\r  %-52s %5d s ...' "$1" $((SECONDS - began))
        sleep 0.5
    done
}

# step TITLE LOG COMMAND...: COMMAND's output goes to LOG. COMMAND runs in the
# foreground, so that Ctrl-C reaches it. Not to be called where errexit is off, as in
# a condition: COMMAND may be a function, and would run on after an error.
step() {
    local title=$1 log=$2 status began=$SECONDS spinner=
    shift 2
    mkdir -p "$(dirname "$log")"
    if [[ -t 1 ]]; then
        spin "$title" &
        spinner=$!
    fi
    set +e
    (set -e && "$@") > "$log" 2>&1
    status=$?
    set -e
    if [[ -n $spinner ]]; then
        kill "$spinner"
        wait "$spinner" 2> /dev/null || true
        printf '\r\033[K'
    fi
    if ((status == 0)); then
        printf '  %-52s %5d s\n' "$title" $((SECONDS - began))
        return 0
    fi
    printf '  %-52s FAILED\n' "$title"
    tail -n 40 "$log" >&2
    printf 'dev: %s: failed, all of its output is in %s\n' "$title" "$log" >&2
    return "$status"
}
