"""The exceptions of PEP 249, made of the SQLSTATE that the library gives."""
from __future__ import annotations

import re
from typing import Optional


class Warning(Exception):  # noqa: A001 - the name is PEP 249's
    """Something is worth knowing. Never raised: what a statement says beside its result is in
    `Connection.notices()`."""


class Error(Exception):
    """What went wrong.

    `sqlstate`: five characters, PostgreSQL's ("42P01": there is no such table). `position`: the byte
    in the SQL text where it is, or None."""

    sqlstate: str = "HY000"
    position: Optional[int] = None

    def __init__(self, message: str = "", sqlstate: Optional[str] = None,
                 position: Optional[int] = None) -> None:
        super().__init__(message)
        if sqlstate is not None:
            self.sqlstate = sqlstate
        self.position = position


class InterfaceError(Error):
    """The interface was used in a way it cannot be: a closed connection, a result read twice."""

    sqlstate = "08003"


class DatabaseError(Error):
    """Whatever comes from the database."""


class DataError(DatabaseError):
    """A value is out of range, cannot be cast, divides by zero."""


class OperationalError(DatabaseError):
    """The system refused: a file, memory, a limit, a conflict, a cancelled statement."""


class IntegrityError(DatabaseError):
    """A row that NOT NULL, UNIQUE or CHECK does not allow."""


class InternalError(DatabaseError):
    """A bug of the library's, or bytes on disk that are not what they were."""


class ProgrammingError(DatabaseError):
    """The statement is wrong: syntax, no such table, no such column."""


class NotSupportedError(DatabaseError):
    """The database has no such thing."""


# By the class of a SQLSTATE, its first two characters. All others are OperationalErrors.
_CLASSES = {
    "0A": NotSupportedError,
    "21": ProgrammingError,
    "22": DataError,
    "23": IntegrityError,
    "25": ProgrammingError,
    "26": ProgrammingError,
    "2B": ProgrammingError,
    "3D": ProgrammingError,
    "3F": ProgrammingError,
    "42": ProgrammingError,
    "44": IntegrityError,
    "XX": InternalError,
}

_STREAM_MESSAGE = re.compile(r"([0-9A-Z]{5}): (.*)", re.DOTALL)


def error_of(sqlstate: str, message: str, position: Optional[int] = None) -> DatabaseError:
    """The exception that stands for an error of the library."""
    kind = _CLASSES.get(sqlstate[:2], OperationalError)
    return kind(message, sqlstate, position)


def stream_error(text: str) -> DatabaseError:
    """The same of what a stream says, which is "SQLSTATE: message"."""
    match = _STREAM_MESSAGE.match(text)
    return error_of(match.group(1), match.group(2)) if match else OperationalError(text)
