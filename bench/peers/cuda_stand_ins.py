"""Stand-ins for the CUDA libraries that PyPI's PyTorch links to, so that it can be imported without them.

The wheel for Linux on x86-64 is a CUDA build. Without a GPU, nothing of CUDA is ever called, but the loader wants some ten
libraries of together several GB. This compiles empty ones, in which every function returns an error code, and puts
them beside PyTorch's own. PyTorch's CPU code is the same as in a whole installation.
"""

import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

# cudaErrorNoDevice; other libraries have other tables, in which it is an error too.
NO_DEVICE = 100
# Symbols without a version belong to the library whose prefix they carry.
PREFIXES = {"nccl": "libnccl.so.2", "cuFile": "libcufile.so.0", "cusparseLt": "libcusparseLt.so.0", "nvshmem": "libnvshmem_host.so.3", "cu": "libcuda.so.1"}
OURS_TO_PROVIDE = re.compile(r"lib(cu|nccl|nvrtc|nvshmem_host|nvToolsExt)")


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(library: Path) -> set[str]:
    return set(re.findall(r"NEEDED.*\[(.+)\]", output("readelf", "-d", str(library))))


def undefined(library: Path) -> dict[str, dict[str, set[str]]]:
    """Symbols that the CUDA libraries must have, by library and version."""
    symbols: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for line in output("nm", "-D", "--undefined-only", "--with-symbol-versions", str(library)).splitlines():
        name, _, version = line.split()[-1].partition("@")
        version = version.lstrip("@")
        if version.startswith("lib"):
            symbols[version][version].add(name)
        elif version == "NVSHMEM":
            symbols["libnvshmem_host.so.3"][version].add(name)
        elif not version:
            prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), None)
            if prefix:
                symbols[PREFIXES[prefix]][""].add(name)
    return symbols


def compile_library(name: str, versions: dict[str, set[str]], folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source, script = Path(scratch, "library.c"), Path(scratch, "versions")
        names = sorted(set().union(*versions.values()))
        source.write_text("".join(f"long {symbol}(void) {{ return {NO_DEVICE}; }}\n" for symbol in names) + "int stand_in;\n")
        nodes = [f"{version} {{ global: {'; '.join(sorted(symbols))}; }};\n" for version, symbols in versions.items() if version]
        script.write_text("".join(nodes))
        command = ["gcc", "-shared", "-fPIC", "-w", "-fno-builtin", f"-Wl,-soname,{name}", "-o", str(folder / name), str(source)]
        subprocess.run(command + ([f"-Wl,--version-script={script}"] if nodes else []), check=True)


def main() -> None:
    folder = Path(sys.argv[1])
    libraries = sorted(folder.glob("*.so"))
    wanted = {name for library in libraries for name in needed(library) if OURS_TO_PROVIDE.match(name)}
    symbols: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for library in libraries:
        for name, versions in undefined(library).items():
            for version, found in versions.items():
                symbols[name][version] |= found
    for name in sorted(wanted):
        if not (folder / name).exists():
            compile_library(name, symbols[name], folder)


if __name__ == "__main__":
    main()
