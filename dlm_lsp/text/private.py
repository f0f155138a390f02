"""Which files are nobody's business: keys, passwords, credentials. They are neither filled nor shown to a model as context.

In: a path or a URI, and the globs that the user added to the list. Out: yes or no, and by which rule. It looks at names alone:
it opens no file and does not know what is in one.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import unquote, urlsplit

FILES = (
    *(".env*", "*.env", "*.tfvars", "*.tfvars.json", "*.tfstate", "*.tfstate.*"),
    *("*.pem", "*.key", "*.ppk", "*.p8", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdb", "*.kdbx", "*.asc", "*.gpg"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "authorized_keys", "known_hosts", "*.ovpn"),
    *(".netrc", "_netrc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials", ".npmrc", ".yarnrc.yml", ".pypirc"),
    *("pip.conf", ".s3cfg", ".boto", ".dockercfg", ".vault-token", "kubeconfig", "service-account*.json"),
    *("token.json", "*_token.json"),
)
"""Names of files, in lower case."""

FOLDERS = (".aws", ".azure", ".docker", ".gnupg", ".kube", ".password-store", ".ssh", "gcloud")
"""Everything in these is private."""

WORDS = frozenset(
    {"secret", "secrets", "credential", "credentials", "password", "passwords", "passwd", "apikey", "apikeys"}
)
"""A file is private that has one of these between the signs of its name: `db_secrets.py`, but not `secretary.py`."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # two letters and more: C: is a drive
_SIGN = re.compile(r"[^a-z0-9]+")


def is_private(place: str, exclude: tuple[str, ...] = ()) -> bool:
    """Whether the file at a path or URI is not to be read."""
    return private_rule(place, exclude) is not None


@lru_cache(maxsize=256)  # asked about the same few files at each keystroke
def private_rule(place: str, exclude: tuple[str, ...] = ()) -> str | None:
    """Give the rule that makes a file private, or None; `exclude` adds globs, and takes nothing from the list.

    A glob without a slash is about the file's name or that of a folder above it, one with a slash about the path's end,
    or about a folder in it.
    """
    path = unquote(urlsplit(place).path) if _URI.match(place) else place
    parts = [part for part in path.replace("\\", "/").lower().split("/") if part]
    if not parts:
        return None
    name = parts[-1]
    for glob in FILES:
        if fnmatchcase(name, glob):
            return glob
    for folder in FOLDERS:
        if folder in parts[:-1]:
            return f"{folder}/"
    for word in _SIGN.split(name):
        if word in WORDS:
            return f"*{word}*"
    return next((glob for glob in exclude if _matches(parts, glob)), None)


def _matches(parts: Sequence[str], glob: str) -> bool:
    glob = glob.lower().replace("\\", "/").strip("/")
    if "/" not in glob:
        return any(fnmatchcase(part, glob) for part in parts)
    path = "/" + "/".join(parts)
    return fnmatchcase(path, f"*/{glob}") or fnmatchcase(path, f"*/{glob}/*")
