"""A report with made-up data, put together from the page's files as the Rust program does it.

    python scripts/browser/fixture.py OUT.html [--many] [--kind predict|evaluate]

Nothing in it comes from a patient: pictures are noise with a drawn spot.
"""

import argparse
import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

PAGE = Path(__file__).resolve().parents[2] / "crates/sdmad/src/report/page"
NOTICE = "Research use only, not a medical device."
HOSTILE = '<img src=x onerror=alert(1)>&amp;</script><b>"quoted", name</b>.png'
GRID = (16, 16)
CATEGORIES = [
    {"id": "benign", "name": "benign breast mass", "threshold": 0.43, "no_promise": None,
     "promise": "answers are wrong at most 1 time in 10 (16 shots)"},
    {"id": "malignant", "name": "malignant breast mass", "threshold": 0.52, "no_promise": None,
     "promise": "answers are wrong at most 1 time in 10 (16 shots)"},
    {"id": "calcification", "name": "calcification", "threshold": 0.5,
     "no_promise": "2 positive and 32 negative out-of-fold scores", "promise": None},
]
SIGNS = [
    ("oval_shape", "mass with an oval, egg-like outline", ["benign"]),
    ("circumscribed_margin", "sharp, smooth margin all around the mass", ["benign"]),
    ("parallel_orientation", "mass wider than tall, lying parallel to the skin", ["benign"]),
    ("even_echo", "even grey echo pattern inside", ["benign", "normal"]),
    ("spiculated_margin", "lines radiating from the mass into surrounding tissue", ["malignant"]),
    ("shadow_behind", "dark acoustic shadow behind the mass", ["malignant", "calcification"]),
    ("taller_than_wide", "mass taller than wide, standing across tissue layers", ["malignant"]),
    ("bright_dots", "bright dots of less than a millimetre, in a group", ["malignant", "calcification"]),
]
WHY_NOT = ["uncertain", "negative_margin", "not_among_best", "outlier"]
ANSWERS = ["present", "absent", "uncertain"]


def jpeg(pixels, side=None):
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if side:
        image.thumbnail((side, side))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def picture(random, centre, radius, height=360, width=480):
    """Speckle in layers with a dark ellipse and a shadow below it."""
    y, x = np.mgrid[0:height, 0:width]
    layers = 105 + 28 * np.sin(y / 21 + np.sin(x / 90)) - y * 0.12
    inside = ((x / width - centre[0]) / radius) ** 2 + ((y / height - centre[1]) / (0.7 * radius)) ** 2 < 1
    shadow = (abs(x / width - centre[0]) < 0.7 * radius) & (y / height > centre[1])
    return np.where(inside, 34, layers - 32 * shadow) * random.gamma(5, 0.2, (height, width))


def map_bytes(random, centre, radius, height):
    y, x = (np.mgrid[0:GRID[0], 0:GRID[1]] + 0.5) / GRID[0]
    distance = ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (1.3 * radius) ** 2
    values = 0.1 + height * np.exp(-distance) + random.normal(0, 0.03, GRID)
    return base64.b64encode((255 * np.clip(values, 0, 1)).astype(np.uint8).tobytes()).decode()


def sign_answer(random, index, place, number):
    selected = bool(random.random() < 0.65)
    similarity = float(random.normal(0.6, 0.6))
    return {
        "sign": index, "similarity": similarity, "probability": float(1 / (1 + np.exp(-2 * similarity))), "standardised": 1 - 2 * similarity, "selected": selected,
        "why_not": None if selected else WHY_NOT[(index + number) % 4],
        "map": map_bytes(random, *place, random.uniform(0.2, 0.8)) if place and index % 3 != 2 else None,
    }


def category_answer(random, c, entry, place, number):
    category = CATEGORIES[c]
    p = entry["p"][c]
    signs = [i for i, sign in enumerate(SIGNS) if category["id"] in sign[2]]
    return {
        "probability": p, "interval": None if category["no_promise"] else [max(0, p - 0.17), min(1, p + 0.12)],
        "decision": entry["d"][c], "threshold": category["threshold"],
        "map": map_bytes(random, *place, p) if place else None,
        "beside_signs": round(2 * p - 1, 4),
        "signs": [sign_answer(random, i, place, number) for i in signs],
    }


def entry(random, number, evaluate):
    p = [round(float(v), 4) for v in random.beta(0.7, 1.1, len(CATEGORIES))]
    d = ["uncertain" if c["no_promise"] or abs(v - 0.5) < 0.2 else "present" if v > 0.5 else "absent" for c, v in zip(CATEGORIES, p)]
    truth = [int(random.random() < 0.15 + 0.7 * v) for v in p] if evaluate else None
    if truth and number % 7 == 5:
        truth[2] = None
    error_size = max(abs(v - t) for v, t in zip(p, truth) if t is not None) if truth else None
    name = HOSTILE if number == 3 else f"images/{'a folder with a rather long name/' * (number == 4)}case_{number:04}.png"
    return {"name": name, "error": None, "p": p, "d": d, "normal": round(1 - max(p), 4), "warnings": int(number % 5 == 1) * 2,
            "truth": truth, "error_size": error_size}


def detail(random, number, entry, small):
    centre, radius = random.uniform(0.3, 0.7, 2), random.uniform(0.1, 0.2)
    place = None if number in (6, 7) or small else (centre, radius)
    shown = None if number in (5, 7) or small else jpeg(picture(random, centre, radius))
    warnings = ["the picture is smaller than 224 × 224: details may be lost", "calcification: 2 shots with it are too few for a coverage of 0.9"]
    return {
        "picture": shown, "width": 480, "height": 360,
        "grid": list(GRID) if place else None, "seen": [0.125, 0, 0.75, 1] if number % 2 else [0, 0, 1, 1],
        "any_map": map_bytes(random, centre, radius, 0.85) if place else None,
        "categories": [category_answer(random, c, entry, place, number) for c in range(len(CATEGORIES))],
        "warnings": warnings[: entry["warnings"]],
        "nearest": [{"support": (number + 3 * k) % 8, "similarity": round(0.93 - 0.04 * k, 4)} for k in range(4)],
    }


def support(random):
    for k in range(8):
        labels = [[], ["benign"], ["malignant"], ["benign", "calcification"]][k % 4]
        small = jpeg(picture(random, (0.5, 0.45), 0.16 if labels else 0.01), 160)
        yield {"image": f"images/shot_{k:02}.png", "labels": labels, "thumbnail": None if k == 3 else small}


def figure(group, name, value, half=0.03, why=None, mark=None):
    ends = (None, None) if value is None else (max(0, value - half), min(1, value + half))
    return {"group": group, "name": name, "value": value, "lo": ends[0], "hi": ends[1], "why": why, "mark": mark}


def figures():
    yield figure("P1 detection", "AUROC", 0.942)
    yield figure("P1 detection", "AP", 0.961)
    for group, base in (("P2 against normal", 0.93), ("P2 against other anomalies", 0.85)):
        for category in CATEGORIES[:2]:
            yield figure(group, f"{category['name']}, AUROC", base)
        yield figure(group, "calcification, AUROC", None, why="no test image with `calcification`")
    yield figure("P3 multi-label", "macro AUROC", 0.874, mark="few")
    yield figure("P3 multi-label", "mAP", 0.79)
    yield figure("P3 multi-label", "macro F1", 0.71)
    yield figure("P3 multi-label", "exact match", 0.62)
    yield figure("P3 multi-label", "Hamming loss", 0.17)
    yield figure("P3 multi-label", "expected calibration error", 0.061, 0.02)


def curves():
    t = np.linspace(0, 1, 41)
    for name, bend in (("any anomaly", 7), ("benign breast mass", 4), ("malignant breast mass", 3)):
        yield {"name": name, "roc": [[float(x), float(1 - (1 - x) ** bend)] for x in t],
               "pr": [[float(x), float(1 - 0.6 * x**bend)] for x in t]}
    yield {"name": "calcification", "roc": [], "pr": []}


def whole_set():
    promised = [{"category": c["id"], "class": k, "promised": 0.9, "covered": 0.86 if c["id"] == "malignant" else 0.93, "count": 9 if c["id"] == "calcification" else 140,
                 "uncertain": 0.21, "wide": c["id"] == "calcification"} for c in CATEGORIES for k in ("present", "absent")]
    bins = [{"predicted": 0.05 + 0.1 * k, "observed": min(1, max(0, 0.02 + 0.096 * k + 0.04 * (-1) ** k)), "count": 90 - 8 * k} for k in range(10)]
    return {"figures": list(figures()), "curves": list(curves()), "reliability": bins,
            "confusion": {"labels": ["normal", "benign", "malignant"], "rows": [[61, 7, 2], [9, 88, 14], [1, 12, 44]]}, "coverage": promised,
            "notes": ["Images with two findings are left out of the confusion table.", "One draw of labelled images: intervals say nothing about the luck of that draw."]}


def build(count, evaluate):
    random = np.random.default_rng(5)
    images = [entry(random, n, evaluate) for n in range(count)]
    details = [detail(random, n, images[n], n >= 12) for n in range(count)]
    if count > 8:
        images[8].update(error="images/case_0008.png is no image that can be read: unexpected end of file. Save it again.", p=[], d=[], normal=0.0)
    head = {
        "schema": 1, "kind": "evaluate" if evaluate else "predict", "title": "Breast ultrasound, made-up data", "notice": NOTICE,
        "model": {"method": "sdmad", "encoder": "dinov2s-minilm", "precision": "bf16", "bank": "breast-ultrasound", "shots": "16", "draw": 0,
                  "coverage": 0.9, "sdmad": "0.1.0", "hashes": [["image tower", "94e8" * 16], ["trained tensors", "07ab" * 16], ["sign bank", "c2d1" * 16]],
                  "facts": [["selection", "none"], ["alignment", "breast-ultrasound"]]},
        "categories": CATEGORIES, "signs": [dict(zip(("id", "text", "categories"), sign)) for sign in SIGNS],
        "support": list(support(random)), "images": images,
        "maps": "Each value says how unlike the same place in normal labelled images is, in the direction of what is chosen: about 0.12 is like normal, 0.5 clearly unlike.",
        "set": whole_set() if evaluate else None,
    }
    return head, details


def data_script(name, value):
    text = json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def html(count=12, evaluate=True):
    head, details = build(count, evaluate)
    scripts = [data_script("report", head)] + [data_script(f"image-{n}", d) for n, d in enumerate(details)]
    page = (PAGE / "index.html").read_text()
    for place, text in (("<!--TITLE-->", head["title"]), ("/*STYLE*/", (PAGE / "style.css").read_text()),
                        ("/*SCRIPT*/", (PAGE / "script.js").read_text()), ("<!--DATA-->", "\n".join(scripts))):
        assert page.count(place) == 1, f"index.html has {place} {page.count(place)} times: expected once"
        page = page.replace(place, text)
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--many", action="store_true", help="2,000 images")
    parser.add_argument("--kind", choices=["predict", "evaluate"], default="evaluate")
    arguments = parser.parse_args()
    arguments.out.write_text(html(2000 if arguments.many else 12, arguments.kind == "evaluate"))


if __name__ == "__main__":
    main()
