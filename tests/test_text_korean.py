"""Korean: syllables, jamo there and back exactly, particles that fit the sound before them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.text.korean import EMPTY, SYLLABLES, compose, decompose, jamo, particles, split_particle, syllables

HANGUL = st.one_of(
    st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3),  # syllables
    st.characters(min_codepoint=0x3131, max_codepoint=0x318E),  # letters that stand alone, old ones too
    st.characters(min_codepoint=0x1100, max_codepoint=0x11FF),  # letters that join
    st.sampled_from(EMPTY + "e -A."),
    st.characters(exclude_categories=["Cs"]),
)


@given(st.text(HANGUL), st.sampled_from([EMPTY, "e", "-", "]", "^"]), st.sampled_from(["NFC", "NFD"]))
def test_any_text_comes_back_exactly(text, empty, form):
    letters = decompose(unicodedata.normalize(form, text), empty)
    assert compose(letters, empty) == unicodedata.normalize("NFC", text)
    assert not any("가" <= c <= "힣" for c in letters)


def test_letters_are_unicode_s():
    """The letters that join (NFD) have the names of those that stand alone, with their place."""
    for syllable in SYLLABLES:
        wanted = [unicodedata.name(c).split()[-1] for c in unicodedata.normalize("NFD", syllable)]
        letters = decompose(syllable)
        assert len(letters) == 3 and letters[:2].find(EMPTY) < 0
        assert [unicodedata.name(c).split()[-1] for c in letters if c != EMPTY] == wanted


def test_each_letter_keeps_its_place():
    assert decompose("해") == "ㅎㅐ∅" and decompose("한") == "ㅎㅏㄴ"
    assert decompose("ㅋㅠㄳ∅") == "ㅋ∅∅∅ㅠ∅∅∅ㄳ∅∅∅"
    assert decompose("해", "e") == "ㅎㅐe"
    assert jamo("나는  책을") == ["ㄴㅏ∅ㄴㅡㄴ", "ㅊㅐㄱㅇㅡㄹ"]


@pytest.mark.parametrize(
    "letters, where", [("ㄱ", 0), ("aㄱㅏ", 1), ("ㄱㅏ∅ㄱㄱㄱ", 3), ("ㅏㄱ∅", 0), ("∅", 0)]
)
def test_what_is_no_syllable_is_refused(letters, where):
    with pytest.raises(ValueError, match=f"at character {where} is no syllable"):
        compose(letters)


@pytest.mark.parametrize("empty", ["", "ab", "ㄱ", "가", " "])
def test_the_empty_letter_is_no_other(empty):
    with pytest.raises(ValueError, match="empty must be one character"):
        decompose("가", empty)


def test_syllables_in_any_form():
    assert syllables("새AI, 책3권ㅋㅋ") == ["새", "AI,", "책", "3", "권", "ㅋㅋ"]
    assert syllables(unicodedata.normalize("NFD", "책을")) == ["책", "을"]
    assert syllables(" \n") == []


@pytest.mark.parametrize(
    "word, parts",
    [
        ("철수는", ("철수", "는")),
        ("책은", ("책", "은")),
        ("책는", ("책는", "")),  # 는 follows no consonant
        ("사과", ("사과", "")),  # 과 follows no vowel
        ("길로", ("길", "로")),  # but 로 follows ㄹ
        ("집으로", ("집", "으로")),
        ("길는", ("길는", "")),
        ("학교에서는", ("학교", "에서는")),
        ("는", ("는", "")),
        ("AI가", ("AI가", "")),  # its sound is not written
        ("", ("", "")),
    ],
)
def test_particles_fit_the_sound_before_them(word, parts):
    assert split_particle(word) == parts
    assert split_particle(unicodedata.normalize("NFD", word)) == parts


def test_particles_of_a_sentence():
    assert particles("“철수는” 책을, 구매했다! ...") == ["철수", "는", "책", "을", "구매했다"]
    assert particles("종이가", known={"종이가"}) == ["종이가"]
