"""Meters: how good a classifier is. Inputs are tensors or arrays; results are plain numbers and arrays."""

from nn.metrics.classification import accuracy, confusion_matrix, top_k_accuracy

__all__ = ["accuracy", "confusion_matrix", "top_k_accuracy"]
