"""Reference values of the engine's operations, by PyTorch's own layers, autograd and optimiser, and by numpy, for
crates/sdmad-engine/tests/operations/fixture.rs.

Made with Python 3.11, torch 2.15.0, numpy 2.4.6 (requirements.txt).
Writes crates/sdmad-engine/tests/fixtures/engine.json; run from the repository's root:
    python scripts/reference/engine.py
"""
import json
import pathlib

import numpy as np
import torch
from torch.nn import functional

torch.manual_seed(20261124)
torch.set_default_dtype(torch.float64)


def rounded(shape, scale=1.0):
    """Normal numbers that f32 holds exactly, so that both sides read the same."""
    return (torch.randn(shape, dtype=torch.float32) * scale).double()


def listed(tensor):
    return {"shape": list(tensor.shape), "data": [float(f"{x:.12g}") for x in tensor.detach().flatten().tolist()]}


def activations():
    x = torch.cat([torch.linspace(-8, 8, 129), torch.tensor([-30.0, -12.0, 12.0, 30.0])]).requires_grad_()
    functions = {"gelu": functional.gelu, "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x)}
    for name, function in functions.items():
        y = function(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
        yield {"name": name, "x": listed(x), "y": listed(y), "slope": listed(slope)}


def blocks():
    """torch.nn.TransformerEncoderLayer: norms before or after, with and without a causal mask."""
    width, hidden, heads, tokens = 12, 20, 3, 7
    for pre, causal in [(True, False), (True, True), (False, False), (False, True)]:
        layer = torch.nn.TransformerEncoderLayer(
            width, heads, hidden, dropout=0.0, activation="gelu", layer_norm_eps=1e-5, batch_first=True, norm_first=pre)
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.copy_(rounded(parameter.shape, 0.4))
        x, dy = rounded((1, tokens, width)).requires_grad_(), rounded((1, tokens, width))
        mask = torch.nn.Transformer.generate_square_subsequent_mask(tokens, dtype=torch.float64) if causal else None
        y = layer(x, src_mask=mask)
        (dx,) = torch.autograd.grad(y, x, dy)
        weights = {name: listed(parameter) for name, parameter in layer.named_parameters()}
        yield {"pre": pre, "causal": causal, "heads": heads, "weights": weights,
               **{name: listed(t[0]) for name, t in {"x": x, "dy": dy, "y": y, "dx": dx}.items()}}


def adapters():
    width, bottleneck, tokens = 9, 4, 5
    for of_input in [True, False]:
        for matched in [True, False]:
            tensors = {"block_input": rounded((tokens, width)), "block_output": rounded((tokens, width), 2.0),
                       "down": rounded((bottleneck, width), 0.5), "up": rounded((width, bottleneck), 0.5)}
            for tensor in tensors.values():
                tensor.requires_grad_()
            h = tensors["block_input" if of_input else "block_output"]
            ada = functional.leaky_relu(functional.linear(functional.leaky_relu(
                functional.linear(h, tensors["down"]), 0.01), tensors["up"]), 0.01)
            if matched:
                ada = functional.normalize(ada, dim=-1) * tensors["block_output"].norm(dim=-1, keepdim=True)
            y, dy = 0.75 * tensors["block_output"] + 0.25 * ada, rounded((tokens, width))
            gradients = torch.autograd.grad(y, list(tensors.values()), dy, allow_unused=True)
            yield {"of_input": of_input, "norm_matching": matched, "lambda": 0.75, "y": listed(y), "dy": listed(dy),
                   **{name: listed(tensor) for name, tensor in tensors.items()},
                   **{f"d_{name}": listed(torch.zeros_like(tensor) if gradient is None else gradient)
                      for (name, tensor), gradient in zip(tensors.items(), gradients)}}


def optimiser():
    """torch.optim.AdamW in f32 under CosineAnnealingLR."""
    steps = 12
    parameter = torch.nn.Parameter(rounded((3, 5)).float())
    adamw = torch.optim.AdamW([parameter], lr=0.02, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adamw, T_max=steps)
    case = {"learning_rate": 0.02, "weight_decay": 0.1, "start": listed(parameter), "gradients": [], "after": [],
            "rates": []}
    for step in range(steps):
        gradient = rounded((3, 5), 10.0 ** (step % 4 - 2))
        parameter.grad = gradient.float()
        case["rates"].append(adamw.param_groups[0]["lr"])
        adamw.step()
        schedule.step()
        case["gradients"].append(listed(gradient))
        case["after"].append(listed(parameter))
    return case


def dense():
    random = np.random.default_rng(7)
    half = random.normal(size=(9, 9)).round(3)
    symmetric, right = half + half.T, random.normal(size=(9, 2)).round(3)
    definite = half @ half.T + 0.5 * np.eye(9)
    values, vectors = np.linalg.eigh(symmetric)
    vectors = vectors.T[::-1]
    vectors = vectors * np.sign(vectors[np.arange(9), np.abs(vectors).argmax(axis=1)])[:, None]
    numbers = {"symmetric": symmetric, "values": values[::-1], "vectors": vectors, "definite": definite,
               "right": right, "solution": np.linalg.solve(definite, right)}
    return {name: {"shape": list(a.shape), "data": a.flatten().tolist()} for name, a in numbers.items()}


fixture = {"activations": list(activations()), "blocks": list(blocks()), "adapters": list(adapters()),
           "optimiser": optimiser(), "dense": dense()}
target = pathlib.Path("crates/sdmad-engine/tests/fixtures/engine.json")
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
print(target, target.stat().st_size, "bytes")
