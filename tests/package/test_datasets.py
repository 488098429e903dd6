"""The IDX reader, the toy sets, the digits, and MNIST itself where a copy is at hand."""

import gzip
import hashlib
import os
import struct
import subprocess
import sys
from glob import glob

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nntrain import datasets
from nntrain.datasets import DatasetError, mnist, read_idx

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def to_idx(array):
    """The format written from its description, apart from the code under test."""
    kind, sizes = (
        CODES[array.dtype.str[1:]],
        struct.pack(f">{array.ndim}I", *array.shape),
    )
    return (
        bytes([0, 0, kind, array.ndim])
        + sizes
        + array.astype(array.dtype.newbyteorder(">")).tobytes()
    )


# ---- IDX ----


SHAPES = hnp.array_shapes(max_dims=4, max_side=4)


@given(st.sampled_from(sorted(CODES)).flatmap(lambda dtype: hnp.arrays(dtype, SHAPES)))
def test_idx_comes_back(array):
    for data in (to_idx(array), gzip.compress(to_idx(array))):
        back = read_idx(data, shape=array.shape)
        assert back.dtype == array.dtype and back.dtype.isnative
        np.testing.assert_array_equal(back, array)


def test_idx_from_a_path(tmp_path):
    (tmp_path / "a").write_bytes(to_idx(np.arange(6, dtype=np.uint8).reshape(2, 3)))
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), [[0, 1, 2], [3, 4, 5]])
    array = read_idx(str(tmp_path / "a"))
    array[0, 0] = 9  # one's own copy, not a window on the bytes


GOOD = to_idx(np.arange(6, dtype=np.uint8).reshape(2, 3))


@given(st.integers(0, len(GOOD) - 1))
def test_every_truncation_is_noticed(length):
    with pytest.raises(DatasetError, match="truncated"):
        read_idx(GOOD[:length])


@given(st.integers(0, len(gzip.compress(GOOD)) - 1))
def test_every_truncation_of_the_archive_is_noticed(length):
    with pytest.raises(DatasetError, match=r"truncated"):
        read_idx(gzip.compress(GOOD)[:length])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (GOOD + b"\0", "added"),
        (b"\1" + GOOD[1:], "not an IDX file"),
        (GOOD[:2] + b"\x0a" + GOOD[3:], "not an IDX file"),  # no such type
        (GOOD[:3] + b"\0" + GOOD[4:], "no dimensions"),
        (b"\0\0\x08\x04" + b"\xff" * 16, "truncated"),  # 2^128 numbers promised
        (b"<!DOCTYPE html>", "not an IDX file"),  # a proxy's error page
        (b"\x80\x04N.", "not an IDX file"),  # a pickle
        (
            gzip.compress(GOOD)[:-6] + b"\0" * 6,
            "damaged",
        ),  # wrong checksum in the archive
        (b"\x1f\x8b" + b"\7" * 20, "damaged"),
    ],
    ids=[
        "longer",
        "magic",
        "type",
        "scalar",
        "huge",
        "html",
        "pickle",
        "checksum",
        "gzip header",
    ],
)
def test_idx_refuses(data, message):
    with pytest.raises(DatasetError, match=message):
        read_idx(data)


def test_idx_refuses_another_shape_and_a_missing_file(tmp_path):
    with pytest.raises(DatasetError, match=r"\(2, 3\), expected \(3, 2\)"):
        read_idx(GOOD, shape=(3, 2))
    with pytest.raises(ValueError, match="nowhere"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="cannot be read"):
        read_idx(tmp_path)


# ---- toy sets ----

PLANE = [
    datasets.two_moons,
    datasets.circles,
    datasets.spirals,
    datasets.blobs,
    datasets.xor,
]
CURVES = [datasets.sine_1d, datasets.line_with_outlier]


@pytest.mark.parametrize("make", PLANE)
@pytest.mark.parametrize("n", [1, 7, 200])
def test_plane_sets(make, n):
    x, y = make(n, noise=0.1, rng=np.random.default_rng(1))
    assert x.shape == (n, 2) and x.dtype == np.float32 and np.isfinite(x).all()
    assert y.shape == (n,) and y.dtype == np.int64
    counts = np.bincount(y)
    assert counts.max() - counts.min() <= 1
    again, _ = make(n, noise=0.1, rng=np.random.default_rng(1))
    other, _ = make(n, noise=0.1, rng=np.random.default_rng(2))
    assert (x == again).all() and (x != other).any()


@pytest.mark.parametrize("make", PLANE + CURVES)
def test_toys_refuse(make):
    rng = np.random.default_rng(0)
    for n, noise in [
        (0, 0.1),
        (-3, 0.1),
        (2.5, 0.1),
        (True, 0.1),
        (5, -0.1),
        (5, np.nan),
        (5, np.inf),
    ]:
        with pytest.raises(ValueError, match="must be a"):
            make(n, noise=noise, rng=rng)
    state = np.random.get_state()[1].copy()  # noqa: NPY002  the global state is not touched
    make(5, noise=0.1, rng=rng)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_without_noise_the_points_lie_on_their_curves():
    rng = np.random.default_rng(3)
    x, y = datasets.two_moons(101, noise=0, rng=rng)
    centre = np.where(y[:, None] == 0, [0.0, 0.0], [1.0, 0.5])
    np.testing.assert_allclose(np.linalg.norm(x - centre, axis=1), 1, atol=1e-6)
    assert (x[y == 0, 1] >= -1e-6).all() and (x[y == 1, 1] <= 0.5 + 1e-6).all()

    x, y = datasets.circles(101, noise=0, rng=rng)
    np.testing.assert_allclose(
        np.linalg.norm(x, axis=1), np.where(y == 0, 1, 0.5), atol=1e-6
    )

    x, y = datasets.xor(101, noise=0, rng=rng)
    np.testing.assert_array_equal((x[:, 0] > 0) ^ (x[:, 1] > 0), y == 1)
    assert np.abs(x).max() <= 1

    x, y = datasets.spirals(90, noise=0, rng=rng, arms=5, turns=1.0)
    unwound = np.arctan2(x[:, 1], x[:, 0]) - 2 * np.pi * np.linalg.norm(x, axis=1)
    np.testing.assert_allclose(
        np.exp(1j * unwound), np.exp(2j * np.pi * y / 5), atol=1e-5
    )
    assert set(y) == set(range(5))

    x, y = datasets.blobs(8, noise=0, rng=rng, centres=4)
    np.testing.assert_allclose(x[:4], [[1, 0], [0, 1], [-1, 0], [0, -1]], atol=1e-6)
    for make, words in [
        (datasets.spirals, {"arms": 1}),
        (datasets.blobs, {"centres": 1}),
    ]:
        with pytest.raises(ValueError, match="at least 2"):
            make(10, noise=0.1, rng=rng, **words)


def test_curves():
    x, y = datasets.sine_1d(50, noise=0, rng=np.random.default_rng(0))
    assert x.shape == y.shape == (50, 1) and x.dtype == y.dtype == np.float32
    np.testing.assert_allclose(y, np.sin(np.pi * x), atol=1e-6)
    assert (np.diff(x[:, 0]) > 0).all() and -1 <= x.min() and x.max() <= 1
    rng = np.random.default_rng(0)
    x, y = datasets.line_with_outlier(
        11, noise=0, rng=rng, slope=3, intercept=-1, outlier=5
    )
    assert x.shape == y.shape == (11, 1) and x.dtype == y.dtype == np.float32
    np.testing.assert_allclose(y[:-1], 3 * x[:-1] - 1, atol=1e-6)
    assert y[-1, 0] == 3 - 1 + 5


def test_noise_is_a_standard_deviation():
    x, y = datasets.blobs(20_000, noise=0.4, rng=np.random.default_rng(5), centres=2)
    for k in (0, 1):
        np.testing.assert_allclose(x[y == k].std(axis=0), 0.4, rtol=0.03)
    x, y = datasets.sine_1d(20_000, noise=0.2, rng=np.random.default_rng(5))
    assert (y - np.sin(np.pi * x)).std() == pytest.approx(0.2, rel=0.03)


# ---- the digits of scikit-learn ----


def test_digits():
    bundled = pytest.importorskip("sklearn.datasets").load_digits()
    data = datasets.load_digits()
    assert (data.name, data.image_shape, data.n_classes) == ("digits", (8, 8), 10)
    assert data.x_train.shape == (1442, 64) and data.x_test.shape == (355, 64)
    assert data.x_train.dtype == np.float32 and data.y_train.dtype == np.int64
    assert data.x_train.min() == 0 and data.x_train.max() == 1
    share = np.bincount(data.y_test) / np.bincount(bundled.target)
    assert (np.abs(share - 0.2) < 0.01).all()
    # Together the two parts are the whole, image by image with its label.
    images, labels = (
        np.vstack([data.x_train, data.x_test]),
        np.append(data.y_train, data.y_test),
    )
    both = np.column_stack([images * 16, labels])
    whole = np.column_stack([bundled.data, bundled.target])
    assert sorted(map(bytes, both.astype(np.uint8))) == sorted(
        map(bytes, whole.astype(np.uint8))
    )
    assert (datasets.load_digits().x_test == data.x_test).all()


def test_digits_in_other_forms():
    pytest.importorskip("sklearn")
    data = datasets.load_digits(dtype=np.float64, flatten=False)
    assert data.x_test.shape == (355, 8, 8) and data.x_test.dtype == np.float64
    with pytest.raises(ValueError, match="int64"):
        datasets.load_digits(dtype=np.int64)
    text = repr(data)
    assert "1442 training and 355 test images" in text and len(text) < 200


# ---- MNIST ----

own = os.environ.get("NNTRAIN_DATA")
needs_mnist = pytest.mark.skipif(
    not own or not (glob(f"{own}/mnist/t10k-labels-*") or glob(f"{own}/t10k-labels-*")),
    reason="NNTRAIN_DATA names no folder with MNIST",
)


@needs_mnist
def test_mnist():
    data = datasets.load_mnist()
    assert (data.name, data.image_shape, data.n_classes) == ("MNIST", (28, 28), 10)
    assert data.x_train.shape == (60000, 784) and data.x_test.shape == (10000, 784)
    assert (
        data.x_train.dtype == data.x_test.dtype == np.float32
        and data.y_train.dtype == np.int64
    )
    assert data.x_train.min() == 0 and data.x_train.max() == 1
    # As counted by everybody who has used the set.
    assert np.bincount(data.y_train).tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    assert np.bincount(data.y_test).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert data.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.x_train.mean() == pytest.approx(0.1307, abs=1e-4)
    assert "NNTRAIN_DATA" in data.source


@needs_mnist
def test_mnist_has_the_published_bytes():
    arrays, _ = mnist.load_files(None, may_download=False)
    for array, file in zip(arrays, mnist.FILES, strict=True):
        assert hashlib.sha256(to_idx(array)).hexdigest() == file.sha256


# ---- importing ----


def test_importing_is_cheap():
    code = (
        "import sys; from nntrain import datasets, metrics\n"
        "heavy = {'sklearn', 'pooch', 'requests', 'tqdm', 'matplotlib', 'ipywidgets'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
