"""Which files are private: a list of names, and what the user adds to it."""

import pytest

from dlm_lsp.text.private import is_private, private_rule


@pytest.mark.parametrize(
    "place",
    [
        *(".env", ".env.local", "/app/.env.production", ".envrc", "prod.env", "/app/.ENV"),
        *("server.pem", "tls/private.key", "id_rsa", "id_ed25519.pub", "store.kdbx", "x.p12", "putty.ppk"),
        *("/home/u/.netrc", "_netrc", ".pypirc", ".npmrc", ".git-credentials", ".pgpass", "pip.conf"),
        *("prod.tfvars", "prod.auto.tfvars.json", "terraform.tfstate", "terraform.tfstate.backup"),
        *("/home/u/.aws/config", "/home/u/.ssh/config.py", "/home/u/.kube/notes.txt", "/home/u/.config/gcloud/x.py"),
        *("credentials", "credentials.json", "client_secret.json", "secrets.py", "db-passwords.txt", "my.secret"),
        *("C:\\Users\\u\\.ssh\\notes.txt", "C:\\work\\.env", "token.json"),
        *("file:///home/u/.env", "file:///home/u/%2Eenv", "file:///c%3A/code/.aws/x.py", "untitled:.env"),
        "vscode-notebook-cell:/home/u/secrets.ipynb#W0sZmlsZQ%3D%3D",
    ],
)
def test_secrets_are_private(place: str) -> None:
    """Fails if a file that holds keys by its name would be read, in whatever way the place is written."""
    assert is_private(place)


@pytest.mark.parametrize(
    "place",
    [
        *("", "/", "app.py", "/home/u/environment.py", "env.py", "key.py", "keys/app.py", "tokenizer.json", "token.py"),
        *("secretary.py", "password_reset/app.py", "ssh.py", "aws/app.py", "my.keynote.py", "monkey.py", "config.json"),
        *("file:///home/u/app.py", "untitled:Untitled-1", "vscode-notebook-cell:/home/u/plots.ipynb#W0", "C:\\a\\b.py"),
    ],
)
def test_ordinary_files_are_not(place: str) -> None:
    """Fails if a rule is so wide that people lose completions in code."""
    assert private_rule(place) is None


def test_the_rule_is_named() -> None:
    """Fails if the log names the file instead of the rule, or the wrong rule."""
    places = ("/a/.env.local", "/a/.ssh/config", "/a/db_secrets.py", "/a/legacy/x.py")
    assert [".env*", ".ssh/", "*secrets*", "legacy"] == [private_rule(place, ("legacy",)) for place in places]


@pytest.mark.parametrize(
    ("glob", "place", "private"),
    [
        ("*.gen.py", "/w/a.gen.py", True),
        ("*.gen.py", "/w/a.py", False),
        ("vendor", "/w/vendor/deep/a.py", True),
        ("vendor", "/w/vendors/a.py", False),
        ("vendor/", "/w/vendor/a.py", True),
        ("infra/keys", "/w/infra/keys/a.py", True),
        ("infra/keys", "/w/infra/a.py", False),
        ("infra/*.py", "/w/infra/a.py", True),
        ("Infra\\*.PY", "file:///w/infra/a.py", True),
        ("/w/a.py", "/w/a.py", True),
        ("", "/w/a.py", False),
        ("/", "/w/a.py", False),
        ("*", "/w/a.py", True),
        ("[", "/w/a.py", False),
    ],
)
def test_the_user_adds_globs(glob: str, place: str, *, private: bool) -> None:
    """Fails if a glob of the user's says something else than documented, or one that is no glob raises."""
    assert private == is_private(place, (glob,))
    assert is_private("/w/.env", (glob,)), "the built-in list stays"
