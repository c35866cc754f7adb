"""The package of this checkout over the library named by PYRALOG_LIBRARY."""
import os
import pathlib
import sys

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(SOURCE))

import pyralog  # noqa: E402


@pytest.fixture
def conn():
    with pyralog.connect() as connection:
        yield connection


@pytest.fixture(scope="session")
def duckdb_engine():
    """Asks for the DuckDB engine: the test is skipped, visibly, in a build without it."""
    with pyralog.connect() as connection:
        try:
            connection.execute("SET engine = 'duckdb'; SELECT 1")
        except pyralog.NotSupportedError:
            pytest.skip("this build has no DuckDB engine")


@pytest.fixture(scope="session")
def corpora():
    folder = pathlib.Path(os.environ.get("PYRALOG_CORPORA", SOURCE.parent / ".." / "shared" / "corpora"))
    if not folder.is_dir():
        pytest.skip("PYRALOG_CORPORA is not there")
    return folder


def mapped_file(address):
    """The file whose mapping an address lies in, by what the kernel says; None: in none."""
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= address < end and "/" in line:
            return line[line.index("/"):]
    return None


def mappings_of(path):
    """How often a file is mapped into this process."""
    return pathlib.Path("/proc/self/maps").read_text().count(str(path))
