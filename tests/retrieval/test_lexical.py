from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from banyan.core.find import Document
from banyan.retrieval.lexical import FIELDS, K1, match, weigh
from banyan.retrieval.postings import Postings, PostingsRevision, postings_of
from banyan.retrieval.words import words
from tests.retrieval.documents import document

WORDS = ["alpha", "beta", "gamma", "delta", "list", "send"]
texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
documents = st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=8).map(
    lambda rows: [document(f"k{at}", text, name=name, details=more) for at, (name, text, more) in enumerate(rows)]
)


def naive_bm25f(corpus: list[Document], query: str) -> list[float]:
    """BM25F word by word and document by document, as the formula is written down."""
    scores = []
    for one in corpus:
        score = 0.0
        for word in set(words(query)):
            having = sum(
                any(word in words(str(getattr(other, f) or "")) for f in FIELDS if f != "tags") for other in corpus
            )
            idf = math.log(1 + (len(corpus) - having + 0.5) / (having + 0.5))
            frequency = 0.0
            for name, field in FIELDS.items():
                if name == "tags":
                    continue
                found = words(getattr(one, name))
                if found:
                    norm = 1 - field.slope + field.slope * len(found) / field.pivot
                    frequency += field.weight * found.count(word) / norm
            score += idf * frequency / (K1 + frequency)
        scores.append(score)
    return scores


def index(corpus: list[Document]) -> Postings:
    return postings_of((row, weigh(one)) for row, one in enumerate(corpus))


@given(documents, texts)
def test_scores_are_those_of_the_formula(corpus: list[Document], query: str) -> None:
    found = match(index(corpus), query, len(corpus))
    assert np.allclose(found.scores, naive_bm25f(corpus, query), atol=1e-5)


@given(documents, texts)
def test_coverage_is_the_share_of_the_querys_words_that_a_document_has(corpus: list[Document], query: str) -> None:
    found = match(index(corpus), query, len(corpus))
    coverage = found.coverage(np.arange(len(corpus)))
    for row, one in enumerate(corpus):
        own = set(words(" ".join([one.name, one.text, one.details])))
        if set(words(query)) and set(words(query)) <= own:
            assert math.isclose(coverage[row], 1.0, rel_tol=1e-5)
        if not set(words(query)) & own:
            assert coverage[row] == 0.0


@given(documents, documents, st.data())
def test_postings_revised_step_by_step_are_those_made_from_nothing(
    before: list[Document], after: list[Document], data: st.DataObject
) -> None:
    kept = data.draw(st.lists(st.integers(0, len(before) - 1), unique=True).map(sorted))
    corpus = [before[row] for row in kept] + after
    moved = np.full(len(before), -1, dtype=np.int32)
    moved[kept] = range(len(kept))
    revision = PostingsRevision()
    for row, one in enumerate(after, start=len(kept)):
        revision.add(row, weigh(one))
    revised, fresh = revision.finish(index(before), moved), index(corpus)
    assert list(revised.terms) == list(fresh.terms)
    for ours, theirs in zip(
        (revised.starts, revised.rows, revised.weights), (fresh.starts, fresh.rows, fresh.weights), strict=True
    ):
        assert np.array_equal(ours, theirs)


def test_a_word_of_the_name_counts_more_than_one_of_the_parameters() -> None:
    corpus = [document("a", name="send_email"), document("b", name="other", details="send email")]
    scores = match(index(corpus), "send email", 2).scores
    assert scores[0] > scores[1] > 0


def test_a_query_without_known_words_scores_nothing() -> None:
    found = match(index([document("a", "some text")]), "unheard", 1)
    assert found.scores.tolist() == [0.0]
    assert found.ceiling > 0
