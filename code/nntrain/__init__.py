"""nntrain: the package behind the book *Training Neural Networks*.

Each module teaches one concept and can be read on its own. The names a training run
needs are gathered here; the rest is imported from its module, for example
`from nntrain.landscapes.surfaces import Ravine`.
"""

from nntrain.activations import LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from nntrain.data import Batches, one_hot, standardise, train_val_split
from nntrain.evaluation import evaluate
from nntrain.history import History
from nntrain.layers import Dropout, Layer, Linear, Residual
from nntrain.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    MAELoss,
    MSELoss,
    ProbsCrossEntropyLoss,
    QuadraticLoss,
)
from nntrain.metrics import accuracy
from nntrain.network import Sequential
from nntrain.normalisation import BatchNorm1d, LayerNorm
from nntrain.optimizers import SGD, AdaGrad, Adam, AdamW, RMSProp
from nntrain.training import fit

__all__ = [
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "Batches",
    "CrossEntropyLoss",
    "Dropout",
    "History",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MAELoss",
    "MSELoss",
    "ProbsCrossEntropyLoss",
    "QuadraticLoss",
    "RMSProp",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "accuracy",
    "evaluate",
    "fit",
    "one_hot",
    "standardise",
    "train_val_split",
]
