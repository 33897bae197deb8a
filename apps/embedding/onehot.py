"""`onehot`: from words to numbers, one step at a time.

words -> rows of 0 and 1 -> the row of a matrix -> rows that are learned (CBOW, skip-gram) -> likeness
"""

from __future__ import annotations

from argparse import Namespace

import numpy as np

from apps.embedding import guess
from apps.embedding.corpora import korean_text
from apps.embedding.tables import table
from autograd import Generator
from nn.models.word2vec import Word2Vec
from nn.text import OneHot

__all__ = ["TEAMS", "first_steps", "run"]

TEAMS = ["두산", "LG", "기아", "한화", "롯데"]
SENTENCE, WORD = "철수는 ___를 구매했다", "도서"
NAME = "철수"
INSTEAD = "책"  # where the text hardly has WORD
NEIGHBOURS = ("구매", "학교", "영화")


def run(options: Namespace) -> int:
    seed = options.seed or 0
    korean_text(options.data)  # says now if there is no such folder
    print(first_steps(seed), flush=True)
    text = guess.sentences(options.data, options.lines)
    print("\n" + source(text), flush=True)
    cbow = guess.train(text, False, seed, options.workers)
    print("\n" + hole(text, cbow), flush=True)
    skipgram = guess.train(text, True, seed, options.workers)
    print("\n" + around(text, skipgram))
    print("\n" + likeness(cbow, text.made))
    return 0


def first_steps(seed: int) -> str:
    """One-hot vectors, and the product that takes a row."""
    teams = OneHot(TEAMS)
    x = teams.encode(TEAMS)
    rows = [[team, *(f"{number:.0f}" for number in row)] for team, row in zip(TEAMS, x, strict=True)]
    weight = (Generator(seed).uniform((len(TEAMS), 3)) * 2 - 1).round(1)
    matrix = [[team, *(f"{number:.1f}" for number in row)] for team, row in zip(TEAMS, weight, strict=True)]
    a, b, c = TEAMS[:3]
    product = ", ".join(f"{number:.1f}" for number in (teams.encode([b]) @ weight)[0])
    return f"""1. A name as numbers: a column for each team, 1 in its own and 0 in the others ("one-hot").

{table(rows, ["", *TEAMS])}

   Any two of them are at right angles (their product is {x[0] @ x[1]:.0f}) and equally far apart
   ({np.linalg.norm(x[0] - x[1]):.3f}, the root of 2): {a} is no more like {b} than like {c}.
   With 100,000 words such a row would have 100,000 numbers, all but one of them 0.

2. A product with a matrix takes out a row. The matrix W, {len(TEAMS)} x 3, random as yet:

{table(matrix)}

   one-hot({b}) @ W = {product}: the row of {b}. So nobody multiplies by zeros; the row
   is looked up, and is the word's embedding. Its 3 numbers can be learned."""


def source(text: guess.Sentences) -> str:
    said = f"3. The text to learn from: {text.name}, {len(text.all):,} lines, {len(text):,} words."
    if text.made:
        said += f"""
   No Korean text was found (kowiki/ or nsmc/ in --data DIR or $AUTOGRAD_DATA), so these are made:
   "{" ".join(text.all[0])}" and the like. They show how it works, not what words mean."""
    return f"""{said}
   Particles are words of their own; of 구매했다 and its like the noun is taken: 철수 는 도서 를 구매."""


def hole(text: guess.Sentences, model: Word2Vec) -> str:
    """CBOW on a sentence with a hole."""
    guesses = guess.fill(model, guess.context_of(SENTENCE))
    among = guess.objects(text, 1 if text.made else 20)
    times = ", ".join(f"{word} {count_of(model, word):,} times" for word in guesses.known)
    thinned = (
        ""
        if text.made
        else "; those that are frequent count less, and those\n   that are rare are not known well"
    )
    without = ""
    if not text.made and NAME in guesses.known:  # one odd word in four moves the average
        others = [word for word in guesses.known if word != NAME]
        means = f" {NAME} here is mostly 撤收, withdrawal, not a name." if "Wikipedia" in text.name else ""
        best = chances(guess.fill(model, others).best(among, 8))
        without = f"\n\n  {means} Without {NAME}:\n\n{best}"
    return f"""4. CBOW, a sentence with a hole: {SENTENCE}

   The rows of the words around are averaged, and each word has a second row, of another matrix, to
   multiply the average with. Training made the product large for words that stood there and small for
   random ones; % is how sure the model is that a word stood there and is not a random one. The order
   of words plays no part. The words around, and how often the text has them:
   {times}{thinned}.
   The likeliest words for the hole, of those that stand before 를:

{chances(guesses.best(among, 8))}{without}"""


def count_of(model: Word2Vec, word: str) -> int:
    """How often the text has a word; 0 if it is too rare to have a vector."""
    vocabulary = model.vocabulary
    return int(vocabulary.counts[vocabulary.index[word]]) if word in vocabulary else 0


def around(text: guess.Sentences, model: Word2Vec) -> str:
    """Skip-gram on a word with its context."""
    word, note = WORD, ""
    if not count_of(model, WORD):
        word, note = INSTEAD, f'\n   (The text has "{WORD}" less than {model.settings["min_count"]} times.)'
    elif "Wikipedia" in text.name:
        note = """
   (In an encyclopedia 도서 is more often 島嶼, islands, than 圖書, books. Written alike, they share one
   row.)"""
    if word not in model.vocabulary:
        return f'5. Skip-gram, a word with its context: the text has neither "{WORD}" nor "{INSTEAD}".'
    more = ""
    if word == WORD and INSTEAD in model.vocabulary:
        more = f"\n\n   and around {INSTEAD}:\n\n{chances(guess.contexts(model, INSTEAD).best(None, 8))}"
    return f"""5. Skip-gram, a word with its context: {word}{note}

   The other way round: the row of {word} alone is to tell the words around it. The likeliest:

{chances(guess.contexts(model, word).best(None, 8))}{more}"""


def chances(found: list[tuple[str, float]]) -> str:
    lines = table([[word, f"{100 * chance:.0f}%"] for word, chance in found]).splitlines()
    return "\n".join(
        f"{line}  {'#' * round(30 * chance)}".rstrip() for line, (_, chance) in zip(lines, found, strict=True)
    )


def likeness(model: Word2Vec, made: bool) -> str:
    """Nearest words, of words that the text has."""
    vectors = model.vectors
    asked = [word for word in (WORD, *NEIGHBOURS) if word in vectors][:4]
    restrict = None if made else len(vectors) // 3  # the rarest are learned badly
    rows = [
        [
            word,
            "  ".join(f"{near} {score:.2f}" for near, score in vectors.most_similar(word, (), 5, restrict)),
        ]
        for word in asked
    ]
    return f"""6. Words that are used alike were pulled to like rows. The nearest, by the cosine of the angle:

{table(rows, left=2)}

   Learn from a text of your own:  python -m apps.embedding train --corpus FILE --tokenizer particles"""
