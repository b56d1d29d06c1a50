"""Pictures made from an integer formula, the same in crates/sdmad-imaging/tests/pictures/mod.rs.

Kinds of value at column x, row y, channel c, seed s (all arithmetic modulo 2**32):
  noise  h = x*73856093 ^ y*19349663 ^ c*83492791 ^ s*2654435761, then h ^= h >> 13, h *= 0x5bd1e995, h >> 24
  ramp   (5x + 3y + 40c + s) mod 256
  blocks 255 where (x div 3 + y div 5 + c + s) is even, else 0
  waves  ((x*x + y*y + 17xy + 29c + s) div 64) mod 256
"""

import numpy as np


def picture(kind, seed, channels, width, height):
    """uint8 [height, width, channels]"""
    y, x, c = np.meshgrid(
        np.arange(height, dtype=np.uint32),
        np.arange(width, dtype=np.uint32),
        np.arange(channels, dtype=np.uint32),
        indexing="ij",
    )
    u, s = np.uint32, np.uint32(seed)
    with np.errstate(over="ignore"):
        if kind == "noise":
            h = (x * u(73856093)) ^ (y * u(19349663)) ^ (c * u(83492791)) ^ (s * u(2654435761))
            h ^= h >> u(13)
            v = (h * u(0x5BD1E995)) >> u(24)
        elif kind == "ramp":
            v = (u(5) * x + u(3) * y + u(40) * c + s) % u(256)
        elif kind == "blocks":
            v = np.where((x // u(3) + y // u(5) + c + s) % u(2) == 0, 255, 0)
        elif kind == "waves":
            v = ((x * x + y * y + u(17) * x * y + u(29) * c + s) // u(64)) % u(256)
        else:
            raise ValueError(kind)
    return v.astype(np.uint8)
