"""Reads matrices of the SuiteSparse collection (Davis, Hu: ACM TOMS 38, 2011) through a cache of archives."""

import csv
import http.client
import os
import re
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import scipy.io
import scipy.sparse as sp


def read_suitesparse_matrix(
    name: str, group: str | None, cache_dir: str | os.PathLike[str] | None, base_url: str, timeout: float
) -> sp.coo_array:
    """Return a matrix of the collection; see `jaxamg.matrices.download_suitesparse_matrix`."""
    if group is None and "/" in name:
        group, name = name.split("/", 1)
    cache = Path(cache_dir) if cache_dir is not None else _default_cache_dir()
    base_url = base_url.rstrip("/")
    _check_name("name", name)
    if group is None:
        group = _find_group(name, cache, base_url, timeout)
    _check_name("group", group)
    archive = cache / group / f"{name}.tar.gz"
    if not archive.exists():
        _download(f"{base_url}/{group}/{name}.tar.gz", archive, timeout)
    return _read_archive(archive, name)


def _default_cache_dir() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "jaxamg" / "suitesparse"


def _check_name(what: str, value: str) -> None:
    # Both become parts of a path and of a URL: nothing that could leave the cache directory.
    if not re.fullmatch(r"\w[\w.+-]*", value):
        raise ValueError(f"{value!r} is not a {what} of the SuiteSparse collection")


def _find_group(name: str, cache: Path, base_url: str, timeout: float) -> str:
    index = cache / "ssstats.csv"
    if not index.exists():
        _download(urllib.parse.urljoin(f"{base_url}/", "../files/ssstats.csv"), index, timeout)
    with index.open(newline="") as file:
        groups = [row[0] for row in csv.reader(file) if len(row) > 1 and row[1] == name]
    if not groups:
        raise ValueError(f"the SuiteSparse collection has no matrix {name!r} (index: {index})")
    if len(groups) > 1:
        raise ValueError(f"several groups have a matrix {name!r}: pass group= one of {', '.join(groups)}")
    return groups[0]


def _download(url: str, target: Path, timeout: float) -> None:
    """Write a file whole or not at all, so that an interrupted download leaves nothing in the cache."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        part = Path(scratch) / target.name
        try:
            with urllib.request.urlopen(url, timeout=timeout) as response, part.open("wb") as file:
                shutil.copyfileobj(response, file)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise ValueError(f"{url} does not exist: check the matrix's name and group") from error
            raise ConnectionError(_offline(url, target, error)) from error
        except (OSError, http.client.HTTPException) as error:  # no network, a time-out, a broken connection
            raise ConnectionError(_offline(url, target, error)) from error
        os.replace(part, target)


def _offline(url: str, target: Path, error: Exception) -> str:
    return f"cannot download {url} ({error}); without a network, fetch it elsewhere and save it as {target}"


def _read_archive(archive: Path, name: str) -> sp.coo_array:
    member = f"{name}/{name}.mtx"
    try:
        # Read in place: nothing of the archive, whatever paths it holds, is written to disk.
        with tarfile.open(archive, "r:gz") as tar:
            file = tar.extractfile(member)
            if file is None:
                raise ValueError("not a regular file")
            return sp.coo_array(scipy.io.mmread(file, spmatrix=False))
    except (tarfile.TarError, EOFError, KeyError, OSError, ValueError) as error:
        raise ValueError(f"{archive} holds no readable {member} ({error}); delete it and retry") from error
