"""What the build makes for code that runs in the page: the runtime, the cells' data, the policy."""

import base64
import hashlib
import io
import json
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book" / "_extensions"))

from nntrain_live import bundle, cells, library, needs, policy, runtime  # noqa: E402
from nntrain_live.store import Store  # noqa: E402


def test_a_program_loses_its_names_and_nothing_else():
    header, names = b"\0asm\1\0\0\0", bytes([0, 130, 1]) + bytes(130)
    kind, code = bytes([1, 2, 7, 7]), bytes([10, 3, 1, 2, 3])
    assert runtime.without_names(header + kind + names + code) == header + kind + code


def test_what_is_left_out_of_the_library():
    assert runtime.wanted("matplotlib/axes/_axes.pyc")
    assert runtime.wanted("json/__init__.pyc") and runtime.wanted("fontTools/agl.pyc")
    for name in (
        "pandas/__init__.pyc", "turtle.pyc", "numpy/tests/x.pyc", "fontTools/varLib/a.pyc",
        "matplotlib/mpl-data.zip", "tqdm-4.70.1.dist-info/METADATA",
    ):  # fmt: skip
        assert not runtime.wanted(name), name


def test_archives_are_stored_and_the_same_on_every_build():
    members = [("a/b.txt", b"one"), ("c", b"")]
    first, second = runtime.stored(members), runtime.stored(members)
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert [(i.filename, archive.read(i)) for i in archive.infolist()] == members
        assert all(i.compress_type == zipfile.ZIP_STORED for i in archive.infolist())


def test_the_manifest_gives_sizes_and_hashes_and_long_work_is_done_once(tmp_path):
    made = []

    def make():
        made.append(1)
        return b"content" * 100

    for _ in range(2):
        store = Store(tmp_path / "site", tmp_path / "cache")
        store.add_packed("x", "key", make)
        store.add_data("d/y.gz", "Y", b"12345")
        store.finish()
    assert len(made) == 1
    manifest = json.loads((tmp_path / "site" / "manifest.json").read_text())
    content = (tmp_path / "site" / "x.gz").read_bytes()
    assert manifest["files"]["x.gz"] == {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert manifest["data"] == [{"path": "d/y.gz", "name": "Y", "size": 5}]
    store = Store(tmp_path / "site", tmp_path / "cache")
    store.add_packed("x", "another key", make)
    assert len(made) == 2


def test_idx_files_are_as_published():
    from nntrain.datasets import read_idx

    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    found = read_idx(library.idx_bytes(array), shape=(2, 3, 4), name="test")
    assert np.array_equal(found, array)


def test_the_lock_file_pins_every_package_and_names_no_host():
    lock = json.loads((bundle.PAGE / "package-lock.json").read_text())
    wanted = json.loads((bundle.PAGE / "package.json").read_text())
    for place, package in lock["packages"].items():
        assert "resolved" not in package
        assert not place or re.match(r"sha512-", package["integrity"])
    for name, version in {
        **wanted["dependencies"],
        **wanted["devDependencies"],
    }.items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version


def chain(*codes):
    return needs.chains(codes)[-1]


@pytest.mark.parametrize(
    "codes, expected",
    [
        (["x = 1", "y = 2", "print(x)"], {"x": [0]}),
        (["x = 1", "x = 2", "print(x)"], {"x": [1]}),
        (["x = 1", "x = x + 1", "x"], {"x": [1]}),
        (["x = 1", "x += 1"], {"x": [0]}),
        (["x = 1", "x = 2\nprint(x)"], {}),
        (["x = [1]", "x.append(2)", "x"], {"x": [0, 1]}),
        (["x = [1]", "x[0] = 2", "x"], {"x": [0, 1]}),
        (["x = [1]", "print(x.copy())", "x"], {"x": [0]}),
        (["import numpy as np", "np.seterr(all='ignore')", "np.pi"], {"np": [0]}),
        (["rng = make()", "rng.normal()", "rng.normal()"], {"rng": [0, 1]}),
        (["network = make()", "fit(network)", "show(network)"], {"network": [0, 1]}),
        (["a = 1", "def f(): return a", "f()"], {"a": [0], "f": [1]}),
        (["a = 1", "def f(): return a", "def g(): return f()", "g()"], {"a": [0], "f": [1], "g": [2]}),
        (["a = 1", "def f(a): return a", "f(2)"], {"f": [1]}),
        (["a = 1", "b = [a for a in range(3)]"], {}),
        (["a = 1", "b = [a * i for i in range(3)]"], {"a": [0]}),
        (["fig, ax = plt.subplots()", "fig, ax = plt.subplots()\nax.plot()"], {}),
        (["x = 1", "for x in range(3):\n    print(x)"], {}),
        (["x = 1", "with open(x) as f:\n    f.read()"], {"x": [0]}),
        (["x = 1", "def f():\n    return x\nf()"], {"x": [0]}),
        (["x, (y, *z) = v", "z"], {"z": [0]}),
        (["k = 1", "f = lambda a: a * k"], {"k": [0]}),
        (["class A:\n    b = 1", "A.b"], {"A": [0]}),
    ],
)  # fmt: skip
def test_what_a_cell_needs(codes, expected):
    assert chain(*codes) == expected


def test_every_chapters_cells_are_read_and_no_name_comes_out_of_nothing():
    """Each name that a cell uses is bound above it, in it, or by Python itself."""
    import builtins

    for path in sorted((ROOT / "book").glob("*.ipynb")):
        code = [cell for cell in cells.load(path) if cell["type"] == "code"]
        chains = needs.chains(cell["code"] for cell in code)
        for number, cell in enumerate(code):
            used = needs.read(cell["code"]).uses
            unknown = used - set(chains[number]) - set(dir(builtins))
            unknown -= {"get_ipython", "__name__", "_"}
            assert not unknown, f"{path.name}, cell {cell['id']}: {sorted(unknown)}"


def test_the_students_version_is_that_of_the_course():
    import nbformat

    from course import student_edition

    for path in sorted((ROOT / "book").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        theirs = {cell.id: cell.source for cell in student_edition(notebook).cells}
        for cell in cells.load(path):
            if cells.exercise(cell):
                assert cells.student(cell["code"]) == theirs[cell["id"]].rstrip("\n")


def test_every_check_belongs_to_an_exercise():
    for path in sorted((ROOT / "book").glob("*.ipynb")):
        found = cells.load(path)
        named = [name for cell in found if (name := cells.exercise(cell))]
        checks = [
            check["id"] for name in named for check in cells.checks_of(name, found)
        ]
        graded = [
            cell["id"]
            for cell in found
            if cell["type"] == "code"
            and cell["metadata"].get("nbgrader", {}).get("grade")
        ]
        assert sorted(checks) == sorted(graded), path.name


PAGE = """<html><head><meta charset="utf-8" /><script>let a = 1;</script>
<script type="application/json">{"b": 2}</script><script src="x.js"></script></head>
<body onload="go(&quot;x&quot;)"></body></html>"""


def digest(code):
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()


def test_the_policy_names_a_pages_own_scripts_and_lets_nothing_else_in():
    held = policy.with_policy(PAGE)
    (content,) = re.findall(r'Security-Policy" content="([^"]*)"', held)
    rules = dict(rule.split(" ", 1) for rule in content.split("; "))
    assert rules["connect-src"] == "'self'"
    assert f"'sha256-{digest('let a = 1;')}'" in rules["script-src"]
    assert (
        f"'sha256-{digest('go(' + chr(34) + 'x' + chr(34) + ')')}'"
        in rules["script-src"]
    )
    assert digest('{"b": 2}') not in rules["script-src"]
    assert "unsafe-inline" not in rules["script-src"] and "unsafe-eval'" not in rules[
        "script-src"
    ].replace("wasm-unsafe-eval'", "")
    assert "http" not in content and "*" not in content
    assert policy.with_policy(held) == held, "written once, however often it is built"
