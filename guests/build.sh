#!/usr/bin/env bash
# Builds every guest program into guests/images/.
#
#   guests/build.sh           builds and replaces the images
#   guests/build.sh --check   builds and compares with the committed images; names each that differs and fails
#
# The same commit gives the same bytes from every checkout: pinned toolchain, locked dependencies, one codegen unit,
# no path of the machine in the output. Needs rustup; installs the Wasm target if it is missing.
set -euo pipefail

guests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
cd "$guests"
target=wasm32-wasip2
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$guests/target}
export CARGO_INCREMENTAL=0
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS
cargo_home=${CARGO_HOME:-$HOME/.cargo}

case ${1:-} in
'') out=$guests/images ;;
--check) out=$(mktemp -d) && trap 'rm -rf "$out"' EXIT ;;
*) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
esac
mkdir -p "$out/tests"

installed_targets=$(rustup target list --installed)
grep -qx "$target" <<<"$installed_targets" || rustup target add "$target"

sysroot=$(rustc --print sysroot)
remap="\"--remap-path-prefix=$cargo_home=/cargo\", \"--remap-path-prefix=$guests=/guests\", \
\"--remap-path-prefix=$CARGO_TARGET_DIR=/target\", \"--remap-path-prefix=$sysroot=/rust\""
cargo build --workspace --bins --release --locked --target "$target" --config "target.$target.rustflags=[$remap]"

built=$CARGO_TARGET_DIR/$target/release
for source in */src/bin/*.rs */src/bin/*/main.rs; do
    [ -e "$source" ] || continue
    name=${source#*/src/bin/} && name=${name%/main.rs} && name=${name%.rs}
    case $source in
    bugs/* | tests/*) cp "$built/$name.wasm" "$out/tests/$name.wasm" ;;
    *) cp "$built/$name.wasm" "$out/$name.wasm" ;;
    esac
done
if [ -x build-c.sh ]; then
    ./build-c.sh "$out"
fi

(cd "$out" && find . -name '*.wasm' | sed 's|^\./||' | LC_ALL=C sort | xargs sha256sum >SHA256SUMS)

[ "$out" != "$guests/images" ] || exit 0
status=0
cmp -s "$out/SHA256SUMS" images/SHA256SUMS || { echo "guests/images/SHA256SUMS is not that of the images" >&2 && status=1; }
while read -r image; do
    if ! [ -e "images/$image" ]; then
        echo "guests/images/$image is not committed" >&2 && status=1
    elif ! [ -e "$out/$image" ]; then
        echo "guests/images/$image has no source" >&2 && status=1
    elif ! cmp -s "$out/$image" "images/$image"; then
        echo "guests/images/$image differs from what its source builds" >&2 && status=1
    fi
done < <({ cd "$out" && find . -name '*.wasm'; cd "$guests/images" && find . -name '*.wasm'; } | sed 's|^\./||' | sort -u)
exit $status
