"""What CLIP's image transform makes of pictures: crates/sdmad-imaging/tests/fixtures/preprocess.csv.

torchvision's transforms on Pillow images are what OpenAI's CLIP and open_clip run; the SHA-256 is of the f32 values
[3, size, size], little endian. CLIP's processor of `transformers` (Pillow back end) is run beside it: it normalises to
the same values within 1e-6, and differs only where the margin to cut is 3 more than a multiple of 4, since it rounds
half of the margin down and torchvision rounds it to the even number.

Run: python scripts/reference/preprocess.py
Needs: torch==2.15.0, torchvision==0.29.2, open_clip_torch==3.3.0, transformers==5.23.0, pillow==13.0.0, numpy (requirements.txt)
"""

import hashlib
import pathlib

import numpy as np
import PIL
import torchvision.transforms as T
from open_clip.transform import image_transform
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from pictures import picture

assert PIL.__version__ == "13.0.0"
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# width, height, size
SIZES = [
    (224, 224, 224), (300, 200, 224), (200, 300, 224), (301, 200, 224), (203, 200, 200), (200, 203, 200),
    (201, 200, 200), (202, 200, 200), (205, 200, 200), (207, 200, 200), (512, 496, 224), (600, 450, 224), (471, 500, 224),
    (1024, 64, 32), (64, 1024, 32), (3, 500, 16), (500, 3, 16), (1, 1, 16), (17, 13, 336), (640, 479, 98), (99, 1001, 98),
]  # fmt: skip


def main():
    lines = ["kind,seed,width,height,fit,size,filter,normalisation,sha256"]
    for number, (width, height, size) in enumerate(SIZES):
        kind = ["noise", "waves", "blocks"][number % 3]
        image = Image.fromarray(picture(kind, number, 3, width, height))

        def add(fit, filter, normalisation, transform):
            values = transform(image).numpy().astype("<f4")
            assert values.shape == (3, size, size)
            digest = hashlib.sha256(values.tobytes()).hexdigest()
            lines.append(f"{kind},{number},{width},{height},{fit},{size},{filter},{normalisation},{digest}")
            return values

        for mode in ("shortest", "squash"):
            transform = image_transform(size, False, *CLIP, resize_mode=mode, interpolation="bicubic")
            values = add(mode, "bicubic", "clip", transform)
            if mode == "shortest" and width != height:
                margin = size * max(width, height) // min(width, height) - size
                processor = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
                other = processor(image, return_tensors="np")["pixel_values"][0]
                same = np.abs(other - values).max() < 1e-6
                assert same == (margin % 4 != 3), (width, height, size)
        normalise = [T.ToTensor(), T.Normalize(*IMAGENET)]
        bilinear = T.InterpolationMode.BILINEAR
        shortest = [T.Resize(size, bilinear), T.CenterCrop(size)]
        add("shortest", "bilinear", "imagenet", T.Compose(shortest + normalise))
        add("squash", "lanczos3", "imagenet", T.Compose([T.Resize((size, size), T.InterpolationMode.LANCZOS)] + normalise))
    out = pathlib.Path(__file__).parents[2] / "crates/sdmad-imaging/tests/fixtures/preprocess.csv"
    out.write_text("\n".join(lines) + "\n")
    print(len(lines) - 1, "cases")


if __name__ == "__main__":
    main()
