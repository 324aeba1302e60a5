#!/bin/sh
# Run nox sessions with a Python that the pinned Airflow supports: sh tools/run.sh SESSION...
# It is a shell script so that an old Python gets a sentence and not a syntax error.
# PYTHON= names the interpreter; otherwise the first that fits is used. AIRFLOW= names another version of Airflow than the
# main one; Airflow 2 supports no Python after 3.12. nox gets an environment of its own, which is kept.
set -u
cd "$(dirname "$0")/.." || exit 1
target=${1:?usage: sh tools/run.sh SESSION...}
pinned=13 # the newest Python that there are constraints for; a newer one is used where there is no other
newest=14
case ${AIRFLOW:-} in 2.*) pinned=12 newest=12 ;; esac

fail() {
    echo "$*" >&2
    exit 1
}

# Print the version; exit with 0 if it fits, with 10 if not, with 11 if a module is missing that an environment needs.
probe='
import sys
print("Python %d.%d" % sys.version_info[:2])
if not (3, 10) <= sys.version_info[:2] <= (3, int(sys.argv[1])):
    sys.exit(10)
try:
    import ensurepip, sqlite3, ssl, venv
except ImportError as error:
    print("without its module", error.name)
    sys.exit(11)
'
find_python() {
    python=""  # fits
    missing="" # fits but for a module
    found=""   # does not fit
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10 python3.14}; do
        what=$("$candidate" -c "$probe" "$1" 2>/dev/null)
        case $? in
            0) python=$candidate && return 0 ;;
            10) found=${found:-$candidate is $what} ;;
            11) missing=${missing:-$candidate is $(echo $what)} ;;
        esac
    done
    return 1
}
find_python $pinned || find_python $newest
if [ -z "$python" ] && [ -n "$missing" ]; then
    fail "$missing: install it (on Debian and Ubuntu: apt install python3-venv)," \
        "or name another Python: make $target PYTHON=/path/to/python3.12"
elif [ -z "$python" ]; then
    fail "Python 3.10 to 3.$newest is needed and ${found:-${PYTHON:-python3} does not run here}:" \
        "install Python 3.12, or name one: make $target PYTHON=/path/to/python3.12"
fi

minor=${what#Python }
home=.nox/$minor/nox
if ! cmp -s requirements/nox.txt "$home/made-from.txt" || ! [ -x "$home/bin/python" ]; then
    echo "Installing nox in $home (once) ..."
    log=.nox/install-nox.log
    { mkdir -p .nox && : >$log; } || fail "$PWD/.nox cannot be written: the clone must be writable and the disk not full."
    rm -rf "$home"
    if "$python" -m venv "$home" >$log 2>&1 &&
        "$home/bin/python" -m pip install --disable-pip-version-check -q -r requirements/nox.txt >>$log 2>&1; then
        cp requirements/nox.txt "$home/made-from.txt"
    else
        cat $log >&2
        fail "$("$python" -B -m tools.failures $log)"
    fi
fi

export PATH="$PWD/$home/bin:$PATH"
# For test-matrix: other Pythons that pyenv has, whose shims on the path fail.
for bin in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin; do
    PATH=$PATH:$bin
done
export UV_SYSTEM_CERTS=1 # as pip does
export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-}}"
[ -n "$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX
exec "$home/bin/python" -B -m nox -s "$@"
