#!/usr/bin/env bash
# Builds the C library of the SDK and the C guests into a directory; build.sh calls it.
#
#   guests/build-c.sh DIRECTORY
#
# The compiler is that of the PyPI package `ziglang`, pinned here by version and digest, in a virtual environment of its own.
# It gives the same bytes on every machine. A program of your own builds the same way:
#
#   python3 -m ziglang cc -target wasm32-wasi -Iguests/sdk/include program.c -Lguests/target/c -lseedpod-ipc -o program.wasm
set -euo pipefail

guests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
[ $# = 1 ] && mkdir -p "$1" || { sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2 && exit 2; }
out=$(cd "$1" && pwd -P)
zig_version=0.17.1

built=${CARGO_TARGET_DIR:-$guests/target}/c
mkdir -p "$built"
environment=$built/zig-$zig_version
if ! "$environment/bin/python3" -m ziglang version >"$built/zig.log" 2>&1; then
    python3 -m venv "$environment" >"$built/zig.log"
    "$environment/bin/pip" install --quiet --require-hashes --no-deps --only-binary :all: -r "$guests/c/requirements.txt"
fi
# Relative paths: no path of the machine gets into an image.
cd "$guests"
zig=("$environment/bin/python3" -m ziglang)
flags=(-target wasm32-wasi -mcpu=generic -Oz -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Isdk/include)

objects=()
for source in sdk/c/*.c; do
    object=$built/$(basename "$source" .c).o
    "${zig[@]}" cc "${flags[@]}" -c "$source" -o "$object"
    objects+=("$object")
done
rm -f "$built/libseedpod-ipc.a"
"${zig[@]}" ar rcsD "$built/libseedpod-ipc.a" "${objects[@]}"

for source in c/*.c; do
    "${zig[@]}" cc "${flags[@]}" "$source" -L"$built" -lseedpod-ipc -Wl,--strip-all -Wl,-z,stack-size=1048576 \
        -o "$out/$(basename "$source" .c).wasm"
    chmod 644 "$out/$(basename "$source" .c).wasm"
done
