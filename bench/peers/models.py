"""The towers that all contenders run, as PyTorch modules with the tensor names of Hugging Face, and their random weights.

`python models.py FOLDER` writes a model folder for each. CLIP's towers use QuickGELU, DINOv2's the exact GELU.
"""

import hashlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, leaky_relu, linear, normalize, scaled_dot_product_attention

SEED = 20261126
LAMBDA = 0.9
ADAPTED = [6, 12, 18, 24]
BOTTLENECK = 256
TEXTS, CONTEXT, VOCABULARY = 32, 77, 49408
FIXTURES = Path(__file__).resolve().parents[2] / "crates/sdmad-encoders/tests/fixtures/towers"
DEFAULT_PAIR = Path(__file__).resolve().parents[2] / "crates/sdmad-encoders/data/default-pair.json"


@dataclass(frozen=True)
class Shape:
    """Sizes of a tower; `projection` 0 for none."""

    width: int
    layers: int
    heads: int
    projection: int
    image: int = 0
    patch: int = 0


IMAGES = {
    "vit-b-16": Shape(768, 12, 12, 512, 224, 16),
    "vit-l-14": Shape(1024, 24, 16, 768, 336, 14),
    "dinov2-s": Shape(384, 12, 6, 0, 224, 14),
}
TEXT = Shape(768, 12, 12, 768)


class Block(nn.Module):
    """A block with norms in front. Query, key and value are one product, which is the faster form."""

    def __init__(self, shape: Shape, dino: bool, causal: bool) -> None:
        super().__init__()
        width = shape.width
        self.heads, self.dino, self.causal = shape.heads, dino, causal
        self.epsilon = 1e-6 if dino else 1e-5
        self.norm1, self.norm2 = nn.LayerNorm(width, self.epsilon), nn.LayerNorm(width, self.epsilon)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale1, self.scale2 = (nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))) if dino else (None, None)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        y = scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], is_causal=self.causal)
        y = self.out(y.transpose(1, 2).reshape(batch, tokens, width))
        x = x + (y * self.scale1 if self.dino else y)
        y = self.fc1(self.norm2(x))
        y = self.fc2(gelu(y) if self.dino else y * torch.sigmoid(1.702 * y))
        return x + (y * self.scale2 if self.dino else y)


class ImageTower(nn.Module):
    """Pixels `[batch, 3, side, side]` to embeddings of norm 1."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.dino = shape.projection == 0
        tokens = (shape.image // shape.patch) ** 2 + 1
        self.patch = nn.Conv2d(3, shape.width, shape.patch, shape.patch, bias=self.dino)
        self.class_token = nn.Parameter(torch.zeros(shape.width))
        self.positions = nn.Parameter(torch.zeros(tokens, shape.width))
        self.norm_before = None if self.dino else nn.LayerNorm(shape.width, 1e-5)
        self.blocks = nn.ModuleList(Block(shape, self.dino, False) for _ in range(shape.layers))
        self.final_norm = nn.LayerNorm(shape.width, 1e-6 if self.dino else 1e-5)
        self.projection = None if self.dino else nn.Linear(shape.width, shape.projection, bias=False)

    def forward(self, pixels: Tensor, adapters: dict[int, tuple[Tensor, Tensor]] | None = None) -> Tensor:
        x = self.patch(pixels).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(x.shape[0], 1, -1), x], 1) + self.positions
        x = self.norm_before(x) if self.norm_before is not None else x
        for layer, block in enumerate(self.blocks, 1):
            y = block(x)
            if adapters and layer in adapters:
                down, up = adapters[layer]
                y = LAMBDA * y + (1 - LAMBDA) * leaky_relu(linear(leaky_relu(linear(x, down)), up))
            x = y
        x = self.final_norm(x[:, 0])
        return normalize(self.projection(x) if self.projection is not None else x, dim=-1)


class TextTower(nn.Module):
    """Token ids `[batch, tokens]` to embeddings of norm 1, pooled at the last token, where all texts of the bench end."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, shape.width)
        self.positions = nn.Parameter(torch.zeros(CONTEXT, shape.width))
        self.blocks = nn.ModuleList(Block(shape, False, True) for _ in range(shape.layers))
        self.final_norm = nn.LayerNorm(shape.width, 1e-5)
        self.projection = nn.Linear(shape.width, shape.projection, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids) + self.positions
        for block in self.blocks:
            x = block(x)
        return normalize(self.projection(self.final_norm(x[:, -1])), dim=-1)


def build(name: str) -> nn.Module:
    """A tower with the bench's weights: the same numbers whoever asks."""
    tower = TextTower(TEXT) if name == "text-l" else ImageTower(IMAGES[name])
    stream = torch.Generator().manual_seed(SEED + sum(name.encode()))
    with torch.no_grad():
        for key, parameter in tower.named_parameters():
            noise = torch.randn(parameter.shape, generator=stream)
            if "norm" in key or "scale" in key:
                parameter.copy_(noise * 0.1 + (0.0 if key.endswith("bias") else 1.0))
            elif parameter.ndim < 2 or key in ("positions", "tokens.weight"):
                parameter.copy_(noise * 0.1)
            else:
                parameter.copy_(noise * parameter[0].numel() ** -0.5)
    return tower.eval().requires_grad_(False)


def shared_inputs(name: str, folder: Path) -> dict[str, Tensor]:
    return load_file(folder / name / "shared-inputs.safetensors")


CLIP_BLOCK = {"norm1": "layer_norm1", "norm2": "layer_norm2", "out": "self_attn.out_proj", "fc1": "mlp.fc1", "fc2": "mlp.fc2"}
DINO_BLOCK = {"norm1": "norm1", "norm2": "norm2", "out": "attention.output.dense", "fc1": "mlp.fc1", "fc2": "mlp.fc2"}


def published_names(tower: nn.Module) -> dict[str, Tensor]:
    """The tower's tensors under the names, and in the shapes, of Hugging Face's files."""
    text, dino = isinstance(tower, TextTower), getattr(tower, "dino", False)
    model = "" if dino else "text_model." if text else "vision_model."
    tensors = {}
    for key, value in tower.state_dict().items():
        first, _, rest = key.partition(".")
        if first == "blocks":
            number, part, *last = rest.split(".")
            block = f"encoder.layer.{number}." if dino else f"{model}encoder.layers.{number}."
            if part == "qkv":
                names = ("attention.attention.query", "attention.attention.key", "attention.attention.value") if dino else ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
                tensors |= {f"{block}{name}.{last[0]}": third for name, third in zip(names, value.chunk(3), strict=True)}
            elif part in ("scale1", "scale2"):
                tensors[f"{block}layer_{part}.lambda1"] = value
            else:
                tensors[f"{block}{(DINO_BLOCK if dino else CLIP_BLOCK)[part]}.{last[0]}"] = value
            continue
        tensors |= {
            "patch": {f"embeddings.patch_embeddings.projection.{rest}" if dino else "vision_model.embeddings.patch_embedding.weight": value},
            "class_token": {"embeddings.cls_token" if dino else "vision_model.embeddings.class_embedding": value[None, None] if dino else value},
            "positions": {"embeddings.position_embeddings" if dino else f"{model}embeddings.position_embedding.weight": value[None] if dino else value},
            "tokens": {"text_model.embeddings.token_embedding.weight": value},
            "norm_before": {f"vision_model.pre_layrnorm.{rest}": value},
            "final_norm": {f"layernorm.{rest}" if dino else f"{model}{'final_layer_norm' if text else 'post_layernorm'}.{rest}": value},
            "projection": {("text_projection" if text else "visual_projection") + ".weight": value},
        }[first]
    return {name: tensor.contiguous().clone() for name, tensor in tensors.items()}


def clip_config(shape: Shape) -> dict[str, object]:
    sizes = {"hidden_size": shape.width, "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads, "intermediate_size": 4 * shape.width, "hidden_act": "quick_gelu"}
    text = {"hidden_size": TEXT.width, "num_hidden_layers": TEXT.layers, "num_attention_heads": TEXT.heads, "intermediate_size": 4 * TEXT.width, "eos_token_id": VOCABULARY - 1, "vocab_size": VOCABULARY, "hidden_act": "quick_gelu"}
    return {"model_type": "clip", "projection_dim": shape.projection, "text_config": text, "vision_config": sizes | {"image_size": shape.image, "patch_size": shape.patch}}


def write_folder(name: str, folder: Path) -> None:
    """A model folder. Only that of ViT-L/14 has a text tower; of the others, image towers alone are opened."""
    shape = IMAGES[name]
    folder.mkdir(parents=True)
    tensors = published_names(build(name))
    if name == "dinov2-s":
        save_file(tensors, folder / "image.safetensors")
        entry = json.loads(DEFAULT_PAIR.read_text())
        entry["image"]["weights"]["sha256"] = hashlib.sha256((folder / "image.safetensors").read_bytes()).hexdigest()
        entry["image"]["architecture"]["position-grid"] = shape.image // shape.patch
        (folder / "encoder.json").write_text(json.dumps(entry))
    else:
        if name == "vit-l-14":
            tensors |= published_names(build("text-l")) | {"logit_scale": torch.tensor(4.6)}
        save_file(tensors, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(clip_config(shape)))
        processor = {"size": {"shortest_edge": shape.image}, "crop_size": {"height": shape.image, "width": shape.image}}
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
        # Any tokenizer of the right kind: the bench gives token ids.
        shutil.copyfile(FIXTURES / "hugging-face-clip/tokenizer.json", folder / "tokenizer.json")
    stream = torch.Generator().manual_seed(SEED)
    shared = {"pixels": torch.randn(8, 3, shape.image, shape.image, generator=stream)}
    if name == "vit-l-14":
        ids = torch.randint(0, VOCABULARY - 1, (TEXTS, CONTEXT), generator=stream, dtype=torch.int32)
        ids[:, -1] = VOCABULARY - 1
        shared |= {"ids": ids, "adapter.layers": torch.tensor(ADAPTED, dtype=torch.int32)}
        shared["toward"] = torch.randn(1, shape.projection, generator=stream)
        for layer in ADAPTED:
            shared[f"adapter.{layer}.down"] = torch.randn(BOTTLENECK, shape.width, generator=stream) * shape.width**-0.5
            shared[f"adapter.{layer}.up"] = torch.randn(shape.width, BOTTLENECK, generator=stream) * BOTTLENECK**-0.5
    save_file(shared, folder / "shared-inputs.safetensors")


def main() -> None:
    folder = Path(sys.argv[1])
    for name in IMAGES:
        if not (folder / name).is_dir():
            partial = folder / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            write_folder(name, partial)
            partial.rename(folder / name)


if __name__ == "__main__":
    main()
