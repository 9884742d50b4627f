"""Which processors fit in bfloat16; needs the extra ``train``."""

import pytest

torch = pytest.importorskip("torch", reason="needs ecgsvc[train]")

from ecgsvc.training.precision import half_precision  # noqa: E402


@pytest.mark.parametrize(
    ("capability", "enabled", "expected"),
    [
        ("AVX512", True, torch.bfloat16),
        ("AVX512_BF16", True, torch.bfloat16),
        ("AVX512", False, torch.float32),
        ("AVX2", True, torch.float32),
    ],
)
def test_only_processors_with_vectors_for_it_take_bfloat16(
    monkeypatch, capability, enabled, expected
):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    with half_precision(enabled):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == expected
