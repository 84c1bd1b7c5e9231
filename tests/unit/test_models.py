"""Stored models go on as if nothing was; nothing but a model comes out of stored bytes."""

from __future__ import annotations

import builtins
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from river import drift, linear_model, optim, preprocessing, stats, tree

from agents import models
from agents.models import MODEL_FORMAT, RIVER_VERSION, ModelMismatch, load, store
from agents.state import pack_state, unpack_state

Row = tuple[dict[str, Any], bool]

CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "logistic": lambda: linear_model.LogisticRegression(optim.SGD(0.05), l2=1e-4),
    "scaled": lambda: preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    "bounded": lambda: preprocessing.MinMaxScaler() | linear_model.LogisticRegression(optim.Adam()),
    "tree": lambda: tree.HoeffdingTreeClassifier(grace_period=20),
    "adaptive": lambda: tree.HoeffdingAdaptiveTreeClassifier(grace_period=20, seed=3),
}
FIGURES: dict[str, Callable[[], Any]] = {
    "adwin": drift.ADWIN,
    "kswin": lambda: drift.KSWIN(window_size=60, stat_size=20, seed=3),
    "ddm": drift.binary.DDM,
    "eddm": drift.binary.EDDM,
    "hddm_a": drift.binary.HDDMA,
    "hddm_w": drift.binary.HDDMW,
    "variance": stats.Var,
    "moving mean": stats.EWMean,
    "moving variance": stats.EWVar,
}


def rows(count: int, seed: int, *, words: bool) -> Iterator[Row]:
    rng = random.Random(seed)
    for i in range(count):
        x = {"a": rng.gauss(0, 1), "b": np.float64(rng.random()), "c": rng.gauss(3, 9)}
        yield x | ({"word": "xyz"[i % 3]} if words else {}), x["a"] + x["b"] > rng.random()


def through_a_checkpoint(model: Any) -> Any:
    return load(unpack_state(pack_state(store(model))), type(model))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_restored_classifier_predicts_and_learns_on_to_the_last_bit(name: str) -> None:
    model = CLASSIFIERS[name]()
    words = "tree" in name or name == "adaptive"
    for x, y in rows(1500, 1, words=words):
        model.learn_one(x, y)
    copy = through_a_checkpoint(model)
    told = set()
    for x, y in rows(1500, 2, words=words):
        expected = model.predict_proba_one(x)
        assert copy.predict_proba_one(x) == expected
        told.add(expected[True])
        model.learn_one(x, y)
        copy.learn_one(x, y)
    assert len(told) > 100, "it had learned something"


@pytest.mark.parametrize("name", FIGURES)
def test_a_restored_detector_or_figure_goes_on_the_same(name: str) -> None:
    one, rng = FIGURES[name](), random.Random(4)

    def told(figure: Any) -> Any:
        return figure.get() if hasattr(figure, "get") else figure.drift_detected

    for _ in range(900):
        one.update(rng.random() < 0.1)
    copy, seen = through_a_checkpoint(one), set()
    for _ in range(900):
        value = rng.random() < 0.8
        one.update(value)
        copy.update(value)
        assert told(copy) == told(one)
        seen.add(told(one))
    assert len(seen) > 1, "it noticed the change"


def test_the_same_learning_gives_the_same_bytes() -> None:
    def learned() -> Any:
        model = CLASSIFIERS["scaled"]()
        for x, y in rows(50, 1, words=False):
            model.learn_one(x, y)
        return model

    assert store(learned()) == store(learned())


def stored(raw: bytes) -> dict[str, Any]:
    return {"format": MODEL_FORMAT, "river": RIVER_VERSION, "model": raw}


class Calling:
    """Pickles to the call of a function, and to a state for what it returns."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.call = (function, arguments, state)

    def __reduce__(self) -> Any:
        return self.call


class Unlisted:
    pass


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_in_the_bytes_is_refused_and_does_not_run(tmp_path: Any, protocol: int) -> None:
    mark = tmp_path / "ran"
    code = f"open({str(mark)!r}, 'w')"
    calls = {
        "system": Calling(os.system, f"touch {mark}"),
        "eval": Calling(builtins.eval, code),
        "exec": Calling(builtins.exec, code),
        "getattr": Calling(getattr, Calling(__import__, "os"), "system"),
        "Unlisted": Unlisted(),
        "inside": [linear_model.LogisticRegression(), {"x": Calling(builtins.exec, code)}],
    }
    for name, call in calls.items():
        with pytest.raises(ModelMismatch, match="not allowed"):
            load(stored(pickle.dumps(call, protocol)))
        assert not mark.exists(), name


def opcodes(*parts: bytes | str) -> bytes:
    """A pickle of opcodes; text is pushed."""
    pushed = (
        part if isinstance(part, bytes) else pickle.SHORT_BINUNICODE + bytes([len(part)])
        + part.encode() for part in parts
    )  # fmt: skip
    return b"\x80\x04" + b"".join(pushed) + pickle.STOP


def test_attributes_of_what_is_listed_are_out_of_reach() -> None:
    listed = ("river.linear_model.log_reg", "LogisticRegression", pickle.STACK_GLOBAL)
    dotted = ("river.linear_model.log_reg", "LogisticRegression.__init__", pickle.STACK_GLOBAL)
    module = ("river.linear_model.log_reg", "optim", pickle.STACK_GLOBAL)
    for asked in (dotted, module, ("agents.models", "np", pickle.STACK_GLOBAL)):
        with pytest.raises(ModelMismatch, match="not allowed"):
            load(stored(opcodes(*asked)))
    patch = (
        pickle.NONE, pickle.EMPTY_DICT, "predict_one", pickle.NONE, pickle.SETITEM,
        pickle.TUPLE2, pickle.BUILD,
    )  # fmt: skip
    before = linear_model.LogisticRegression.__dict__.copy()
    for target in (listed, ("agents.models", "_numbers", pickle.STACK_GLOBAL)):
        with pytest.raises(ModelMismatch, match="changes a class or a function"):
            load(stored(opcodes(*target, *patch)))
    assert linear_model.LogisticRegression.__dict__ == before
    assert not hasattr(models._numbers, "predict_one")


def test_bytes_that_are_no_model_are_a_mismatch() -> None:
    whole = store(drift.ADWIN())["model"]
    window = type(drift.ADWIN()._helper)
    panics = pickle.dumps(Calling(window, 0.002, 32, 5, 5, 10, state=b"short"))
    for raw in (b"", b"junk", whole[:-9], panics, "text", 5):
        with pytest.raises(ModelMismatch, match="cannot be read"):
            load(stored(raw))  # type: ignore[arg-type]
    for state in (None, b"bytes", {}, {"format": MODEL_FORMAT}):
        with pytest.raises(ModelMismatch, match="not a model of this version"):
            load(state)
    with pytest.raises(ModelMismatch, match="a ADWIN is stored where a LogisticRegression belongs"):
        load(stored(whole), linear_model.LogisticRegression)
    with pytest.raises(ModelMismatch, match="NumPy values of"):
        load(stored(pickle.dumps(Calling(models._numbers, "O", (1,), b"12345678"))))


def test_another_version_is_a_mismatch() -> None:
    state = store(linear_model.LogisticRegression())
    with pytest.raises(ModelMismatch, match=r"River 0\.0"):
        load({**state, "river": "0.0"})
    with pytest.raises(ModelMismatch, match="format 1 "):
        load({**state, "format": 1})


def test_what_could_not_be_restored_is_not_stored() -> None:
    with pytest.raises(TypeError, match=r"Unlisted is not on the list"):
        store({"model": Unlisted()})
    with pytest.raises(TypeError, match="are not numbers"):
        store(np.array([None]))


@pytest.mark.parametrize("value", [np.arange(6.0).reshape(2, 3), np.array(3), np.float32(0.1)])
def test_numbers_of_numpy_keep_type_and_shape(value: Any) -> None:
    copy = load(store(value))
    assert type(copy) is type(value)
    assert copy.dtype == value.dtype
    assert np.array_equal(copy, value)


def test_a_worker_is_imported_without_river_which_is_then_there_at_once() -> None:
    script = (
        "import sys, streams.app, streams.cli.worker\n"
        "assert not {'river', 'scipy'} & sys.modules.keys()\n"
        "from agents import models\n"
        "models.prepare()\n"
        "before = set(sys.modules)\n"
        "from agents.market.engine import EngineConfig, MarketEngine\n"
        "MarketEngine(EngineConfig()).snapshot()\n"
        "late = {name for name in sys.modules.keys() - before if name.startswith('river')}\n"
        "assert not late, late\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
