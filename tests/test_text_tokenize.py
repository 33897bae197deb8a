"""Tokenizers: what a token is."""

import pickle
import unicodedata

import pytest

from nn.text import characters, regex, whitespace, words


def test_whitespace_changes_nothing():
    assert whitespace(" New\tYork,\n2024\u3000도서 ") == ["New", "York,", "2024", "도서"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_words_are_letters_of_any_script_in_lower_case(form):
    text = unicodedata.normalize(form, "Don't—the ‘Café’ L’Été x_y 3rd 도서관에서 ΩΣ 中文 'quoted'")
    wanted = "don't the café l’été x y rd 도서관에서 ως 中文 quoted".split()
    assert words(text) == wanted


def test_marks_that_stay_apart_belong_to_their_word():
    assert words("हिन्दी में คำว่า İ x́y") == ["हिन्दी", "में", "คำว่า", "i̇", "x́y"]
    assert words("\u0301 7\u0301") == []


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_characters_are_put_together(form):
    assert characters(unicodedata.normalize(form, "é 가\n나")) == ["é", "가", "나"]


def test_regex_finds_matches_or_the_group():
    assert regex(r"\d+")("1 and 22") == ["1", "22"]
    assert regex(r"(\d)\d*")("1 and 22") == ["1", "2"]
    assert regex(r"(?:a|b)c")("ac bc") == ["ac", "bc"]
    for pattern, message in ("(", "no regular expression"), (r"(a)(b)", "2 groups"):
        with pytest.raises(ValueError, match=message):
            regex(pattern)


def test_regex_is_a_value():
    one = regex("a+")
    assert pickle.loads(pickle.dumps(one)) == one and hash(one) == hash(regex("a+")) and one != regex("a")
    assert repr(one) == "regex('a+')"
