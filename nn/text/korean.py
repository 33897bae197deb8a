"""Korean: syllables, jamo (the letters inside a syllable), particles.

A Hangul syllable is an initial consonant, a vowel, and a final consonant or none: 서 is ㅅ, ㅓ; 책 is ㅊ, ㅐ,
ㄱ. Unicode keeps 19 x 21 x 28 of them in order from U+AC00 on (The Unicode Standard, section 3.12).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from functools import lru_cache
from itertools import product

__all__ = ["EMPTY", "compose", "decompose", "jamo", "particles", "split_particle", "syllables"]

EMPTY = "∅"  # stands where a syllable has no such letter
INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"  # after the first, none
SYLLABLES = [chr(code) for code in range(0xAC00, 0xAC00 + 19 * 21 * 28)]
SYLLABLE_OR_OTHERS = re.compile(r"[가-힣]|[^\s가-힣]+")

AFTER_CONSONANT = set("은 이 을 과 으로 으로는 으로도 이랑".split())
AFTER_VOWEL = set("는 가 를 와 로 로는 로도 랑".split())
AFTER_BOTH = set(
    "의 에 도 만 에서 에게 에는 에도 께서 한테 부터 까지 보다 처럼 마다 조차 밖에 에서는 에서도".split()
)


def syllables(text: str) -> list[str]:
    """Each syllable alone; of other scripts, what stands between syllables and white space.

    >>> syllables("AI가 쓴 책 2권")
    ['AI', '가', '쓴', '책', '2', '권']
    """
    return SYLLABLE_OR_OTHERS.findall(unicodedata.normalize("NFC", text))


# Jamo --------------------------------------------------------------------------------------------


def decompose(text: str, empty: str = EMPTY) -> str:
    """The text with three letters for each syllable: initial, vowel, final, `empty` where there is none
    (Park et al. 2018, Subword-level Word Vector Representations for Korean, section 3).

    So that n-grams of letters start and end where syllables do, and so that `compose` gives the text back,
    letters that stand alone are filled up too, each at its place (ㅋ: ㅋ∅∅, ㅠ: ∅ㅠ∅, ㄳ: ∅∅ㄳ), and `empty`
    itself is written three times. All else stays as it is. Text in any normal form is taken as NFC.

    ValueError: `empty` is not one character, or it is Hangul or white space.

    >>> decompose("도서를 ㅋ")
    'ㄷㅗ∅ㅅㅓ∅ㄹㅡㄹ ㅋ∅∅'
    """
    return unicodedata.normalize("NFC", text).translate(tables(empty)[0])


def compose(text: str, empty: str = EMPTY) -> str:
    """The text (NFC) that `decompose` made the letters of.

    ValueError: letters that do not come in threes, or three that are no syllable, and where.

    >>> compose("ㄷㅗ∅ㅅㅓ∅ㄹㅡㄹ ㅋ∅∅")
    '도서를 ㅋ'
    """
    table = tables(empty)[1]

    def syllable(match: re.Match[str]) -> str:
        try:
            return table[match[0]]
        except KeyError:
            raise ValueError(
                f"compose: {match[0]!r} at character {match.start()} is no syllable in three letters"
            ) from None

    return triples(empty).sub(syllable, text)


@lru_cache(maxsize=8)
def tables(empty: str) -> tuple[dict[int, str], dict[str, str]]:
    """From a character to its three letters, for str.translate, and back."""
    letters = {*INITIALS, *VOWELS, *FINALS}
    if len(empty) != 1 or empty in letters or empty.isspace() or "가" <= empty <= "힣":
        raise ValueError(f"jamo: empty must be one character, neither Hangul nor white space, got {empty!r}")
    three = {
        syllable: "".join(parts)
        for syllable, parts in zip(SYLLABLES, product(INITIALS, VOWELS, [empty, *FINALS]), strict=True)
    }
    three |= {letter: empty + empty + letter for letter in FINALS}  # overwritten below where it can begin
    three |= {letter: letter + empty + empty for letter in INITIALS}
    three |= {letter: empty + letter + empty for letter in VOWELS}
    three[empty] = 3 * empty
    return {ord(one): parts for one, parts in three.items()}, {parts: one for one, parts in three.items()}


@lru_cache(maxsize=8)
def triples(empty: str) -> re.Pattern[str]:
    """Up to three letters or `empty` in a row: fewer are an error."""
    return re.compile(f"[{re.escape(empty)}ㄱ-ㅣ]{{1,3}}")


def jamo(text: str) -> list[str]:
    """The words between white space, each as its letters: sub-words of these are jamo n-grams.

    >>> jamo("철수는 책을")
    ['ㅊㅓㄹㅅㅜ∅ㄴㅡㄴ', 'ㅊㅐㄱㅇㅡㄹ']
    """
    return decompose(text).split()


# Particles ---------------------------------------------------------------------------------------


def fits(stem: str, particle: str) -> bool:
    """Whether a particle can follow the last sound of a stem: 책은, but 도서는; after ㄹ stands 로 too."""
    if not "가" <= stem[-1:] <= "힣":
        return False
    final = (ord(stem[-1]) - ord("가")) % 28  # 0: none
    after_vowel = final == 0 or (final == FINALS.index("ㄹ") + 1 and particle.startswith("로"))
    return particle in AFTER_BOTH or particle in (AFTER_VOWEL if after_vowel else AFTER_CONSONANT)


def split_particle(word: str, known: Container[str] = ()) -> tuple[str, str]:
    """A word's stem and its particle, "" if it has none that fits. Words in `known` stay whole.

    This is a rule, not a dictionary: the longest ending that is a particle and fits the sound before it. It
    takes 종이 (paper) for 종 + 이, unless that is known.

    >>> split_particle("철수는"), split_particle("도서를"), split_particle("학교에서"), split_particle("사과")
    (('철수', '는'), ('도서', '를'), ('학교', '에서'), ('사과', ''))
    >>> split_particle("종이"), split_particle("종이", known={"종이"})
    (('종', '이'), ('종이', ''))
    """
    word = unicodedata.normalize("NFC", word)
    if word not in known:
        for start in range(max(1, len(word) - 3), len(word)):
            stem, particle = word[:start], word[start:]
            if fits(stem, particle):
                return stem, particle
    return word, ""


def particles(text: str, known: Container[str] = ()) -> list[str]:
    """The words between white space, without punctuation around them, particles as tokens of their own.

    >>> particles("철수는 도서를 구매했다.")
    ['철수', '는', '도서', '를', '구매했다']
    """
    bare = (re.sub(r"^\W+|\W+$", "", word) for word in text.split())
    return [part for word in bare if word for part in split_particle(word, known) if part]
