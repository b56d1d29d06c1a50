"""Sizes, filters and SHA-256 of what Pillow makes of them: crates/sdmad-imaging/tests/fixtures/resize.csv.

Run: python scripts/reference/resize.py        Needs: pillow==13.0.0, numpy (requirements.txt)
"""

import hashlib
import pathlib
import random

import PIL
from PIL import Image

from pictures import picture

assert PIL.__version__ == "13.0.0", "the order of passes depends on Pillow's version"

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos3": Image.Resampling.LANCZOS,
}
# (width, height) -> (width, height); chosen for what can go wrong.
SIZES = [
    ((1, 1), (1, 1)), ((1, 1), (7, 5)), ((1, 9), (4, 4)), ((9, 1), (4, 4)), ((2, 2), (3, 3)), ((3, 2), (2, 3)),
    ((5, 5), (1, 1)), ((640, 1), (33, 1)), ((1, 640), (1, 33)), ((640, 1), (33, 2)), ((1, 640), (3, 33)),
    ((31, 17), (31, 17)), ((31, 17), (31, 40)), ((31, 40), (31, 17)), ((31, 17), (60, 17)), ((60, 17), (31, 17)),
    ((240, 240), (224, 224)), ((512, 496), (224, 224)), ((224, 224), (240, 240)), ((600, 450), (224, 224)),
    ((450, 600), (224, 224)), ((500, 471), (224, 224)), ((471, 500), (224, 224)), ((512, 1024), (224, 224)),
    ((1024, 512), (224, 224)), ((301, 203), (332, 224)), ((203, 301), (224, 332)), ((37, 41), (336, 336)),
    ((100, 3), (3, 100)), ((3, 100), (100, 3)), ((17, 1500), (16, 16)), ((1500, 17), (16, 16)),
    # Around Pillow 13's rule for the vertical pass first: rows taken away > 2 x columns taken away.
    ((76, 152), (38, 76)), ((76, 152), (38, 75)), ((76, 152), (39, 77)), ((76, 152), (38, 77)),
    ((50, 99), (50, 98)), ((50, 99), (51, 98)), ((50, 99), (49, 97)), ((50, 99), (49, 96)), ((50, 98), (60, 98)),
    ((64, 64), (17, 16)), ((224, 224), (17, 16)), ((16, 16), (224, 224)), ((37, 37), (16, 16)), ((97, 89), (89, 97)),
]
KINDS = ["noise", "ramp", "blocks", "waves"]


def cases():
    draw = random.Random(20)
    sizes = SIZES + [
        ((draw.randint(1, 300), draw.randint(1, 300)), (draw.randint(1, 300), draw.randint(1, 300))) for _ in range(60)
    ]
    for number, (source, target) in enumerate(sizes):
        for name in FILTERS:
            yield KINDS[number % 4], number, 3 if number % 3 else 1, source, target, name
        # Noise shows a wrong order of passes best.
        yield "noise", number + 1000, 3, source, target, "bicubic"


def main():
    lines = ["kind,seed,channels,width,height,new_width,new_height,filter,sha256"]
    for kind, seed, channels, source, target, name in cases():
        pixels = picture(kind, seed, channels, *source)
        image = Image.fromarray(pixels if channels == 3 else pixels[:, :, 0])
        result = image.resize(target, FILTERS[name])
        digest = hashlib.sha256(result.tobytes()).hexdigest()
        lines.append(f"{kind},{seed},{channels},{source[0]},{source[1]},{target[0]},{target[1]},{name},{digest}")
    out = pathlib.Path(__file__).parents[2] / "crates/sdmad-imaging/tests/fixtures/resize.csv"
    out.write_text("\n".join(lines) + "\n")
    print(len(lines) - 1, "cases,", out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
