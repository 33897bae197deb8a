"""Meters: how good a classifier is, and how good is what a model draws. Inputs are tensors or arrays;
results are plain numbers and arrays.

classification  accuracy, top_k_accuracy, confusion_matrix
lenet           features("mnist"): the frozen network in whose features drawings are compared
frechet         frechet_distance, Moments: how far two sets are apart
manifold        precision_recall, density_coverage, nearest_neighbours: good, all, new?
modes           class_histogram, modes_and_quality, stacked_modes: what was drawn, and what never
drawing         DrawingMeter: all of it in one line
"""

from nn.metrics.classification import accuracy, confusion_matrix, top_k_accuracy
from nn.metrics.drawing import DrawingMeter, Measurement
from nn.metrics.frechet import Moments, frechet_distance, frechet_infinity
from nn.metrics.lenet import LeNet, features
from nn.metrics.manifold import (
    DensityCoverage,
    Neighbours,
    PrecisionRecall,
    density_coverage,
    nearest_neighbours,
    precision_recall,
)
from nn.metrics.modes import (
    ClassHistogram,
    PointModes,
    StackedModes,
    class_histogram,
    kl_divergence,
    modes_and_quality,
    stacked_modes,
)

__all__ = [
    "ClassHistogram",
    "DensityCoverage",
    "DrawingMeter",
    "LeNet",
    "Measurement",
    "Moments",
    "Neighbours",
    "PointModes",
    "PrecisionRecall",
    "StackedModes",
    "accuracy",
    "class_histogram",
    "confusion_matrix",
    "density_coverage",
    "features",
    "frechet_distance",
    "frechet_infinity",
    "kl_divergence",
    "modes_and_quality",
    "nearest_neighbours",
    "precision_recall",
    "stacked_modes",
    "top_k_accuracy",
]
