"""Public keys as people paste them: what is taken, and what is refused without quoting it."""

from __future__ import annotations

import asyncssh
import pytest

from bot.adapters.ssh.people import check_public_key
from bot.domain.ssh_keys import MARK, fingerprint, lines_for, read
from bot.errors import BadInput

KINDS = {
    "ssh-ed25519": {},
    "ssh-rsa": {"key_size": 2048},
    "ecdsa-sha2-nistp256": {},
    "ecdsa-sha2-nistp384": {},
    "ecdsa-sha2-nistp521": {},
}


def line(kind: str = "ssh-ed25519", comment: str = "ada@laptop", **options: int) -> str:
    key = asyncssh.generate_private_key(kind, comment=comment, **options)
    return key.export_public_key("openssh").decode().strip()


@pytest.mark.parametrize("kind", KINDS)
def test_every_good_kind_is_read_as_the_library_reads_it(kind: str) -> None:
    """The fingerprint is the one that ssh and ssh-keygen show."""
    text = line(kind, **KINDS[kind])

    (key,) = read(text)

    assert key.fingerprint == asyncssh.import_public_key(text).get_fingerprint()
    assert key.line == " ".join(text.split()[:2])
    assert key.comment == "ada@laptop"
    check_public_key(key.line)


def test_several_lines_are_several_keys_and_doubles_are_one() -> None:
    """Comments and empty lines are passed over, as in the file itself."""
    first, second = line(), line(comment="")

    keys = read(f"# mine\n\n{first}\r\n{second}\n{first}\n")

    assert [key.line for key in keys] == [" ".join(one.split()[:2]) for one in (first, second)]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (
            asyncssh.generate_private_key("ssh-ed25519").export_private_key("openssh").decode(),
            "private key",
        ),
        ("PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nAAAA", "private key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "private key"),
        ("hunter2-correct-horse", "not stored"),
        ("", "no key"),
        ("two plain words", "not stored"),
        ('command="rm -rf /" ' + line(), "Options"),
        ("no-pty " + line(), "Options"),
        (line("ssh-rsa", key_size=1024), "2048"),
        (line()[:60], "damaged"),
        ("ssh-ed25519 " + line("ssh-rsa", key_size=2048).split()[1], "damaged"),
        ("ssh-ed25519 not!base64", "damaged"),
        ("ssh-dss AAAAB3NzaC1kc3M=", "not taken"),
        ("a" * 9000, "too long"),
    ],
    # Some of them are made anew each time, and a test's name must be the same in every process.
    ids=(
        *("private key", "putty", "pem", "password", "nothing", "two words", "command", "no-pty"),
        *("short rsa", "cut short", "other kind", "not base64", "dss", "too long"),
    ),
)
def test_what_is_no_public_key_is_refused_and_never_quoted(text: str, word: str) -> None:
    """Neither the answer nor the log may hold a piece of what may be a secret."""
    with pytest.raises(BadInput) as caught:
        read(text)

    said = f"{caught.value} {caught.value.public} {caught.value.hint}"
    assert word in said
    assert not any(piece in said for piece in text.split() if len(piece) > 12)


def test_a_private_key_comes_with_the_advice_to_replace_it() -> None:
    """Whoever pasted it has shown it."""
    with pytest.raises(BadInput) as caught:
        read("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA")

    assert "new pair" in caught.value.hint


def test_the_lines_for_a_machine_name_nobody_and_have_one_order() -> None:
    """The host reads them: no person's name, and no reason to write them anew."""
    keys = [*read(line()), *read(line(comment="ben@work"))]

    lines = lines_for(keys)

    assert lines == lines_for([*reversed(keys), keys[0]])
    assert len(lines) == 2
    assert all(f" {MARK}" in one for one in lines)
    assert not any("laptop" in one or "work" in one for one in lines)


def test_a_pinned_host_key_has_the_fingerprint_that_ssh_asks_about() -> None:
    """A person compares the two."""
    text = line()

    assert fingerprint(text) == asyncssh.import_public_key(text).get_fingerprint()
