"""What an archive leaves out: the defaults, each with its proof, and the owner's `.archiveignore`.

The defaults skip only what can be fetched again, and only where the tree itself shows that it was
fetched (reference idle-and-archive, 2.6). The owner's rules are gitignore's; they come after the
defaults, so `!name` brings back. A `.gitignore` is no rule here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from pathspec import GitIgnoreSpec

from bot.domain.archives import Chosen, Excluded
from bot.domain.packed import Packed
from bot.domain.trees import Entry, Kind

# Children of a Python environment that installing makes; anything else in it is somebody's work.
_ENVIRONMENT = frozenset(
    b"bin lib lib64 include share etc man Scripts pyvenv.cfg CACHEDIR.TAG .gitignore .lock".split()
)
_CONDA = _ENVIRONMENT | frozenset(
    b"conda-meta compiler_compat condabin envs.txt libexec mkspecs pkgs plugins"
    b" qml resources sbin shell ssl translations var x86_64-conda-linux-gnu"
    b" x86_64-conda_cos6-linux-gnu x86_64-conda_cos7-linux-gnu".split()
)
_MARKS = frozenset((b"pyvenv.cfg", b"CACHEDIR.TAG", b".lock"))  # of an environment, and no more
_PYTHONS = re.compile(
    rb"python|pip|activate|Activate|deactivate"
)  # what the names in its bin begin with
_TORCH_FILE = re.compile(rb"-[0-9a-f]{8,}\.(pth|pt)$")  # torch.hub checks this digest itself
_PACKAGE = re.compile(rb"/site-packages/([^/]+)\.(?:dist|egg)-info$")
_CONDA_PACKAGE = re.compile(rb"/conda-meta/([^/]+)\.json$")
_TELLING = re.compile(
    rb"(?:^|/)(?:refs|blobs|package\.json|pyvenv\.cfg|conda-meta/history|CACHEDIR\.TAG"
    rb"|\.fastai/archive/[^/]+)\Z"
)


def choose(entries: Packed[Entry], rules: str) -> Chosen:
    """Divide a scan into what is archived and what is left out, topmost names only.

    A line of `rules` that is no pattern is passed by.
    """
    theirs = _spec(rules)
    proofs = Proofs(entries)
    tops: dict[bytes, _Top] = {}

    def wanted(entry: Entry) -> bool:
        top = _above(entry.path, tops)
        if top is None:
            rule = _rule(entry, theirs, proofs)
            if not rule:
                return True
            top = tops[entry.path] = _Top(rule=rule)
        top.add(entry)
        return False

    chosen = entries.only(wanted)  # a folder comes before what is in it
    return Chosen(
        wanted=chosen, excluded=[top.excluded(path) for path, top in sorted(tops.items())]
    )


class Proofs:
    """Which names stand where: the evidence that something was fetched."""

    def __init__(self, names: Collection[bytes]) -> None:
        self._names = {name for name in names if _TELLING.search(name)}
        self._lived_in = self._homes(names)

    def has(self, *steps: bytes) -> bool:
        """Whether there is such a name, of those that prove something."""
        return b"/".join(step for step in steps if step) in self._names

    def lived_in(self, environment: bytes) -> bool:
        """Whether somebody works in the folder of a Python environment: `python -m venv .`."""
        return environment in self._lived_in

    def _homes(self, names: Iterable[bytes]) -> set[bytes]:
        made = {path[: -len(b"/pyvenv.cfg")] for path in self._names if _named(path, b"pyvenv.cfg")}
        if not made:
            return set()
        found = set()
        for path in names:
            parent, _, name = path.rpartition(b"/")
            if parent in made and name not in _ENVIRONMENT:
                found.add(parent)
            above, _, folder = parent.rpartition(b"/")
            if above in made and folder == b"lib" and not name.startswith(b"python"):
                found.add(above)
        return found

    def rule(self, entry: Entry) -> str:
        """The name of the default that leaves this entry out, or an empty string."""
        parent, _, name = entry.path.rpartition(b"/")
        for rule, applies in _DEFAULTS:
            if applies(self, parent, name, entry):
                return rule
        return ""


def _bytecode(proofs: Proofs, parent: bytes, name: bytes, entry: Entry) -> bool:
    return _named(parent, b"__pycache__") and name.endswith(b".pyc")


def _package_cache(proofs: Proofs, parent: bytes, name: bytes, entry: Entry) -> bool:
    return entry.kind is Kind.FOLDER and _named(parent, b".cache") and name in (b"pip", b"uv")


def _torch(proofs: Proofs, parent: bytes, name: bytes, entry: Entry) -> bool:
    inside = _named(parent, b".cache/torch/hub/checkpoints")
    return inside and entry.kind is Kind.FILE and _TORCH_FILE.search(name) is not None


def _hugging_face(proofs: Proofs, parent: bytes, name: bytes, entry: Entry) -> bool:
    return (
        _named(parent, b".cache/huggingface/hub")
        and proofs.has(entry.path, b"refs")
        and proofs.has(entry.path, b"blobs")
    )


def _fastai(proofs: Proofs, parent: bytes, name: bytes, entry: Entry) -> bool:
    """A data set beside the download it was unpacked from, and that download."""
    if _named(parent, b".fastai/data"):
        downloads = parent[: -len(b"data")] + b"archive"
        return any(proofs.has(downloads, name + end) for end in (b".tgz", b".tar.gz", b".zip"))
    return _named(parent, b".fastai/archive") and name.endswith((b".tgz", b".tar.gz", b".zip"))


def _node(proofs: Proofs, parent: bytes, name: bytes, entry: Entry) -> bool:
    return (
        entry.kind is Kind.FOLDER
        and name == b"node_modules"
        and proofs.has(parent, b"package.json")
    )


def _python_environment(proofs: Proofs, parent: bytes, name: bytes, entry: Entry) -> bool:
    """Of one that somebody works in, only what no person makes: their lib, bin and share stay."""
    if parent and proofs.has(parent, b"pyvenv.cfg"):
        if not proofs.lived_in(parent):
            return name in _ENVIRONMENT
        return name in _MARKS or (name == b"lib64" and entry.kind is Kind.LINK)
    above, _, folder = parent.rpartition(b"/")
    if not above or not proofs.has(above, b"pyvenv.cfg") or not proofs.lived_in(above):
        return False
    if folder in (b"lib", b"lib64"):
        return name.startswith(b"python")
    return folder == b"bin" and _PYTHONS.match(name) is not None


def _conda_environment(proofs: Proofs, parent: bytes, name: bytes, entry: Entry) -> bool:
    return bool(parent) and proofs.has(parent, b"conda-meta", b"history") and name in _CONDA


def _tagged(proofs: Proofs, parent: bytes, name: bytes, entry: Entry) -> bool:
    """uv tags its environments, which may hold work as well: theirs is the rule above."""
    return (
        entry.kind is Kind.FOLDER
        and proofs.has(entry.path, b"CACHEDIR.TAG")
        and not proofs.has(entry.path, b"pyvenv.cfg")
    )


def _ours(proofs: Proofs, parent: bytes, name: bytes, entry: Entry) -> bool:
    return entry.path in (b".ssh/authorized_keys", b".bellhop")


_DEFAULTS: tuple[tuple[str, Callable[[Proofs, bytes, bytes, Entry], bool]], ...] = (
    ("compiled Python", _bytecode),
    ("package cache", _package_cache),
    ("torch.hub download", _torch),
    ("Hugging Face download", _hugging_face),
    ("fastai download", _fastai),
    ("node_modules beside package.json", _node),
    ("Python environment", _python_environment),
    ("conda environment", _conda_environment),
    ("CACHEDIR.TAG", _tagged),
    ("Bellhop's own", _ours),
)


class _Top:
    """A topmost name that is left out, and the sum of what lies below it."""

    def __init__(self, *, rule: str) -> None:
        self.rule = rule
        self._bytes = 0
        self._entries = 0
        self._packages: set[str] = set()

    def add(self, entry: Entry) -> None:
        self._bytes += entry.weight
        self._entries += 1
        found = _PACKAGE.search(entry.path) or _CONDA_PACKAGE.search(entry.path)
        if found and self.rule.endswith("environment"):
            name = found[1].decode(errors="replace")
            self._packages.add(
                name.replace("-", "==", 1) if b"site-packages" in entry.path else name
            )

    def excluded(self, path: bytes) -> Excluded:
        return Excluded(
            path=path,
            rule=self.rule,
            bytes=self._bytes,
            entries=self._entries,
            packages=tuple(sorted(self._packages)),
        )


def _above(path: bytes, tops: dict[bytes, _Top]) -> _Top | None:
    """The left out name that this path lies below, if any."""
    at = path.find(b"/")
    while at != -1:
        if top := tops.get(path[:at]):
            return top
        at = path.find(b"/", at + 1)
    return None


def _rule(entry: Entry, theirs: GitIgnoreSpec, proofs: Proofs) -> str:
    text = entry.path.decode("utf-8", "surrogateescape")
    found = theirs.check_file(f"{text}/" if entry.kind is Kind.FOLDER else text)
    if found.include is None:
        return proofs.rule(entry)
    return ".archiveignore" if found.include else ""


def _spec(rules: str) -> GitIgnoreSpec:
    lines = []
    for line in rules.splitlines():
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        lines.append(line)
    return GitIgnoreSpec.from_lines(lines)


def _named(path: bytes, end: bytes) -> bool:
    return path == end or path.endswith(b"/" + end)
