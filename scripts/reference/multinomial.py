"""Reference values for crates/sdmad/src/logistic/multinomial.rs: scikit-learn 1.9.1, numpy 2.4.6.

    python scripts/reference/multinomial.py crates/sdmad/tests/fixtures/multinomial.json

Samples follow from a linear congruential generator, so that the fixture holds answers only (and the first sample of
each case, to see that both sides generate the same).
"""

import json
import sys

import numpy
from sklearn.linear_model import LogisticRegression

from congruential import uniforms

# samples, features, classes, l2, whether samples are weighted
CASES = [
    (60, 5, 3, 1.0, False),
    (40, 60, 4, 0.3, False),
    (50, 8, 3, 0.1, True),
    (30, 100, 5, 3.0, True),
]


def main():
    cases = []
    for seed, (samples, features, classes, l2, weighted) in enumerate(CASES):
        x, state = uniforms(samples * features, seed)
        x = (2 * x - 1).reshape(samples, features)
        draws, state = uniforms(samples, state)
        y = numpy.clip((draws + 0.3 * x[:, 0]) * classes, 0, classes - 1).astype(int)
        weights, state = uniforms(samples, state)
        weights = 2 * weights if weighted else numpy.ones(samples)
        model = LogisticRegression(C=1 / l2, solver="newton-cg", tol=1e-12, max_iter=10000)
        model.fit(x, y, sample_weight=weights)
        cases.append({
            "samples": samples, "features": features, "classes": classes, "l2": l2, "weighted": weighted,
            "first": x[0].tolist()[:3], "counts": numpy.bincount(y, minlength=classes).tolist(),
            "weights": model.coef_.tolist(), "biases": (model.intercept_ - model.intercept_.mean()).tolist(),
        })
    with open(sys.argv[1], "w") as file:
        json.dump({"scikit_learn": __import__("sklearn").__version__, "cases": cases}, file)
        file.write("\n")


main()
