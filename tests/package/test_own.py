"""The reader's own files: pictures of digits, tables, folders of pictures, with bad input tried."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from nntrain import (
    Adam,
    Batches,
    CrossEntropyLoss,
    Linear,
    ReLU,
    Sequential,
    accuracy,
    fit,
    standardise,
    train_val_split,
)
from nntrain.datasets import (
    DatasetError,
    load_arrays,
    load_csv,
    load_digits,
    load_folder,
    load_mnist,
    read_digit,
)
from nntrain.datasets.pictures import grey, resized


def stroke(height=90, width=60, ink=0.1, paper=0.95):
    """A hook, dark on light, away from the middle."""
    page = np.full((height, width), paper)
    page[10:70, 15:22] = ink
    page[63:70, 15:45] = ink
    return page


# ---- pictures ----


@pytest.mark.parametrize(
    ("height", "width"), [(3, 5), (7, 4), (1, 1), (20, 31), (6, 8)]
)
def test_a_resized_picture_keeps_its_mean_and_its_constants(height, width, rng):
    image = rng.uniform(size=(6, 8))
    small = resized(image, height, width)
    assert small.shape == (height, width)
    assert small.mean() == pytest.approx(image.mean())
    np.testing.assert_allclose(resized(0 * image + 0.3, height, width), 0.3)


def test_whole_factors_are_means_of_blocks(rng):
    image = rng.uniform(size=(6, 8))
    blocks = image.reshape(3, 2, 2, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(resized(image, 3, 2), blocks)
    np.testing.assert_allclose(resized(image, 12, 8)[::2], image)


def test_every_kind_of_array_becomes_the_same_grey(rng):
    whole = rng.integers(0, 256, (4, 5)).astype(np.uint8)
    colour = np.repeat(whole[:, :, None], 3, axis=2)
    opaque = np.concatenate([colour, np.full((4, 5, 1), 255, np.uint8)], axis=2)
    for picture in (whole, whole / 255, whole[:, :, None], colour, opaque):
        np.testing.assert_allclose(grey(picture), whole / 255, atol=1e-12)
    np.testing.assert_array_equal(grey(whole > 99), whole > 99)
    clear = np.zeros((2, 2, 4))  # all transparent: paper
    np.testing.assert_allclose(grey(clear), 1)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "LA", "I;16"])
def test_files_of_every_kind_are_read(tmp_path, mode):
    image = pytest.importorskip("PIL.Image")
    shades = np.where(stroke() < 0.5, 0, 255).astype(np.uint8)
    picture = image.fromarray(shades)
    if mode == "I;16":
        picture = image.fromarray(shades.astype(np.uint16) * 257)
    picture = picture if picture.mode == mode else picture.convert(mode)
    picture.save(tmp_path / "a.png")
    np.testing.assert_allclose(grey(tmp_path / "a.png"), shades / 255, atol=0.01)
    expected = read_digit(shades).image
    np.testing.assert_allclose(
        read_digit(str(tmp_path / "a.png")).image, expected, atol=0.01
    )


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((2, 2, 5)), r"with 3 or 4 colours, got float64 of shape \(2, 2, 5\)"),
        (np.zeros(4), r"of shape \(4,\)"),
        (np.zeros((0, 4)), r"of shape \(0, 4\)"),
        ([["a"]], "expected numbers"),
        (np.full((2, 2), 2.0), "must lie in 0 … 1 for float64, got 2.0 … 2.0"),
        (np.full((2, 2), 300), "must lie in 0 … 255 for int64, got 300 … 300"),
        (np.full((2, 2), np.nan), "got nan … nan"),
        (np.full((2, 2), -1), "got -1 … -1"),
        ("no such file.png", "no such file.png: cannot be read .No such file"),
    ],
)
def test_what_is_no_picture_is_named(picture, message):
    with pytest.raises(DatasetError, match=message):
        grey(picture)


def test_a_file_that_is_no_picture(tmp_path):
    pytest.importorskip("PIL")
    (tmp_path / "a.png").write_bytes(b"not a picture")
    with pytest.raises(DatasetError, match="is not a picture that Pillow can read"):
        read_digit(tmp_path / "a.png")


# ---- one digit ----


def test_dark_on_light_and_the_reverse_are_the_same_digit():
    dark, light = read_digit(stroke()), read_digit(1 - stroke())
    assert dark.inverted and not light.inverted
    np.testing.assert_allclose(dark.image, light.image, atol=1e-6)
    assert dark.image.dtype == np.float32 and dark.x.shape == (1, 784)
    assert dark.image.min() == 0 and dark.image.max() == 1


@pytest.mark.parametrize("factor", [1, 2, 5])
@pytest.mark.parametrize("contrast", [1.0, 0.3])
def test_size_place_and_strength_do_not_matter(factor, contrast):
    reference = read_digit(stroke())
    page = 0.95 - contrast * (0.95 - stroke())
    large = np.kron(np.pad(page, ((0, 30), (25, 0)), constant_values=0.95),
                    np.ones((factor, factor)))  # fmt: skip
    np.testing.assert_allclose(read_digit(large).image, reference.image, atol=1e-5)


def test_the_digit_fills_twenty_pixels_about_its_centre_of_mass():
    digit = read_digit(stroke())
    rows, columns = (np.flatnonzero(digit.image.any(axis=axis)) for axis in (1, 0))
    assert rows[-1] - rows[0] + 1 == 20 and columns[-1] - columns[0] + 1 == 10
    assert digit.cropped.shape == (60, 30)  # the shape is kept
    for axis in (0, 1):
        mass = digit.image.sum(axis=axis)
        assert 14 <= (mass * (np.arange(28) + 0.5)).sum() / mass.sum() < 15


def test_faint_texture_of_the_paper_is_not_ink(rng):
    page = stroke() - 0.1 * rng.uniform(size=(90, 60))
    assert read_digit(page).cropped.shape == (60, 30)


@pytest.mark.parametrize("shade", [0.0, 0.5, 1.0])
def test_an_empty_page_is_refused(shade, rng):
    page = np.full((30, 30), shade)
    for blank in (page, np.clip(page + 0.03 * rng.uniform(size=page.shape), 0, 1)):
        with pytest.raises(DatasetError, match="all of one shade"):
            read_digit(blank)


@pytest.mark.skipif(
    not os.environ.get("NNTRAIN_DATA"), reason="needs MNIST (set NNTRAIN_DATA)"
)
def test_mnist_comes_back_from_photographs_of_itself():
    """Enlarged, dark on light, out of the middle: as it was made into what it is."""
    data = load_mnist(flatten=False)
    alike = []
    for image in data.x_test[:200]:
        page = np.pad(1 - 0.8 * np.kron(image, np.ones((9, 9))), ((5, 90), (70, 20)),
                      constant_values=1)  # fmt: skip
        alike.append(np.corrcoef(read_digit(page).image.ravel(), image.ravel())[0, 1])
    assert np.mean(np.array(alike) > 0.99) > 0.97


def test_what_was_made_of_it_can_be_seen():
    plt = pytest.importorskip("matplotlib.pyplot")
    figure = read_digit(stroke()).show()
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["as it came", "inverted", "cropped", "scaled and centred"]
    np.testing.assert_array_equal(
        figure.axes[3].images[0].get_array(), read_digit(stroke()).image
    )
    plt.close(figure)
    assert repr(read_digit(stroke())) == (
        "OwnDigit(60×90 pixels, dark on light, digit of 30×60)"
    )


def test_pillow_and_matplotlib_come_only_when_needed():
    program = (
        "import sys; from nntrain.datasets import read_digit, load_csv; import numpy as np;"
        "read_digit(np.eye(9)); print({'PIL', 'matplotlib'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"


# ---- arrays ----


def test_arrays_of_words_and_of_numbers():
    data = load_arrays([[1, 2], [3, 4], [5, 6]], ["b", "a", "b"])
    assert data.y.tolist() == [1, 0, 1] and data.classes == ("a", "b")
    assert data.x.dtype == np.float32 and data.y.dtype == np.int64
    assert load_arrays(np.ones((2, 3, 4)), [5, 7]).x.shape == (2, 12)
    numbers = load_arrays([[1], [2]], [0.5, 0.7], regression=True)
    assert numbers.y.shape == (2, 1) and numbers.classes == ()
    again = load_arrays([[1, 2]], ["b"], classes=data.classes)
    assert again.y.tolist() == [1]
    assert repr(data) == "OwnData(3 examples of 2 numbers, 2 classes)"


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([1, 2], [0, 1], {}, r"\(N, D\), got \(2,\)"),
        ([[1, 2], [3]], [0, 1], {}, "numbers in rows of one length"),
        ([["a"], ["b"]], [0, 1], {}, "x must be real numbers"),
        (
            [[1], [np.nan]],
            [0, 1],
            {},
            r"1 values that are not finite, the first at \[1, 0",
        ),
        ([[1], [2]], [0, 1, 1], {}, r"each of 2 examples, got shape \(3,\)"),
        ([[1], [2]], ["a", ""], {}, r"no label for the examples \[1\]"),
        ([[1], [2]], ["a", "a"], {}, "at least two different classes"),
        ([[1], [2]], [0.5, 1.5], {}, "say regression=True"),
        (
            [[1], [2]],
            ["a", "c"],
            {"classes": "ab"},
            "labels c are not among the classes a, b",
        ),
        ([[1], [2]], [1, np.inf], {"regression": True}, "y: has 1 values"),
    ],
)
def test_arrays_that_do_not_fit_are_named(x, y, options, message):
    with pytest.raises(DatasetError, match=message):
        load_arrays(x, y, **options)


# ---- a table ----


def test_a_table(tmp_path):
    path = tmp_path / "flowers.csv"
    path.write_text("\ufefflong, kind ,wide\n1.5,rose,2\n\n3,tulip,4e-1\n", "utf-8")
    data = load_csv(path, "kind")
    np.testing.assert_allclose(data.x, [[1.5, 2], [3, 0.4]])
    assert data.columns == ("long", "wide") and data.classes == ("rose", "tulip")
    path.write_text("a;price\n1;2.5\n2;3.5\n")
    prices = load_csv(str(path), "price", regression=True, delimiter=";")
    np.testing.assert_array_equal(prices.y, [[2.5], [3.5]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,kind\n1,x\n2\n", r"line 3: has 1 values, the header 2"),
        ("a,kind\n1,x\n2,y,9\n", r"line 3: has 3 values, the header 2"),
        ("a,kind\n1,x\n,y\n", "line 3: has no value for 'a'"),
        ("a,kind\n1,x\n2,\n", "line 3: has no value for 'kind'"),
        ("a,kind\n1,x\nNA,y\n", "line 3: 'a' is 'NA', expected a finite number"),
        ("a,kind\n1,x\ninf,y\n", "'a' is 'inf', expected a finite number"),
        ("a,sort\n1,x\n2,y\n", "has no column 'kind', it has a, sort"),
        ("a,a,kind\n1,2,x\n1,2,y\n", "name the columns, each once"),
        ("a,kind\n", "a line of names and lines of numbers"),
        ("", "a line of names"),
        ("a,kind\n1,x\n2,x\n", "at least two different classes"),
        ('a,kind\n1,"x\n', "cannot be read"),
    ],
)
def test_a_table_that_does_not_fit_is_named(tmp_path, text, message):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        load_csv(path, "kind")


def test_a_table_that_cannot_be_read(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        load_csv(tmp_path / "none.csv", "kind")
    (tmp_path / "latin.csv").write_bytes(b"a,kind\n1,gr\xfcn\n")
    with pytest.raises(DatasetError, match="cannot be read"):
        load_csv(tmp_path / "latin.csv", "kind")


# ---- a folder ----


def pictures(base, shapes):
    image = pytest.importorskip("PIL.Image")
    for name, shape in shapes.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(np.full(shape, 51, np.uint8)).save(base / name)


def test_a_folder_of_pictures(tmp_path):
    pictures(tmp_path, {"cat/1.png": (4, 5), "cat/2.png": (4, 5), "dog/1.png": (4, 5)})
    (tmp_path / "dog" / ".hidden").write_text("left out")
    (tmp_path / "readme.txt").write_text("beside the folders")
    data = load_folder(tmp_path)
    assert data.classes == ("cat", "dog") and data.y.tolist() == [0, 0, 1]
    np.testing.assert_allclose(data.x, np.full((3, 20), 0.2), rtol=1e-6)
    assert load_folder(tmp_path, size=(2, 3)).x.shape == (3, 6)
    pictures(tmp_path, {"dog/0.png": (8, 5)})
    with pytest.raises(
        DatasetError, match=r"has 5×8 pixels, the first picture 5×4; give"
    ):
        load_folder(tmp_path)
    assert load_folder(tmp_path, size=(4, 5)).x.shape == (4, 20)
    with pytest.raises(
        DatasetError, match="labels dog are not among the classes cat, cow"
    ):
        load_folder(tmp_path, size=(4, 5), classes=("cat", "cow"))


def test_folders_that_do_not_fit_are_named(tmp_path):
    with pytest.raises(DatasetError, match="is not a folder"):
        load_folder(tmp_path / "none")
    with pytest.raises(
        DatasetError, match="has no folders, expected one for each class"
    ):
        load_folder(tmp_path)
    pictures(tmp_path, {"cat/1.png": (4, 5)})
    (tmp_path / "dog").mkdir()
    with pytest.raises(DatasetError, match="dog: is empty"):
        load_folder(tmp_path)
    (tmp_path / "dog" / "notes.txt").write_text("no picture")
    with pytest.raises(DatasetError, match=r"notes\.txt: is not a picture"):
        load_folder(tmp_path)
    with pytest.raises(ValueError, match="height must be a whole number"):
        load_folder(tmp_path, size=(0, 5))


# ---- a network of one's own data, as the reference prints it ----


def test_the_ten_lines_of_the_reference_learn_a_table(
    tmp_path, monkeypatch, rng, capsys
):
    import nntrain.datasets as module

    monkeypatch.chdir(tmp_path)
    kinds = rng.integers(0, 3, 150)
    sizes = kinds[:, None] + 0.2 * rng.normal(size=(150, 2))
    names = np.array(["rose", "tulip", "violet"])[kinds]
    rows = [
        f"{a:.3f},{b:.3f},{name}" for (a, b), name in zip(sizes, names, strict=True)
    ]
    (tmp_path / "flowers.csv").write_text("\n".join(["long,wide,species", *rows]))
    lines = re.findall(r"^    (.*)$", module.__doc__, re.MULTILINE)
    names = dict(vars(module), np=np, train_val_split=train_val_split, fit=fit,
                 standardise=standardise, Linear=Linear, Sequential=Sequential, ReLU=ReLU,
                 Batches=Batches, CrossEntropyLoss=CrossEntropyLoss, Adam=Adam,
                 accuracy=accuracy)  # fmt: skip
    exec("\n".join(lines), names)
    outputs = names["network"].predict(names["x_val"])
    assert accuracy(outputs, names["y_val"]) > 0.95
    assert capsys.readouterr().out.strip() in {"rose", "tulip", "violet"}


def test_digits_of_another_size_become_those_of_mnist():
    pytest.importorskip("sklearn")
    for image in load_digits(flatten=False).x_test[:20]:
        assert read_digit(np.pad(image, 2)).image.shape == (28, 28)
