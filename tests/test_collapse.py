"""Mode collapse: distances as NumPy has them, warnings with evidence, once, and not of what is well."""

import warnings

import numpy as np
import pytest

from autograd import Tensor
from nn.models.collapse import CollapseWarning, Watch, mean_distance

RNG = np.random.default_rng(0)
DATA = RNG.random((64, 1, 4, 4)).astype(np.float32)


def test_the_mean_distance_is_that_of_all_pairs():
    pairs = [np.linalg.norm(a - b) for i, a in enumerate(DATA) for b in DATA[:i]]
    assert mean_distance(DATA) == pytest.approx(np.mean(pairs), rel=1e-6)
    assert mean_distance(np.ones((3, 2), np.float32)) == 0
    with pytest.raises(ValueError, match="2 or more examples, got 1"):
        mean_distance(DATA[:1])


def quiet(watch: Watch, samples: np.ndarray, data: np.ndarray = DATA, ripe: bool = True) -> dict:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return watch.look(samples, data, ripe)


def test_samples_as_far_apart_as_the_data_are_well():
    watch = Watch()
    for _ in range(3):
        assert quiet(watch, RNG.random(DATA.shape))["spread"] == pytest.approx(1, abs=0.1)


def test_one_image_again_and_again_is_a_collapse_told_once():
    watch, same = Watch(), np.repeat(DATA[:1], 32, 0)
    assert quiet(watch, same)["spread"] == 0  # once may be chance
    with pytest.warns(
        CollapseWarning, match=r"mean distance between 32 samples is 0, .*\(0%\); try .*packing"
    ):
        watch.look(same, DATA)
    quiet(watch, same)


def test_a_young_generator_is_not_blamed():
    watch = Watch()
    for _ in range(3):
        quiet(watch, np.repeat(DATA[:1], 32, 0), ripe=False)
    assert watch.warned == []


def test_a_low_distance_that_does_not_last_is_none():
    watch = Watch()
    for samples in (DATA * 0, DATA, DATA * 0, DATA):
        quiet(watch, samples)


def brightest(images: np.ndarray) -> np.ndarray:
    """A classifier: which of four rows is the brightest."""
    return images.sum((1, 3)).argmax(1)


def of_class(*classes: int, each: int = 20) -> np.ndarray:
    images = RNG.random((len(classes) * each, 1, 4, 4)) * 0.3
    for i, k in enumerate(classes * each):
        images[i, 0, k] += 1
    return images


def test_classes_that_are_missing_are_named():
    watch = Watch(brightest)
    everything = of_class(0, 1, 2, 3)
    assert quiet(watch, everything, everything)["classes"] == [20, 20, 20, 20]
    with pytest.warns(
        CollapseWarning, match=r"of 60 samples .* class 2 \(0; 15 expected\); all: \[20, 20, 0, 20\]"
    ):
        watch.look(of_class(0, 1, 3), everything)
    assert watch.seen == [40, 40, 40, 40]


def test_a_conditional_generator_draws_what_it_is_asked_for():
    """Not what the data have more of."""
    watch, uneven = Watch(brightest), of_class(0, 0, 0, 0, 0, 0, 1, 2)
    labels = np.arange(80) % 4
    for _ in range(2):  # of class 3 there are no data to learn from
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            watch.look(of_class(0, 1, 2, 1), uneven, True, labels)
            watch.look(np.concatenate([of_class(1, 2, each=35), of_class(0, each=10)]), uneven, True, labels)
    with pytest.warns(CollapseWarning, match=r"class 2 \(0; 20 expected\); all: \[40, 40, 0, 0\]"):
        watch.look(of_class(0, 1, 0, 1), uneven, True, labels)


def test_distances_are_those_of_512_at_most():
    many = np.repeat(RNG.random((512, 2)), 40, 0)[::-1]
    watch = Watch()
    assert watch.look(many, many)["spread"] == 1
    few = watch.look(many[:512], many[:512])
    assert watch.look(many, many[:512]) == few


def test_what_the_data_lacks_need_not_be_drawn():
    quiet(Watch(brightest), of_class(0, 1), of_class(0, 1))


def test_classes_may_be_tensors_but_not_scores():
    assert Watch(lambda x: Tensor(brightest(x))).look(of_class(1), of_class(1))["classes"] == [0, 20]
    with pytest.raises(ValueError, match=r"got float64 of shape \(20, 4\) \(argmax\(1\)"):
        Watch(lambda x: x.sum((1, 3))).look(of_class(1), of_class(1))


def test_the_state_goes_on():
    first, same = Watch(brightest), of_class(0)
    quiet(first, same, of_class(0, 1), ripe=False)
    second = Watch(brightest)
    second.load_state_dict(first.state_dict())
    assert second.seen == [20, 20] and second.state_dict() == first.state_dict()
