"""The Python package of this checkout over its release build: what is measured is a call of the library, not
the start of a program. `from ours import pyralog`."""
import os
import sys

from rows import RELEASE, ROOT

os.environ["PYRALOG_LIBRARY"] = str(RELEASE / "libpyralog.so")
sys.path.insert(0, str(ROOT / "python"))
import pyralog  # noqa: E402, F401
