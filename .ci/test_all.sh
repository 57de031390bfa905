#!/usr/bin/env bash
# Run the suite on every Python from 3.11 to 3.14 that is present, each with its own environment under .venvs/.
#
#   oldest     the oldest allowed dependencies (requirements/oldest.txt); on 3.11 only, whose wheels still exist
#   newest     the newest allowed dependencies
#   newest-ac  the same with the extra `ac`; pandapower holds pandas and numpy back, so it is a set of its own
#
# The tests run in another order on every Python: it is drawn with its minor version as the seed.
#
# Prints one line for each set at the end. Ends with 1 when one fails or when no Python was found.
# PYTHONS="3.11 3.13" looks at these versions only.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p .venvs
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
summary=()
failed=0
ran=0

# Print the path of a working interpreter of version $1. A name on PATH may be a shim that does not run.
find_python() {
    local candidate
    for candidate in "$(command -v "python$1" || true)" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        if [[ -x "$candidate" ]] && "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

# Install set $3 with extras $4 for version $1 (interpreter $2), run the suite and note the result.
run_set() {
    local version=$1 python=$2 name=$3 extras=$4
    local folder=.venvs/$version-$name log=.venvs/$version-$name.log
    local result=pass start=$SECONDS
    echo "== Python $version, $name dependencies (log: $log)"
    rm -rf "$folder"
    # The constraint is an environment variable so that it also holds inside the tests, which install the wheel.
    if [[ $name == oldest ]]; then export PIP_CONSTRAINT=$PWD/requirements/oldest.txt; else unset PIP_CONSTRAINT; fi
    if ! { "$python" -m venv "$folder" &&
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --editable ".[$extras]"; } >"$log" 2>&1; then
        result="FAIL (install)"
    elif ! "$folder/bin/python" -m pytest -n "${WORKERS:-2}" --shuffle "${version#3.}" >>"$log" 2>&1; then
        result=FAIL
    fi
    [[ $result == pass ]] || failed=1
    ran=$((ran + 1))
    tail -n 1 "$log"
    summary+=("$(printf '%-8s %-11s %-16s %5ss  %s' "$version" "$name" "$result" $((SECONDS - start)) "$(tail -n 1 "$log")")")
}

for version in ${PYTHONS:-3.11 3.12 3.13 3.14}; do
    if ! python=$(find_python "$version"); then
        summary+=("$(printf '%-8s %s' "$version" 'not present')")
        continue
    fi
    if [[ $version == 3.11 ]]; then run_set "$version" "$python" oldest ac,linopy,scip,test; fi
    run_set "$version" "$python" newest copula,linopy,prices,scip,test
    last=("$version" "$python")
done
if ((ran > 0)); then run_set "${last[@]}" newest-ac ac,copula,linopy,prices,scip,test; fi

printf '\n%-8s %-11s %-16s %6s  %s\n' Python set result time 'last line of pytest'
printf '%s\n' "${summary[@]}"
if ((ran == 0)); then echo "none of Python ${PYTHONS:-3.11 3.12 3.13 3.14} was found" >&2; fi
((ran > 0 && failed == 0))
