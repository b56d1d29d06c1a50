"""One contender as a process of its own: loads one tower, then answers `run N` and `output` as `tower_timing` does."""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy
from numpy.typing import NDArray

Call = Callable[[], NDArray[numpy.float32]]
# The order of `tower_timing`: of each gradient, every such number.
GRADIENT_STRIDE = 4096


def inputs(options: argparse.Namespace) -> NDArray[numpy.generic]:
    from safetensors.numpy import load_file

    shared = load_file(options.models / folder_of(options.model) / "shared-inputs.safetensors")
    return shared["ids"].astype(numpy.int64) if options.model == "text-l" else shared["pixels"][: options.batch]


def folder_of(model: str) -> str:
    return "vit-l-14" if model == "text-l" else model


def torch_call(options: argparse.Namespace) -> Call:
    import torch
    from models import ADAPTED, build, shared_inputs

    torch.set_num_threads(options.threads)
    tower = build(options.model)
    # Frozen weights are stored in bf16, so that autocast has nothing to convert in every call.
    half = options.contender == "torch-bf16"
    tower = tower.to(torch.bfloat16) if half else tower
    given = torch.from_numpy(inputs(options))

    def forward() -> NDArray[numpy.float32]:
        with torch.inference_mode():
            return tower(given.to(torch.bfloat16) if half and given.is_floating_point() else given).float().numpy()

    if options.task != "train":
        return forward
    shared = shared_inputs(options.model, options.models)
    adapters = {layer: (shared[f"adapter.{layer}.down"].requires_grad_(), shared[f"adapter.{layer}.up"].requires_grad_()) for layer in ADAPTED}
    weights = [weight for pair in adapters.values() for weight in pair]

    def train() -> NDArray[numpy.float32]:
        for weight in weights:
            weight.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            loss = (tower(given, adapters).float() * shared["toward"]).sum()
        loss.backward()
        return numpy.concatenate([weight.grad.flatten()[::GRADIENT_STRIDE].float().numpy() for weight in weights])

    return train


def onnx_call(options: argparse.Namespace) -> Call:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    if "SDMAD_PEERS_NO_SPIN" in os.environ:
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    name = f"{options.model}{'.int8' if options.contender == 'ort-int8' else ''}.onnx"
    session = onnxruntime.InferenceSession(options.models / "onnx" / name, settings, providers=["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: inputs(options)}
    return lambda: session.run(None, given)[0]


def openvino_call(options: argparse.Namespace) -> Call:
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": options.threads,
        "INFERENCE_PRECISION_HINT": options.contender.removeprefix("openvino-"),
        "PERFORMANCE_HINT": "LATENCY",
    }
    given = inputs(options)
    model = core.read_model(options.models / "openvino" / f"{options.model}.xml")
    model.reshape(given.shape)
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    return lambda: next(iter(request.infer([given]).values())).copy()


def peak_megabytes() -> float | None:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return None


def say(**answer: object) -> None:
    print(json.dumps(answer | {"peak_mb": peak_megabytes()}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=["torch-f32", "torch-mkl", "torch-bf16", "ort-f32", "ort-int8", "openvino-f32", "openvino-bf16"])
    parser.add_argument("models", type=Path)
    parser.add_argument("model")
    parser.add_argument("--task", choices=["forward", "train"], default="forward")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    build = {"torch": torch_call, "ort": onnx_call, "openvino": openvino_call}[options.contender.split("-")[0]]
    call = build(options)
    say(ready=options.contender)
    while True:
        try:
            request = input().split()
        except EOFError:
            return
        if request[0] == "output":
            say(output=call().flatten().tolist())
            continue
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(int(request[1])):
            call()
        say(cpu=time.process_time() - cpu, wall=time.perf_counter() - wall)


if __name__ == "__main__":
    main()
