"""Ids as they stand in addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timeline.core.public_ids import BITS, LENGTH, decode_id, encode_id, random_id

ids = st.integers(min_value=0, max_value=(1 << BITS) - 1)


def test_it_works():
    assert encode_id(0) == "1" * LENGTH
    assert decode_id(encode_id(1 << 62)) == 1 << 62


@given(ids)
def test_every_id_reads_back(number):
    assert decode_id(encode_id(number)) == number


@given(st.lists(ids, min_size=2, max_size=2, unique=True))
def test_two_ids_look_different(numbers):
    assert encode_id(numbers[0]) != encode_id(numbers[1])


@given(st.text(max_size=14))
def test_any_text_is_an_id_or_refused(text):
    try:
        number = decode_id(text)
    except ValueError:
        return
    assert encode_id(number) == text


@pytest.mark.parametrize(
    "text", ["", "1", "z" * LENGTH, "0" * LENGTH, "l" * LENGTH, "1" * 12, "é" * LENGTH]
)
def test_what_is_no_id_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  the text itself is the message
        decode_id(text)


def test_random_ids_fit_and_differ():
    drawn = {random_id() for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(0 <= number < 1 << BITS for number in drawn)
