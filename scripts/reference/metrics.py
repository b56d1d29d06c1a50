"""Reference values of figures of merit, by scikit-learn and scipy, for crates/sdmad/tests/metrics.rs.

Made with Python 3.11, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1 (requirements.txt).
Writes crates/sdmad/tests/fixtures/metrics.json; run from the repository's root:
    python scripts/reference/metrics.py
"""
import json
import pathlib

import numpy as np
from scipy import ndimage
from sklearn import metrics

random = np.random.default_rng(20261124)


def ranking_cases():
    """Scores with few and many ties, tiny and larger, rare and common positives, one class alone."""
    for _ in range(160):
        n = int(random.choice([1, 2, 3, 5, 10, 10, 40, 40, 120]))
        levels = int(random.choice([1, 2, 5, 20, 10**6]))
        scores = random.integers(0, levels, n) / levels
        positive = random.random(n) < random.choice([0.05, 0.3, 0.3, 0.5, 0.5, 0.9, 1.0])
        scores = np.where(positive & (random.random(n) < 0.4), scores + 1 / levels, scores)
        both = positive.any() and not positive.all()
        yield {
            "scores": [round(float(s), 9) for s in scores],
            "positive": [int(p) for p in positive],
            "auroc": metrics.roc_auc_score(positive, np.round(scores, 9)) if both else None,
            "average_precision": metrics.average_precision_score(positive, np.round(scores, 9)) if both else None,
        }


def decision_cases():
    """Multi-label decisions with every label known; each category has a positive."""
    while True:
        n, categories = int(random.choice([4, 10, 60])), int(random.choice([1, 2, 4]))
        truth = random.random((n, categories)) < random.choice([0.2, 0.5])
        if not truth.any(axis=0).all():
            continue
        decided = truth ^ (random.random(truth.shape) < random.choice([0.0, 0.2, 0.5]))
        # For one category scikit-learn reads a column as two classes.
        squeeze = (lambda a: a[:, 0]) if categories == 1 else (lambda a: a)
        average = {"average": "binary"} if categories == 1 else {"average": "macro"}
        micro = {"average": "binary"} if categories == 1 else {"average": "micro"}
        yield {
            "truth": truth.astype(int).tolist(),
            "decided": decided.astype(int).tolist(),
            "macro_f1": metrics.f1_score(squeeze(truth), squeeze(decided), zero_division=0, **average),
            "micro_f1": metrics.f1_score(squeeze(truth), squeeze(decided), zero_division=0, **micro),
            "exact_match": metrics.accuracy_score(squeeze(truth), squeeze(decided)),
            "hamming": metrics.hamming_loss(squeeze(truth), squeeze(decided)),
        }


def probability_cases():
    """Expected calibration error by numpy's histogram of 15 equal bins (a direct transcription of the definition; no
    library here has one), Brier score by scikit-learn."""
    for _ in range(20):
        n = int(random.choice([1, 5, 50, 200]))
        p = np.round(random.beta(0.5, 0.8, n), 6)
        y = random.random(n) < p**random.choice([0.5, 1.0, 2.0])
        edges = np.linspace(0, 1, 16)
        count, confidence, positive = (
            np.histogram(p, edges, weights=w)[0] for w in (np.ones(n), p, y.astype(float))
        )
        filled = count > 0
        gap = np.abs(confidence[filled] / count[filled] - positive[filled] / count[filled])
        yield {
            "probabilities": p.tolist(),
            "positive": y.astype(int).tolist(),
            "calibration_error": float((count[filled] / n * gap).sum()),
            "brier": metrics.brier_score_loss(y, p, pos_label=True),
        }


def region_overlap(maps, masks, limit=0.3):
    """Per-region overlap, threshold by threshold: slow and plain."""
    outside = np.concatenate([m[~k] for m, k in zip(maps, masks)])
    regions = []
    for m, k in zip(maps, masks):
        labelled, number = ndimage.label(k, structure=np.ones((3, 3)))
        regions += [m[labelled == r + 1] for r in range(number)]
    thresholds = np.unique(np.concatenate([m.ravel() for m in maps]))[::-1]
    rates = np.array([0.0] + [(outside >= t).mean() for t in thresholds])
    overlaps = np.array([0.0] + [np.mean([(r >= t).mean() for r in regions]) for t in thresholds])
    inside = rates <= limit
    x = np.append(rates[inside], limit)
    # Interpolates on the first segment that crosses the limit.
    last = int(inside.nonzero()[0][-1])
    x0, x1, y0, y1 = rates[last], rates[last + 1], overlaps[last], overlaps[last + 1]
    y = np.append(overlaps[inside], y0 + (y1 - y0) * (limit - x0) / (x1 - x0))
    return float(np.trapezoid(y, x) / limit)


def pixel_cases():
    """Maps on a grid of 50 values, so that a histogram of 50 bins is exact."""
    for _ in range(6):
        maps, masks = [], []
        for _ in range(3):
            mask = ndimage.binary_dilation(random.random((12, 15)) < 0.03, iterations=1)
            level = random.integers(0, 50, mask.shape)
            level = np.where(mask, np.minimum(level + random.integers(0, 30), 49), level)
            maps.append((level + 0.5) / 50)
            masks.append(mask)
        score, truth = np.concatenate([m.ravel() for m in maps]), np.concatenate([k.ravel() for k in masks])
        yield {
            "width": 15,
            "maps": [np.round(m, 4).ravel().tolist() for m in maps],
            "masks": [k.astype(int).ravel().tolist() for k in masks],
            "auroc": metrics.roc_auc_score(truth, score),
            "average_precision": metrics.average_precision_score(truth, score),
            "region_overlap": region_overlap(maps, masks),
        }


decisions = decision_cases()
fixture = {
    "ranking": list(ranking_cases()),
    "decisions": [next(decisions) for _ in range(24)],
    "probabilities": list(probability_cases()),
    "pixels": list(pixel_cases()),
}
path = pathlib.Path("crates/sdmad/tests/fixtures/metrics.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(fixture, separators=(",", ":"), default=float) + "\n")
