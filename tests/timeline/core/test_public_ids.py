"""Random ids and their form in URLs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timeline.core.public_ids import BITS, LENGTH, decode_id, encode_id, random_id

ids = st.integers(min_value=0, max_value=(1 << BITS) - 1)


def test_it_works():
    assert encode_id(0) == "1" * LENGTH
    assert decode_id(encode_id(1 << 62)) == 1 << 62


@given(ids)
def test_encoded_id_decodes_to_itself(number):
    assert decode_id(encode_id(number)) == number


@given(st.lists(ids, min_size=2, max_size=2, unique=True))
def test_different_ids_have_different_forms(numbers):
    assert encode_id(numbers[0]) != encode_id(numbers[1])


@given(st.text(max_size=14))
def test_any_text_is_decoded_or_refused(text):
    try:
        number = decode_id(text)
    except ValueError:
        return
    assert encode_id(number) == text


@pytest.mark.parametrize(
    "text", ["", "1", "z" * LENGTH, "0" * LENGTH, "l" * LENGTH, "1" * 12, "é" * LENGTH]
)
def test_invalid_id_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  the text itself is the message
        decode_id(text)


def test_random_ids_fit_and_differ():
    random_ids = {random_id() for _ in range(1000)}
    assert len(random_ids) == 1000
    assert all(0 <= number < 1 << BITS for number in random_ids)
