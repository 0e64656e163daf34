#!/usr/bin/env python3
"""O'TRAIN in Keras on a cube of difference cutouts: the baseline that rbgpu is compared with.

    pip install tensorflow-cpu numpy scikit-learn
    python keras_otrain.py CUBE.npz --splits DIR --out baseline.json [--seeds 1,2,3,4,5]
                           [--normalise standard|none] [--epochs 30] [--patience 5] [--preprocessed FILE.npz]

CUBE.npz as O'TRAIN's convert step writes it: cube (N,H,W,1) float32, labels (N,), candids (N,).

Preprocessing (`standard`), per cutout, in float64, stored as float32:
    pixels that are not finite -> the median of the cutout's finite pixels (0 if it has none),
    then (x - mean) / std over the cutout, std with 1/N; std 0 -> all zeros.
`none` only fills the pixels that are not finite.

Per seed: a stratified split (floor(0.15 n) of each class to validation, by a permutation of
numpy.random.default_rng(seed)), written to DIR/seed{K}.npz as a whole cube with `split`
(0 train, 1 validation) so that another engine can train on the same rows; then O'TRAIN, Adam,
categorical cross-entropy, the weights of the lowest validation loss, early stopping.

The epoch (and, for best_mcc, the threshold) is chosen on the rows that are reported: good for
comparing two engines that do the same, optimistic as an estimate of performance. Rows are split, not objects:
an object with two alerts may be on both sides. The splits share rows, so the standard error over seeds is rough.
"""
import argparse, json, os, platform, time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
import numpy as np


def preprocess(cube, how):
    x = np.array(cube, dtype=np.float64)
    for c in x:
        bad = ~np.isfinite(c)
        if bad.any():
            c[bad] = np.median(c[~bad]) if (~bad).any() else 0.0
        if how == "standard":
            mean, std = c.mean(), c.std()
            c[:] = (c - mean) / std if std > 0 else 0.0
    return x.astype(np.float32)


def stratified_split(labels, seed, fraction=0.15):
    rng = np.random.default_rng(seed)
    split = np.zeros(len(labels), dtype=np.int64)
    for c in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == c))
        split[rows[: int(np.floor(fraction * len(rows) + 1e-9))]] = 1
    return split


def otrain(shape, rate=0.3):
    from keras import Input, Sequential, layers as L

    conv = lambda n: L.Conv2D(n, 3, padding="same", activation="relu")
    return Sequential([
        Input(shape), conv(16), conv(32), L.AveragePooling2D(2), L.Dropout(rate),
        conv(64), L.MaxPooling2D(2), L.Dropout(rate),
        conv(128), conv(256), L.MaxPooling2D(2), L.Flatten(),
        L.Dense(512, activation="relu"), L.Dropout(rate), L.Dense(256, activation="relu"),
        L.Dense(2, activation="softmax"),
    ])


def judge(labels, scores):
    from sklearn.metrics import matthews_corrcoef, roc_auc_score

    thresholds = np.array([0.01 * i for i in range(101)])
    mcc = [float(matthews_corrcoef(labels, scores > t)) for t in thresholds]
    best = int(np.argmax(mcc))
    p = np.clip(np.where(labels == 1, scores, 1 - scores).astype(np.float64), 1e-7, 1)
    return {
        "accuracy": float(np.mean((scores > 0.5) == (labels == 1))), "mcc": mcc[50],
        "best_mcc": mcc[best], "best_mcc_threshold": float(thresholds[best]),
        "auc": float(roc_auc_score(labels, scores)), "log_loss_from_scores": float(-np.log(p).mean()),
        "confusion": [[int(((labels == t) & ((scores > 0.5) == bool(d))).sum()) for d in (0, 1)] for t in (0, 1)],
    }


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("cube")
    a.add_argument("--splits", required=True)
    a.add_argument("--out", required=True)
    a.add_argument("--seeds", default="1,2,3,4,5")
    a.add_argument("--normalise", choices=["standard", "none"], default="standard")
    a.add_argument("--epochs", type=int, default=30)
    a.add_argument("--patience", type=int, default=5)
    a.add_argument("--batch-size", type=int, default=64)
    a.add_argument("--learning-rate", type=float, default=1e-3)
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--init-offset", type=int, default=0, help="added to the seed of weights, order and dropout, not of the split")
    a.add_argument("--preprocessed", help="also write the preprocessed cube here")
    a = a.parse_args()

    with np.load(a.cube) as z:
        data = {k: z[k] for k in z.files}
    cube, labels = data["cube"].astype(np.float32), data["labels"].astype(np.int64)
    x = preprocess(cube, a.normalise)
    if a.preprocessed:
        np.savez_compressed(a.preprocessed, x=x)
    seeds = [int(s) for s in a.seeds.split(",")]
    os.makedirs(a.splits, exist_ok=True)
    splits = {}
    for seed in seeds:  # all first, so that another engine can start
        splits[seed] = stratified_split(labels, seed)
        extra = {k: data[k] for k in ("mags", "errmags", "filters", "fwhms") if k in data}
        np.savez(os.path.join(a.splits, f"seed{seed}.npz"), cube=cube, labels=labels,
                 candids=data["candids"].astype(str), split=splits[seed], **extra)

    import keras, tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(a.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    out = {"settings": {k: v for k, v in vars(a).items() if k not in ("cube", "splits", "out", "preprocessed")},
           "versions": {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__,
                        "python": platform.python_version()},
           "rows": len(labels), "train_rows": int((splits[seeds[0]] == 0).sum()),
           "validation_rows": int((splits[seeds[0]] == 1).sum()), "cutouts_with_nan": int(np.isnan(cube).any((1, 2, 3)).sum()),
           "seeds": {}}
    for seed in seeds:
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed + a.init_offset)
        t, v = splits[seed] == 0, splits[seed] == 1
        model = otrain(x.shape[1:])
        model.compile(keras.optimizers.Adam(a.learning_rate), "categorical_crossentropy", metrics=["accuracy"])
        y = keras.utils.to_categorical(labels, 2)
        stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=a.patience, restore_best_weights=True)
        start = time.time()
        h = model.fit(x[t], y[t], batch_size=a.batch_size, epochs=a.epochs, shuffle=True, verbose=0,
                      validation_data=(x[v], y[v]), callbacks=[stop]).history
        seconds = time.time() - start
        model.set_weights(stop.best_weights)  # Keras restores them too; said once more so that it is plain
        scores = model.predict(x[v], batch_size=a.batch_size, verbose=0)[:, 1]
        r = judge(labels[v], scores)
        r["loss"] = float(model.evaluate(x[v], y[v], batch_size=a.batch_size, verbose=0)[0])
        r.update(parameters=model.count_params(), epochs_run=len(h["loss"]), best_epoch=int(np.argmin(h["val_loss"])) + 1,
                 seconds=round(seconds, 1), history={k: [round(float(q), 6) for q in w] for k, w in h.items()})
        out["seeds"][str(seed)] = r
        print(seed, {k: w for k, w in r.items() if k != "history"}, flush=True)
        summary = {}
        for k in ("accuracy", "mcc", "best_mcc", "loss", "auc"):
            q = np.array([s[k] for s in out["seeds"].values()])
            summary[k] = {"mean": float(q.mean()), "standard_error": float(q.std(ddof=1) / len(q) ** 0.5) if len(q) > 1 else None}
        out["summary"] = summary
        with open(a.out, "w") as f:
            json.dump(out, f, indent=1)
    print(json.dumps(out["summary"], indent=1))


if __name__ == "__main__":
    main()
