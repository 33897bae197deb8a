"""Networks of sequences, in the names of `nn` and PyTorch (jax_sequences.py gives them to JAX)."""

from __future__ import annotations

from typing import Any

from benchmarks.cases.steps.library import Library

INPUTS, UNITS, CLASSES = 32, 128, 10
STEPS = 50
WIDTH, HEADS = 256, 8
TOKENS = {"transformer": 256, "long_transformer": 4096}  # of one sequence


def recurrent(kind: str) -> Any:
    """(x (STEPS, N, INPUTS)) -> classes, read off the last step of one layer of `kind`."""

    def make(lib: Library, dropout: bool) -> Any:
        nn = lib.nn

        class Reader(nn.Module):  # type: ignore[misc,name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.layer = getattr(nn, kind)(INPUTS, UNITS)
                self.head = nn.Linear(UNITS, CLASSES)

            def forward(self, x: Any) -> Any:
                y, _ = self.layer(x)
                return self.head(y[-1])

        return Reader()

    return make


def transformer(lib: Library, dropout: bool) -> Any:
    """One block (N, tokens, WIDTH) -> the same; the norms in front (Xiong et al. 2020)."""
    return lib.nn.TransformerEncoderLayer(
        WIDTH, HEADS, 4 * WIDTH, dropout=0.0, batch_first=True, norm_first=True
    )


SEQUENCES = {
    "lstm": recurrent("LSTM"),
    "gru": recurrent("GRU"),
    "rnn": recurrent("RNN"),
    "transformer": transformer,
    "long_transformer": transformer,
}
