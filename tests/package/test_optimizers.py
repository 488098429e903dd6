"""Optimisers: 100 steps beside PyTorch, single steps by hand, and what must never change."""

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nntrain import SGD, AdaGrad, Adam, AdamW, Batches, CrossEntropyLoss, RMSProp
from nntrain.optimizers import BLOCK, clip_grad_norm
from nntrain.schedules import cosine, warmup


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


def test_weight_decay_can_spare_biases_as_with_pytorchs_groups(
    make_network, small_data, torch
):
    for kind, theirs in ((SGD, "SGD"), (AdamW, "AdamW")):
        network = make_network(dtype=np.float64)
        ours = kind(network, lr=0.1, weight_decay=0.3, decay_biases=False)
        tensors = [
            torch.tensor(getattr(layer, name).copy(), requires_grad=True)
            for layer in network.layers
            for name in layer.parameter_names
        ]
        groups = [
            {"params": [t for t in tensors if t.ndim == 2], "weight_decay": 0.3},
            {"params": [t for t in tensors if t.ndim == 1], "weight_decay": 0.0},
        ]
        other = getattr(torch.optim, theirs)(groups, lr=0.1)
        for _ in range(5):
            network.grads[...] = np.linspace(-1, 1, network.n_params)
            start = 0
            for t in tensors:
                part = network.grads[start : start + t.numel()]
                t.grad, start = torch.tensor(part.reshape(t.shape)), start + t.numel()
            ours.step()
            other.step()
        expected = np.concatenate([t.detach().numpy().ravel() for t in tensors])
        np.testing.assert_allclose(network.params, expected, rtol=1e-9)


def test_settings_without_effect_are_refused(make_network):
    with pytest.raises(ValueError, match="no effect without a weight_decay above 0"):
        SGD(make_network(), lr=0.1, decay_biases=False)
    with pytest.raises(ValueError, match="a network that knows its matrices"):
        SGD(Model([0.0]), lr=0.1, weight_decay=0.1, decay_biases=False)


@pytest.mark.parametrize("kind", [SGD, AdaGrad, RMSProp, Adam, AdamW])
def test_long_gradients_are_shortened_before_the_step(kind):
    clipped, plain = Model([1.0, 2.0], [3.0, 4.0]), Model([1.0, 2.0], [0.6, 0.8])
    kind(clipped, lr=0.1, max_norm=1.0).step()
    kind(plain, lr=0.1).step()
    np.testing.assert_allclose(clipped.params, plain.params, atol=1e-12)
    np.testing.assert_allclose(clipped.grads, [0.6, 0.8])
    with pytest.raises(ValueError, match="0 < max_norm < inf, got 0"):
        kind(plain, lr=0.1, max_norm=0)


def test_a_new_rate_replaces_the_schedule():
    model = Model([0.0], [1.0])
    optimizer = SGD(model, lr=lambda step: 1.0)
    optimizer.lr = 0.25
    optimizer.step()
    assert (model.params[0], optimizer.lr) == (-0.25, 0.25)
    optimizer.lr = lambda step: 0.5 * (step + 1)
    assert optimizer.lr == 1.0  # of the step to come, the second
    optimizer.step()
    assert model.params[0] == -1.25
    with pytest.raises(ValueError, match="got -1"):
        optimizer.lr = -1


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))]
)
def test_a_copied_optimiser_goes_on_like_the_first(make, copied):
    model = Model(np.ones(5, np.float32), 0.5)
    optimizer = make(model, warmup(cosine(0.1, total_steps=9), 2))
    optimizer.step()
    twin, other = copied((model, optimizer))
    for _ in range(3):
        optimizer.step()
        other.step()
    assert other.lr == optimizer.lr
    np.testing.assert_array_equal(twin.params, model.params)
    other.step()
    assert not np.array_equal(twin.params, model.params)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_many_parameters_move_as_few_do(make):
    """An update works through the vector block by block."""
    n = 2 * BLOCK + 5
    gradient = np.linspace(-1, 1, n, dtype=np.float32)
    model, optimizers = Model(np.ones(n, np.float32), gradient), []
    parts = [Model(np.ones(5, np.float32), g) for g in (gradient[:5], gradient[-5:])]
    optimizers = [make(one, 0.1) for one in (model, *parts)]
    for _ in range(3):
        for optimizer in optimizers:
            optimizer.step()
    np.testing.assert_array_equal(model.params[:5], parts[0].params)
    np.testing.assert_array_equal(model.params[-5:], parts[1].params)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_a_state_is_a_copy(make):
    model = Model(np.ones(4), 0.5)
    optimizer = make(model, 0.1)
    optimizer.step()
    for array in optimizer.state().values():
        array[...] = 77
    assert optimizer.steps == 1
    assert not any((a == 77).any() for a in optimizer.state().values())


def test_momentum_is_off_unless_asked_for():
    model = Model([0.0], [1.0])
    optimizer = SGD(model, lr=1.0)
    optimizer.step()
    optimizer.step()
    assert model.params[0] == -2.0


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("lr", [1e-300, 1e-45, 1e30])
def test_extreme_rates_do_what_they_say(make, lr):
    """Tiny ones move nothing, enormous ones diverge; neither raises nor warns."""
    model = Model(np.ones(3, np.float32), 1e-3)
    with np.errstate(over="ignore", invalid="ignore"):
        make(model, lr).step()
    assert (
        (model.params == 1).all() if lr < 1 else not (np.abs(model.params) < 1e9).any()
    )
