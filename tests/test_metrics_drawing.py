"""The frozen networks and the meter built on them: it must know good drawings from bad ones."""

from __future__ import annotations

import hashlib
import re
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
import nn.data
from apps.digits import features as script
from docs.examples import meters
from nn.metrics import DrawingMeter, LeNet, lenet

ROOT = Path(__file__).resolve().parent.parent
TRAIN, TEST = (nn.data.optdigits(train=part) for part in (True, False))
IMAGES = TEST.arrays()[0]
COUNT = 800


@pytest.fixture(scope="module")
def meter() -> DrawingMeter:
    return DrawingMeter("optdigits", TRAIN, TEST, count=COUNT)


def read_or_skip(name: str, folder: str | None = None):
    try:
        return {"mnist": nn.data.mnist, "fashion": nn.data.fashion_mnist}[name](folder, train=False).arrays()
    except nn.data.DataError as error:
        pytest.skip(str(error))


# The frozen networks -----------------------------------------------------------------------------


@pytest.mark.parametrize("name, least", [("mnist", 0.995), ("fashion", 0.924), ("optdigits", 0.993)])
def test_they_read_the_test_images(name, least):
    images, labels = TEST.arrays() if name == "optdigits" else read_or_skip(name)
    assert nn.metrics.accuracy(nn.metrics.features(name).classify(images), labels) >= least


def test_they_are_small_and_come_with_the_package():
    files = [lenet.file_of(name) for name in lenet.FROZEN]
    assert sum(path.stat().st_size for path in files) < 1_000_000
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (pattern,) = settings["tool"]["setuptools"]["package-data"]["nn.metrics"]
    assert all(path.match(pattern) for path in files)


@pytest.mark.parametrize("name", lenet.FROZEN)
def test_half_precision_is_all_they_have(name):
    """Written again, they are the same file: nothing was lost by storing them so."""
    net = nn.metrics.features(name)
    for key, value in nn.load(lenet.file_of(name)).items():
        stored = lenet.frozen_state(net)[key].data
        assert stored.dtype == value.data.dtype
        np.testing.assert_array_equal(stored, value.data)
    assert not any(p.requires_grad for p in net.parameters()) and not net.training


def test_features_are_those_of_the_layers_one_by_one():
    net = nn.metrics.features("optdigits")
    found = net.features(IMAGES[:600])
    assert found.dtype == np.float64 and found.shape == (600, 64)
    with autograd.no_grad():
        x = autograd.from_numpy(IMAGES[:600])
        for layer in net.body:
            x = layer(x)
        scores = net.head(x)
    np.testing.assert_allclose(found, x.data, atol=1e-5)
    np.testing.assert_array_equal(net.classify(IMAGES[:600]), scores.data.argmax(1))
    np.testing.assert_allclose(net.features(autograd.from_numpy(IMAGES[:600])), found)
    np.testing.assert_allclose(net(autograd.from_numpy(IMAGES[:600])).data, scores.data, atol=1e-5)


def test_features_have_mean_zero_and_variance_one_over_the_training_images():
    found = nn.metrics.features("optdigits").features(TRAIN.arrays()[0])
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-2)  # half precision has moved them a little
    np.testing.assert_allclose(found.std(0), 1, atol=1e-2)


def test_a_file_that_is_not_the_frozen_one_is_refused(tmp_path):
    frozen = lenet.FROZEN["optdigits"]
    path = lenet.file_of("optdigits", tmp_path)
    with pytest.raises(ValueError, match=r"cannot be read \(No such file.*install the package again"):
        lenet.read(path, frozen)
    data = bytearray(lenet.file_of("optdigits").read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="not the frozen network: SHA-256"):
        lenet.read(path, frozen)
    with pytest.raises(ValueError, match="want one of mnist, fashion, optdigits, got 'cifar'"):
        nn.metrics.features("cifar")


@pytest.mark.parametrize(
    "images, message",
    [
        (IMAGES * 2 - 1, r"want images in \[0, 1\], got \[-1, 1\]; what is in \[-1, 1\] becomes"),
        (IMAGES * np.nan, r"want images in \[0, 1\], got NaN"),
        (IMAGES[:, 0], r"want images \(N, 1, 8, 8\), N >= 1, got \(1797, 8, 8\)"),
        (np.zeros((2, 1, 28, 28)), r"\(N, 1, 8, 8\), N >= 1, got \(2, 1, 28, 28\)"),
        (np.zeros((2, 3, 8, 8)), r"got \(2, 3, 8, 8\)"),
        (IMAGES[:0], r"N >= 1"),
        (TEST.images[:, None], "uint8; divide by the highest level"),
    ],
)
def test_what_is_no_image_is_refused(images, message):
    with pytest.raises(ValueError, match=message):
        nn.metrics.features("optdigits").features(images)


def test_a_network_of_another_side_or_in_training_is_refused():
    with pytest.raises(ValueError, match="side 8 or 28, got 32"):
        LeNet(32, (4, 8, 16))
    with pytest.raises(ValueError, match="training mode"):
        LeNet(8, (4, 8, 16)).features(IMAGES)


def test_the_script_freezes_a_network_and_says_its_hash(tmp_path, capsys):
    command = "--dataset optdigits --epochs 1 --validation 0.5 --seed 3 --output".split()
    assert script.main([*command, str(tmp_path)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    path = lenet.file_of("optdigits", tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert re.fullmatch(rf"validation accuracy \d\d\.\d\d% \(optdigits, seed 3\), sha256 {digest}", last)
    frozen = lenet.FROZEN["optdigits"]._replace(sha256=digest)
    assert lenet.read(path, frozen).features(IMAGES[:3]).shape == (3, 64)
    assert script.main([*command, str(tmp_path)]) == 0
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest, "a seed is a seed"


# The meter ---------------------------------------------------------------------------------------


def test_real_images_are_at_the_floor(meter):
    found = meter.measure(IMAGES[np.random.default_rng(1).permutation(len(IMAGES))])
    assert found.frechet == pytest.approx(meter.floor, rel=0.2)
    assert found.precision > 0.6 and found.recall > 0.6 and found.histogram.kl < 0.02
    line = r"frechet \d+\.\d\d \(floor \d+\.\d\d, 800 samples\) precision 0\.\d{3} recall 0\.\d{3}"
    assert re.fullmatch(line, str(found))


def drawn_worse() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    padded = np.pad(IMAGES, ((0, 0), (0, 0), (1, 1), (1, 1)))
    blurred = sum(padded[:, :, i : i + 8, j : j + 8] for i in range(3) for j in range(3)) / 9
    return {
        "shifted": np.roll(IMAGES, 1, axis=3),
        "blurred": blurred,
        "noisy": np.clip(IMAGES + 0.3 * rng.normal(size=IMAGES.shape), 0, 1),
        "one class": np.tile(IMAGES[TEST.labels == 3], (5, 1, 1, 1)),
        "noise": rng.random(IMAGES.shape),
        "upside down": IMAGES[:, :, ::-1].copy(),
    }


@pytest.mark.parametrize("kind", drawn_worse())
def test_worse_images_are_far_above_the_floor(meter, kind):
    found = meter.measure(drawn_worse()[kind][:COUNT])
    assert found.frechet > 3 * meter.floor, str(found)


def test_collapse_shows(meter):
    """One image, well drawn: precision is high, recall nothing, one class."""
    found = meter.measure(np.repeat(TRAIN.arrays()[0][:1], COUNT, axis=0))
    assert found.recall < 0.01 and found.frechet > 10 * meter.floor
    assert (found.histogram.counts > 0).sum() == 1 and found.histogram.kl > 2
    one_class = meter.measure(drawn_worse()["one class"])
    assert one_class.precision > 0.5 and one_class.recall < 0.2


def test_what_was_remembered_shows(meter):
    drawn = np.concatenate([TRAIN.arrays()[0][[5, 99]], IMAGES[:2]])
    found = meter.nearest(drawn)
    assert found.indices[:2, 0].tolist() == [5, 99] and found.distances[:2].max() == 0
    assert found.distances[2:].min() > 0


def test_the_count_is_that_of_the_test_images_at_most():
    whole = DrawingMeter("optdigits", TRAIN.arrays()[0], IMAGES)
    assert whole.count == len(IMAGES) == 1797
    with pytest.raises(ValueError, match="5 samples, but the floor is that of 1797"):
        whole.measure(IMAGES[:5])
    for count, images in ((9, IMAGES), (100, IMAGES[:9])):
        with pytest.raises(ValueError, match=f"want 10 .* got count {count}, {len(images)} test and 3823"):
            DrawingMeter("optdigits", TRAIN, images, count=count)
    # Data may come as arrays, without labels: then the network's are taken.
    begun = time.process_time()
    assert whole.measure(IMAGES).histogram.kl < 0.02
    assert time.process_time() - begun < 2, "two thousand samples are a matter of a second or two"


def test_the_example_measures_each_fault_and_draws_it(tmp_path, capsys):
    assert meters.main(["--count", "300", "--out", str(tmp_path)]) == 0
    first, _, *lines, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"optdigits: 300 images of each kind, floor \d\.\d\d", first)
    floor = float(first.split()[-1])
    rows = {re.split(r"\s{2,}", line)[0]: [float(x) for x in line.split()[-5:]] for line in lines}
    frechet = {name: numbers[0] for name, numbers in rows.items()}
    assert (
        frechet.pop("real, never trained on") < 1.5 * floor and frechet.pop("training images") < 1.5 * floor
    )
    assert len(frechet) == 7 and min(frechet.values()) > 3 * floor
    assert rows["training images"][4] == 0 and rows["the same ten over again"][2] < 0.05
    assert last == f"wrote {tmp_path / 'meters-optdigits.png'}"
    assert (tmp_path / "meters-optdigits.png").read_bytes().startswith(b"\x89PNG")
    assert meters.main(["--quick", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("optdigits: 100 images")
