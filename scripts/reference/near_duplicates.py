"""How near texts of a bank stand to each other in a text tower: the numbers behind check.rs's threshold.

usage: near_duplicates.py MINILM_FOLDER signs/*.toml

Prints the quantiles of the centred cosine over all pairs within a bank, every pair above the threshold, and the
centred cosine of some paraphrases to the sign that they repeat. docs/signs.md says what was concluded.
Made with transformers 5.23.0, torch 2.15.0 and all-MiniLM-L6-v2 (mean pooling, as its card says).
"""

import sys
import tomllib

import numpy
import torch
from transformers import AutoModel, AutoTokenizer

THRESHOLD = 0.70
PARAPHRASES = [
    ("dark acoustic shadow behind the mass", "black shadow cast behind the lesion"),
    ("sharp, smooth margin all around the mass", "mass with a smooth and well-defined border"),
    ("both lungs evenly dark and clear", "clear lungs on both sides"),
    ("small round white spot less than three centimetres across", "round white spot smaller than three centimetres"),
    ("fine tangled tufts of new vessels on the disc or the retina", "delicate tangles of newly formed vessels on disc or retina"),
    ("large pale cup filling most of the optic disc", "pale optic cup that takes up most of the disc"),
    ("lesion borders fading into the surrounding brain", "blurred borders of a lesion merging with brain around it"),
    ("fine, regular honeycomb network of thin brown lines", "regular thin-lined brown honeycomb network"),
    ("rounded bump protruding from an otherwise smooth wall", "round protrusion rising from a smooth wall"),
    ("dark fluid gap between the retina and the pigment epithelium", "fluid-filled dark space separating retina from pigment epithelium"),
    ("thin white lung edge running parallel to the chest wall", "fine white line of the lung edge parallel to the ribs"),
    ("mass taller than wide, standing upright across the tissue layers", "mass with height greater than its width"),
    ("fluffy white patches with feathery edges", "soft white patches with fuzzy edges"),
    ("heart shadow wider than half of the chest", "enlarged heart, more than half as wide as the chest"),
]


def main(folder: str, banks: list[str]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()

    def embed(texts):
        batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None]
        mean = (hidden * mask).sum(1) / mask.sum(1)
        return torch.nn.functional.normalize(mean, dim=1).numpy().astype("f8")

    unit = lambda rows: rows / numpy.linalg.norm(rows, axis=-1, keepdims=True)
    every = []
    for path in sorted(banks):
        with open(path, "rb") as file:
            texts = [sign["text"] for sign in tomllib.load(file)["sign"]]
        embedded = embed(texts)
        centre = embedded.mean(0)
        centred = unit(embedded - centre)
        cosines = centred @ centred.T
        rows, columns = numpy.triu_indices(len(texts), 1)
        pairs = cosines[rows, columns]
        every.append(pairs)
        print(f"{path}: {len(texts)} signs, centred cosine median {numpy.median(pairs):.2f}, largest {pairs.max():.2f}")
        for k in numpy.argsort(-pairs):
            if pairs[k] > THRESHOLD:
                print(f"  {pairs[k]:.2f}  {texts[rows[k]]} / {texts[columns[k]]}")
        for text, paraphrase in PARAPHRASES:
            if text in texts:
                cosine = centred[texts.index(text)] @ unit(embed([paraphrase])[0] - centre)
                print(f"  paraphrase {cosine:.2f}  {text} / {paraphrase}")
    pairs = numpy.concatenate(every)
    print(f"all: {len(pairs)} pairs, quantiles .5 .99 .999:", numpy.quantile(pairs, [0.5, 0.99, 0.999]).round(3))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
