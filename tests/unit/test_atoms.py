from itertools import product

import pytest
import torch

from pipeline.atoms import ATOMS, Atom, Cut, Group
from pipeline.errors import AtlasError
from pipeline.factorization import Factorization, factorize
from pipeline.grammar import SPATIAL, Substrate
from tests.unit import oracle

NAMES = list(ATOMS)


def cube(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(6, 4, 5, generator=generator, dtype=torch.float64).relu()


def cutting(name: str) -> tuple[Cut, torch.Tensor, Factorization | None]:
    a = cube()
    groups = factorize(a.numpy(), 2) if name == "group" else None
    atom: Atom = Group(2) if name == "group" else ATOMS[name]()
    return Substrate("layer", atom).cut(a, groups), a, groups


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def whole_rows(found: torch.Tensor, atom: str) -> torch.Tensor:
    return found[:, :-1] if atom == "group" else found


@pytest.mark.parametrize("atom", NAMES)
def test_scores_are_the_formulas(atom: str) -> None:
    of, _, groups = cutting(atom)
    batch = torch.stack([cube(1), cube(2)])
    expected = oracle.scores(atom, batch, groups)
    close(whole_rows(of.scores(batch), atom), expected)


@pytest.mark.parametrize("atom", NAMES)
def test_parts_are_the_formulas(atom: str) -> None:
    of, a, groups = cutting(atom)
    expected = oracle.parts(atom, a, groups)
    found = of.parts(range(of.count))
    close(found[: len(expected)], expected)
    if atom != "neuron":
        close(found.sum(0), a)


@pytest.mark.parametrize("atom", NAMES)
def test_seeds_are_the_gradients_of_the_scores(atom: str) -> None:
    of, a, _ = cutting(atom)
    rows = a.expand(of.count, *a.shape).clone().requires_grad_()
    (expected,) = torch.autograd.grad(of.scores(rows).diagonal().sum(), rows)
    torch.testing.assert_close(of.seeds(range(of.count)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("atom", NAMES)
def test_aggregate_and_read_are_inner_products(atom: str) -> None:
    of, a, _ = cutting(atom)
    g = torch.randn(3, *a.shape, dtype=a.dtype)
    every = range(of.count)
    close(of.aggregate(g), torch.einsum("bcyx,mcyx->bm", g, of.parts(every)))
    close(of.read(g), torch.einsum("bcyx,mcyx->bm", g, of.seeds(every)))


@pytest.mark.parametrize(("atom", "size"), list(product(NAMES, (1, 2, 3))))
def test_chunks_join_to_the_whole(atom: str, size: int) -> None:
    of, _, _ = cutting(atom)
    chunks = [range(start, min(start + size, of.count)) for start in range(0, of.count, size)]
    for method in (of.parts, of.seeds):
        whole = method(range(of.count))
        torch.testing.assert_close(torch.cat([method(rows) for rows in chunks]), whole)


def test_a_position_without_activation_has_no_direction() -> None:
    a = cube()
    a[:, 1, 2] = 0
    of = SPATIAL.cut(a)
    assert torch.isfinite(of.seeds(range(of.count))).all()
    rows = a[None].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(of.scores(rows).sum(), rows)
    assert torch.isfinite(gradient).all()


def test_the_output_has_classes_only() -> None:
    with pytest.raises(AtlasError, match=r'"output\.spatial".*output\.neuron'):
        Substrate("output", SPATIAL).cut(torch.randn(5))


def test_groups_of_another_layer_are_refused() -> None:
    groups = factorize(torch.rand(6, 3, 3).numpy(), 2)
    with pytest.raises(AtlasError, match="do not fit"):
        Group(2).cut(cube(), groups)


def test_groups_need_a_factorization() -> None:
    with pytest.raises(AtlasError, match=r'"group\.2" needs a factorization'):
        Group(2).cut(cube())
