"""Contenders as processes, asked for measurements in turn."""

import json
import os
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

OURS = "sdmad-"
# What keeps PyTorch and the libraries below it (oneDNN, MKL) from instructions that an older processor does not have. ONNX Runtime
# and OpenVINO have no such switch that holds for all their kernels.
AVX2_ONLY = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


@dataclass(frozen=True)
class Column:
    """A column of the table: a tower and what is done with it. `items` divides CPU seconds: images of a batch."""

    name: str
    model: str
    task: str = "forward"
    batch: int = 1
    items: int = 1


COLUMNS = {
    "vit-b": Column("ViT-B/16@224 b1", "vit-b-16"),
    "vit-l": Column("ViT-L/14@336 b1", "vit-l-14"),
    "vit-l-b8": Column("L/14 b8, an image", "vit-l-14", batch=8, items=8),
    "dinov2": Column("DINOv2-S/14@224 b1", "dinov2-s"),
    "text": Column("text tower, 32x77", "text-l", batch=32),
    "train": Column("train step L/14 b1", "vit-l-14", task="train"),
}


@dataclass(frozen=True)
class Places:
    """Where things are."""

    python: Path
    worker: Path
    ours: Path
    models: Path
    unlock: Path


@dataclass(frozen=True)
class Limits:
    """What every contender may use: threads, loops to wait in, and no instructions beyond AVX2 and FMA."""

    threads: int
    spin: bool
    avx2: bool


@dataclass
class Figures:
    """What one contender showed in one column."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    peak_mb: float | None = None
    instructions: str | None = None
    difference: float | None = None
    failure: str | None = None

    def median(self) -> float:
        return statistics.median(self.cpu)


class Contender:
    """A running process that answers a line with a line."""

    def __init__(self, name: str, column: Column, places: Places, limits: Limits) -> None:
        self.name, threads = name, limits.threads
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
        if not limits.spin:
            # Waiting in a loop would count as work, the more the busier the machine is.
            environment |= {"OMP_WAIT_POLICY": "passive", "SDMAD_PEERS_NO_SPIN": "1"}
        common = ["--batch", str(column.batch), "--threads", str(threads)]
        if name.startswith(OURS):
            what = "text" if column.model == "text-l" else "train" if column.task == "train" else "image"
            folder = places.models / ("vit-l-14" if what == "text" else column.model)
            command = [places.ours, folder, "--what", what, "--precision", name.removeprefix(OURS), *common]
        else:
            command = [places.python, places.worker, name, places.models, column.model, "--task", column.task, *common]
        if limits.avx2:
            environment |= AVX2_ONLY
        if limits.avx2 and name.startswith(OURS):
            command += ["--instructions", "avx2_fma"]
        if name == "torch-mkl":
            environment["LD_PRELOAD"] = str(places.unlock)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        # Ours says its instruction path, a peer its name.
        ready = str(self.read()["ready"])
        self.instructions = ready if name.startswith(OURS) else None

    def read(self) -> dict[str, object]:
        line = self.process.stdout.readline()
        if not line:
            errors = self.process.stderr.read().strip().splitlines()
            raise RuntimeError(errors[-1] if errors else f"ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, request: str) -> dict[str, object]:
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def can_run(name: str, column: Column) -> bool:
    """Inference runtimes have no backward pass."""
    return column.task == "forward" or name.startswith((OURS, "torch"))


def compete(column: Column, names: list[str], places: Places, rounds: int, limits: Limits) -> dict[str, Figures]:
    """Starts all contenders of a column, warms each up with one call, and measures them round by round in turn."""
    figures, running, outputs = {}, [], {}
    for name in (name for name in names if can_run(name, column)):
        figures[name] = Figures()
        try:
            contender = Contender(name, column, places, limits)
            figures[name].instructions = contender.instructions
            # Also the warm-up.
            outputs[name] = contender.ask("output")["output"]
            running.append(contender)
        except RuntimeError as error:
            figures[name].failure = str(error)
    for round_number in range(rounds):
        # Whoever comes first in a round finds another machine than who comes last; so the order turns.
        turn = round_number % max(len(running), 1)
        for contender in running[turn:] + running[:turn]:
            answer = contender.ask("run 1")
            own = figures[contender.name]
            own.cpu.append(answer["cpu"] / column.items)
            own.wall.append(answer["wall"] / column.items)
            own.peak_mb = answer["peak_mb"]
    for contender in running:
        contender.close()
    truth = outputs.get("torch-f32")
    for name, output in outputs.items():
        if truth:
            scale = max(map(abs, truth))
            figures[name].difference = max(abs(a - b) for a, b in zip(output, truth, strict=True)) / scale
    return figures


def pair_ratio(peer: Figures, ours: Figures) -> float:
    """The median over rounds of peer / ours: both of a round met the same machine."""
    return statistics.median(a / b for a, b in zip(peer.cpu, ours.cpu, strict=True))
