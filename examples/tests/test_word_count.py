from word_count import most_common_words


def test_counts_words_whatever_their_case() -> None:
    assert most_common_words("The cat saw the dog.", 1) == [("the", 2)]


def test_empty_text_has_no_words() -> None:
    assert most_common_words("", 3) == []
