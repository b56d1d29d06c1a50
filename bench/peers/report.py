"""The printed table and the JSON of raw figures."""

import datetime
import os
import platform
import re
import statistics
from dataclasses import asdict
from pathlib import Path

from contest import COLUMNS, OURS, Figures, Limits, pair_ratio

FLAGS = ["avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8"]
TITLES = {
    "torch-f32": "PyTorch f32",
    "torch-mkl": "PyTorch f32, MKL unlocked",
    "torch-bf16": "PyTorch bf16",
    "ort-f32": "ONNX Runtime f32",
    "ort-int8": "ONNX Runtime int8",
    "openvino-f32": "OpenVINO f32",
    "openvino-bf16": "OpenVINO bf16",
}

Results = dict[str, dict[str, Figures]]


def machine() -> dict[str, object]:
    text = Path("/proc/cpuinfo").read_text()
    found = dict(re.findall(r"^(vendor_id|model name|cpu family|model|flags)\s*: (.*)$", text, re.MULTILINE))
    flags = found.get("flags", "").split()
    return {
        "processor": found.get("model name", platform.processor()),
        "family and model": f"{found.get('cpu family')}/{found.get('model')}",
        "amd": found.get("vendor_id") == "AuthenticAMD",
        "cores": len(os.sched_getaffinity(0)),
        "flags": [flag for flag in FLAGS if flag in flags],
        "date": datetime.date.today().isoformat(),
    }


def title(name: str) -> str:
    return TITLES.get(name) or f"**sdmad {name.removeprefix(OURS)}**"


def grid(results: Results, names: list[str], cell) -> str:
    columns = [COLUMNS[key].name for key in results]
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name in names:
        cells = [cell(of[name], of) if name in of and of[name].cpu else "–" for of in results.values()]
        if any(cell != "–" for cell in cells):
            lines.append(f"| {title(name)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def markdown(results: Results, names: list[str], about: dict[str, object], versions: dict[str, str], rounds: int, limits: Limits) -> str:
    parts = [
        f"{about['processor']} (family/model {about['family and model']}), {about['cores']} cores, "
        f"{' '.join(about['flags'])}; {about['date']}; {limits.threads} threads, {rounds} rounds{'; PyTorch kept from all beyond AVX2' if limits.avx2 else ''}. "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + f"; instruction path of sdmad: {', '.join(sorted({own.instructions for of in results.values() for own in of.values() if own.instructions}))}",
        "CPU seconds, median (wall seconds, median):\n\n" + grid(results, names, lambda own, _: f"{own.median():.3g} ({statistics.median(own.wall):.3g})"),
        "Peak memory of the process, MB:\n\n" + grid(results, names, lambda own, _: f"{own.peak_mb:.0f}"),
    ]
    for ours in (name for name in names if name.startswith(OURS)):
        ratios = grid(results, [n for n in names if n != ours], lambda own, of, ours=ours: f"{pair_ratio(own, of[ours]):.2f}" if of.get(ours) and of[ours].cpu else "–")
        parts.append(f"CPU seconds of the peer / those of {title(ours)}, median of the rounds' ratios:\n\n" + ratios)
    parts.append("Largest difference of outputs from PyTorch f32, as a share of the largest number:\n\n" + grid(results, names, lambda own, _: "–" if own.difference is None else f"{own.difference:.1e}"))
    failures = [f"- {COLUMNS[key].name}, {title(name)}: {own.failure}" for key, of in results.items() for name, own in of.items() if own.failure]
    if failures:
        parts.append("Skipped, since it did not start:\n\n" + "\n".join(failures))
    return "\n\n".join(parts) + "\n"


def raw(results: Results, about: dict[str, object], versions: dict[str, str], limits: Limits) -> dict[str, object]:
    columns = {key: {name: asdict(own) for name, own in of.items()} for key, of in results.items()}
    return {"format": 2, "machine": about, "versions": versions, "limits": asdict(limits), "columns": columns}
