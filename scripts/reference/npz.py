"""Files as numpy writes them in the form of MedMNIST, and what numpy reads from them:
crates/sdmad/tests/fixtures/npz/{grey_64,colour}.npz with npz.json.

Run: python scripts/reference/npz.py        Needs: numpy==2.4.6 (requirements.txt)

One file is compressed with labels of one byte, the other not, with labels of 8 bytes in big-endian order. The pixels
are a formula, so that every one of them differs from its neighbours.
"""

import json
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).parents[2] / "crates/sdmad/tests/fixtures/npz"
COUNTS = {"train": 3, "val": 2, "test": 2}


def arrays(shape, label_type):
    made = {}
    for number, (split, count) in enumerate(COUNTS.items()):
        size = count * int(np.prod(shape))
        pixels = (np.arange(size) * 37 + 11 * number) % 251
        made[f"{split}_images"] = pixels.astype(np.uint8).reshape(count, *shape)
        made[f"{split}_labels"] = ((np.arange(count) + number) % 3).astype(label_type).reshape(count, 1)
    return made


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(FOLDER / "grey_64.npz", **arrays((5, 4), np.uint8))
    np.savez(FOLDER / "colour.npz", **arrays((3, 4, 3), ">i8"))
    expected = {}
    for name in ["grey_64", "colour"]:
        with np.load(FOLDER / f"{name}.npz") as file:
            expected[name] = {
                key: {"shape": list(file[key].shape), "values": file[key].ravel().tolist()} for key in sorted(file.files)
            }
    (FOLDER / "npz.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
