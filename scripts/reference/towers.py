#!/usr/bin/env python3
"""Tiny random towers with the outputs of transformers, open_clip and timm, for crates/sdmad-encoders/tests/towers.rs.

Pinned: torch 2.15.0, transformers 5.23.0, tokenizers 0.23.3, open_clip_torch 3.3.0, timm 1.0.31, safetensors 0.8.0
(requirements.txt).

    python scripts/reference/towers.py

Each folder is one that a user has: configuration and weights as the library saves them. Beside them stands
expected.safetensors: `pixels`, and for image and text the output of each block, the pooled and projected vector and the
embedding of norm 1. Weights are drawn anew with spread that makes every one of them count. Texts run as the library runs
them, padded where it pads; only the places of real tokens are written.
"""
import json
import shutil
import tempfile
from pathlib import Path

import open_clip
import torch
from open_clip.push_to_hf_hub import save_config_for_hf
from safetensors.torch import save_file
from timm.models import register_model
from timm.models.vision_transformer import VisionTransformer
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (BertConfig, BertModel, BertTokenizer, CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTextConfig,
                          CLIPTokenizer, CLIPVisionConfig, Dinov2Config, Dinov2Model)

OUT = Path(__file__).resolve().parents[2] / "crates/sdmad-encoders/tests/fixtures/towers"
TEXTS = ["a mass", "breast ultrasound showing a dark, irregular mass with a bright rim", ""]
WORDS = "breast ultrasound showing a dark irregular mass with bright rim , . ma ##ss".split()
CONTEXT = 24

torch.manual_seed(20261124)
torch.set_grad_enabled(False)


def shake(model, dtype=torch.float32):
    """New random weights, in the precision that they are saved in; computing stays in f32."""
    for name, parameter in model.named_parameters():
        last = name.rsplit(".", 1)[-1]
        noise = torch.randn_like(parameter)
        if name.endswith("logit_scale"):
            parameter.fill_(3.0)
        elif "norm" in name.lower() or ".ln_" in name or name.startswith("ln_") or last in ("gamma", "lambda1"):
            parameter.copy_(noise * 0.2 + (0.0 if last == "bias" else 1.0))
        elif parameter.ndim < 2 or "embed" in name or "token" in name:
            parameter.copy_(noise * 0.3)
        else:
            parameter.copy_(noise * (1.2 / parameter[0].numel() ** 0.5))
        parameter.copy_(parameter.to(dtype).float())
    return model.eval()


class Outputs:
    """Collects the outputs of blocks."""

    def __init__(self, blocks):
        self.rows, self.count = [], len(blocks)
        for block in blocks:
            block.register_forward_hook(self.keep)

    def keep(self, _module, _inputs, output):
        self.rows.append((output[0] if isinstance(output, tuple) else output).clone())

    def take(self):
        """Those of the first pass since the last time; a second one may have been a check."""
        rows, self.rows = self.rows[:self.count], []
        return rows


def unit(vector):
    return vector / vector.norm(dim=-1, keepdim=True)


def image_outputs(expected, size, blocks, embed):
    pixels = torch.randn(2, 3, size, size)
    outputs = Outputs(blocks)
    pooled, embedding = embed(pixels)
    expected["pixels"] = pixels
    for layer, rows in enumerate(outputs.take(), 1):
        expected[f"image.hidden.{layer}"] = rows
    expected["image.pooled"], expected["image.embedding"] = pooled, unit(embedding)


def text_outputs(expected, blocks, encode, embed):
    outputs = Outputs(blocks)
    for number, text in enumerate(TEXTS):
        ids = encode(text)
        pooled, embedding = embed(ids)
        expected[f"text.{number}.ids"] = torch.tensor(ids)
        for layer, rows in enumerate(outputs.take(), 1):
            expected[f"text.{number}.hidden.{layer}"] = rows[0, :len(ids)]
        expected[f"text.{number}.pooled"], expected[f"text.{number}.embedding"] = pooled[0], unit(embedding[0])


def padded(ids):
    return torch.tensor([ids + [0] * (CONTEXT - len(ids))])


def folder(name):
    path = OUT / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def save(path, tensors):
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, path)


def clip_tokenizer(path):
    """Bytes and no merges but one, as transformers saves it."""
    characters = sorted(ByteLevel.alphabet())
    merges = [("m", "a"), ("a", "s")]
    tokens = characters + [c + "</w>" for c in characters] + ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={token: index for index, token in enumerate(tokens)}, merges=merges)
    save_tokenizer(tokenizer, path)
    return tokenizer


def bert_tokenizer(path):
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS
    tokenizer = BertTokenizer(vocab={token: index for index, token in enumerate(tokens)}, do_lower_case=True)
    save_tokenizer(tokenizer, path)
    return tokenizer


def save_tokenizer(tokenizer, path):
    tokenizer.save_pretrained(path)
    for file in ["tokenizer_config.json", "special_tokens_map.json"]:
        (path / file).unlink(missing_ok=True)
    text = json.dumps(json.loads((path / "tokenizer.json").read_text()), ensure_ascii=False, separators=(",", ":"))
    (path / "tokenizer.json").write_text(text + "\n")


def encoder_of(tokenizer):
    return lambda text: tokenizer(text, truncation=True, max_length=CONTEXT)["input_ids"]


def hugging_face_clip():
    path = folder("hugging-face-clip")
    tokenizer = clip_tokenizer(path)
    end = tokenizer.eos_token_id
    model = shake(CLIPModel(CLIPConfig(
        vision_config=CLIPVisionConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
                                       image_size=32, patch_size=8).to_dict(),
        text_config=CLIPTextConfig(hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
                                   vocab_size=len(tokenizer), max_position_embeddings=CONTEXT, bos_token_id=end - 1,
                                   eos_token_id=end, pad_token_id=end).to_dict(),
        projection_dim=16)))
    model.save_pretrained(path)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(path)
    expected = {"logit_scale": model.logit_scale.exp()}

    def embed_image(pixels):
        pooled = model.vision_model(pixel_values=pixels).pooler_output
        return pooled, model.visual_projection(pooled)

    def embed_text(ids):
        pooled = model.text_model(input_ids=torch.tensor([ids])).pooler_output
        return pooled, model.text_projection(pooled)

    image_outputs(expected, 32, model.vision_model.encoder.layers, embed_image)
    text_outputs(expected, model.text_model.encoder.layers, encoder_of(tokenizer), embed_text)
    save(path / "expected.safetensors", expected)


def open_clip_folder(name, model, config, dtype):
    """As open_clip.push_to_hf_hub.save_for_hf, without the tokenizer's configuration."""
    path = OUT / name
    model.visual.image_mean, model.visual.image_std = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD
    save_config_for_hf(model, path / "open_clip_config.json", config)
    save(path / "open_clip_model.safetensors", {name: t.to(dtype) if t.is_floating_point() else t for name, t in model.state_dict().items()})
    return path


def open_clip_native():
    path = folder("open-clip")
    tokenizer = clip_tokenizer(path)
    config = {
        "embed_dim": 16, "quick_gelu": True,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 16, "mlp_ratio": 2.0},
        "text_cfg": {"context_length": CONTEXT, "vocab_size": len(tokenizer), "width": 16, "heads": 2, "layers": 2, "mlp_ratio": 3.0},
    }
    model = shake(open_clip.CLIP(**config), torch.float16)
    open_clip_folder("open-clip", model, config, torch.float16)
    expected = {"logit_scale": model.logit_scale.exp()}

    def embed_image(pixels):
        visual = model.visual
        pooled, _ = visual._pool(visual.transformer(visual._embeds(pixels)))
        projected = pooled @ visual.proj
        assert torch.equal(projected, model.encode_image(pixels))
        return pooled, projected

    def embed_text(ids):
        ids = padded(ids)
        rows = model.token_embedding(ids) + model.positional_embedding
        rows = model.ln_final(model.transformer(rows, attn_mask=model.attn_mask))
        pooled = rows[:, ids[0].argmax()]
        projected = pooled @ model.text_projection
        assert torch.equal(projected, model.encode_text(ids))
        return pooled, projected

    image_outputs(expected, 32, model.visual.transformer.resblocks, embed_image)
    text_outputs(expected, model.transformer.resblocks, encoder_of(tokenizer), embed_text)
    save(path / "expected.safetensors", expected)


@register_model
def vit_fixture_patch8_32(pretrained=False, **kwargs):
    """Sizes as in known-models.json of the folder."""
    kwargs = {key: value for key, value in kwargs.items() if key in ("num_classes", "global_pool")}
    model = VisionTransformer(img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=4, mlp_ratio=2, **kwargs)
    model.default_cfg = {}
    return model


def biomed_clip():
    """The form of BiomedCLIP: a vision transformer of timm, a BERT of transformers, projections of open_clip."""
    path = folder("biomed-clip")
    tokenizer = bert_tokenizer(path)
    sizes = dict(hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=3, vocab_size=len(tokenizer), max_position_embeddings=32)
    config = {
        "embed_dim": 16,
        "vision_cfg": {"timm_model_name": "vit_fixture_patch8_32", "timm_model_pretrained": False, "timm_pool": "",
                       "timm_proj": "linear", "image_size": 32},
        "text_cfg": {"hf_model_name": "fixture/tiny-bert", "hf_model_pretrained": False, "hf_tokenizer_name": "fixture/tiny-bert",
                     "hf_proj_type": "mlp", "hf_pooler_type": "cls_last_hidden_state_pooler", "context_length": CONTEXT},
    }
    with tempfile.TemporaryDirectory() as bert:
        BertConfig(**sizes).save_pretrained(bert)
        model = open_clip.CustomTextCLIP(config["embed_dim"], config["vision_cfg"], config["text_cfg"] | {"hf_model_name": bert})
    shake(model, torch.bfloat16)
    open_clip_folder("biomed-clip", model, config, torch.bfloat16)
    (path / "known-models.json").write_text(json.dumps({
        "timm": {"vit_fixture_patch8_32": {"image-size": 32, "patch-size": 8, "width": 32, "layers": 2, "heads": 4, "mlp-width": 64}},
        "bert": {"fixture/tiny-bert": {"vocabulary": len(tokenizer), "positions": 32, "token-types": 2, "width": 24, "layers": 2,
                                       "heads": 3, "mlp-width": 48}},
    }, indent=2) + "\n")
    expected = {"logit_scale": model.logit_scale.exp()}

    def embed_image(pixels):
        pooled = model.visual.trunk(pixels)
        projected = model.visual.head(pooled)
        assert torch.equal(projected, model.encode_image(pixels))
        return pooled, projected

    def embed_text(ids):
        ids = padded(ids)
        pooled = model.text.transformer(input_ids=ids, attention_mask=(ids != 0).long()).last_hidden_state[:, 0]
        projected = model.text.proj(pooled)
        assert torch.equal(projected, model.encode_text(ids))
        return pooled, projected

    image_outputs(expected, 32, model.visual.trunk.blocks, embed_image)
    text_outputs(expected, model.text.transformer.encoder.layer, encoder_of(tokenizer), embed_text)
    save(path / "expected.safetensors", expected)


def leaky(x):
    return torch.nn.functional.leaky_relu(x, 0.01)


def adapter_gradients(expected, model, pixels):
    """Shift adapters (method.md, section 4) behind layers 1 and 3 of the image tower: outputs and gradients by autograd."""
    weights, outputs = {}, []
    for layer, matching in [(1, False), (3, True)]:
        weights[layer] = (torch.randn(8, 32) * 0.3, torch.randn(32, 8) * 0.3, matching)
        expected[f"adapter.{layer}.down"], expected[f"adapter.{layer}.up"] = weights[layer][0].clone(), weights[layer][1].clone()

    def shift(layer):
        def hook(_module, inputs, output):
            down, up, matching = weights[layer]
            ada = leaky(leaky(inputs[0] @ down.T) @ up.T)
            if matching:
                ada = ada * output.norm(dim=-1, keepdim=True) / ada.norm(dim=-1, keepdim=True)
            return 0.8 * output + 0.2 * ada
        return hook

    blocks = model.encoder.layer
    hooks = [blocks[layer - 1].register_forward_hook(shift(layer)) for layer in weights]
    hooks.append(blocks[1].register_forward_hook(lambda _m, _i, output: outputs.append(output)))
    with torch.enable_grad():
        for down, up, _ in weights.values():
            down.requires_grad_(), up.requires_grad_()
        embedding = unit(model(pixel_values=pixels[:1]).pooler_output)[0]
        toward, middle = torch.randn(32), torch.randn_like(outputs[0]) * 0.1
        ((embedding * toward).sum() + (outputs[0] * middle).sum()).backward()
    expected |= {"adapter.embedding": embedding.detach(), "adapter.toward": toward, "adapter.middle": middle[0]}
    for layer, (down, up, _) in weights.items():
        expected[f"adapter.{layer}.down.gradient"], expected[f"adapter.{layer}.up.gradient"] = down.grad, up.grad
    for hook in hooks:
        hook.remove()


def dinov2_and_bert():
    """The form of the default pair, as sdmad's own converter writes it; the hashes are put in by the test."""
    path = folder("dinov2-minilm")
    tokenizer = bert_tokenizer(path)
    image = shake(Dinov2Model(Dinov2Config(hidden_size=32, num_hidden_layers=3, num_attention_heads=4, mlp_ratio=2, image_size=54,
                                           patch_size=6, layerscale_value=1.0)))
    text = shake(BertModel(BertConfig(hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=3,
                                      vocab_size=len(tokenizer), max_position_embeddings=32), add_pooling_layer=False))
    for name, model in [("image", image), ("text", text)]:
        with tempfile.TemporaryDirectory() as saved:
            # Not the state: transformers 5 has other names in memory than in files.
            model.save_pretrained(saved)
            shutil.copyfile(Path(saved) / "model.safetensors", path / f"{name}.safetensors")
    expected = {}

    def embed_image(pixels):
        pooled = image(pixel_values=pixels).pooler_output
        return pooled, pooled

    def embed_text(ids):
        rows = text(input_ids=torch.tensor([ids])).last_hidden_state
        return rows.mean(1), rows.mean(1)

    image_outputs(expected, 24, image.encoder.layer, embed_image)
    text_outputs(expected, text.encoder.layer, encoder_of(tokenizer), embed_text)
    adapter_gradients(expected, image, expected["pixels"])
    # The resize of position embeddings alone: 37 x 37 to 16 x 16, two channels.
    grid = torch.randn(1, 2, 37, 37)
    small = torch.nn.functional.interpolate(grid, size=(16, 16), mode="bicubic", align_corners=False)
    expected["positions.grid"] = grid[0].permute(1, 2, 0).reshape(-1, 2)
    expected["positions.resized"] = small[0].permute(1, 2, 0).reshape(-1, 2)
    save(path / "expected.safetensors", expected)


def main():
    hugging_face_clip()
    open_clip_native()
    biomed_clip()
    dinov2_and_bert()
    for file in sorted(OUT.rglob("*")):
        if file.is_file():
            print(f"{file.relative_to(OUT)}: {file.stat().st_size} bytes")


main()
