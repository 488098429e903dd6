"""The network: gradients of the whole, one vector behind all layers, saving, copying, and bad input."""

import copy
import pickle
import re

import numpy as np
import pytest

from nntrain import (
    SGD,
    BatchNorm1d,
    CrossEntropyLoss,
    Dropout,
    Layer,
    LeakyReLU,
    Linear,
    MSELoss,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Tanh,
)
from nntrain.gradcheck import numerical_gradient


def deep_network(dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return Sequential(
        Linear(4, 6, rng=rng),
        BatchNorm1d(6),
        Sigmoid(),
        Linear(6, 5, rng=rng, bias=False),
        Tanh(),
        Linear(5, 5, rng=rng),
        LeakyReLU(),
        Linear(5, 3, rng=rng),
        dtype=dtype,
    )


def test_gradients_of_a_composed_network_by_finite_differences(rng):
    network, loss = deep_network(np.float64), CrossEntropyLoss()
    x, y, start = rng.normal(size=(9, 4)), rng.integers(0, 3, 9), network.params.copy()

    def value(params):
        network.params[...] = params
        return loss.forward(network.forward(x, training=True), y)

    expected = numerical_gradient(value, start)
    value(start)
    dx = network.backward(loss.backward(), need_dx=True)
    np.testing.assert_allclose(network.grads, expected, rtol=1e-6, atol=1e-9)
    expected_dx = numerical_gradient(
        lambda v: loss.forward(network.forward(v, training=True), y), x
    )
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-6, atol=1e-9)


def test_skipping_the_inputs_gradient_changes_no_other(rng):
    network = Sequential(
        Dropout(0.2, rng), Tanh(), Linear(4, 3, rng=rng), ReLU(), Linear(3, 2, rng=rng)
    )
    y = network.forward(rng.normal(size=(5, 4)))
    assert network.backward(np.ones_like(y)) is None
    without = network.grads.copy()
    assert network.backward(np.ones_like(y), need_dx=True).shape == (5, 4)
    np.testing.assert_array_equal(network.grads, without)


def all_views(network):
    for layer in network.layers:
        for name in layer.parameter_names:
            yield getattr(layer, name), network.params
            yield getattr(layer, f"grad_{name}"), network.grads


COPIES = {
    "itself": lambda network: network,
    "deepcopy": copy.deepcopy,
    "pickle": lambda network: pickle.loads(pickle.dumps(network)),
}


@pytest.mark.parametrize("how", COPIES)
def test_layers_are_views_of_one_vector(how):
    network = COPIES[how](deep_network())
    assert sum(view.size for view, _ in all_views(network)) == 2 * network.n_params
    for view, vector in all_views(network):
        assert np.shares_memory(view, vector)
    network.params[...] = np.arange(network.n_params)
    together = np.concatenate(
        [
            getattr(layer, name).ravel()
            for layer in network.layers
            for name in layer.parameter_names
        ]
    )
    np.testing.assert_array_equal(together, network.params)


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_a_copy_predicts_the_same_and_is_independent(how, rng):
    network, x = deep_network(), rng.normal(size=(5, 4))
    network.forward(x, training=True)  # moves the running averages
    other = COPIES[how](network)
    before = network.predict(x)
    np.testing.assert_array_equal(other.predict(x), before)
    other.params[...] = 0
    other.layers[1].running_mean[...] = 9
    np.testing.assert_array_equal(network.predict(x), before)


def test_predict_works_in_pieces_and_without_training(rng):
    network = Sequential(
        Linear(4, 3, rng=rng), Dropout(0.5, rng), BatchNorm1d(3), dtype=np.float64
    )
    x = rng.normal(size=(25, 4))
    np.testing.assert_allclose(
        network.predict(x, batch_size=4), network.forward(x, training=False)
    )


@pytest.mark.parametrize("dtype", [np.float64, np.uint8, bool, int])
def test_inputs_are_converted_to_the_networks_dtype(dtype, rng):
    network = Sequential(Linear(2, 2, rng=rng))
    x = np.array([[0, 1], [1, 1]], dtype)
    y = network.forward(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, network.forward(x.astype(np.float32)))
    network.backward(np.ones((2, 2)))  # a float64 gradient too
    assert network.grads.dtype == np.float32


def test_save_and_load(tmp_path, rng):
    network, other, x = deep_network(), deep_network(seed=1), rng.normal(size=(6, 4))
    network.forward(x)
    network.save(tmp_path / "weights")
    assert other.load(tmp_path / "weights") is other
    np.testing.assert_array_equal(other.predict(x), network.predict(x))
    for view, vector in all_views(other):
        assert np.shares_memory(view, vector)
    assert [path.name for path in tmp_path.iterdir()] == [
        "weights"
    ]  # no half-written file is left


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    network, path = deep_network(), tmp_path / "weights.npz"
    network.save(path)
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="disk full"):
        network.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["weights.npz"]


def test_a_damaged_file_is_always_a_value_error_and_changes_nothing(tmp_path, rng):
    network, path = Sequential(Linear(3, 2, rng=rng)), tmp_path / "weights.npz"
    network.save(path)
    whole, before = path.read_bytes(), network.params.copy()
    for cut in range(0, len(whole), 37):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="not a readable"):
            network.load(path)
    rejected = 0
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            network.load(
                path
            )  # a byte that nobody reads, such as a date, may be damaged
        except ValueError:
            rejected += 1
        np.testing.assert_array_equal(network.params, before)
    assert rejected > 20


def test_files_of_other_networks_are_rejected_with_both_named(tmp_path, rng):
    Sequential(Linear(3, 2, rng=rng)).save(tmp_path / "a.npz")
    network = Sequential(Linear(3, 2, rng=rng), Sigmoid())
    message = (
        "holds the weights of Sequential(Linear(3, 2)), "
        "this network is Sequential(Linear(3, 2), Sigmoid())"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        network.load(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"there is no file .*b\.npz"):
        network.load(tmp_path / "b.npz")
    np.save(tmp_path / "c.npy", np.ones(3))
    with pytest.raises(ValueError, match="not a readable"):
        network.load(tmp_path / "c.npy")
    np.savez(tmp_path / "d.npz", params=np.ones(8))
    with pytest.raises(ValueError, match=r"holds the weights of \?"):
        network.load(tmp_path / "d.npz")


def test_a_pickle_in_a_file_is_not_run(tmp_path, rng):
    np.savez(tmp_path / "evil.npz", params=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="not a readable"):
        Sequential(Linear(3, 2, rng=rng)).load(tmp_path / "evil.npz")


def test_set_state_takes_all_or_nothing(rng):
    network = deep_network()
    before, state = network.params.copy(), network.state()
    with pytest.raises(
        ValueError, match=r"another network: expected .*layer1\.running_mean"
    ):
        network.set_state({"params": state["params"] + 1})
    with pytest.raises(ValueError, match="params must be finite"):
        network.set_state({**state, "params": np.full_like(before, np.nan)})
    for wrong, message in (
        ("a", "params must be real numbers"),
        (1j, "real"),
        (1e300, "params must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            network.set_state({**state, "params": np.full(before.shape, wrong)})
    np.testing.assert_array_equal(network.params, before)
    state["params"][...] = 5  # a copy, so the network does not change
    np.testing.assert_array_equal(network.params, before)


def test_a_layer_can_be_in_one_network_only(rng):
    layer = Linear(3, 3, rng=rng)
    with pytest.raises(
        ValueError, match=r"Linear\(3, 3\) already belongs to a network"
    ):
        Sequential(layer, layer)
    Sequential(layer)
    with pytest.raises(ValueError, match=r"already belongs .* make a new layer"):
        Sequential(layer, Sigmoid())


def test_backward_before_forward_and_wrong_shapes_are_named(rng):
    network = Sequential(Linear(3, 2, rng=rng))
    with pytest.raises(ValueError, match=r"there was none\), got \(4, 2\)"):
        network.backward(np.ones((4, 2)))
    network.forward(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"its outputs are \(4, 2\)\), got \(2,\)"):
        network.backward(np.ones(2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda layer: Sequential(), "at least one layer"),
        (lambda layer: Sequential(layer, "relu"), "layer 1 should be a Layer, got str"),
        (lambda layer: Sequential(layer, dtype=int), "floating-point type, got int64"),
        (
            lambda layer: Sequential(layer).forward(np.array([["a", "b", "c"]])),
            "inputs must be real numbers, .*<U1",
        ),
        (
            lambda layer: Sequential(layer).forward(np.ones((1, 3)) * 1j),
            "inputs must be real numbers, .*complex128",
        ),
        (
            lambda layer: Sequential(layer).forward(np.ones((2, 5))),
            r"inputs of shape \(N, 3\), got \(2, 5\)",
        ),
        (
            lambda layer: Sequential(layer).predict(np.ones((0, 3))),
            r"at least one example, .* got shape \(0, 3\)",
        ),
    ],
)
def test_bad_input_is_named(make, message, rng):
    with pytest.raises(ValueError, match=message):
        make(Linear(3, 2, rng=rng))


def test_one_step_downhill_lowers_the_loss(rng):
    network, loss = Sequential(Linear(3, 1, rng=rng), dtype=np.float64), MSELoss()
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))
    before = loss.forward(network.forward(x), y)
    network.backward(loss.backward())
    SGD(network, lr=0.01).step()
    assert loss.forward(network.forward(x), y) < before


def test_a_composed_network_agrees_with_pytorch(rng, torch):
    network, loss = deep_network(), CrossEntropyLoss()
    modules = [
        torch.nn.Linear(4, 6), torch.nn.BatchNorm1d(6), torch.nn.Sigmoid(), torch.nn.Linear(6, 5, bias=False),
        torch.nn.Tanh(), torch.nn.Linear(5, 5), torch.nn.LeakyReLU(), torch.nn.Linear(5, 3),
    ]  # fmt: skip
    theirs = torch.nn.Sequential(*modules)
    with torch.no_grad():
        for layer, module in zip(network.layers, modules, strict=True):
            for name in layer.parameter_names:
                getattr(module, name).copy_(torch.tensor(getattr(layer, name).T.copy()))
    x, y = rng.normal(size=(16, 4)).astype(np.float32), rng.integers(0, 3, 16)
    value = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(y))
    value.backward()
    assert loss.forward(network.forward(x, training=True), y) == pytest.approx(
        float(value.detach()), rel=1e-5
    )
    network.backward(loss.backward())
    expected = np.concatenate([p.grad.numpy().T.ravel() for p in theirs.parameters()])
    np.testing.assert_allclose(network.grads, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))]
)
@pytest.mark.parametrize("order", [1, -1])
def test_an_optimizer_copied_along_trains_the_copy(copied, order):
    network = deep_network()
    network.grads[...] = 1.0
    pair = (network, SGD(network, lr=0.1, momentum=0.9))[::order]
    twin, optimizer = copied(pair)[::order]
    before = network.params.copy()
    optimizer.step()
    assert optimizer.params is twin.params and optimizer.grads is twin.grads
    np.testing.assert_allclose(
        twin.layers[0].weight, network.layers[0].weight - 0.1, atol=1e-6
    )
    np.testing.assert_array_equal(network.params, before)


def test_a_copied_layer_may_join_another_network(rng):
    old = Sequential(Linear(3, 2, rng=rng))
    new = Sequential(copy.deepcopy(old.layers[0]))
    new.params[...] = 0
    assert old.params.any() and not new.layers[0].weight.any()


def test_initial_weights_are_copied_and_made_real(rng):
    start = np.ones((2, 2), int)
    layer = Linear(2, 2, rng=rng, init=lambda shape, rng: start)
    layer.weight[...] = 0.5
    assert start.all() and (layer.forward(np.ones((1, 2))) == 1).all()


class FirstLayer(Layer):
    """Written as everybody writes the first one: it rebinds its gradient."""

    parameter_names = ("weight",)

    def __init__(self, rng):
        self.weight = rng.normal(size=(4, 3))

    def forward(self, x, training=False):
        self.x = x
        return x @ self.weight

    def backward(self, dy, need_dx=True):
        self.grad_weight = self.x.T @ dy
        return dy @ self.weight.T


def test_a_layer_that_rebinds_its_gradient_trains(rng):
    start = rng.normal(size=(4, 3))
    networks = []
    for layer in (FirstLayer(rng), Linear(4, 3, rng=rng, bias=False)):
        network = Sequential(layer)
        layer.weight = start  # rebound too
        x, dy = np.ones((2, 4), np.float32), np.ones((2, 3), np.float32)
        for _ in range(3):
            network.forward(x, training=True)
            network.backward(dy)
            SGD(network, lr=0.1).step()
        assert np.shares_memory(layer.weight, network.params)
        assert np.shares_memory(layer.grad_weight, network.grads)
        networks.append(network)
    assert not np.allclose(networks[0].params, start.ravel(), atol=0.1)
    np.testing.assert_allclose(networks[0].params, networks[1].params)


@pytest.mark.parametrize(
    "use",
    [
        lambda network, path: network.predict(np.ones((1, 4))),
        lambda network, path: network.state(),
        lambda network, path: network.save(path / "weights.npz"),
        lambda network, path: copy.deepcopy(network),
        lambda network, path: network.set_state(network.state()),
    ],
    ids=["predict", "state", "save", "copy", "set_state"],
)
def test_assigned_weights_count_wherever_they_are_used(use, rng, tmp_path):
    network = Sequential(Linear(4, 3, rng=rng))
    network.layers[0].weight = np.full((4, 3), 2.0)
    use(network, tmp_path)
    assert (network.params[:12] == 2).all()
    if (tmp_path / "weights.npz").exists():
        twin = Sequential(Linear(4, 3, rng=rng)).load(tmp_path / "weights.npz")
        assert (twin.layers[0].weight == 2).all()


def test_assigned_vectors_are_copied_into_place(rng):
    network = Sequential(Linear(4, 3, rng=rng))
    params, grads = network.params, network.grads
    network.params = network.params - 1.0
    network.grads = np.ones(network.n_params)
    network.params -= 0.5
    assert network.params is params and network.grads is grads
    assert (network.layers[0].bias == -1.5).all()
    assert (network.layers[0].grad_weight == 1).all()


def test_what_cannot_be_put_in_place_is_named(rng):
    network = Sequential(Linear(4, 3, rng=rng))
    network.layers[0].weight = np.ones((3, 4))
    with pytest.raises(ValueError, match=r"weight of .* shape \(4, 3\), got \(3, 4\)"):
        network.predict(np.ones((1, 4)))


def test_a_gradient_of_what_is_not_named_is_refused(rng):
    layer = FirstLayer(rng)
    layer.grad_scale = np.ones(3)
    with pytest.raises(
        ValueError, match="computes grad_scale, but does not name 'scale'"
    ):
        Sequential(layer)


def test_a_state_is_a_copy(rng):
    network = deep_network()
    state = network.state()
    for array in state.values():
        array[...] = 7
    assert not (network.params == 7).any()
    assert not (network.layers[1].running_mean == 7).any()


def test_weights_of_layers_with_other_settings_are_refused(tmp_path):
    Sequential(BatchNorm1d(3, eps=0.1)).save(tmp_path / "weights.npz")
    with pytest.raises(ValueError, match=r"holds the weights of .*eps=0.1"):
        Sequential(BatchNorm1d(3)).load(tmp_path / "weights.npz")


def residual_network(seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    inner = Linear(4, 6, rng=rng), BatchNorm1d(6), Tanh(), Linear(6, 4, rng=rng)
    return Sequential(
        Residual(*inner),
        Residual(Dropout(0.5, rng)),
        Linear(4, 3, rng=rng),
        dtype=dtype,
    )


def test_layers_within_layers_train_save_and_load(rng, tmp_path):
    network = residual_network()
    assert [name for name, _ in network.named_layers()][1] == "layers[0].layers[0]"
    assert network.n_params == 4 * 6 + 6 + 12 + 6 * 4 + 4 + 4 * 3 + 3
    x, y, loss = rng.normal(size=(9, 4)), rng.integers(0, 3, 9), CrossEntropyLoss()
    loss.forward(network.forward(x, training=True), y)
    network.backward(loss.backward())
    assert all(
        getattr(layer, f"grad_{name}").any()
        for _, layer in network.named_layers()
        for name in layer.parameter_names
    )
    network.save(tmp_path / "weights.npz")
    twin = residual_network(seed=5).load(tmp_path / "weights.npz")
    np.testing.assert_array_equal(twin.predict(x), network.predict(x))
    again = copy.deepcopy(network)
    np.testing.assert_array_equal(again.predict(x), network.predict(x))
    with pytest.raises(ValueError, match="already belongs to a network"):
        Sequential(Residual(network.layers[0].layers[0]))


def test_matrices_are_told_from_biases_and_scales():
    network = residual_network()
    names = [
        (size, kind)
        for size, kind in [(24, 1), (18, 0), (24, 1), (4, 0), (12, 1), (3, 0)]
    ]
    expected = np.concatenate([np.full(size, kind) for size, kind in names])
    np.testing.assert_array_equal(network.matrices(), expected)
