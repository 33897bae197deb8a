"""TF-IDF: counts weighted by how much a feature tells documents apart; scikit-learn's options and numbers.

With tf(d, t) the count of feature t in document d, df(t) the number of documents with t, n that of all:

    idf(t) = ln((1 + n) / (1 + df(t))) + 1    smooth_idf: as if one more document had every feature once
    idf(t) = ln(n / df(t)) + 1                without
    weight(d, t) = tf(d, t) idf(t)            sublinear_tf: 1 + ln tf(d, t) in place of tf(d, t)

and each row is divided by its Euclidean length (norm="l2") or the sum of its absolute values ("l1"). The + 1
keeps features that are in all documents. (Sparck Jones 1972 is the idea; textbooks leave the + 1 away.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from nn.text.counts import CountVectorizer
from nn.text.sparse import Sparse

__all__ = ["TfidfTransformer", "TfidfVectorizer"]


class TfidfTransformer:
    """Weights for a matrix of counts (documents, features): Sparse, an array, or a SciPy matrix.

    norm: "l2", "l1" or None; use_idf: False weights by tf alone; smooth_idf, sublinear_tf: see above

    Once fitted, `idf_` (features,) has the idf, float32 if the counts are, else float64.

    ValueError: another norm; counts that are empty, infinite, NaN, or of another width; not fitted.

    >>> counts = [[3, 0, 1], [2, 0, 0], [3, 0, 0], [4, 0, 0], [3, 2, 0], [3, 0, 2]]
    >>> TfidfTransformer(smooth_idf=False).fit_transform(counts)[:1].toarray().round(4)
    array([[0.8194, 0.    , 0.5732]])
    """

    idf_: np.ndarray

    def __init__(
        self,
        *,
        norm: str | None = "l2",
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
    ) -> None:
        if norm not in ("l1", "l2", None):
            raise ValueError(f"norm must be 'l1', 'l2' or None, got {norm!r}")
        self.norm, self.use_idf, self.smooth_idf, self.sublinear_tf = norm, use_idf, smooth_idf, sublinear_tf

    def fit(self, counts: Any) -> Self:
        """Learn the idf of each feature."""
        x = floating(counts)
        self.width = x.shape[1]
        if self.use_idf:
            df = np.bincount(x.indices, minlength=self.width).astype(x.values.dtype) + self.smooth_idf
            with np.errstate(divide="ignore"):  # a feature in no document, without smoothing: infinite
                self.idf_ = np.log((x.shape[0] + self.smooth_idf) / df) + 1
        return self

    def transform(self, counts: Any) -> Sparse:
        """Sparse (documents, features) of float32 if the counts are, else float64."""
        if not hasattr(self, "width"):
            raise ValueError("this TfidfTransformer has learned no idf yet: call fit first")
        x = floating(counts)
        if x.shape[1] != self.width:
            raise ValueError(f"counts have {x.shape[1]} features, but {self.width} were learned")
        values = np.log(x.values) + 1 if self.sublinear_tf else x.values
        if self.use_idf:
            values = values * self.idf_[x.indices]
        if self.norm is not None:
            sizes = np.abs(values) if self.norm == "l1" else values.astype(np.float64) ** 2
            sums = np.bincount(x.rows(), sizes, x.shape[0])
            sums = np.sqrt(sums) if self.norm == "l2" else sums
            sums[sums == 0] = 1  # an empty row stays empty
            values = values / sums.astype(values.dtype)[x.rows()]
        return x.with_values(values)

    def fit_transform(self, counts: Any) -> Sparse:
        return self.fit(counts).transform(counts)


class TfidfVectorizer(CountVectorizer):
    """CountVectorizer and TfidfTransformer in one, with the options of both.

    >>> documents = ["철수는 도서를 샀다", "영희는 도서를 읽었다", "철수는 잤다"]
    >>> tfidf = TfidfVectorizer()
    >>> weights = tfidf.fit_transform(documents)
    >>> for word, weight in zip(tfidf.get_feature_names_out(), weights.toarray()[0]):
    ...     print(word, weight.round(3))
    도서를 0.518
    샀다 0.681
    영희는 0.0
    읽었다 0.0
    잤다 0.0
    철수는 0.518
    """

    def __init__(
        self,
        *,
        norm: str | None = "l2",
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        dtype: Any = np.float64,
        **count_options: Any,
    ) -> None:
        super().__init__(dtype=dtype, **count_options)
        self.transformer = TfidfTransformer(
            norm=norm, use_idf=use_idf, smooth_idf=smooth_idf, sublinear_tf=sublinear_tf
        )

    @property
    def idf_(self) -> np.ndarray:
        return self.transformer.idf_

    def fit(self, documents: Iterable[Any]) -> Self:
        self.transformer.fit(self.count(documents))
        return self

    def fit_transform(self, documents: Iterable[Any]) -> Sparse:
        """Learn features and idf, and weigh: Sparse (documents, features)."""
        return self.transformer.fit_transform(self.count(documents))

    def transform(self, documents: Iterable[Any]) -> Sparse:
        return self.transformer.transform(super().transform(documents))


def floating(counts: Any) -> Sparse:
    x = Sparse.of(counts)
    if not x.shape[0] or not x.shape[1] or not np.isfinite(x.values).all():
        raise ValueError(f"counts must be finite, of at least one document and feature, got {x}")
    return x.with_values(x.values if x.values.dtype.kind == "f" else x.values.astype(np.float64))
