"""Small image files of many kinds, and the pixels that Pillow reads from them:
crates/sdmad-imaging/tests/fixtures/decode/ with decode.csv.

Run: python scripts/reference/decode.py        Needs: pillow==13.0.0, numpy (requirements.txt)

Lossless files and WebP have the SHA-256 of Pillow's convert("RGB") and convert("L"). JPEG files have the RGB pixels
themselves in a file `.rgb` and a bound for the greatest difference, since decoders round otherwise (measured, plus 1).
16-bit grey is the one place where the crate and Pillow differ on purpose: the expected values are computed here.
What Pillow cannot write is written by hand.
"""

import hashlib
import io
import pathlib
import struct
import zlib

import numpy as np
import PIL
from PIL import Image

from pictures import picture

assert PIL.__version__ == "13.0.0"
OUT = pathlib.Path(__file__).parents[2] / "crates/sdmad-imaging/tests/fixtures/decode"
WIDTH, HEIGHT = 23, 17
LINES = ["file,width,height,difference,rgb_sha256,grey_sha256"]


def sha(data):
    return hashlib.sha256(data).hexdigest()


def add(name, data, difference=0, rgb=None, grey=None):
    image = Image.open(io.BytesIO(data))
    rgb = image.convert("RGB").tobytes() if rgb is None else rgb
    grey = image.convert("L").tobytes() if grey is None else grey
    (OUT / name).write_bytes(data)
    if difference:
        (OUT / f"{name}.rgb").write_bytes(rgb)
    LINES.append(f"{name},{image.width},{image.height},{difference},{sha(rgb)},{sha(grey)}")


def saved(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def pixels(kind, channels, width=WIDTH, height=HEIGHT):
    data = picture(kind, 5, channels, width, height)
    return data[:, :, 0] if channels == 1 else data


def smooth_colours():
    """uint8 [33, 40, 3]: what halved chroma can carry"""
    y, x = np.mgrid[0:33, 0:40]
    return np.stack([x * 6, y * 7, 255 - x * 3 - y * 3], 2).astype(np.uint8)


def deep(channels):
    """uint16, every byte used"""
    data = picture("waves", 5, channels, WIDTH, HEIGHT).astype(np.uint16) * 256
    data += picture("noise", 6, channels, WIDTH, HEIGHT)
    return data[:, :, 0] if channels == 1 else data


def deep_expected(data):
    """High byte for images, clipped for masks; colours only."""
    high, low = (data >> 8).astype(np.uint8), np.minimum(data, 255).astype(np.uint8)
    if data.ndim == 2:
        rgb, grey = np.repeat(high[:, :, None], 3, 2), low
    else:
        colours = 1 if data.shape[2] < 3 else 3
        rgb = high[:, :, :colours]
        rgb = np.repeat(rgb, 3, 2) if colours == 1 else rgb
        grey = low[:, :, 0] if colours == 1 else np.asarray(Image.fromarray(low[:, :, :3]).convert("L"))
    return {"rgb": np.ascontiguousarray(rgb).tobytes(), "grey": np.ascontiguousarray(grey).tobytes()}


def packed(values, bits):
    """Rows of values below 2**bits, filled up to whole bytes, highest bits first."""
    if bits == 8:
        return [row.tobytes() for row in values]
    shifts = np.arange(bits - 1, -1, -1)
    return [np.packbits((row[:, None] >> shifts & 1).reshape(-1)).tobytes() for row in values]


def png(rows, colour, depth, width=WIDTH, height=HEIGHT, chunks=(), passes=None):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    body = b"".join(b"\0" + row for row in (passes or rows))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 1 if passes else 0)
    parts = [chunk(b"IHDR", header), *(chunk(*c) for c in chunks), chunk(b"IDAT", zlib.compress(body, 9)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def adam7(values):
    grid = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = []
    for x, y, dx, dy in grid:
        rows += [row.tobytes() for row in values[y::dy, x::dx] if row.size]
    return rows


def tiff(tags, data, order="<"):
    """A TIFF file with one picture; `tags` of (tag, type, values), the strip or tile offsets left to fill in."""
    sizes = {1: "B", 3: "H", 4: "I"}
    tags = sorted(tags)
    directory = 8 + sum(len(d) for d in data)
    directory += directory % 2
    extra = directory + 2 + 12 * len(tags) + 4
    entries, tail = b"", b""
    offsets = [8 + sum(len(d) for d in data[:i]) for i in range(len(data))]
    for tag, kind, values in tags:
        values = offsets if values is None else values
        body = struct.pack(f"{order}{len(values)}{sizes[kind]}", *values)
        if len(body) <= 4:
            place = body.ljust(4, b"\0")
        else:
            place = struct.pack(order + "I", extra + len(tail))
            tail += body + b"\0" * (len(body) % 2)
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", directory)
    body = head + b"".join(data)
    body += b"\0" * (directory - len(body))
    return body + struct.pack(order + "H", len(tags)) + entries + struct.pack(order + "I", 0) + tail


def tiff_tags(bits, meaning, samples=1, planar=1, width=WIDTH, height=HEIGHT):
    return [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * samples), (259, 3, [1]), (262, 3, [meaning]),
            (277, 3, [samples]), (284, 3, [planar])]  # fmt: skip


def strip_tags(data, height=HEIGHT):
    return [(273, 4, None), (278, 4, [height]), (279, 4, [len(d) for d in data])]


def bmp(bits, rows, compression=0, table=b"", top_down=False, body=None):
    body = b"".join(row + b"\0" * (-len(row) % 4) for row in (rows if top_down else rows[::-1])) if body is None else body
    offset = 54 + len(table)
    head = b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset)
    height = -HEIGHT if top_down else HEIGHT
    colours = len(table) // 4 if bits <= 8 else 0
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression, len(body), 2835, 2835, colours, 0)
    return head + info + table + body


def colour_table(entries):
    return [(i * 37 % 256, i * 101 % 256, 255 - i * 53 % 256) for i in range(entries)]


def write_png_files():
    for bits in (1, 2, 4, 8):
        values = pixels("noise", 1) >> (8 - bits)
        add(f"grey{bits}.png", png(packed(values, bits), 0, bits))
        table = b"".join(bytes(c) for c in colour_table(1 << bits))
        alpha = bytes(range(0, 256, 256 >> bits))
        add(f"palette{bits}.png", png(packed(values, bits), 3, bits, chunks=[(b"PLTE", table)]))
        add(f"palette{bits}-alpha.png", png(packed(values, bits), 3, bits, chunks=[(b"PLTE", table), (b"tRNS", alpha)]))
    for name, colour, channels in (("grey-alpha", 4, 2), ("rgb", 2, 3), ("rgba", 6, 4)):
        values = pixels("noise", channels)
        add(f"{name}8.png", png([row.tobytes() for row in values], colour, 8))
    for name, colour, channels in (("grey", 0, 1), ("grey-alpha", 4, 2), ("rgb", 2, 3), ("rgba", 6, 4)):
        values = deep(channels)
        add(f"{name}16.png", png([row.astype(">u2").tobytes() for row in values], colour, 16), **deep_expected(values))
    values = pixels("noise", 3)
    transparent = struct.pack(">3H", *map(int, values[3, 4]))
    add("rgb8-transparent.png", png([row.tobytes() for row in values], 2, 8, chunks=[(b"tRNS", transparent)]))
    add("rgb8-interlaced.png", png(None, 2, 8, passes=adam7(values)))
    add("rgb8-filtered.png", saved(Image.fromarray(pixels("waves", 3)), "PNG", optimize=True))


def write_jpeg_files():
    rgb = Image.fromarray(pixels("ramp", 3, 40, 33))
    smooth = Image.fromarray(smooth_colours())
    add("grey.jpg", saved(rgb.convert("L"), "JPEG", quality=90), 2)
    add("rgb-444.jpg", saved(rgb, "JPEG", quality=90, subsampling=0), 3)
    add("rgb-420.jpg", saved(smooth, "JPEG", quality=90, subsampling=2), 4)
    add("rgb-422.jpg", saved(smooth, "JPEG", quality=90, subsampling=1), 3)
    add("progressive.jpg", saved(rgb, "JPEG", quality=90, subsampling=0, progressive=True), 3)
    add("restart.jpg", saved(rgb, "JPEG", quality=90, subsampling=0, restart_marker_blocks=2), 3)
    add("no-transform.jpg", saved(rgb, "JPEG", quality=90, subsampling=0, keep_rgb=True), 3)
    add("cmyk.jpg", saved(rgb.convert("CMYK"), "JPEG", quality=95), 2)
    exif = Image.Exif()
    exif[0x0112] = 6
    add("orientation6.jpg", saved(rgb, "JPEG", quality=90, subsampling=0, exif=exif), 3)


def write_tiff_files():
    grey, rgb = Image.fromarray(pixels("noise", 1)), Image.fromarray(pixels("noise", 3))
    add("grey8.tif", saved(grey, "TIFF"))
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        add(f"rgb8-{compression}.tif", saved(rgb, "TIFF", compression=compression))
    add("rgb8-predictor.tif", saved(rgb, "TIFF", compression="tiff_lzw", tiffinfo={317: 2}))
    add("bilevel-group4.tif", saved(Image.fromarray(pixels("blocks", 1)).convert("1"), "TIFF", compression="group4"))
    add("bilevel.tif", saved(grey.convert("1", dither=Image.Dither.NONE), "TIFF"))
    add("rgba8.tif", saved(Image.fromarray(pixels("noise", 4)), "TIFF"))
    add("grey-alpha8.tif", saved(Image.fromarray(pixels("noise", 2), "LA"), "TIFF"))
    add("cmyk8.tif", saved(Image.fromarray(pixels("noise", 4), "CMYK"), "TIFF"))
    palette = grey.copy()
    palette.putpalette([v for c in colour_table(256) for v in c])
    add("palette8.tif", saved(palette, "TIFF"))
    add("palette8-lzw.tif", saved(palette, "TIFF", compression="tiff_lzw"))
    smooth = Image.fromarray(smooth_colours())
    add("ycbcr-jpeg.tif", saved(smooth, "TIFF", compression="jpeg", quality=90), 2)
    values = deep(1)
    add("grey16.tif", saved(Image.fromarray(values), "TIFF"), **deep_expected(values))
    data = [values.astype(">u2").tobytes()]
    add("grey16-big-endian.tif", tiff(tiff_tags(16, 1) + strip_tags(data), data, ">"), **deep_expected(values))
    # Pillow cuts 16-bit RGB of TIFF to the high byte, too.
    values = deep(3)
    data = [values.astype("<u2").tobytes()]
    add("rgb16.tif", tiff(tiff_tags(16, 2, 3) + strip_tags(data), data), **deep_expected(values))
    for bits in (1, 2, 4, 8):
        values = pixels("noise", 1) >> (8 - bits)
        data = [b"".join(packed(values, bits))]
        for meaning, name in ((0, "white-is-zero"), (1, "grey")):
            add(f"{name}{bits}-strip.tif", tiff(tiff_tags(bits, meaning) + strip_tags(data), data))
        table = colour_table(1 << bits)
        table = (320, 3, [c[channel] * 257 for channel in range(3) for c in table])
        for order, name in (("<", "little"), (">", "big")):
            add(f"palette{bits}-{name}.tif", tiff(tiff_tags(bits, 3) + strip_tags(data) + [table], data, order))
    values = pixels("noise", 3)
    data = [np.ascontiguousarray(values[:, :, c]).tobytes() for c in range(3)]
    add("rgb8-planar.tif", tiff(tiff_tags(8, 2, 3, 2) + strip_tags(data), data))
    padded = np.zeros((32, 32, 3), np.uint8)
    padded[:HEIGHT, :WIDTH] = values
    data = [np.ascontiguousarray(padded[y : y + 16, x : x + 16]).tobytes() for y in (0, 16) for x in (0, 16)]
    tiles = [(322, 4, [16]), (323, 4, [16]), (324, 4, None), (325, 4, [len(d) for d in data])]
    add("rgb8-tiles.tif", tiff(tiff_tags(8, 2, 3) + tiles, data))
    add("rgb8-big-tiff.tif", saved(rgb, "TIFF", big_tiff=True))
    add("two-pages.tif", saved(rgb, "TIFF", save_all=True, append_images=[rgb.rotate(180)]))


def write_bmp_files():
    rgb = pixels("noise", 3)
    add("rgb24.bmp", saved(Image.fromarray(rgb), "BMP"))
    add("rgb24-top-down.bmp", bmp(24, [np.ascontiguousarray(row[:, ::-1]).tobytes() for row in rgb], top_down=True))
    add("rgba32.bmp", saved(Image.fromarray(pixels("noise", 4)), "BMP"))
    add("grey8.bmp", saved(Image.fromarray(pixels("noise", 1)), "BMP"))
    add("bilevel.bmp", saved(Image.fromarray(pixels("blocks", 1)).convert("1"), "BMP"))
    for bits in (1, 4, 8):
        values = pixels("noise", 1) >> (8 - bits)
        table = b"".join(bytes([b, g, r, 0]) for r, g, b in colour_table(1 << bits))
        add(f"palette{bits}.bmp", bmp(bits, packed(values, bits), table=table))
    values = (pixels("blocks", 1) // 2 + pixels("ramp", 1) // 40).astype(np.uint8)
    runs = b"".join(b"".join(bytes([1, v]) for v in row) + b"\0\0" for row in values[::-1]) + b"\0\1"
    table = b"".join(bytes([b, g, r, 0]) for r, g, b in colour_table(256))
    add("rle8.bmp", bmp(8, None, compression=1, table=table, body=runs))
    words = (pixels("noise", 1).astype("<u2") * 251 + pixels("ramp", 1)).astype("<u2")
    rows = [row.tobytes() for row in words]
    add("rgb555.bmp", bmp(16, rows), 1)
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    add("rgb565.bmp", bmp(16, rows, compression=3, table=masks), 1)


def write_webp_files():
    rgb, rgba = Image.fromarray(pixels("noise", 3)), Image.fromarray(pixels("noise", 4))
    add("lossless.webp", saved(rgb, "WEBP", lossless=True))
    add("lossless-alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True))
    smooth = smooth_colours()
    add("lossy.webp", saved(Image.fromarray(smooth), "WEBP", quality=90))
    alpha = np.concatenate([smooth, smooth[:, ::-1, :1]], 2)
    add("lossy-alpha.webp", saved(Image.fromarray(alpha), "WEBP", quality=90, exact=True))
    frames = {"save_all": True, "append_images": [rgb.rotate(180)], "duration": 100, "lossless": True}
    add("animated.webp", saved(rgb, "WEBP", **frames))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.iterdir():
        old.unlink()
    write_png_files()
    write_jpeg_files()
    write_tiff_files()
    write_bmp_files()
    write_webp_files()
    (OUT.parent / "decode.csv").write_text("\n".join(LINES) + "\n")
    print(len(LINES) - 1, "files,", sum(f.stat().st_size for f in OUT.iterdir()), "bytes")


if __name__ == "__main__":
    main()
