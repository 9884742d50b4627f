import numpy as np
import pytest

from ecgsvc.inference.averages import deviation, mean, share
from ecgsvc.inference.order_statistics import median, quantile, quantiles

SIZES = (1, 2, 3, 4, 7, 8, 9, 12, 31, 129, 1000)
SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.4, 0.5, 0.75, 0.8, 0.9, 0.95, 0.98, 1.0)


def numbers(n: int, dtype: type[np.floating], shape: str) -> np.ndarray:
    drawn = np.random.default_rng(n).normal(1.0, 3.0, (n, 5, n))
    drawn[:, 1] = np.round(drawn[:, 1]) + 0.0  # ties, and no negative zero
    drawn = drawn.astype(dtype)
    return {"row": drawn[0, 0], "matrix": drawn[:, :, 0], "strided": drawn[:, 1:4, ::2]}[
        shape
    ]


def same(ours: object, numpys: object) -> bool:
    one, other = np.asarray(ours), np.asarray(numpys)
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


@pytest.mark.parametrize("shape", ["row", "matrix", "strided"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", SIZES[:-1])
def test_statistics_along_axes_are_those_of_numpy_to_the_last_digit(
    n: int, dtype: type[np.floating], shape: str
) -> None:
    values = numbers(n, dtype, shape)
    for axis in range(-1, values.ndim):
        assert same(median(values, axis), np.median(values, axis))
        assert same(mean(values, axis), values.mean(axis))
        kept = mean(values, axis, keepdims=True)
        assert same(kept, values.mean(axis, keepdims=True))
        assert same(deviation(values, axis), values.std(axis))
        if dtype is np.float64:  # NumPy's are float64 of float32, and rounded elsewhere
            for share_of in SHARES:
                expected = np.quantile(values, share_of, axis)
                assert same(quantile(values, share_of, axis), expected)
    assert same(mean(values), values.mean())
    assert same(deviation(values), values.std())


@pytest.mark.parametrize("n", SIZES)
def test_several_quantiles_are_those_of_numpy_to_the_last_digit(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    assert quantiles(values, SHARES) == np.quantile(values, SHARES).tolist()
    assert (
        quantiles(np.round(values), SHARES)
        == np.quantile(np.round(values), SHARES).tolist()
    )


@pytest.mark.parametrize("n", SIZES)
def test_a_share_is_the_mean_of_flags(n: int) -> None:
    flags = np.random.default_rng(n).random((n, 3)) < 0.3
    assert share(flags) == float(flags.mean())
