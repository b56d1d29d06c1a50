"""Exports the towers to ONNX (f32, and int8 by ONNX Runtime's dynamic quantisation) and OpenVINO. `python export.py FOLDER`."""

import logging
import sys
from pathlib import Path

import openvino
import torch
from models import CONTEXT, IMAGES, build
from onnxruntime.quantization import QuantType, quantize_dynamic


def export(name: str, folder: Path) -> None:
    tower = build(name)
    image = IMAGES.get(name)
    example = torch.zeros(2, 3, image.image, image.image) if image else torch.zeros(2, CONTEXT, dtype=torch.int64)
    onnx, xml = folder / "onnx" / f"{name}.onnx", folder / "openvino" / f"{name}.xml"
    int8 = onnx.with_suffix(".int8.onnx")
    if not onnx.exists():
        # TorchScript's exporter: the newer one needs more packages and writes the same operations.
        torch.onnx.export(tower, (example,), onnx, dynamo=False, opset_version=17, input_names=["input"], output_names=["embedding"], dynamic_axes={"input": {0: "batch"}})
    if not int8.exists():
        # Products only: the patch convolution has no fast int8 form in ONNX Runtime.
        quantize_dynamic(onnx, int8, op_types_to_quantize=["MatMul", "Gemm"], weight_type=QuantType.QInt8)
    if not xml.exists():
        # From PyTorch itself, which keeps attention as one operation; weights stay f32.
        openvino.save_model(openvino.convert_model(tower, example_input=example), xml, compress_to_fp16=False)


def main() -> None:
    logging.getLogger().setLevel(logging.ERROR)
    folder = Path(sys.argv[1])
    for name in ["onnx", "openvino"]:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in [*IMAGES, "text-l"]:
        export(name, folder)


if __name__ == "__main__":
    main()
