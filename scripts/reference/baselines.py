"""Reference values for crates/sdmad/src/baseline: scikit-learn 1.9.1, numpy 2.4.6.

    python scripts/reference/baselines.py crates/sdmad/tests/fixtures/baselines.json

- nearest class means: scikit-learn's NearestCentroid, distances of samples from its centroids;
- Tip-Adapter: its closed formula, alpha exp(-beta (1 - f F')) V, in numpy, with rows of length 1;
- CLIP-Adapter's forward pass in numpy, as its paper writes it;
- nearest patches: scikit-learn's NearestNeighbors with cosine distance.

Numbers follow from a linear congruential generator, so that the fixture holds answers only (and the first numbers of
each case, to see that both sides generate the same). They are rounded to f32, which is what Rust starts from.
"""

import json
import sys

import numpy
from sklearn.neighbors import NearestCentroid, NearestNeighbors

from congruential import uniforms


class Congruential:
    def __init__(self, state):
        self.state = state

    def matrix(self, rows, columns):
        numbers, self.state = uniforms(rows * columns, self.state)
        return (2 * numbers - 1).astype(numpy.float32).astype(numpy.float64).reshape(rows, columns)


def unit(rows):
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


def main():
    samples, width, classes = 9, 12, 3
    random = Congruential(7)
    x, test = random.matrix(samples, width), random.matrix(4, width)
    y = numpy.arange(samples) % classes
    model = NearestCentroid().fit(x, y)
    distances = ((test[:, None, :] - model.centroids_[None]) ** 2).sum(axis=2)
    centre = numpy.mean([x[y == c].mean(axis=0) for c in range(classes)], axis=0)

    alpha, beta = 3.0, 5.5
    values = numpy.eye(classes)[y] / (samples / classes)
    plain = alpha * numpy.exp(-beta * (1 - unit(test) @ unit(x).T)) @ values
    centred = alpha * numpy.exp(-beta * (1 - unit(test - centre) @ unit(x - centre).T)) @ values

    down, up, weights = random.matrix(3, width), random.matrix(width, 3), random.matrix(classes, width)
    f = unit(test)
    adapted = numpy.maximum(numpy.maximum(f @ down.T, 0) @ up.T, 0)
    adapter = unit(0.2 * adapted + 0.8 * f) @ weights.T

    nearest = NearestNeighbors(n_neighbors=1, metric="cosine").fit(x).kneighbors(test)[0][:, 0]
    with open(sys.argv[1], "w") as file:
        json.dump({
            "scikit_learn": __import__("sklearn").__version__, "first": x[0, :3].tolist(),
            "distances": distances.tolist(), "tip": plain.tolist(), "tip_centred": centred.tolist(),
            "adapter": adapter.tolist(), "nearest": [nearest.max(), nearest.max(), nearest.mean()],
        }, file)
        file.write("\n")


main()
