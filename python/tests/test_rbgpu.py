"""What an astronomer does with rbgpu in Python, on an installed wheel."""

import math
from pathlib import Path

import numpy as np
import pytest

import rbgpu


def sky(count, size=16, channels=1, seed=1):
    """Half of them a star on noise, half of them noise with a hot pixel."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - size // 2
    star = np.exp(-(x**2 + y**2) / 4.0)
    cutouts = random.normal(size=(count, size, size, channels)).astype(np.float32)
    labels = np.arange(count) % 2
    cutouts[labels == 1] += 6 * star[None, :, :, None].astype(np.float32)
    cutouts[labels == 0, size // 2, size // 2] += 12
    return cutouts, labels


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "rb.safetensors"
    epochs = []
    cutouts, labels = sky(400)
    made = rbgpu.train(
        cutouts, labels, out=path, epochs=3, batch_size=32, split="80/20",
        device="cpu", progress=epochs.append,
    )
    assert [e["epoch"] for e in epochs] == [1, 2, 3]
    assert all(math.isfinite(e["val_loss"]) for e in epochs)
    return made, path


def test_a_trained_model_knows_stars(model):
    made, _ = model
    cutouts, labels = sky(200, seed=2)
    scores = made.predict(cutouts)
    assert scores.shape == (200,) and scores.dtype == np.float64
    assert ((scores >= made.threshold) == labels).mean() > 0.95
    assert made.metrics["validation"]["mcc"] > 0.8
    assert made.input_shape == (16, 16, 1) and made.network == "otrain"
    assert "16x16x1" in repr(made)


def test_a_saved_model_gives_the_same_bits(model, tmp_path):
    made, path = model
    cutouts, _ = sky(50, seed=3)
    scores = made.predict(cutouts)
    again = rbgpu.load(path, device="cpu")
    assert np.array_equal(again.predict(cutouts), scores)
    again.save(tmp_path / "copy.safetensors")
    with pytest.raises(FileExistsError, match="force=True"):
        again.save(tmp_path / "copy.safetensors")
    again.save(tmp_path / "copy.safetensors", force=True)
    assert [f.name for f in tmp_path.iterdir() if f.name.startswith(".")] == []
    assert (tmp_path / "copy.safetensors").read_bytes() == Path(path).read_bytes()


def test_any_array_will_do(model, tmp_path):
    made, _ = model
    cutouts, _ = sky(9, seed=4)
    scores = made.predict(cutouts)
    assert np.array_equal(made.predict(cutouts[..., 0]), scores)
    assert np.array_equal(made.predict(cutouts.astype(">f8")), scores)
    assert np.array_equal(made.predict(np.asfortranarray(cutouts)), scores)
    assert np.array_equal(made.predict(cutouts[:5]), scores[:5])
    assert np.array_equal(made.predict(cutouts.tolist()), scores)
    np.save(tmp_path / "x.npy", cutouts)
    assert np.array_equal(made.predict(np.load(tmp_path / "x.npy", mmap_mode="r")), scores)
    assert made.predict(cutouts[:0]).shape == (0,)


def test_one_cutout_is_one_score(model, tmp_path):
    made, _ = model
    cutouts, _ = sky(3, seed=4)
    first = made.predict(cutouts)[:1]
    assert np.array_equal(made.predict(cutouts[0]), first)
    assert np.array_equal(made.predict(cutouts[0, :, :, 0]), first)
    triplets, labels = sky(60, channels=3)
    three = rbgpu.train(triplets, labels, epochs=1, device="cpu", out=tmp_path / "3.safetensors")
    assert three.predict(triplets[0]).shape == (1,)
    # (N, H, W): cutouts of one image for a model of three.
    with pytest.raises(ValueError, match=r"expected \(N, 16, 16, 3\)"):
        three.predict(triplets[..., 0])


def test_nan_is_allowed(model):
    made, _ = model
    cutouts, _ = sky(3, seed=5)
    cutouts[0, :2] = np.nan
    cutouts[1] = np.nan
    scores = made.predict(cutouts)
    assert np.isfinite(scores[[0, 2]]).all()
    assert np.isnan(scores[1]), "nothing is known of a cutout without a pixel"


def test_what_cannot_be_is_an_exception(model, tmp_path):
    made, _ = model
    with pytest.raises(ValueError, match="17x16x1.*16x16x1"):
        made.predict(np.zeros((2, 17, 16, 1)))
    with pytest.raises(ValueError, match="images first.*moveaxis"):
        made.predict(np.zeros((2, 1, 16, 16)))
    with pytest.raises(ValueError, match="expected .N, H, W, C."):
        made.predict(np.zeros(7))
    with pytest.raises(ValueError, match="expected numbers"):
        made.predict(np.array([[["a"]]]))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        rbgpu.load(tmp_path / "nowhere.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="broken.safetensors"):
        rbgpu.load(tmp_path / "broken.safetensors")
    cutouts, labels = sky(20)
    with pytest.raises(ValueError, match="label 2"):
        rbgpu.train(cutouts, labels + 1, device="cpu")
    with pytest.raises(TypeError, match="labels"):
        rbgpu.train(cutouts, device="cpu")
    with pytest.raises(ValueError, match="resnet"):
        rbgpu.train(cutouts, labels, network="resnet", device="cpu")


def test_training_from_a_cube_and_stopping(tmp_path):
    cutouts, labels = sky(80)
    np.savez(tmp_path / "cube.npz", cube=cutouts, labels=labels)

    def stop(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rbgpu.train(tmp_path / "cube.npz", epochs=3, batch_size=16, device="cpu", progress=stop)
    made = rbgpu.train([str(tmp_path / "cube.npz")], epochs=1, batch_size=16, device="cpu")
    assert made.predict(cutouts).shape == (80,)
