"""PyTorch trains the GRU of docs/examples/sequential_mnist.py: the same first weights, batches and rates.

    python -m benchmarks.examples.sequential_mnist --epochs 2 --of 6 --threads 2

stops after two epochs of a cycle of six. Beside it stands what each epoch's line says in
`python -m docs.examples.sequential_mnist --net GRU`.
"""

from __future__ import annotations

import argparse
import time

import torch

import autograd
from docs.examples import sequential_mnist as ours
from nn.data import DataLoader


class Twin(torch.nn.Module):
    """A GRU and a linear layer on its last state, with the weights of ours: x (N, T) -> (N, 10)."""

    def __init__(self, net: ours.Recurrent) -> None:
        super().__init__()
        self.layer = torch.nn.GRU(1, net.layer.hidden_size)
        self.head = torch.nn.Linear(net.layer.hidden_size, 10)
        self.load_state_dict({name: torch.tensor(x.data) for name, x in net.state_dict().items()})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x.T[..., None])[0][-1])


@torch.no_grad()
def accuracy(model: Twin) -> float:
    images, labels = (
        torch.from_numpy(x.data) for x in next(iter(DataLoader(ours.images(False, False, 10_000), 10_000)))
    )
    found = torch.cat([model(part).argmax(1) for part in images.split(500)])
    return (found == labels).double().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=ours.EPOCHS)
    parser.add_argument("--of", type=int, default=ours.EPOCHS, help="epochs of the whole cycle")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    autograd.manual_seed(given.seed)
    model = Twin(ours.nets(784)["GRU"])
    data = ours.images(True, False, 60_000)
    loader = DataLoader(data, ours.BATCH, shuffle=True, drop_last=True, seed=given.seed + 1)
    rate = ours.RATES["GRU"]
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=given.of * len(loader), pct_start=0.1, cycle_momentum=False
    )
    seconds = 0.0
    for epoch in range(1, given.epochs + 1):
        begun = time.perf_counter()
        for images, labels in loader:
            optimizer.zero_grad()
            logits = model(torch.from_numpy(images.data))
            torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels.data)).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), ours.CLIP)
            optimizer.step()
            cycle.step()
        seconds += time.perf_counter() - begun
        print(f"epoch {epoch}/{given.of}  val_accuracy {accuracy(model):.2%}  {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
