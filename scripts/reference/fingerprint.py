"""Difference hashes by Pillow and numpy: crates/sdmad-imaging/tests/fixtures/fingerprint.csv.

The definition is that of imagehash.dhash(image, hash_size=16): grey, 17 x 16 pixels by Lanczos, right > left, rows
from top to bottom, first bit highest.

Run: python scripts/reference/fingerprint.py        Needs: pillow==13.0.0, numpy (requirements.txt)
"""

import pathlib

import numpy as np
import PIL
from PIL import Image

from pictures import picture

assert PIL.__version__ == "13.0.0"
SIZES = [(17, 16), (16, 17), (1, 1), (300, 200), (200, 300), (224, 224), (640, 479), (33, 900), (900, 33), (5, 3)]


def main():
    lines = ["kind,seed,width,height,fingerprint"]
    for number, (width, height) in enumerate(SIZES):
        for kind in ("noise", "ramp", "blocks", "waves"):
            image = Image.fromarray(picture(kind, number, 3, width, height))
            small = np.asarray(image.convert("L").resize((17, 16), Image.Resampling.LANCZOS))
            bits = (small[:, 1:] > small[:, :-1]).reshape(-1)
            lines.append(f"{kind},{number},{width},{height},{np.packbits(bits).tobytes().hex()}")
    out = pathlib.Path(__file__).parents[2] / "crates/sdmad-imaging/tests/fixtures/fingerprint.csv"
    out.write_text("\n".join(lines) + "\n")
    print(len(lines) - 1, "cases")


if __name__ == "__main__":
    main()
