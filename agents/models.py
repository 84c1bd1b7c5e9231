"""Learned River models in checkpoints: only what is listed here is ever built from stored bytes.

A pickle may name any function to call, and whoever can write to the database can write one. So
classes are taken from a list, none of which does more than hold figures, and nothing else: no
attribute of a class or a function can be set either.
"""

from __future__ import annotations

import io
import pickle
from importlib import import_module
from importlib.metadata import version
from types import BuiltinFunctionType, FunctionType
from typing import Any, ClassVar

import numpy as np

MODEL_FORMAT = 2
RIVER_VERSION = version("river")
_PROTOCOL = 5

_LISTED = {
    "builtins": "dict float int",
    "collections": "Counter OrderedDict defaultdict deque",
    "random": "Random",
    "agents.models": "_numbers",
    "river._river_rust.drift": "AdaptiveWindowing",
    "river._river_rust.stats": "RsEWMean RsEWVar",
    "river._river_rust.vectordict": "VectorDict",
    "river.compose.pipeline": "Pipeline",
    "river.drift.adwin": "ADWIN",
    "river.drift.binary.ddm": "DDM",
    "river.drift.binary.eddm": "EDDM",
    "river.drift.binary.hddm_a": "HDDMA",
    "river.drift.binary.hddm_w": "HDDMW SampleInfo",
    "river.drift.kswin": "KSWIN",
    "river.linear_model.lin_reg": "LinearRegression",
    "river.linear_model.log_reg": "LogisticRegression",
    "river.optim.ada_grad": "AdaGrad",
    "river.optim.adam": "Adam",
    "river.optim.initializers": "Zeros",
    "river.optim.losses": "Log Squared",
    "river.optim.schedulers": "Constant InverseScaling",
    "river.optim.sgd": "SGD",
    "river.preprocessing.scale": "MinMaxScaler StandardScaler",
    "river.proba.gaussian": "Gaussian",
    "river.stats.ewmean": "EWMean",
    "river.stats.ewvar": "EWVar",
    "river.stats.maximum": "Max",
    "river.stats.mean": "Mean",
    "river.stats.minimum": "Min",
    "river.stats.var": "Var",
    "river.tree.hoeffding_adaptive_tree_classifier": "HoeffdingAdaptiveTreeClassifier",
    "river.tree.hoeffding_tree_classifier": "HoeffdingTreeClassifier",
    "river.tree.nodes.branch": "NominalMultiwayBranch NumericBinaryBranch",
    "river.tree.nodes.hatc_nodes": (
        "AdaLeafClassifier AdaNomMultiwayBranchClass AdaNumBinaryBranchClass"
    ),
    "river.tree.nodes.htc_nodes": "LeafMajorityClass LeafNaiveBayes LeafNaiveBayesAdaptive",
    "river.tree.splitter.gaussian_splitter": "GaussianSplitter",
    "river.tree.splitter.nominal_splitter_classif": "NominalSplitterClassif",
}
_ALLOWED = frozenset((module, name) for module, names in _LISTED.items() for name in names.split())
_NAMED = (type, FunctionType, BuiltinFunctionType)


def prepare() -> None:
    """Import what models are made of, which is imported where it is first needed.

    That takes a second of processor time, nearly all of it for ``scipy.stats``, and a worker that
    starts has better things to do; it may be done in a thread.
    """
    for module in ("river.compose", "river.drift", "river.linear_model", "river.preprocessing"):
        import_module(module)


class ModelMismatch(ValueError):
    """A stored model is another version's, or is not one; it must be learned afresh."""


def store(model: Any) -> dict[str, Any]:
    """A model as plain values, for :func:`agents.state.pack_state`.

    Raises:
        TypeError: the model holds something that :func:`load` would refuse.
    """
    out = io.BytesIO()
    _Storing(out, _PROTOCOL).dump(model)
    return {"format": MODEL_FORMAT, "river": RIVER_VERSION, "model": out.getvalue()}


def load(state: Any, kind: type = object) -> Any:
    """The model of :func:`store`; it predicts and learns on to the last bit as the original.

    Raises:
        ModelMismatch: another version stored it, it is no ``kind``, or holds what is not allowed.
    """
    if not isinstance(state, dict) or not state.keys() >= {"format", "river", "model"}:
        raise ModelMismatch("what is stored is not a model of this version")
    stored = (state["format"], state["river"])
    if stored != (MODEL_FORMAT, RIVER_VERSION):
        raise ModelMismatch(
            f"the model was stored by format {stored[0]} and River {stored[1]}, "
            f"here are format {MODEL_FORMAT} and River {RIVER_VERSION}"
        )
    try:
        model = _Restoring(io.BytesIO(state["model"])).load()
    except ModelMismatch:
        raise
    except BaseException as exc:  # wrong bytes fail in many ways, by a panic in River's Rust too
        if not isinstance(exc, Exception) and type(exc).__module__ != "pyo3_runtime":
            raise
        raise ModelMismatch(f"the stored model cannot be read: {exc!r}") from None
    if not isinstance(model, kind):
        raise ModelMismatch(f"a {type(model).__name__} is stored where a {kind.__name__} belongs")
    return model


class _Storing(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, np.ndarray | np.generic):
            return _numbers, _raw(obj)
        if isinstance(obj, _NAMED) and (obj.__module__, obj.__qualname__) not in _ALLOWED:
            raise TypeError(f"{obj.__module__}.{obj.__qualname__} is not on the list of models")
        return NotImplemented


# The one in Python, as the one in C lets nobody look at what a state is set on.
class _Restoring(pickle._Unpickler):
    dispatch: ClassVar = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise ModelMismatch(f"the stored model asks for {module}.{name}, which is not allowed")
        return super().find_class(module, name)

    def load_build(self) -> None:
        if isinstance(self.stack[-2], _NAMED):  # type: ignore[attr-defined]
            raise ModelMismatch("the stored model changes a class or a function")
        super().load_build()  # type: ignore[misc]

    dispatch[pickle.BUILD[0]] = load_build  # type: ignore[assignment]


def _raw(values: np.ndarray[Any, Any] | np.generic) -> tuple[str, tuple[int, ...] | None, bytes]:
    shape = values.shape if isinstance(values, np.ndarray) else None
    if values.dtype.kind not in "biuf":
        raise TypeError(f"NumPy values of {values.dtype} are not numbers")
    return values.dtype.str, shape, values.tobytes()


def _numbers(dtype: str, shape: tuple[int, ...] | None, raw: bytes) -> Any:
    """NumPy values without NumPy's own pickling, which allows objects; no shape: a scalar."""
    if np.dtype(dtype).kind not in "biuf":
        raise ModelMismatch(f"the stored model holds NumPy values of {dtype}")
    values = np.frombuffer(raw, dtype)
    return values[0] if shape is None else values.reshape(shape).copy()
