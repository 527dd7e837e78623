"""
Where the key ring's keys come from: a file of mode 0600, or `STAIRGATE_SECRET_KEYS` (design §4).

Both hold keys of 32 bytes in base64url, the first of them sealing: the file one a line, the variable with commas.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from stairgate.host.keyring import KEY_BYTES
from stairgate.model.canonical import base64url
from stairgate.model.errors import InvalidInputError, UnavailableError
from stairgate.model.jwt import decode_base64url

VARIABLE = "STAIRGATE_SECRET_KEYS"
MAX_FILE_BYTES = 65_536
MODE = 0o600


def new_key() -> bytes:
    """A fresh key."""
    return secrets.token_bytes(KEY_BYTES)


def keys_from_environment(environment: Mapping[str, str]) -> tuple[bytes, ...] | None:
    """
    The keys of `STAIRGATE_SECRET_KEYS`, None where it is not set.

    Raises:
        UnavailableError: It is set, and not to keys.
    """
    text = environment.get(VARIABLE)
    if text is None:
        return None
    return _parsed(text.split(","), VARIABLE)


def load_key_file(path: Path) -> tuple[bytes, ...]:
    """
    The keys of the file at *path*.

    Raises:
        UnavailableError: It is missing, readable by others, owned by somebody else, or does not hold keys.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise UnavailableError(f"the key file {path} is missing: put it back, or run `stairgate init`") from None
    except OSError as error:
        raise UnavailableError(f"the key file {path} cannot be read: {error.strerror}") from error
    try:
        # Asked of the open file, so that nobody can swap it between the look and the read.
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnavailableError(f"the key file {path} is not a regular file")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UnavailableError(f"the key file {path} can be read by others: run `chmod 600 {path}`")
        if status.st_uid not in {os.geteuid(), 0}:
            raise UnavailableError(f"the key file {path} belongs to another user: run `chown` on it")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            text = file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(text) > MAX_FILE_BYTES:
        raise UnavailableError(f"the key file {path} is not one: it is too long")
    return _parsed(text.decode("utf-8", "replace").splitlines(), f"the key file {path}")


def create_key_file(path: Path) -> tuple[bytes, ...]:
    """
    Make the file at *path* with one fresh key, whole or not at all, and return the key.

    Raises:
        UnavailableError: There is one, which is never overwritten: everything sealed would be lost. Or it cannot be
            written.
    """
    keys = (new_key(),)
    draft = _draft(path, keys)
    try:
        os.link(draft, path)  # fails where the name is taken, unlike a rename
    except FileExistsError:
        raise UnavailableError(f"the key file {path} is there already, and is not overwritten") from None
    except OSError as error:
        raise UnavailableError(f"the key file {path} cannot be made: {error.strerror}") from error
    finally:
        draft.unlink()
    _sync_folder(path)
    return keys


def add_key(path: Path) -> tuple[bytes, ...]:
    """
    Put a fresh key first in the file at *path*, whole or not at all: it seals from now on, all others still open.

    Raises:
        UnavailableError: As `load_key_file`; or it cannot be written.
    """
    keys = (new_key(), *load_key_file(path))
    draft = _draft(path, keys)
    try:
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UnavailableError(f"the key file {path} cannot be changed: {error.strerror}") from error
    _sync_folder(path)
    return keys


def _draft(path: Path, keys: tuple[bytes, ...]) -> Path:
    """A file beside *path* that holds *keys*, on the disk, that only we can read from its first moment."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write("".join(f"{base64url(key)}\n" for key in keys).encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UnavailableError(f"the key file {path} cannot be written: {error.strerror}") from error
    return draft


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parsed(texts: list[str], source: str) -> tuple[bytes, ...]:
    keys: list[bytes] = []
    for text in filter(None, map(str.strip, texts)):
        try:
            key = decode_base64url(text.rstrip("="))
        except InvalidInputError:
            key = b""
        if len(key) != KEY_BYTES:  # SECURITY: the message names the place, never the text
            raise UnavailableError(f"{source}: key {len(keys) + 1} is not {KEY_BYTES} bytes in base64url")
        if key in keys:
            raise UnavailableError(f"{source}: key {len(keys) + 1} is there twice")
        keys.append(key)
    if not keys:
        raise UnavailableError(f"{source} holds no key: run `stairgate init`, or put one there")
    return tuple(keys)
