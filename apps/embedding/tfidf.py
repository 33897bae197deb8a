"""`tfidf`: texts as weighted counts of their words, one step at a time.

texts -> counts -> in how many texts each word stands -> weights -> rows of length 1 -> which texts are alike
"""

from __future__ import annotations

import itertools
from argparse import Namespace
from typing import Any

import numpy as np

from apps.command import UserError
from apps.embedding.corpora import KoreanText, korean_text
from apps.embedding.tables import table
from nn.text import CountVectorizer, Sparse, TfidfTransformer
from nn.text.korean import particles

__all__ = ["DOCUMENTS", "run", "walk"]

Array = np.ndarray[Any, Any]

DOCUMENTS = [
    "철수는 도서가 많다",
    "영희는 도서가 없다",
    "민수는 사과가 달다",
    "형은 귤이 달다",
    "동생은 연필이 많다",
    "여름은 수박이 좋다",
]
MARKS = ("은", "는", "이", "가", "을", "를", "의", "에")
LINES = 20_000  # of the data folder's text: each line is a document


def run(options: Namespace) -> int:
    text = korean_text(options.data)
    print(walk(DOCUMENTS), flush=True)
    print("\n" + (in_the_large(text) if text else WITHOUT))
    return 0


WITHOUT = """5. What particles weigh in a real text: no Korean text was found (kowiki/ or nsmc/ in --data
   DIR or $AUTOGRAD_DATA)."""


def vectorizer() -> CountVectorizer:
    return CountVectorizer(tokenizer=particles, token_pattern=None, lowercase=False)


def walk(documents: list[str]) -> str:
    """Counts, document frequencies, weights, likeness; of a few documents, with all numbers."""
    counter = vectorizer()
    counts = counter.fit_transform(documents)
    names = counter.get_feature_names_out().tolist()
    plain = TfidfTransformer(norm=None).fit(counts)
    x, raw = counts.toarray(), plain.transform(counts).toarray()
    weights = TfidfTransformer().fit_transform(counts).toarray()
    n, df = len(documents), (x > 0).sum(0)
    titles = ["", *(f"text {i + 1}" for i in range(n))]
    order = sorted(range(len(names)), key=lambda j: (-df[j], names[j]))
    j = order[0]
    rows = [[names[j], str(df[j]), f"{plain.idf_[j]:.2f}"] for j in order]
    alike = weights @ weights.T
    return f"""1. Each text becomes the counts of its words, in whatever order they stood; particles are
   words of their own:

{table([[f"text {i + 1}", document] for i, document in enumerate(documents)], left=2)}

{table([[names[j], *(str(count or "") for count in x[:, j])] for j in order], titles)}

2. A word that stands in many texts says little of what one is about. df is in how many of the {n} it
   stands, and idf = ln((1 + {n}) / (1 + df)) + 1 is what it is worth:

{table(rows, ["", "df", "idf"])}

   For {names[j]}: ln((1 + {n}) / (1 + {df[j]})) + 1 = {plain.idf_[j]:.2f}, the least.

3. Weight = count x idf, and each text is divided by its length (the root of the sum of squares), so that
   long texts don't win. Text 1 has length {np.linalg.norm(raw[0]):.2f}:

{table([[names[j], *(f"{w:.2f}" if w else "" for w in weights[:, j])] for j in order], titles)}

4. Now texts can be compared; 1 is alike in all, 0 in nothing (the product of two columns above):

{table([[f"text {i + 1}", *(f"{a:.2f}" for a in alike[i])] for i in range(n)], titles)}"""


def in_the_large(text: KoreanText) -> str:
    """What particles and the rarer words weigh in a real text."""
    try:
        documents = [list(line) for line in itertools.islice(text.corpus, LINES)]
    except ValueError as error:
        raise UserError(str(error)) from None
    if not documents:
        raise UserError(f"{text.name}: the files hold no text")
    counter = CountVectorizer(analyzer=list)
    counts = counter.fit_transform(documents)
    names = counter.get_feature_names_out().tolist()
    transform = TfidfTransformer().fit(counts)
    index = dict(zip(names, range(len(names)), strict=True))
    df = np.bincount(counts.indices, minlength=len(names))
    shown = [word for word in MARKS if word in index]
    content = np.argsort(-df, kind="stable")
    shown += [names[j] for j in content if len(names[j]) > 1][100:500:80]
    rows = [[word, f"{df[index[word]]:,}", f"{transform.idf_[index[word]]:.2f}"] for word in shown]
    heavy = heaviest(transform.transform(counts), names, documents)
    return f"""5. In a real text ({text.name}: {len(documents):,} lines as texts, {len(names):,} words),
   particles are worth least, though they stand most often:

{table(rows, ["", "df", "idf"])}

   The heaviest words of one line:
   {heavy}"""


def heaviest(weights: Sparse, names: list[str], documents: list[list[str]]) -> str:
    """The words of the first line of twenty words or more, the heaviest first."""
    i = next((i for i, words in enumerate(documents) if len(words) >= 20), 0)
    row = weights[i : i + 1].toarray()[0]
    best = [j for j in np.argsort(-row, kind="stable") if row[j] and names[j].isalpha()]
    return ", ".join(f"{names[j]} {row[j]:.2f}" for j in best[:6])
