"""The service models that botocore carries, read as data: no client is made."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from banyan.core.errors import SourceUnavailable

if TYPE_CHECKING:
    from botocore.loaders import Loader

EVERY = "*"
"""Pattern of all services."""


class Models:
    """Service models by the services' short names, as `s3`; each is read anew and kept by nobody."""

    def __init__(self, source: str) -> None:
        self._source = source

    def services(self, patterns: Sequence[str]) -> list[str]:
        """Return the services that match one of `patterns`, by name.

        Raises:
            SourceUnavailable: botocore is not installed, or a pattern matches no service.
        """
        every = self._loader().list_available_services("service-2")
        chosen: set[str] = set()
        for pattern in patterns:
            found = [one for one in every if fnmatchcase(one, pattern.casefold())]
            if not found:
                raise SourceUnavailable(self._source, self._unknown(pattern, every))
            chosen.update(found)
        return sorted(chosen)

    def read(self, service: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return the newest model of a service, and how its operations are paged.

        Raises:
            SourceUnavailable: botocore has none, or it cannot be read.
        """
        from botocore.exceptions import BotoCoreError

        # A loader keeps all that it read, so each service gets its own.
        files = self._loader()
        try:
            version = files.determine_latest_version(service, "service-2")
            model = _load(files, f"{service}/{version}/service-2")
            pages = _load(files, f"{service}/{version}/paginators-1", missing={"pagination": {}})
        except (BotoCoreError, OSError, ValueError) as error:
            raise SourceUnavailable(self._source, f"the model of `{service}` cannot be read: {error}") from error
        return model, pages["pagination"]

    def _loader(self) -> Loader:
        try:
            return loader()
        except ImportError as error:
            raise SourceUnavailable(self._source, NOT_INSTALLED) from error

    def _unknown(self, pattern: str, every: Sequence[str]) -> str:
        from rapidfuzz import process

        near = [one for one, _, _ in process.extract(pattern, every, limit=3, score_cutoff=60)]
        hint = f"did you mean {', '.join(f'`{one}`' for one in near)}?" if near else "`*` is all of AWS"
        return f"AWS has no service `{pattern}` that this botocore knows; {hint}"


def loader() -> Loader:
    """Return a fresh loader of botocore's data files, and of those in the user's `~/.aws/models`."""
    from botocore.loaders import Loader

    return Loader(file_loader=_Files())


def _load(files: Loader, name: str, *, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a data file with what the SDKs add to it, as `Loader.load_service_model` does without its slow checks."""
    from botocore.exceptions import DataNotFoundError
    from botocore.loaders import ExtrasProcessor

    try:
        found: dict[str, Any] = files.load_data(name)
    except DataNotFoundError:
        if missing is None:
            raise
        return missing
    try:
        ExtrasProcessor().process(found, [files.load_data(f"{name}.sdk-extras")])
    except DataNotFoundError:
        # Few models have extras.
        return found
    return found


NOT_INSTALLED = "AWS needs the extra `aws`: pip install 'banyan-agents[aws]'"


class _Files:
    """Reads model files for botocore's loader ten times as fast as its own reader does."""

    def exists(self, file_path: str) -> bool:
        return any(path.is_file() for path in _spellings(file_path))

    def load_file(self, file_path: str) -> Any:
        for path in _spellings(file_path):
            if path.is_file():
                body = path.read_bytes()
                return orjson.loads(gzip.decompress(body) if path.suffix == ".gz" else body)
        return None


def _spellings(file_path: str) -> tuple[Path, Path]:
    return Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
