"""Text to the words that are searched: any script, and the parts of identifiers."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MAX_WORD = 40
"""Characters of a word that count; what is longer is a hash or a key, not a word."""

_CHUNK = re.compile(r"[^\W_]+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W_A-Za-z0-9]+")
_ACCENT = re.compile("[\u0300-\u036f]")
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff]+)"
)
"""Thai, Lao, Burmese, Khmer, Japanese, Chinese, Korean: words are not, or not only, set apart by spaces."""

_FUNCTION_WORDS_TEXT = """
a about all am an and any are as at be been but by can could did do does for from had has have how i if in into is it
its just me my of on or our please should so some that the their them then there these they this those to us was we were
what when where which who will with would you your
"""
_FUNCTION_WORDS = frozenset(_FUNCTION_WORDS_TEXT.split())
"""English words that say nothing of what a text is about."""


def words(text: str) -> list[str]:
    """Return the words of `text` in order: folded, stemmed, identifiers both in parts and as a whole.

    `listOpenIssues` gives list, open, issu and no whole, since whole names are looked up elsewhere; `GitHub` and `S3`
    give `github` and `s3` too, since people write them so. Scripts without spaces give pairs of characters.
    """
    found: list[str] = []
    for chunk in _CHUNK.findall(fold_accents(text)):
        if chunk.isascii():
            found.extend(_of_chunk(chunk))
        else:
            found.extend(_of_foreign(chunk))
    return found


def fold_accents(text: str) -> str:
    """Return `text` with compatibility forms made plain and Latin, Greek and Cyrillic letters without accents."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFKD", text)))


def identifier(text: str) -> str:
    """Return the letters and digits of `text` without case: equal for `list_issues`, `ListIssues` and `list issues`."""
    return "".join(_CHUNK.findall(fold_accents(text))).casefold()


def in_any_order(text: str) -> str:
    """Return the distinct words of `text`, stemmed and sorted, without function words; "" if there is one at most.

    Equal for `CreateBucket`, `create a bucket` and `buckets, create`. It starts with a space, as no identifier does.
    """
    found = {stem(part) for part in spoken(fold_accents(text)).split() if part not in _FUNCTION_WORDS}
    return " " + " ".join(sorted(found)) if len(found) > 1 else ""


def spoken(text: str) -> str:
    """Return an identifier as people say it, in small letters: `getHTTPResponse` gives `get http response`."""
    return " ".join(part.lower() for chunk in _CHUNK.findall(text) for part in _PART.findall(chunk))


@lru_cache(maxsize=65_536)
def _of_chunk(chunk: str) -> tuple[str, ...]:
    if len(chunk) > MAX_WORD * 2:
        chunk = chunk[: MAX_WORD * 2]
    parts = [part.lower() for part in _PART.findall(chunk)]
    if len(parts) == 1:
        return _kept(parts)
    whole = "".join(parts)
    long = [part for part in parts if len(part) > 1]
    return _kept([*long, whole] if len(whole) <= _MAX_WHOLE else long)


_MAX_WHOLE = 12
"""Characters up to which an identifier is a word of its own: `github`, `s3`, `oauth2`."""


def _of_foreign(chunk: str) -> list[str]:
    found: list[str] = []
    for at, piece in enumerate(_UNSPACED.split(chunk)):
        if at % 2 == 0:
            found.extend(part.casefold()[:MAX_WORD] for part in _PART.findall(piece))
        elif len(piece) == 1:
            found.append(piece)
        else:
            found.extend(piece[i : i + 2] for i in range(len(piece) - 1))
    return found


def _kept(parts: list[str]) -> tuple[str, ...]:
    return tuple(stem(part[:MAX_WORD]) for part in parts if part not in _FUNCTION_WORDS)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Return `word` without its English inflection: plural s, -ing, -ed; rather too little than too much."""
    if len(word) <= 3 or not word.isalpha():
        return word
    word = _singular(word)
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return _verb(word[: -len(ending)]) or word
    if word.endswith("e") and len(word) > 4:
        return word[:-1]
    return word


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _verb(root: str) -> str:
    """Return the stem of a verb whose ending was cut off, or "" where it was no ending: `string`, `bring`."""
    if not any(letter in "aeiouy" for letter in root):
        return ""
    if root[-1] == root[-2] and root[-1] not in "lsz":
        return root[:-1]
    return root[:-1] if root.endswith("e") and len(root) > 4 else root
