"""Finding, checking and downloading MNIST, with a set of a few images in its place.

The mirrors are small servers on this machine, each bad in its own way.
"""

import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from nntrain import datasets
from nntrain.datasets import (
    DatasetError,
    DatasetUnavailable,
    download,
    load_handwritten,
    load_mnist,
    mnist,
)
from tiny_mnist import FILES, PACKED, PLAIN

IMAGES = "train-images-idx3-ubyte"


@pytest.fixture(autouse=True)
def small_world(monkeypatch, tmp_path):
    """Tiny files, an empty cache, no mirrors, short waits."""
    monkeypatch.setattr(mnist, "FILES", FILES)
    monkeypatch.setattr(mnist, "MIRRORS", ())
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setattr(download, "PAUSE", 0.01)
    monkeypatch.setattr(download, "STALL_TIMEOUT", 0.3)
    monkeypatch.setattr(datasets, "_download_failed", False)
    for variable in (
        "NNTRAIN_DATA",
        "NNTRAIN_OFFLINE",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "nntrain" / "mnist"


class Mirror(BaseHTTPRequestHandler):
    """Serves the tiny files in the way its server's `mood` says."""

    def do_HEAD(self):
        if self.server.mood == "silent":
            self.server.over.wait(5)
            return
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        mood, name = self.server.mood, self.path.rsplit("/", 1)[-1]
        self.server.asked.append(name)
        if mood == "moody":  # fails the first time each file is asked for
            mood = "500" if self.server.asked.count(name) == 1 else "good"
        if mood in ("404", "500"):
            self.send_error(int(mood))
            return
        data = PACKED[name]
        if mood == "altered":
            data = data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]
        if mood == "portal":
            data = b"<html>Please log in to the hotel's network</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        half = len(data) // 2
        if mood == "breaks off":
            self.wfile.write(data[:half])
        elif mood == "stalls":
            self.wfile.write(data[:half])
            self.wfile.flush()
            self.server.over.wait(5)
        elif mood == "crawls":
            for start in range(0, len(data), 200):
                self.wfile.write(data[start : start + 200])
                self.wfile.flush()
                if self.server.over.wait(0.02):
                    return
        else:
            self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def mirrors(monkeypatch):
    """A function that starts a server for each mood and makes them the mirrors, in this order."""
    servers = []

    def start(*moods):
        for mood in moods:
            server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
            server.mood, server.asked, server.over = mood, [], threading.Event()
            server.handle_error = lambda *args: (
                None
            )  # a client that hangs up is part of the game
            threading.Thread(
                target=server.serve_forever, args=(0.02,), daemon=True
            ).start()
            servers.append(server)
        addresses = tuple(
            f"http://127.0.0.1:{server.server_port}/mnist/" for server in servers
        )
        monkeypatch.setattr(mnist, "MIRRORS", addresses)
        # In this order, however fast each answers (test_the_quickest_is_asked_first has the real thing).
        monkeypatch.setattr(
            mnist, "answering_first", lambda mirrors, filename: list(mirrors)
        )
        return servers

    yield start
    for server in servers:
        server.over.set()
        server.shutdown()
        server.server_close()


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def assert_is_tiny_mnist(data):
    assert data.name == "MNIST" and data.x_train.shape == (8, 784)
    expected = np.frombuffer(PLAIN[IMAGES], np.uint8, offset=16).reshape(8, 784) / 255
    np.testing.assert_allclose(data.x_train, expected, rtol=1e-6)
    assert data.y_test.tolist() == list(PLAIN["t10k-labels-idx1-ubyte"][8:])


# ---- the user's own copy ----


@pytest.mark.parametrize("files", [PLAIN, PACKED], ids=["plain", "packed"])
@pytest.mark.parametrize("inside", ["mnist", "."])
def test_own_copy(tmp_path, monkeypatch, files, inside):
    write(tmp_path / "own" / inside, files)
    assert_is_tiny_mnist(load_mnist(tmp_path / "own"))
    monkeypatch.setenv("NNTRAIN_DATA", str(tmp_path / "own"))
    data = load_mnist()
    assert_is_tiny_mnist(data)
    assert "NNTRAIN_DATA" in data.source and str(tmp_path) not in data.source
    assert load_handwritten().name == "MNIST"


def test_a_copy_packed_anew_is_the_same_copy(tmp_path):
    anew = {
        f"{name}.gz": gzip.compress(data, compresslevel=1, mtime=1)
        for name, data in PLAIN.items()
    }
    assert anew != PACKED
    assert_is_tiny_mnist(load_mnist(write(tmp_path, anew)))


def test_forms(tmp_path):
    data = load_mnist(write(tmp_path, PLAIN), dtype=np.float64, flatten=False)
    assert data.x_train.shape == (8, 28, 28) and data.x_train.dtype == np.float64
    with pytest.raises(ValueError, match="uint8"):
        load_mnist(tmp_path, dtype=np.uint8)


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (IMAGES, flipped(PLAIN[IMAGES], 3000), "altered"),
        (IMAGES, PLAIN[IMAGES][:-1], "truncated"),
        (
            IMAGES,
            PLAIN["t10k-images-idx3-ubyte"],
            "altered",
        ),  # the right form, the wrong file
        (IMAGES, b"", "truncated"),
        (IMAGES, PLAIN["train-labels-idx1-ubyte"], "shape"),
        (f"{IMAGES}.gz", PACKED[f"{IMAGES}.gz"][:-100], "truncated"),
        (f"{IMAGES}.gz", flipped(PACKED[f"{IMAGES}.gz"], 900), "damaged|altered"),
        (f"{IMAGES}.gz", b"version https://git-lfs", "not an IDX"),
    ],
    ids=[
        "flipped",
        "cut",
        "swapped",
        "empty",
        "labels",
        "cut.gz",
        "flipped.gz",
        "pointer.gz",
    ],
)
def test_a_broken_own_copy_is_an_error(
    tmp_path, monkeypatch, mirrors, name, content, message
):
    [server] = mirrors("good")
    files = PACKED if name.endswith(".gz") else PLAIN
    write(tmp_path / "own" / "mnist", {**files, name: content})
    monkeypatch.setenv("NNTRAIN_DATA", str(tmp_path / "own"))
    for load in (
        load_mnist,
        load_handwritten,
    ):  # other data in its place would hide the fault
        with pytest.raises(ValueError, match=message) as caught:
            load()
        assert isinstance(caught.value, DatasetError) and not isinstance(
            caught.value, DatasetUnavailable
        )
        assert name in str(caught.value) and "Replace this file" in str(caught.value)
    assert server.asked == []


def test_a_file_missing_among_the_others(tmp_path):
    write(tmp_path, PACKED)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DatasetError, match="neither t10k-labels-idx1-ubyte nor"):
        load_mnist(tmp_path)


def test_folders_without_mnist(tmp_path, monkeypatch, mirrors):
    with pytest.raises(
        DatasetError, match=r"root names .*nowhere, which is not a folder"
    ):
        load_mnist(tmp_path / "nowhere")
    with pytest.raises(
        DatasetError, match="contains no MNIST files: looked for train-images-idx3"
    ):
        load_mnist(tmp_path)
    monkeypatch.setenv("NNTRAIN_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DatasetError, match=r"NNTRAIN_DATA names"):
        load_mnist()
    mirrors("good")
    monkeypatch.setenv("NNTRAIN_DATA", str(tmp_path))  # exists, but is for other data
    assert "download" in load_mnist().source


def renamed(name):
    return name.replace("-idx", ".idx")


COPIES = {
    "as 7-Zip writes them": {f"mnist/{renamed(name)}": PLAIN[name] for name in PLAIN},
    "packed under those names": {
        f"{renamed(name)}.gz": PACKED[f"{name}.gz"] for name in PLAIN
    },
    "each in a folder of its name": {f"{name}/{name}": PLAIN[name] for name in PLAIN},
    "torchvision's root": {f"MNIST/raw/{name}": PLAIN[name] for name in PLAIN},
    "torchvision's root inside": {
        f"mnist/MNIST/raw/{name}": data for name, data in PACKED.items()
    },
    "mixed": {**dict(list(PACKED.items())[:2]), **dict(list(PLAIN.items())[2:])},
}


@pytest.mark.parametrize("files", COPIES.values(), ids=COPIES)
def test_copies_of_other_archives_and_libraries(tmp_path, monkeypatch, files):
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert_is_tiny_mnist(load_mnist(tmp_path))
    monkeypatch.setenv("NNTRAIN_DATA", str(tmp_path))
    assert_is_tiny_mnist(load_handwritten())


def test_the_places_are_listed(tmp_path, monkeypatch, cache):
    assert datasets.places() == [cache]
    monkeypatch.setenv("NNTRAIN_DATA", str(tmp_path))
    assert datasets.places()[:3] == [
        tmp_path / "mnist",
        tmp_path,
        tmp_path / "MNIST" / "raw",
    ]
    assert datasets.places()[-1] == cache
    with pytest.raises(
        DatasetError, match=r"root names .*nowhere, which is not a folder"
    ):
        datasets.places(tmp_path / "nowhere")


def test_a_message_names_what_was_looked_for_and_where(tmp_path):
    with pytest.raises(DatasetError) as caught:
        load_mnist(tmp_path)
    for told in (
        "train-images-idx3-ubyte, train-images.idx3-ubyte, train-images-idx3-ubyte.gz",
        str(tmp_path / "mnist"),
        str(tmp_path / "MNIST" / "raw"),
    ):
        assert told in str(caught.value)


def test_the_folder_that_was_pointed_at_is_not_passed_over(
    tmp_path, monkeypatch, mirrors
):
    """Neither for a download nor for other data."""
    [server] = mirrors("good")
    monkeypatch.setenv("NNTRAIN_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    with pytest.raises(DatasetError, match=r"NNTRAIN_DATA .* contains no MNIST files"):
        load_handwritten()
    (tmp_path / "mnist").rmdir()
    (tmp_path / "mnist").write_text("not a folder")
    with pytest.raises(DatasetError, match="mnist: cannot be looked into"):
        load_handwritten()
    (tmp_path / "mnist").unlink()
    (tmp_path / "mnist").symlink_to(tmp_path / "gone")
    with pytest.raises(DatasetError, match="link to a place that is gone"):
        load_handwritten()
    assert server.asked == []


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), OSError(5, "I/O error")]
)
def test_a_folder_that_cannot_be_read_is_an_error(tmp_path, monkeypatch, error):
    write(tmp_path / "mnist", PLAIN)
    monkeypatch.setenv("NNTRAIN_DATA", str(tmp_path))

    def refused(path):
        raise error

    monkeypatch.setattr("nntrain.datasets.copies.os.scandir", refused)
    with pytest.raises(
        DatasetError, match=f"mnist: cannot be looked into .{error.strerror}"
    ):
        load_handwritten()


def test_without_mnist_anywhere_the_folder_given_is_named(tmp_path, monkeypatch):
    """It may be meant for other data, so MNIST is downloaded; the small digits are not it."""
    monkeypatch.setenv("NNTRAIN_DATA", str(tmp_path))
    monkeypatch.setenv("NNTRAIN_OFFLINE", "1")
    for load in (load_mnist, load_handwritten):
        with pytest.raises(
            DatasetError, match=r"NNTRAIN_DATA names .* NNTRAIN_OFF"
        ) as caught:
            load()
        assert not isinstance(caught.value, DatasetUnavailable)


# ---- the cache ----


def test_downloaded_once(mirrors, cache):
    [server] = mirrors("good")
    first = load_mnist()
    assert_is_tiny_mnist(first)
    assert "download" in first.source
    assert sorted(path.name for path in cache.iterdir()) == sorted(PACKED)
    second = load_mnist()
    assert_is_tiny_mnist(second)
    assert second.source == "the user's cache"
    assert sorted(server.asked) == sorted(PACKED)  # each a single time


@pytest.mark.parametrize(
    "content",
    [b"", PACKED[f"{IMAGES}.gz"][:-50], flipped(PACKED[f"{IMAGES}.gz"], 900)],
    ids=["empty", "cut", "flipped"],
)
def test_a_broken_file_in_the_cache_is_replaced(mirrors, cache, content):
    [server] = mirrors("good")
    write(cache, {**PACKED, f"{IMAGES}.gz": content})
    assert_is_tiny_mnist(load_mnist())
    assert server.asked == [f"{IMAGES}.gz"]
    assert (cache / f"{IMAGES}.gz").read_bytes() == PACKED[f"{IMAGES}.gz"]


def test_a_broken_file_in_the_cache_is_not_trusted_offline(monkeypatch, cache):
    write(cache, {**PACKED, f"{IMAGES}.gz": PACKED[f"{IMAGES}.gz"][:-50]})
    monkeypatch.setenv("NNTRAIN_OFFLINE", "1")
    with pytest.raises(
        DatasetUnavailable,
        match=r"NNTRAIN_OFFLINE.*In the cache: .*truncated.*NNTRAIN_DATA",
    ):
        load_mnist()
    write(cache, PACKED)
    assert_is_tiny_mnist(load_mnist())


# ---- bad mirrors ----

BAD = ["404", "500", "altered", "portal", "breaks off", "stalls"]


@pytest.mark.parametrize("mood", BAD)
def test_the_next_mirror_helps_out(mirrors, cache, mood):
    bad, good = mirrors(mood, "good")
    assert_is_tiny_mnist(load_mnist())
    assert sorted(bad.asked) == sorted(good.asked) == sorted(PACKED)
    assert sorted(path.name for path in cache.iterdir()) == sorted(
        PACKED
    )  # nothing half-done is left


@pytest.mark.parametrize(
    ("mood", "told"),
    [("404", "404 Not Found"), ("500", "500 Internal"), ("altered", "other bytes"), ("portal", "other bytes"),
     ("breaks off", "broke off"), ("stalls", "broke off|timed out")],
)  # fmt: skip
def test_all_mirrors_bad(mirrors, cache, mood, told):
    [server] = mirrors(mood)
    start = time.monotonic()
    with pytest.raises(DatasetUnavailable, match=told) as caught:
        load_mnist()
    assert (
        time.monotonic() - start < 4
    )  # the stalling server itself would take 5 s a file to hang up
    assert "127.0.0.1" in str(caught.value) and "NNTRAIN_DATA" in str(
        caught.value
    )  # who, and what to do
    assert server.asked == [f"{IMAGES}.gz"] * download.ROUNDS
    assert list(cache.iterdir()) == []


def test_a_second_try_helps(mirrors):
    [server] = mirrors("moody")
    assert_is_tiny_mnist(load_mnist())
    assert len(server.asked) == 2 * len(PACKED)


def test_a_crawling_mirror_is_left(monkeypatch, mirrors):
    monkeypatch.setattr(download, "CHUNK", 100)
    monkeypatch.setattr(download, "SLOW_AFTER", 0.1)
    monkeypatch.setattr(download, "SLOW_RATE", 1e6)
    [crawling] = mirrors("crawls")
    with pytest.raises(DatasetUnavailable, match=r"too slow, \d+\.\d kB/s"):
        load_mnist()
    assert crawling.asked == [f"{IMAGES}.gz"] * download.ROUNDS
    mirrors("good")
    assert_is_tiny_mnist(load_mnist())


def test_a_slow_but_steady_mirror_is_waited_for(mirrors):
    [server] = mirrors("crawls")
    assert_is_tiny_mnist(load_mnist())
    assert len(server.asked) == len(PACKED)


def test_no_line_of_any_library_gets_into_a_built_page(monkeypatch, mirrors, capfd):
    import pooch

    told = []
    monkeypatch.setattr(pooch.get_logger(), "handle", told.append)
    mirrors("404", "good")
    load_mnist()
    assert capfd.readouterr() == ("", "") and told == []


def test_a_bar_on_a_terminal(monkeypatch, mirrors, capsys):
    mirrors("good")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    load_mnist()
    shown = capsys.readouterr().err
    assert f"{IMAGES}.gz: 100%" in shown and "t10k-labels-idx1-ubyte.gz: 100%" in shown


# ---- no network ----


def test_nobody_answers(monkeypatch):
    monkeypatch.setattr(
        mnist, "MIRRORS", ("http://127.0.0.1:1/", "http://mirror.invalid/")
    )
    start = time.monotonic()
    with pytest.raises(DatasetUnavailable, match="can be reached"):
        load_mnist()
    assert time.monotonic() - start < download.ANSWER_TIMEOUT + 1


def test_silence_is_not_waited_out(monkeypatch, mirrors):
    monkeypatch.setattr(download, "ANSWER_TIMEOUT", 0.3)
    mirrors("silent", "silent")
    start = time.monotonic()
    with pytest.raises(DatasetUnavailable, match=r"no answer within 0.3 s|timed out"):
        download.answering_first(mnist.MIRRORS, "x.gz")
    assert time.monotonic() - start < 1


def test_the_quickest_is_asked_first(mirrors):
    mirrors("silent", "404")
    silent, quick = mnist.MIRRORS
    assert download.answering_first(mnist.MIRRORS, "x.gz") == [quick, silent]


def test_handwritten_falls_back_and_tries_once(monkeypatch):
    pytest.importorskip("sklearn")
    attempts = []

    def nobody(mirrors, filename):
        attempts.append(filename)
        raise DatasetUnavailable("nobody")

    monkeypatch.setattr(mnist, "answering_first", nobody)
    for _ in range(3):
        data = load_handwritten(flatten=False)
        assert data.name == "digits" and data.x_train.shape[1:] == data.image_shape == (
            8,
            8,
        )
    assert len(attempts) == 1
    with pytest.raises(DatasetUnavailable):
        load_mnist()  # asked for by name: tried again
    assert len(attempts) == 2


def test_a_remembered_failure_does_not_hide_files_that_came_since(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(datasets, "_download_failed", True)
    monkeypatch.setenv("NNTRAIN_DATA", str(write(tmp_path / "own", PLAIN)))
    assert_is_tiny_mnist(load_handwritten())


def test_downloads_can_be_forbidden(monkeypatch, mirrors):
    pytest.importorskip("sklearn")
    [server] = mirrors("good")
    monkeypatch.setenv("NNTRAIN_OFFLINE", "1")
    assert load_handwritten().name == "digits"
    with pytest.raises(DatasetUnavailable, match="NNTRAIN_OFFLINE"):
        load_mnist()
    assert server.asked == []
    monkeypatch.setenv("NNTRAIN_OFFLINE", "0")
    assert load_handwritten().name == "MNIST"


# ---- this machine's own faults ----


@pytest.mark.parametrize("place", ["cache", "cache/nntrain", "cache/nntrain/mnist"])
def test_the_cache_cannot_be_written(mirrors, tmp_path, place):
    mirrors("good", "good")
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(
        "a file where the folder should be"
    )  # bites even for root
    with pytest.raises(DatasetUnavailable, match=r"mnist: cannot hold .*NNTRAIN_DATA"):
        load_mnist()


def test_the_disk_is_full(monkeypatch, mirrors, cache):
    [server] = mirrors("good")

    def full(self, n):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download._Progress, "update", full)
    with pytest.raises(DatasetUnavailable, match="No space left"):
        load_mnist()
    assert len(server.asked) == 1  # another mirror would not help
    assert list(cache.iterdir()) == []


INTERRUPTED = """
import signal, sys, pooch
from nntrain import datasets
from nntrain.datasets import download, mnist
import tiny_mnist
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with Ctrl-C ignored
mnist.FILES, mnist.MIRRORS = tiny_mnist.FILES, (sys.argv[1],)
pooch.os_cache = lambda project: sys.argv[2]
print("ready", flush=True)
datasets.load_mnist()
"""


@pytest.mark.skipif(os.name != "posix", reason="sends the signal of Ctrl-C")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted(mirrors, tmp_path, number):
    [server] = mirrors("stalls")
    folder = tmp_path / "cache" / "nntrain"
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, mnist.MIRRORS[0], str(folder)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert child.stdout.readline() == "ready\n"
        deadline = time.monotonic() + 10
        while not server.asked and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)  # half of the file has arrived, the other half never will
        child.send_signal(number)
        _, errors = child.communicate(timeout=10)
    finally:
        child.kill()
        child.wait()
    assert child.returncode != 0 and server.asked == [f"{IMAGES}.gz"]
    left = [path.name for path in (folder / "mnist").iterdir()]
    if number == signal.SIGINT:
        assert "KeyboardInterrupt" in errors and left == []
    assert f"{IMAGES}.gz" not in left
    server.mood = "good"
    assert_is_tiny_mnist(load_mnist())
    # A kill leaves a temporary file. It might be another process's: it goes when it is old.
    kept = sorted(path.name for path in (folder / "mnist").iterdir())
    assert kept == sorted([*PACKED, *left])
    for path in (folder / "mnist").glob("tmp*"):
        os.utime(path, (0, 0))
    load_mnist()
    assert sorted(path.name for path in (folder / "mnist").iterdir()) == sorted(PACKED)
