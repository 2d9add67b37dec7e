"""Golden values of the statistics in src/metrics, from scikit-learn, SciPy and statsmodels, or spelled out in NumPy.

    pip install numpy scipy scikit-learn statsmodels
    python make.py            writes metrics.json beside this script
"""

import json
from pathlib import Path

import numpy as np
import sklearn
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

N, K, BINS = 240, 5, 15
random = np.random.default_rng(7)


def make_predictions():
    """Outputs of a fair but overconfident classifier; class 4 has few samples, some labels are wrong."""
    labels = random.choice(K, N, p=[0.3, 0.25, 0.25, 0.15, 0.05])
    logits = random.normal(0, 2, (N, K))
    logits[np.arange(N), labels] += 4
    wrong = random.choice(N, 12, replace=False)
    labels[wrong] = (labels[wrong] + 1) % K
    return np.round(logits, 4).astype(np.float32), labels


def classification(logits, labels):
    predicted = logits.argmax(1)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(labels, predicted, zero_division=0)
    mean = lambda average: dict(
        zip(["precision", "recall", "f1"], metrics.precision_recall_fscore_support(labels, predicted, average=average, zero_division=0))
    )
    return {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "macro": {k: v for k, v in mean("macro").items() if k != "support"},
        "weighted": {k: v for k, v in mean("weighted").items() if k != "support"},
        "confusion": metrics.confusion_matrix(labels, predicted).tolist(),
        "topK": {k: metrics.top_k_accuracy_score(labels, logits, k=k) for k in (2, 3)},
    }


def calibration(logits, labels, temperature):
    p = softmax(logits.astype(np.float64) / temperature, axis=1)
    confidence, right = p.max(1), p.argmax(1) == labels
    gaps = []
    for b in range(BINS):
        inside = (confidence > b / BINS) & (confidence <= (b + 1) / BINS)
        if inside.any():
            gaps.append((inside.mean(), abs(right[inside].mean() - confidence[inside].mean())))
    return {
        "temperature": temperature,
        "logLoss": metrics.log_loss(labels, p, labels=range(K)),
        "expectedError": sum(w * g for w, g in gaps),
        "largestError": max(g for _, g in gaps),
    }


def best_temperature(logits, labels):
    loss = lambda t: -log_softmax(logits.astype(np.float64) / t, axis=1)[np.arange(N), labels].mean()
    return float(minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-10}).x)


def confident_learning(logits, labels):
    """Off-diagonal samples of the confident joint (Northcutt et al. 2021, equations 1 and 2)."""
    p = softmax(logits.astype(np.float64), axis=1)
    thresholds = np.array([p[labels == j, j].mean() for j in range(K)])
    above = np.where(p >= thresholds, p, -1)
    guess = np.where((above > 0).any(1), above.argmax(1), labels)
    return np.flatnonzero(guess != labels).tolist()


def rejection_area(logits, labels):
    p = softmax(logits.astype(np.float64), axis=1)
    order = np.argsort(-p.max(1), kind="stable")
    wrong = (p.argmax(1) != labels)[order]
    return float((np.cumsum(wrong) / np.arange(1, N + 1)).mean())


logits, labels = make_predictions()
validation_logits, validation_labels = make_predictions()
temperature = best_temperature(validation_logits, validation_labels)
as_lists = lambda logits, labels: {"logits": [round(float(v), 4) for v in logits.ravel()], "labels": labels.tolist()}

golden = {
    "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
    "classes": K,
    "predictions": as_lists(logits, labels),
    "validation": as_lists(validation_logits, validation_labels),
    "classification": classification(logits, labels),
    "calibration": [calibration(logits, labels, 1.0), calibration(logits, labels, temperature)],
    "suspects": confident_learning(logits, labels),
    "rejectionArea": rejection_area(logits, labels),
    "wilson": [
        {"hits": h, "total": n, "interval": list(map(float, proportion_confint(h, n, method="wilson")))}
        for h, n in [(0, 10), (10, 10), (5, 10), (81, 263), (9893, 10000), (1, 1)]
    ],
    "mcnemar": [
        {"counts": [b, c], "pValue": float(mcnemar([[0, b], [c, 0]], exact=True).pvalue)}
        for b, c in [(0, 0), (1, 0), (5, 5), (2, 9), (12, 30), (100, 140), (2000, 2100), (0, 40)]
    ],
}
Path(__file__).with_name("metrics.json").write_text(json.dumps(golden, indent=1) + "\n")
