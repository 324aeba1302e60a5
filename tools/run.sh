#!/bin/sh
# Finds a Python that the pinned Airflow runs on and hands over to the package tools/.
# It is a shell script so that an old Python gets a sentence and not a syntax error.
# PYTHON= names the interpreter; otherwise the first that fits is taken. AIRFLOW= names another version of
# Airflow than the main one; Airflow 2 ends with Python 3.12.
set -u
cd "$(dirname "$0")/.." || exit 1
target=${1:-help}

# Exit code: 0 fits, 10 too old, 11 newer than the pins were tried with, 12 newer than Airflow allows,
# 13 a module that an environment needs is missing. Anything else: it does not run (a shim, a typo).
probe='
import sys
version = "Python " + ".".join(str(part) for part in sys.version_info[:3])
code = 0
if sys.version_info < (3, 10):
    code = 10
elif sys.version_info >= ((3, 13) if sys.argv[1].startswith("2.") else (3, 15)):
    code = 12
elif sys.version_info >= (3, 14):
    code = 11
for module in () if code in (10, 12) else ("venv", "ensurepip", "sqlite3", "ssl"):
    try:
        __import__(module)
    except ImportError:
        version += " without its module " + module
        code = 13
        break
print(version)
sys.exit(code)
'

if [ -n "${PYTHON:-}" ]; then
    set -- "$PYTHON"
else
    # What the environment was made with comes first: it need not be made again.
    made_with=$(cat .venv${AIRFLOW:+-$AIRFLOW-*}/made-by-make.json 2>/dev/null |
        sed -n 's/^ "python": "\(.*\)",*$/\1/p' | head -n 1)
    set -- "${made_with:-python3}" python3 python3.13 python3.12 python3.11 python3.10 python3.14
fi

newer=""   # fits, though the pins were tried with older ones
missing="" # fits but for a module
found=""   # there, but too old or too new
for python in "$@"; do
    what=$("$python" -c "$probe" "${AIRFLOW:-}" 2>/dev/null)
    case $? in
        0) exec "$python" -B -u -m tools "$target" ;;
        11) newer=${newer:-$python} ;;
        13) missing=${missing:-$python is $what} ;;
        10 | 12) found=${found:-$python is $what} ;;
    esac
done

if [ -n "$newer" ]; then
    exec "$newer" -B -u -m tools "$target"
elif [ -n "$missing" ]; then
    echo "$missing: install it (on Debian and Ubuntu: apt install python3-venv)," \
        "or name another Python: make $target PYTHON=/path/to/python3.12" >&2
else
    newest=3.14
    case ${AIRFLOW:-} in 2.*) newest=3.12 ;; esac
    echo "Python 3.10 to $newest is needed and ${found:-${PYTHON:-python3} does not run here}:" \
        "install Python 3.12, or say where it is: make $target PYTHON=/path/to/python3.12" >&2
fi
exit 1
