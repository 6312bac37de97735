"""What is left out: only what the tree proves to be fetched, and what its owner says."""

from __future__ import annotations

import pytest

from bot.adapters.archive.rules import choose
from bot.domain.packed import Packed
from bot.domain.trees import ENTRIES, Entry, Kind
from tests.domain.test_trees import an_entry


def tree(*paths: str) -> Packed[Entry]:
    """Files, and folders where a path ends with a slash; parents come by themselves."""
    found: dict[bytes, Entry] = {}
    for path in paths:
        steps = path.rstrip("/").split("/")
        for depth in range(1, len(steps)):
            folder = "/".join(steps[:depth]).encode()
            found.setdefault(folder, an_entry(folder, kind=Kind.FOLDER))
        name = path.rstrip("/").encode()
        found[name] = an_entry(name, kind=Kind.FOLDER if path.endswith("/") else Kind.FILE)
    return Packed.of(ENTRIES, found.values())


def out(*paths: str, rules: str = "") -> dict[str, str]:
    chosen = choose(tree(*paths), rules)
    names = set(chosen.wanted)
    for gone in chosen.excluded:
        assert not any(name == gone.path or name.startswith(gone.path + b"/") for name in names)
    return {gone.path.decode(): gone.rule for gone in chosen.excluded}


@pytest.mark.parametrize(
    ("paths", "left"),
    [
        (["a/__pycache__/m.cpython-311.pyc", "a/__pycache__/notes.txt"],
         {"a/__pycache__/m.cpython-311.pyc": "compiled Python"}),
        ([".cache/pip/http/x", ".cache/uv/x", ".cache/mine/x"],
         {".cache/pip": "package cache", ".cache/uv": "package cache"}),
        ([".cache/torch/hub/checkpoints/resnet34-b627a593.pth",
          ".cache/torch/hub/checkpoints/mine.pth"],
         {".cache/torch/hub/checkpoints/resnet34-b627a593.pth": "torch.hub download"}),
        ([".cache/huggingface/hub/models--a/refs/main", ".cache/huggingface/hub/models--a/blobs/x",
          ".cache/huggingface/hub/mine/x", ".cache/huggingface/token"],
         {".cache/huggingface/hub/models--a": "Hugging Face download"}),
        ([".fastai/archive/mnist.tgz", ".fastai/data/mnist/x", ".fastai/data/mine/x"],
         {".fastai/archive/mnist.tgz": "fastai download", ".fastai/data/mnist": "fastai download"}),
        (["web/package.json", "web/node_modules/x", "data/node_modules/x"],
         {"web/node_modules": "node_modules beside package.json"}),
        (["target/CACHEDIR.TAG", "target/x"], {"target": "CACHEDIR.TAG"}),
        (["env/conda-meta/history", "env/lib/x", "env/bin/python", "env/work.ipynb"],
         {"env/bin": "conda environment", "env/conda-meta": "conda environment",
          "env/lib": "conda environment"}),
        ([".bellhop/jupyter/x", ".ssh/authorized_keys", ".ssh/config"],
         {".bellhop": "Bellhop's own", ".ssh/authorized_keys": "Bellhop's own"}),
        (["checkpoints/epoch9.pt", ".ipynb_checkpoints/a", "wandb/x", ".git/config", ".gitignore",
          "venv/work.py", "lib/x"], {}),
    ],
)  # fmt: skip
def test_the_defaults_want_proof(paths: list[str], left: dict[str, str]) -> None:
    assert out(*paths) == left


def test_an_environment_made_by_uv_keeps_what_is_no_part_of_it() -> None:
    """uv tags environments as caches; a notebook saved in one is work all the same."""
    python = ".venv/lib/python3.12"

    left = out(".venv/pyvenv.cfg", ".venv/CACHEDIR.TAG", f"{python}/x", ".venv/train.ipynb")

    assert set(left) == {".venv/pyvenv.cfg", ".venv/CACHEDIR.TAG", python}


def test_a_project_that_is_an_environment_keeps_its_own_lib_and_bin() -> None:
    """Made by `python -m venv .`: its folders have the names that a project's have, too."""
    own = ["bin/train.sh", "lib/model.py", "share/a", "etc/a.yml", ".gitignore", "train.py"]
    made = ["bin/python3", "bin/pip", "bin/activate", "lib/python3.12/site-packages/a.py"]

    left = out("a/pyvenv.cfg", *(f"a/{name}" for name in (*own, *made)))
    other = out("b/pyvenv.cfg", "b/bin/pytest", "b/share/man/x", "b/.gitignore", "b/lib/python3/x")

    assert set(left) == {
        "a/pyvenv.cfg", "a/bin/activate", "a/bin/pip", "a/bin/python3", "a/lib/python3.12"
    }  # fmt: skip
    assert set(other) == {"b/pyvenv.cfg", "b/bin", "b/share", "b/.gitignore", "b/lib"}
    assert set(out("c/pyvenv.cfg", "c/lib/model.py", "c/bin/pip")) == {"c/pyvenv.cfg", "c/bin/pip"}


def test_the_owner_excludes_and_brings_back() -> None:
    """gitignore's own syntax; the last word is theirs, also over the defaults."""
    rules = "# comment\n*.log\n!keep.log\n/data/\n!.cache/pip/\n"

    left = out("a.log", "keep.log", "data/x", "sub/data/x", ".cache/pip/x", rules=rules)

    assert left == {"a.log": ".archiveignore", "data": ".archiveignore"}


def test_everything_can_be_brought_back() -> None:
    assert out(".cache/pip/x", "t/CACHEDIR.TAG", "e/pyvenv.cfg", "e/bin/x", rules="!*\n") == {}


def test_sizes_and_packages_are_summed() -> None:
    entries = tree(
        "env/pyvenv.cfg",
        "env/lib/python3.11/site-packages/torch-2.9.0.dist-info/METADATA",
        "env/lib/python3.11/site-packages/fastai-2.8.4.dist-info/METADATA",
    )

    chosen = choose(entries, "")

    lib = next(gone for gone in chosen.excluded if gone.path == b"env/lib")
    assert lib.packages == ("fastai==2.8.4", "torch==2.9.0")
    assert (lib.bytes, lib.entries) == (20, 7)


def test_names_that_are_no_text_can_be_matched() -> None:
    entries = [an_entry(b"\xff.log"), an_entry(b"\xff"), an_entry(b"new\nline.log")]

    chosen = choose(Packed.of(ENTRIES, entries), "*.log\n")

    assert list(chosen.wanted) == [b"\xff"]
