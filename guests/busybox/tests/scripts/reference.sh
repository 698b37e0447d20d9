#!/bin/sh
# Writes what the scripts beside this file must print, with the busybox of Debian (1.35) as the reference:
#   ./reference.sh [NAME…]
set -e
cd "$(dirname "$0")"
busybox=${BUSYBOX:-$(command -v busybox)}
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
for tool in $("$busybox" --list); do ln -s "$busybox" "$tools/$tool"; done
for script in ${*:-*.sh}; do
    case $script in reference.sh) continue ;; esac
    root=$(mktemp -d)
    mkdir "$root/work"
    cp "$script" "$root"
    printed=$root/printed
    (cd "$root/work" && env -i PATH="$tools" HOME=/root sh "../$script" >"$printed" </dev/null) ||
        echo "exit $?" >>"$printed"
    mv "$printed" "${script%.sh}.out"
    rm -rf "$root"
done
