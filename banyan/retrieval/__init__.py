"""Which few of the many: texts to vectors, lexical and dense index, fusion, calibration, evaluation."""

from banyan.retrieval.encoder import load_encoder
from banyan.retrieval.index import HybridIndex, IndexLimits
from banyan.retrieval.rank import Mode

__all__ = ["HybridIndex", "IndexLimits", "Mode", "load_encoder"]
