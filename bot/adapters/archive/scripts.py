"""What runs on a machine: POSIX shell around GNU find, tar and coreutils, leaving nothing behind.

Lists of names come on standard input, NUL-separated and each behind a `./`, never from a glob:
files called `-rf` or `--checkpoint-action=exec=sh x` are names and nothing else (reference
idle-and-archive, 2.1 and 2.3). Links are never followed.
"""

from __future__ import annotations

import shlex

SCAN_FIELDS = 13

_TAR = (
    "tar --format=posix --sparse --xattrs --acls --numeric-owner --no-recursion"
    # Without these two tar writes three times that the file was read, which nobody asked for.
    " --pax-option=delete=atime,delete=ctime"
    " --null --verbatim-files-from -T - -cf -"
)

_UNTAR = (
    "tar --xattrs --xattrs-include='user.*' --xattrs-include=security.capability --acls"
    " --numeric-owner --same-owner -p --delay-directory-restore -xf -"
)

# Where the notebook's own start script goes (adapters/jupyter/start.sh).
_WORKSPACE = (
    'cd "${WORKSPACE:-/workspace}" 2>/dev/null || cd /workspace 2>/dev/null'
    ' || cd "$HOME" || exit 66'
)

COMPRESS = {"zst": "zstd -3 -T0 -q -c", "gz": "gzip -1 -c"}
_EXPAND = {"zst": "zstd -d -q -c", "gz": "gzip -d -c", "tar": "cat"}


def look(root: str) -> str:
    """Tries each tool in the way it will be used; says `key value` lines."""
    return f"""{_enter(root)}
has() {{ "$@" >/dev/null 2>&1; }}
echo "root $(pwd -P)"
has find . -maxdepth 0 -printf '%y%s%T@%C@%b%D%i%m%n%U%G%P%l' || echo 'missing GNU find'
printf './\\0' | has {_TAR} || echo 'missing GNU tar 1.29 or newer'
printf '' | has sha256sum -z || echo 'missing sha256sum of coreutils 8.25 or newer'
printf 'a\\0' | has xargs -0 -r sh -c : || echo 'missing xargs'
if has zstd --version; then echo 'codec zst'
elif has gzip --version; then echo 'codec gz'
else echo 'missing zstd or gzip'; fi
echo "disk $(df -Pk . 2>/dev/null | tail -n 1)"
echo "version $(find --version 2>/dev/null | head -n 1), $(tar --version 2>/dev/null | head -n 1)"
"""


def scan(root: str) -> str:
    """Type, size, blocks, times, device, inode, mode, links, owner, group, path, target."""
    fields = r"%y\0%s\0%b\0%T@\0%C@\0%D\0%i\0%m\0%n\0%U\0%G\0%P\0%l\0"
    return f"{_enter(root)}\nexec find . -mindepth 1 -printf '{fields}'"


def rules(root: str, limit: int) -> str:
    return f"{_enter(root)}\nif [ -f .archiveignore ]; then head -c {limit} .archiveignore; fi"


def pack(root: str, codec: str) -> str:
    """Names on stdin, a compressed tar on stdout, tar's own status on stderr."""
    return f'{_enter(root)}\n{{ {_TAR}; echo "tar $?" >&2; }} | {COMPRESS[codec]}'


def digests(root: str) -> str:
    """Names on stdin. What is no file any more is passed by: a FIFO would be read for ever."""
    still = 'for f do [ -f "$f" ] && printf "%s\\0" "$f"; done; :'
    return f"{_enter(root)}\nxargs -0 -r sh -c '{still}' sh | xargs -0 -r sha256sum -z --"


def remove(root: str) -> str:
    """Names on stdin: files and links, never folders."""
    return f"{_enter(root)}\nexec xargs -0 -r rm -f --"


def prune(root: str) -> str:
    """Names of folders on stdin, the deepest first; one that is not empty stays."""
    return f"{_enter(root)}\nxargs -0 -r rmdir -- 2>/dev/null; :"


def unpack(root: str, codec: str) -> str:
    quoted = shlex.quote(root)
    return (
        f"export LC_ALL=C\nmkdir -p -- {quoted} && cd -- {quoted} || exit 66\n"
        f'{{ {_EXPAND[codec]}; echo "expand $?" >&2; }} | {_UNTAR}'
    )


def outside(root: str) -> str:
    """Count and bytes of the files in $HOME younger than the machine's first process.

    Left out is what Bellhop, the shell and package managers put there.
    """
    ours = " -o ".join(
        f"-path ./{name}"
        for name in (".ssh", ".cache", ".bellhop", ".ipython", ".local", ".jupyter", ".config")
    )
    shells = " -o ".join(f"-name {name}" for name in (".bashrc", ".profile", ".gitconfig", ".*rc"))
    return f"""export LC_ALL=C
root={shlex.quote(root)}
cd "$HOME" 2>/dev/null || exit 0
here=$(pwd -P)
case "$root/" in "$here/") exit 0;; esac
printf '%s\\0' "$here"
exec find . -xdev \\( {ours} -o -samefile "$root" \\) -prune -o -type f ! \\( {shells} \\) \\
  ! -name onstart.sh -newer /proc/1 -printf '%s\\0' 2>/dev/null
"""


def _enter(root: str) -> str:
    enter = f"cd -- {shlex.quote(root)} || exit 66" if root else _WORKSPACE
    return f"export LC_ALL=C\n{enter}"
