"""Encoders: the one that ships with Banyan, and any of sentence-transformers."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from banyan.core.errors import ModelUnavailable

if TYPE_CHECKING:
    from banyan.core.ports import Encoder, Vectors

DEFAULT = "default"
"""Name of the model that ships with Banyan."""

_FOLDER = Path(__file__).parent / "model"


def load_encoder(model: str = DEFAULT, *, device: str | None = None, threads: int = 2) -> Encoder:
    """Return an encoder; its weights are read at the first `embed`.

    Args:
        model: `default`, or the name or folder of a sentence-transformers model.
        device: where a sentence-transformers model runs, as `cuda` or `cpu`; the best there is if None.
        threads: processor threads that the default model may keep busy.

    Raises:
        ModelUnavailable: the model's files, or sentence-transformers, are not installed.
    """
    if model == DEFAULT:
        return OnnxEncoder(_FOLDER, threads=threads)
    return SentenceTransformersEncoder(model, device=device)


class OnnxEncoder:
    """A small model that runs on the processor, from a folder with its graph, tokenizer and description.

    The graph takes one text at a time: on a processor a batch is no faster, and texts need no padding. So a text has
    the same vector whatever is embedded beside it, and a query never waits for a batch: each runs on one thread.
    """

    def __init__(self, folder: Path, *, threads: int = 2) -> None:
        self._folder = folder
        self._threads = threads
        try:
            about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelUnavailable(f"no encoder in `{folder}`: {error}") from error
        self.model_id: str = f"{about['name']}/{about['sha256'][:12]}/{about['max_tokens']}"
        self.dimension: int = about["dimension"]
        self._max_tokens: int = about["max_tokens"]
        self._loaded: tuple[Any, Any] | None = None
        self._loading = threading.Lock()  # two first calls load the model once

    def embed(self, texts: Sequence[str], /) -> Vectors:
        """Return one row per text, in order.

        Raises:
            ModelUnavailable: the model's files are missing or damaged.
        """
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        session, tokenizer = self._load()

        def one(text: str) -> Vectors:
            # A surrogate without its other half is no text; the tokenizer refuses it.
            ids = tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8")).ids
            vector: Vectors = session.run(None, {"input_ids": np.array([ids], dtype=np.int64)})[0]
            return vector

        if len(texts) == 1:
            return one(texts[0])
        with ThreadPoolExecutor(self._threads, thread_name_prefix="embed") as pool:
            return np.concatenate(list(pool.map(one, texts)))

    def _load(self) -> tuple[Any, Any]:
        with self._loading:
            if self._loaded is None:
                self._loaded = self._read()
            return self._loaded

    def _read(self) -> tuple[Any, Any]:
        # onnxruntime reports its use to its maker from the moment it is imported, unless this is said before.
        os.putenv("ORT_DISABLE_TELEMETRY", "1")
        # Imported here: a third of a second, which a search in a small catalogue by name need not pay.
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(
                str(self._folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
            tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        # onnxruntime and tokenizers raise classes of their own, straight under Exception, and plain Exception.
        except Exception as error:
            raise ModelUnavailable(f"the encoder in `{self._folder}` cannot be loaded: {error}") from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(self._max_tokens)
        return session, tokenizer


class SentenceTransformersEncoder:
    """Any sentence-transformers model, on a GPU where there is one."""

    def __init__(self, model: str, *, device: str | None = None, batch: int = 64) -> None:
        if find_spec("sentence_transformers") is None:
            raise ModelUnavailable(
                f"the model `{model}` needs sentence-transformers: `pip install 'banyan-agents[models]'`"
            )
        self._name = model
        self._device = device
        self._batch = batch
        self._model: Any = None
        self._loading = threading.Lock()  # two first calls load the model once

    @property
    def model_id(self) -> str:
        """The model's name; precision and device change a vector by less than its packing does."""
        return f"sentence-transformers/{self._name}"

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return int(self._load().get_embedding_dimension())

    def embed(self, texts: Sequence[str], /) -> Vectors:
        """Return one row per text, in order.

        Raises:
            ModelUnavailable: the model cannot be loaded, or does not fit its device.
        """
        model = self._load()
        try:
            rows = model.encode(
                list(texts),
                batch_size=self._batch,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        except RuntimeError as error:  # torch's own errors, out of memory among them
            raise ModelUnavailable(f"the model `{self._name}` failed: {error}") from error
        return np.asarray(rows, dtype=np.float32)

    def _load(self) -> Any:
        with self._loading:
            if self._model is None:
                from sentence_transformers import SentenceTransformer

                try:
                    self._model = SentenceTransformer(self._name, device=self._device)
                except (OSError, ValueError, RuntimeError) as error:
                    raise ModelUnavailable(f"the model `{self._name}` cannot be loaded: {error}") from error
            return self._model
