"""Optimisers: 100 steps beside PyTorch, single steps by hand, and what must never change."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntrain import SGD, AdaGrad, Adam, AdamW, Batches, CrossEntropyLoss, RMSProp
from nntrain.optimizers import clip_grad_norm


class Model:
    """The least an optimiser needs."""

    def __init__(self, params, grads=0.0):
        self.params = np.array(params)
        self.grads = np.broadcast_to(
            np.asarray(grads, self.params.dtype), self.params.shape
        ).copy()


# ours, PyTorch's name, options (the same for both)
VARIANTS = [
    (SGD, "SGD", {"lr": 0.3}),
    (SGD, "SGD", {"lr": 0.3, "weight_decay": 0.1}),
    (SGD, "SGD", {"lr": 0.1, "momentum": 0.9}),
    (SGD, "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (SGD, "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.05}),
    (SGD, "SGD", {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.05}),
    (AdaGrad, "Adagrad", {"lr": 0.1}),
    (AdaGrad, "Adagrad", {"lr": 0.1, "weight_decay": 0.1}),
    (RMSProp, "RMSprop", {"lr": 0.01}),
    (RMSProp, "RMSprop", {"lr": 0.01, "alpha": 0.9, "weight_decay": 0.1}),
    (Adam, "Adam", {"lr": 0.01}),
    (
        Adam,
        "Adam",
        {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1},
    ),
    (AdamW, "AdamW", {"lr": 0.01}),
    (AdamW, "AdamW", {"lr": 0.01, "weight_decay": 0.5}),
]
IDS = [f"{kind.__name__}-{'-'.join(options)}" for kind, _, options in VARIANTS]


@pytest.mark.parametrize(("kind", "theirs", "options"), VARIANTS, ids=IDS)
def test_a_hundred_steps_agree_with_pytorch(
    kind, theirs, options, make_network, small_data, torch
):
    network, loss, (x, y) = (
        make_network(dtype=np.float64),
        CrossEntropyLoss(),
        small_data,
    )
    modules = [torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3)]
    model = torch.nn.Sequential(*modules).double()
    with torch.no_grad():
        for layer, module in zip(network.layers, modules, strict=True):
            for name in layer.parameter_names:
                getattr(module, name).copy_(torch.tensor(getattr(layer, name).T.copy()))
    ours, other = (
        kind(network, **options),
        getattr(torch.optim, theirs)(model.parameters(), **options),
    )
    train = Batches(x.astype(np.float64), y, 8, rng=np.random.default_rng(1))
    for _ in range(25):
        for inputs, labels in train:
            other.zero_grad()
            expected = torch.nn.functional.cross_entropy(
                model(torch.tensor(inputs)), torch.tensor(labels)
            )
            expected.backward()
            other.step()
            value = loss.forward(network.forward(inputs), labels)
            network.backward(loss.backward())
            ours.step()
            assert value == pytest.approx(float(expected.detach()), rel=1e-6, abs=1e-10)
    params = np.concatenate([p.detach().numpy().T.ravel() for p in model.parameters()])
    assert ours.steps == 100
    np.testing.assert_allclose(network.params, params, rtol=1e-6, atol=1e-9)


def test_sgd_by_hand():
    model = Model([1.0, 2.0], [0.5, -1.0])
    SGD(model, lr=0.1).step()
    np.testing.assert_allclose(model.params, [0.95, 2.1])
    SGD(model, lr=0.1, weight_decay=1.0).step()
    np.testing.assert_allclose(model.params, [0.95 - 0.1 * 1.45, 2.1 - 0.1 * 1.1])


def test_momentum_by_hand():
    model = Model([0.0], [1.0])
    optimizer = SGD(model, lr=1.0, momentum=0.5)
    positions = []
    for _ in range(3):
        optimizer.step()
        positions.append(float(model.params[0]))
    assert positions == [-1.0, -2.5, -4.25]  # steps of 1, 1.5, 1.75


def test_nesterov_by_hand():
    model = Model([0.0], [1.0])
    optimizer = SGD(model, lr=1.0, momentum=0.5, nesterov=True)
    optimizer.step()
    assert model.params[0] == -1.5  # g + μv = 1 + 0.5
    optimizer.step()
    assert model.params[0] == -1.5 - 1.75  # v = 1.5, g + μv = 1.75


def test_adaptive_first_steps_by_hand():
    for kind, options, expected in [
        (AdaGrad, {"lr": 0.1}, 0.1),  # g/√g² = 1
        (RMSProp, {"lr": 0.1, "alpha": 0.75}, 0.2),  # g/√(g²/4) = 2
        (Adam, {"lr": 0.1}, 0.1),
        (AdamW, {"lr": 0.1, "weight_decay": 0.0}, 0.1),
    ]:
        model = Model([5.0, 5.0], [3.0, -0.01])
        kind(model, **options).step()
        np.testing.assert_allclose(
            model.params, [5 - expected, 5 + expected], rtol=1e-5
        )


@given(
    lr=st.floats(1e-6, 1), gradient=st.floats(1e-3, 1e3), sign=st.sampled_from([-1, 1])
)
def test_adams_first_step_is_the_learning_rate_whatever_the_gradient(
    lr, gradient, sign
):
    model = Model([0.0], [sign * gradient])
    Adam(model, lr=lr).step()
    assert model.params[0] == pytest.approx(-sign * lr, rel=1e-4)


def test_adamw_shrinks_weights_that_have_no_gradient_and_adam_does_not_by_the_same():
    one, two = Model([2.0], [0.0]), Model([2.0], [0.0])
    AdamW(one, lr=0.1, weight_decay=0.5).step()
    Adam(two, lr=0.1, weight_decay=0.5).step()
    assert one.params[0] == pytest.approx(2 * (1 - 0.05))
    assert two.params[0] == pytest.approx(
        2 - 0.1
    )  # λθ as a gradient, normalised to one rate


KINDS = {
    "sgd": lambda m, lr: SGD(m, lr=lr, weight_decay=np.float64(0.1)),
    "momentum": lambda m, lr: SGD(m, lr=lr, momentum=np.float64(0.9)),
    "nesterov": lambda m, lr: SGD(
        m, lr=lr, momentum=np.float64(0.9), nesterov=True, weight_decay=0.1
    ),
    "adagrad": lambda m, lr: AdaGrad(m, lr=lr, eps=np.float64(1e-10)),
    "rmsprop": lambda m, lr: RMSProp(m, lr=lr, alpha=np.float64(0.9)),
    "adam": lambda m, lr: Adam(m, lr=lr, betas=(np.float64(0.9), np.float64(0.999))),
    "adamw": lambda m, lr: AdamW(m, lr=lr, weight_decay=np.float64(0.1)),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_updates_are_in_place_and_float32(make):
    model = Model(np.ones(5, np.float32), 0.5)
    params, grads = model.params, model.grads.copy()
    from_numpy, from_schedule = (
        make(model, np.float64(0.1)),
        make(model, lambda step: np.float64(0.1)),
    )
    for optimizer in (from_numpy, from_schedule):
        optimizer.step()
        optimizer.step()
        assert type(optimizer.lr) is float
        assert all(
            value.dtype == np.float32
            for name, value in optimizer.state().items()
            if name != "steps"
        )
    assert model.params is params
    assert params.dtype == np.float32
    assert (params < 1).all()
    np.testing.assert_array_equal(model.grads, grads)  # nobody writes into the gradient


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_every_optimiser_gets_down_a_bowl(make):
    model = Model([3.0, -2.0])
    optimizer = make(model, 0.1)
    for _ in range(2000):
        model.grads[...] = [model.params[0], 10 * model.params[1]]
        optimizer.step()
    np.testing.assert_allclose(model.params, 0, atol=0.2)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_a_saved_state_goes_on_bit_for_bit(make, rng):
    gradients = rng.normal(size=(20, 6)).astype(np.float32)

    def run(model, optimizer, part):
        for gradient in part:
            model.grads[...] = gradient
            optimizer.step()

    model = Model(np.ones(6, np.float32))
    optimizer = make(model, lambda step: 0.1 / (1 + step))
    run(model, optimizer, gradients[:10])
    other = Model(model.params)
    resumed = make(other, lambda step: 0.1 / (1 + step))
    resumed.set_state(optimizer.state())
    run(model, optimizer, gradients[10:])
    run(other, resumed, gradients[10:])
    np.testing.assert_array_equal(model.params, other.params)
    assert resumed.lr == optimizer.lr == 0.1 / 20


def test_a_schedule_is_asked_once_a_step():
    asked = []
    optimizer = SGD(
        Model([0.0]), lr=lambda step: asked.append(step) or 0.1 * (step + 1)
    )
    assert optimizer.lr == 0.1  # the first step's, before it
    optimizer.step()
    optimizer.step()
    assert asked == [0, 0, 1]
    assert optimizer.lr == 0.2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda m: SGD(m, lr=-0.1), "lr must be a number with 0 ≤ lr < inf, got -0.1"),
        (lambda m: SGD(m, lr=np.nan), "got nan"),
        (lambda m: SGD(m, lr="fast"), "got 'fast'"),
        (lambda m: Adam(m, lr=np.inf), "got inf"),
        (lambda m: SGD(m, lr=lambda step: -1), "lr must be .* got -1"),
        (lambda m: SGD(m, lr=0.1, momentum=1.0), "0 ≤ momentum < 1, got 1.0"),
        (
            lambda m: SGD(m, lr=0.1, nesterov=True),
            "nesterov needs a momentum above 0, got 0.0",
        ),
        (lambda m: SGD(m, lr=0.1, weight_decay=-1), "weight_decay .* got -1"),
        (lambda m: RMSProp(m, alpha=1.5), "0 ≤ alpha < 1, got 1.5"),
        (lambda m: AdaGrad(m, eps=-1e-8), "eps .* got -1e-08"),
        (lambda m: Adam(m, betas=(0.9, 1.0)), "0 ≤ beta2 < 1, got 1.0"),
        (lambda m: AdamW(m, betas=(-0.1, 0.9)), "0 ≤ beta1 < 1, got -0.1"),
    ],
)
def test_bad_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make(Model([0.0]))


def test_a_schedule_that_goes_wrong_later_is_named():
    optimizer = SGD(Model([0.0]), lr=lambda step: 0.1 - 0.1 * step)
    optimizer.step()
    optimizer.step()
    with pytest.raises(
        ValueError, match=r"lr must be a number with 0 ≤ lr < inf, got -0.1"
    ):
        optimizer.step()


def test_the_state_of_another_optimiser_is_rejected():
    model = Model([0.0, 0.0])
    with pytest.raises(
        ValueError,
        match="state of Adam for 2 parameters: steps, mean, squares; got steps, velocity",
    ):
        Adam(model).set_state(SGD(model, lr=0.1, momentum=0.9).state())
    with pytest.raises(ValueError, match="state of Adam for 2 parameters"):
        Adam(model).set_state(Adam(Model([0.0])).state())


def test_clip_grad_norm_agrees_with_its_definition_and_leaves_short_ones():
    grads = np.array([3.0, 4.0], np.float32)
    assert clip_grad_norm(grads, 10.0) == 5.0
    np.testing.assert_array_equal(grads, [3, 4])
    assert clip_grad_norm(grads, 1.0) == 5.0
    np.testing.assert_allclose(grads, [0.6, 0.8], rtol=1e-6)
    huge = np.array([3e25, 4e25], np.float32)
    assert clip_grad_norm(huge, 1.0) == pytest.approx(5e25)
    np.testing.assert_allclose(huge, [0.6, 0.8], rtol=1e-6)
    for bad in (
        np.inf,
        np.nan,
    ):  # no length to shrink to: the other numbers are not made NaN or 0 as well
        broken = np.array([3.0, bad], np.float32)
        assert not math.isfinite(clip_grad_norm(broken, 1.0))
        np.testing.assert_array_equal(broken, np.array([3.0, bad], np.float32))
    with pytest.raises(ValueError, match="0 < max_norm ≤ inf, got 0"):
        clip_grad_norm(grads, 0)
