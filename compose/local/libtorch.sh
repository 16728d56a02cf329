#!/usr/bin/env bash
# Puts together the CPU libtorch that the engine links, once per machine, out of published wheels, and tells cargo where it is.
#
# One absolute directory serves every checkout, because torch-sys compiles for minutes and does so again whenever LIBTORCH
# changes. An existing LIBTORCH is taken as it is. Nothing is printed when there is nothing to do.
#
#   EASEL_CACHE  where downloads and libtorch are kept (default: ~/.cache/easel)
#   LIBTORCH     a libtorch 2.11.0 that is already there
set -euo pipefail

readonly version=2.11.0
readonly layout=1 # Raise it when the set of files below changes: caches are then rebuilt.
cache=${EASEL_CACHE:-${HOME:?HOME is not set}/.cache/easel}
mkdir -p "$cache" && cache=$(cd "$cache" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

step() { printf 'libtorch: %s\n' "$*"; }
fail() {
    printf 'libtorch: %s\n' "$*" >&2
    exit 1
}

# The libraries the engine needs at run time; libcupti and libcudart are named by libtorch_cpu and never called on a CPU.
readonly libraries=(
    libtorch_cpu.so libc10.so libgomp.so.1 libshm.so libtorch_global_deps.so libcupti.so.13 libcudart.so.13
)

complete() {
    local directory=$1
    [[ $(cat "$directory/.complete" 2>/dev/null) == "$version/$layout" ]]
}

# A pip that can download: the system's, or one in a scratch environment.
find_pip() {
    if python3 -m pip --version >/dev/null 2>&1; then
        pip=(python3 -m pip)
        return
    fi
    step "making a scratch Python environment for pip"
    python3 -m venv "$scratch/venv" >"$scratch/venv.log" 2>&1 ||
        fail "python3 has neither pip nor venv: install python3-pip or python3-venv"
    pip=("$scratch/venv/bin/python" -m pip)
}

download() {
    find_pip
    # The wheels are pinned by content: whatever mirror serves them, these bytes are what gets linked.
    cat >"$scratch/wheels.txt" <<WHEELS
torch==$version --hash=sha256:7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a
nvidia-cuda-cupti==13.0.85 --hash=sha256:4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8
nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
WHEELS
    step "downloading torch $version (530 MB)"
    "${pip[@]}" download --quiet --no-deps --require-hashes --only-binary=:all: --dest "$scratch/wheels" \
        --implementation cp --python-version 3.11 --abi cp311 --abi none \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux2014_x86_64 \
        --platform manylinux_2_17_x86_64 --requirement "$scratch/wheels.txt" ||
        fail "the wheels could not be downloaded: see the message above, or set LIBTORCH to a libtorch $version"
}

# Takes the headers and the few libraries out of the wheels; the other 90 percent are CUDA and Python.
unpack() {
    step "unpacking headers and libraries"
    python3 - "$scratch/wheels" "$scratch/tree" "${libraries[@]}" <<'PYTHON'
import os, shutil, sys, zipfile

wheels, tree, wanted = sys.argv[1], sys.argv[2], set(sys.argv[3:])

def take(archive, name, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with archive.open(name) as source, open(target, "wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)

for wheel in sorted(os.listdir(wheels)):
    with zipfile.ZipFile(os.path.join(wheels, wheel)) as archive:
        for name in archive.namelist():
            base = os.path.basename(name)
            if name.endswith("/"):
                continue
            if name.startswith("torch/include/"):
                take(archive, name, os.path.join(tree, name[len("torch/"):]))
            elif base in wanted and name.split("/")[-2] == "lib":
                take(archive, name, os.path.join(tree, "lib", base))
                wanted.discard(base)
if wanted:
    sys.exit("libtorch: not in the wheels: " + " ".join(sorted(wanted)))
PYTHON
    echo "$version+cpu" >"$scratch/tree/build-version"
}

# torch-sys links -ltorch; the real one pulls CUDA in, so a stub stands in for it.
link_stub() {
    step "linking the libtorch.so stub"
    echo 'void easel_libtorch_stub(void) {}' >"$scratch/stub.c"
    gcc -shared -fPIC -o "$scratch/tree/lib/libtorch.so" "$scratch/stub.c" -L"$scratch/tree/lib" \
        -Wl,--no-as-needed -ltorch_cpu -lc10 -Wl,--allow-shlib-undefined "-Wl,-rpath,\$ORIGIN" ||
        fail "gcc could not link: install build-essential"
}

# Every library must find its neighbours and be whole enough to load.
verify() {
    step "checking that everything resolves"
    local missing
    missing=$(ldd "$scratch/tree/lib/libtorch.so" | grep 'not found' || true)
    [[ -z $missing ]] || fail "the assembled libtorch lacks: $missing"
    python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$scratch/tree/lib/libtorch.so" ||
        fail "the assembled libtorch does not load"
}

assemble() {
    [[ $(uname -sm) == "Linux x86_64" ]] ||
        fail "wheels are pinned for Linux x86_64 only; on $(uname -sm) install libtorch $version yourself and set LIBTORCH"
    command -v python3 >/dev/null || fail "python3 is missing: install python3 and python3-pip"
    command -v g++ >/dev/null || fail "g++ is missing: install build-essential"
    scratch=$(mktemp -d "$cache/libtorch-scratch.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    mkdir "$scratch/wheels" "$scratch/tree"
    download
    unpack
    link_stub
    verify
    echo "$version/$layout" >"$scratch/tree/.complete"
    rm -rf "$target"
    mv "$scratch/tree" "$target"
    step "ready in $target"
}

# Cargo learns the path from a git-ignored file, so that a plain cargo build works in this checkout.
tell_cargo() {
    local file="$root/.cargo/config.toml" wanted
    wanted=$(printf '[env]\nLIBTORCH = "%s"' "$1")
    [[ $(cat "$file" 2>/dev/null) != "$wanted" ]] || return 0
    mkdir -p "$root/.cargo"
    printf '%s\n' "$wanted" >"$file"
    step "wrote .cargo/config.toml"
}

if [[ -n ${LIBTORCH:-} ]]; then
    [[ -e $LIBTORCH/lib/libtorch_cpu.so ]] || fail "LIBTORCH=$LIBTORCH holds no lib/libtorch_cpu.so"
    target=$(cd "$LIBTORCH" && pwd)
else
    target=$cache/libtorch-$version-cpu
    if ! complete "$target"; then
        # Two checkouts may set up at once; the second waits for the first and finds the work done.
        exec 9>"$cache/libtorch.lock"
        flock 9
        complete "$target" || assemble
    fi
fi
tell_cargo "$target"
