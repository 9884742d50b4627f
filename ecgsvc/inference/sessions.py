"""ONNX Runtime sessions on the processor the operator asked for."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ecgsvc.domain.errors import ModelUnavailable
from ecgsvc.inference.model_card import MODEL_FILE, ModelCard, load_model_card

Provider: TypeAlias = Literal["auto", "cpu", "cuda"]

_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
_ORT_WARNING, _ORT_FATAL = 2, 4

_log = logging.getLogger(__name__)


def open_model(
    folder: Path,
    fits: Callable[[ModelCard], bool],
    provider: Provider = "auto",
    intra_op_threads: int = 1,
) -> tuple[ort.InferenceSession, ModelCard]:
    """Open a model folder that takes what this code builds, which `fits` tells.

    Raises
    ------
    ModelUnavailable
        The folder is incomplete or altered, does not fit, or cannot run on the provider
        asked for.
    """
    card = load_model_card(folder)
    if not fits(card):
        msg = f"the model in {folder.name} takes another input than this version builds"
        raise ModelUnavailable(msg)
    return open_session(folder / MODEL_FILE, provider, intra_op_threads), card


def run_model(
    session: ort.InferenceSession,
    name: str,
    outputs: Sequence[str],
    feed: Mapping[str, NDArray[np.float32]],
) -> list[NDArray[np.float32]]:
    """Run the model of this name, whose answer is the outputs asked for, in that order.

    Raises
    ------
    ModelUnavailable
        It failed.
    """
    try:
        answers: list[NDArray[np.float32]] = session.run(outputs, feed)
    except Exception as error:  # ONNX Runtime's errors share no public base class
        msg = f"the model {name} failed while it ran"
        raise ModelUnavailable(msg) from error
    return answers


def open_session(
    path: Path, provider: Provider = "auto", intra_op_threads: int = 1
) -> ort.InferenceSession:
    """Open an ONNX file; the session may be used from several threads at once.

    Parameters
    ----------
    path
        The ONNX file.
    provider
        ``cuda`` runs on a GPU or not at all; ``auto`` takes a GPU that works, else the CPU,
        and logs which; ``cpu`` never looks for a GPU.
    intra_op_threads
        Threads of one call on the CPU. One suits a server, whose requests already run side
        by side.

    Raises
    ------
    ModelUnavailable
        The file cannot be loaded, or ``cuda`` was asked for and CUDA does not work here.
    """
    session = None
    if provider != "cpu" and _CUDA in ort.get_available_providers():
        session = _create(path, [_CUDA, _CPU], intra_op_threads)
    # ONNX Runtime lists CUDA wherever its library was built with it, and falls back to the
    # CPU without an error: only the finished session knows what it runs on.
    on_cuda = session is not None and _CUDA in session.get_providers()
    if provider == "cuda" and not on_cuda:
        msg = "CUDA was asked for, but ONNX Runtime cannot run on it on this machine"
        raise ModelUnavailable(msg)
    if session is None:
        session = _create(path, [_CPU], intra_op_threads)
    _log.info("model %s runs on %s", path.parent.name, "CUDA" if on_cuda else "the CPU")
    return session


def _create(
    path: Path, providers: list[str], intra_op_threads: int
) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = intra_op_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ORT_FATAL
    try:
        with _quiet_onnxruntime():
            return ort.InferenceSession(path, sess_options=options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors share no public base class
        msg = f"the model file of {path.parent.name} cannot be loaded"
        raise ModelUnavailable(msg) from error


@contextmanager
def _quiet_onnxruntime() -> Iterator[None]:
    """Keep a missing CUDA library off stderr: `open_session` says what it means."""
    ort.set_default_logger_severity(_ORT_FATAL)
    try:
        yield
    finally:
        ort.set_default_logger_severity(_ORT_WARNING)
