#!/bin/sh
# Makes the virtual environment in $VENV and installs Lockgate there, editable.
#
#   scripts/environment.sh run|test|check
#
# run: what the product needs; test: that and what the tests need; check: that and the linters.
# Needs Python 3.11 or later, with its venv module or uv or virtualenv; a package index; no root.
set -eu

venv=${VENV:-.venv}
packages=${1:-run}

case $packages in
    run) groups='' ;;
    test) groups='--group test' ;;
    check) groups='--group test --group check' ;;
    *) echo "usage: scripts/environment.sh run|test|check" >&2; exit 2 ;;
esac

fail() {
    echo "error: $1" >&2
    echo "help: $2" >&2
    exit 1
}

is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# python3 if it is new enough, else a newer one beside it. A name on PATH may be a shim that cannot
# run, so each candidate is asked.
find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 && is_recent "$candidate"; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

how_to_install() {
    if command -v apt-get >/dev/null 2>&1; then
        if [ "$(id -u)" = 0 ]; then echo "apt-get install $1"; else echo "sudo apt-get install $1"; fi
    elif command -v dnf >/dev/null 2>&1; then
        echo "sudo dnf install python3"
    elif command -v brew >/dev/null 2>&1; then
        echo "brew install python"
    else
        echo "install Python 3.11 or later from python.org"
    fi
}

make_venv() {
    python=$(find_python) || fail "no Python 3.11 or later was found" \
        "$(how_to_install python3), or name one: make PYTHON=/path/to/python3"
    if [ -e "$venv" ] && ! [ -e "$venv/pyvenv.cfg" ]; then
        fail "$venv is there and is no virtual environment" "name another: make VENV=.venv2"
    fi
    echo "Creating $venv with $("$python" --version) …"
    rm -rf "$venv"
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        "$python" -m venv "$venv"
    elif command -v uv >/dev/null 2>&1; then
        uv venv --quiet --seed --python "$python" "$venv"
    elif command -v virtualenv >/dev/null 2>&1; then
        virtualenv --quiet --python "$python" "$venv"
    else
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        fail "$python comes without its venv module" \
            "$(how_to_install "$version-venv"), then run the same command again"
    fi
}

# An environment that was half made, or whose Python has gone, is made anew.
if ! { is_recent "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }; then
    make_venv
fi

pip() {
    "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"
}

echo "Installing Lockgate into $venv (once, and after pyproject.toml has changed) …"
# Dependency groups (PEP 735) need pip 25.1; Debian 12 and macOS bring an older one;
# where it is new enough this asks no index.
pip install 'pip>=25.1'
# shellcheck disable=SC2086 # the groups are words of ours
pip install --editable . $groups || fail "the packages could not be installed" \
    "see pip's message above; behind a proxy set HTTPS_PROXY or PIP_INDEX_URL"
