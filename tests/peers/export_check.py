#!/usr/bin/env python3
"""Does what `rbgpu export` writes work where it is meant to, and with rbgpu's own scores?

    tests/peers/export_check.py --rbgpu target/release/rbgpu MODEL CUTOUTS.npz [MODEL CUTOUTS.npz ...]

MODEL is a file that rbgpu wrote; CUTOUTS.npz has one array (N,H,W,C), of the model's size. For each pair it exports every format, scores the cutouts with `rbgpu score`, and
compares with

  onnx          the checker (full_check), then onnxruntime in batches of 1, 7 and all; where the
                normalisation allows it, also with the normalisation in the graph, on raw pixels
  h5            load_model of tf_keras and of Keras 3; load_weights of tf_keras
  keras         load_model of Keras 3
  weights.h5    load_weights of Keras 3 into a fresh model
  safetensors   read by Python's safetensors, tensor by tensor against Keras' weights

to 1e-5. It ends with 1 if anything is worse, and names what is not installed. It needs:

    pip install numpy h5py onnx onnxruntime tensorflow-cpu keras tf_keras safetensors

The golden models come from the tests:

    RBGPU_EXPORT_DIR=/tmp/golden cargo test --release --test golden exported
    tests/peers/export_check.py /tmp/golden/des1.safetensors ../shared/golden/des1.input.npz
"""

import argparse
import csv
import importlib
import io
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np

TOLERANCE = 1e-5
IN_GRAPH = {"none", "standard", "l2", "l2-rows", "minmax"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rbgpu", default="target/release/rbgpu")
    parser.add_argument("--most", type=int, default=200, help="cutouts of each file at most")
    parser.add_argument("files", nargs="+", help="MODEL CUTOUTS.npz ...")
    arguments = parser.parse_args()
    if len(arguments.files) % 2:
        parser.error("models and cutouts come in pairs")
    bad = 0
    for model, cutouts in zip(arguments.files[::2], arguments.files[1::2]):
        print(f"{os.path.basename(model)} on {os.path.basename(cutouts)}")
        with tempfile.TemporaryDirectory() as folder:
            bad += Check(arguments, model, cutouts, folder).run()
    print("all agree" if not bad else f"{bad} do not agree")
    sys.exit(bad > 0)


def module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"  SKIPPED: no {name}")
        return None


class Check:
    def __init__(self, arguments, model, cutouts, folder):
        self.program, self.model, self.folder, self.bad = arguments.rbgpu, model, folder, 0
        data = np.load(cutouts, allow_pickle=False)
        cube = next(data[key] for key in data.files if data[key].ndim == 4)
        self.x = np.float32(cube[: arguments.most])
        self.raw = os.path.join(folder, "raw.npz")
        np.savez(self.raw, cube=self.x)
        self.scores = self.score()

    def rbgpu(self, *arguments):
        done = subprocess.run(
            [self.program, *map(str, arguments)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"rbgpu {arguments}: {done.stderr}")
        return done.stdout

    def score(self):
        text = self.rbgpu("score", self.model, self.raw, "--device", "cpu", "-q")
        return np.array([float(row["rb_score"]) for row in csv.DictReader(io.StringIO(text))])

    def export(self, ending, *more):
        path = os.path.join(self.folder, f"model{len(more)}.{ending}")
        self.rbgpu("export", self.model, "--out", path, "-q", *more)
        return path

    def compare(self, what, got, want=None):
        want = self.scores if want is None else want
        got = np.asarray(got, dtype=np.float64)
        worst = np.abs(got - want).max() if got.shape == want.shape else np.inf
        fine = bool(worst <= TOLERANCE)
        self.bad += not fine
        print(f"  {'ok ' if fine else 'BAD'} {what:42} {worst:.1e} of {len(want)}")

    def run(self):
        facts = self.onnx()
        self.keras(self.normalised(facts))
        return self.bad

    def normalised(self, facts):
        """The pixels as the network wants them, in numpy: a second pair of eyes."""
        x, kind = np.float64(self.x), facts["normalisation"]
        image = (1, 2)
        finite = np.isfinite(x)
        if not finite.all():
            median = np.nanmedian(np.where(finite, x, np.nan), axis=image, keepdims=True)
            x = np.where(finite, x, 0 if kind.startswith("l2") else median)
        if kind == "none":
            return np.float32(x)
        if kind == "standard":
            scale = x.std(axis=image, keepdims=True)
            x = x - x.mean(axis=image, keepdims=True)
        elif kind == "minmax":
            low = x.min(axis=image, keepdims=True)
            scale, x = x.max(axis=image, keepdims=True) - low, x - low
        elif kind in ("l2", "l2-rows"):
            axes = image if kind == "l2" else (2,)
            squares = (x**2).sum(axis=axes, keepdims=True)
            # braai's sum in f32 overflows, and the image becomes 0.
            scale = np.where(squares > np.finfo("f4").max, np.inf, np.sqrt(squares))
        elif kind == "mad":
            scale = 1.4826 * np.median(abs(x[..., -1:]), axis=image, keepdims=True)
        elif kind == "asinh":
            x = x - np.median(x, axis=image, keepdims=True)
            return np.float32(np.arcsinh(x / (1.4826 * np.median(abs(x), axis=image, keepdims=True))))
        else:
            sys.exit(f"this script does not know the normalisation {kind}")
        return np.float32(x / np.where(scale == 0, 1, scale))

    def onnx(self):
        onnx, runtime = module("onnx"), module("onnxruntime")
        path = self.export("onnx")
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        facts = {entry.key: entry.value for entry in model.metadata_props}
        inputs = self.normalised(facts)
        every = np.ones(len(self.x), bool)
        runs = [("onnx", path, inputs, every)]
        if facts["normalisation"] in IN_GRAPH:
            path = self.export("onnx", "--with-normalisation")
            onnx.checker.check_model(onnx.load(path), full_check=True)
            # Where NaN is no 0 and no median, such a cutout has no score.
            finite = np.isfinite(self.x).all(axis=(1, 2, 3))
            rows = every if facts["normalisation"].startswith("l2") else finite
            runs.append(("onnx with normalisation", path, self.x[rows], rows))
        for what, path, pixels, rows in runs:
            session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
            for size in (1, 7, len(pixels)):
                batches = [pixels[i : i + size] for i in range(0, len(pixels), size)]
                got = [session.run(["p_real"], {"cutouts": batch})[0] for batch in batches]
                self.compare(f"{what}, onnxruntime, batches of {size}", np.concatenate(got), self.scores[rows])
            broken = pixels[:2].copy()
            broken[1].flat[0] = np.nan
            got = session.run(["p_real"], {"cutouts": broken})[0]
            counts = what != "onnx" and facts["normalisation"].startswith("l2")
            if np.isfinite(got[0]) and bool(np.isnan(got[1])) != counts:
                print(f"  ok  {what}, a NaN pixel gives {'a score' if counts else 'NaN'}")
            else:
                self.bad += 1
                print(f"  BAD {what}, a NaN pixel gives {got}")
        return facts

    def keras(self, pixels):
        def real(model):
            return model.predict(pixels, verbose=0, batch_size=32)[:, -1]

        h5 = self.export("h5")
        tf_keras, keras = module("tf_keras"), module("keras")
        if tf_keras:
            model = tf_keras.models.load_model(h5, compile=False)
            self.compare("h5, tf_keras load_model", real(model))
            fresh = tf_keras.models.clone_model(model)
            fresh.load_weights(h5)
            self.compare("h5, tf_keras load_weights", real(fresh))
            zipped = self.export("keras")
            model = tf_keras.models.load_model(zipped, compile=False)
            self.compare("keras, tf_keras load_model", real(model))
        if not keras:
            return
        model = keras.models.load_model(h5, compile=False)
        self.compare("h5, keras 3 load_model", real(model))
        model = keras.models.load_model(self.export("keras"), compile=False)
        self.compare("keras, keras 3 load_model", real(model))
        fresh = keras.models.clone_model(model)
        fresh.load_weights(self.export("weights.h5"))
        self.compare("weights.h5, keras 3 load_weights", real(fresh))
        again = os.path.join(self.folder, "again.keras")
        fresh.save(again)
        self.compare("saved by keras 3 again", real(keras.models.load_model(again)))
        safetensors = module("safetensors")
        if safetensors:
            with safetensors.safe_open(self.export("safetensors"), "np") as file:
                names = {v.path.removeprefix("sequential/"): v for v in model.variables}
                names = {k: v for k, v in names.items() if "seed_generator" not in k}
                same = set(names) == set(file.keys()) and all(
                    np.array_equal(file.get_tensor(k), v.numpy()) for k, v in names.items()
                )
                self.bad += not same
                print(f"  {'ok ' if same else 'BAD'} safetensors, {len(names)} tensors bit for bit;"
                      f" threshold {file.metadata()['threshold']}")


if __name__ == "__main__":
    main()
