import pytest
from hypothesis import given
from hypothesis import strategies as st

from timescale.flags import Flag

SUBJECTS = [f"SYM{number}" for number in range(2_000)]


def test_named_symbols_override_the_percentage() -> None:
    flag = Flag(percent=0, include=("A", "B"), exclude=("B",))
    assert flag.is_on("f", "A")
    assert not flag.is_on("f", "B")
    assert not flag.is_on("f", "C")
    assert not Flag(enabled=False, include=("A",)).is_on("f", "A")


@pytest.mark.parametrize("percent", [0, 10, 50, 100])
def test_the_percentage_is_kept(percent: float) -> None:
    share = sum(Flag(percent=percent).is_on("f", s) for s in SUBJECTS) / len(SUBJECTS)
    assert share * 100 == pytest.approx(percent, abs=3)


@given(st.floats(0, 100), st.floats(0, 100), st.text(max_size=12))
def test_raising_the_percentage_only_adds(a: float, b: float, subject: str) -> None:
    low, high = sorted((a, b))
    assert not Flag(percent=low).is_on("f", subject) or Flag(percent=high).is_on("f", subject)


def test_flags_choose_independently() -> None:
    both = sum(
        Flag(percent=10).is_on("one", s) and Flag(percent=10).is_on("two", s) for s in SUBJECTS
    )
    assert both < 0.03 * len(SUBJECTS)


def test_json_and_back() -> None:
    flag = Flag(percent=12.5, include=("A",), exclude=("B", "C"))
    assert Flag.from_json(flag.to_json()) == flag
    with pytest.raises(ValueError, match="between 0 and 100"):
        Flag(percent=101)
    with pytest.raises(ValueError, match="not a flag"):
        Flag.from_json({"percent": [1]})
