#!/usr/bin/env python3
"""Runs the program on mutated files of every format, each in a process of its own.

    fuzz/mutate.py [COUNT] [--seed N] [--program target/release/rbgpu] [--keep DIR]

A finding is an abort (a signal), a hang (20 s), a panic's text, a Rust backtrace, or an exit code
other than 0 to 3. Memory is limited to 2 GiB of address space beyond what an idle program maps.
Mutation i of a seed is a function of --seed and i, so that a finding can be made again. Seeds come
from tests/fixtures and from the program itself. Only Python's standard library is needed.
"""

import argparse
import collections
import concurrent.futures
import gzip
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures"
SECONDS = 20
MEMORY = 2 << 30
# Numbers that sizes and counts do not survive.
ABSURD = [
    b"0", b"-1", b"1", b"2147483647", b"-2147483648", b"4294967296", b"9223372036854775807",
    b"99999999999999999999", b"1e308", b"NaN", b"-0.0", b"T", b"''", b"",
]


def seeds(program, place):
    """(name, file, command): {} in the command is the mutated file, {out} a free path."""
    def run(*arguments):
        subprocess.run([program, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    cube, folder, triplets = place / "cube.npz", place / "folder", place / "triplets.npz"
    run("simulate", "--count", 60, "--size", 16, "--out", cube, "--quiet")
    run("simulate", "--count", 12, "--size", 16, "--out", folder, "--quiet")
    run("simulate", "--count", 12, "--size", 24, "--channels", "triplet", "--out", triplets, "--quiet")
    network = place / "tiny.toml"
    network.write_text(
        'name = "tiny"\n[training]\nlearning_rate = 1e-3\nbatch_size = 16\nepochs = 1\n'
        '[[layers]]\nkind = "conv2d"\nfilters = 2\nkernel = 3\nactivation = "relu"\n'
        '[[layers]]\nkind = "max_pool"\nwindow = 4\n[[layers]]\nkind = "flatten"\n'
        '[[layers]]\nkind = "dense"\nunits = 1\nactivation = "sigmoid"\n')
    model, three = place / "model.safetensors", place / "three.safetensors"
    train = ["--network", network, "--epochs", 1, "--device", "cpu", "--quiet"]
    run("train", cube, *train, "--out", model)
    run("train", triplets, *train, "--out", three)
    for ending in ["csv", "jsonl", "parquet", "xml", "fits", "ecsv", "dat"]:
        run("score", model, cube, "--out", place / f"scores.{ending}", "--quiet")
    run("pack", cube, "--out", place / "set_x.npy", "--dtype", "f32", "--quiet")
    run("pack", cube, "--out", place / "stored.npz", "--quiet")
    run("features", triplets, "--out", place / "features.csv", "--quiet")
    run("forest", "train", FIXTURES / "forest" / "features.csv", "--trees", 3, "--quiet",
        "--out", place / "forest.safetensors")
    for ending in ["onnx", "h5", "keras", "weights.h5"]:
        run("export", model, "--out", place / f"exported.{ending}", "--quiet")
    labels = place / "labels.csv"
    labels.write_text("id,label\n" + "".join(f"{i},{i % 2}\n" for i in range(60)))
    votes = place / "votes.csv"
    votes.write_text("id,who,answer\n" + "".join(
        f"{i},{who},{(i + len(who)) % 2}\n" for i in range(20) for who in ("a", "bb", "ccc")))
    truth = place / "truth.csv"
    truth.write_text("ra,dec\n150.1,2.2\n150.3,2.3\n")
    journal = place / "cube.journal.jsonl"
    journal.write_text('{"rbgpu":"journal"}\n')

    score = ["score", model, "{}", "--device", "cpu", "--out", "{out}.csv"]
    score3 = ["score", three, "{}", "--device", "cpu", "--out", "{out}.csv", "--cutout-size", "24"]
    pack = ["pack", "{}", "--lenient", "--out", "{out}.npz"]
    table = ["evaluate", "{}", "--out", "{out}", "--gallery", "0"]
    imported = ["import", "{}", "--out", "{out}.safetensors"]
    found = []

    def add(command, *files):
        for file in files:
            if file.is_file() and file.stat().st_size <= 400_000:
                found.append((file.relative_to(file.parent.parent).as_posix(), file, command))

    fits = sorted(folder.glob("*/*.fits"))[:3]
    for file in fits[:1]:
        packed = place / (file.name + ".gz")
        packed.write_bytes(gzip.compress(file.read_bytes()))
        add(pack, packed)
    compressed = sorted(ROOT.glob("tests/**/*.fits.fz"))
    add(score, *fits[:1], *compressed)
    add(pack, *fits[1:], *compressed)
    add(pack, cube, place / "stored.npz", place / "set_x.npy", triplets)
    add(score, cube, place / "stored.npz")
    add(pack, *sorted((FIXTURES / "cubes").glob("*.np[yz]")))
    alerts = sorted((FIXTURES / "alerts").iterdir())
    add(score3, *[a for a in alerts if a.suffix in (".avro", ".gz")])
    for label in [labels, *(place / f"scores.{e}" for e in ("jsonl", "parquet", "xml", "fits", "ecsv"))]:
        add(["pack", cube, "--labels", "{}", "--out", "{out}.npz"], label)
    add(table, *(place / f"scores.{e}" for e in ("csv", "jsonl", "parquet", "xml", "fits", "ecsv", "dat")))
    add(["votes", "{}", "--out", "{out}.csv"], votes)
    add(["pack", folder, "--truth", "{}", "--radius", "1.5", "--out", "{out}.npz"], truth)
    add(["evaluate", model, cube, "--split", "{}", "--out", "{out}", "--gallery", "0"],
        place / "model.split.csv")
    add(["score", "{}", cube, "--device", "cpu", "--out", "{out}.csv"], model)
    add(["summary", "{}"], network, *sorted((ROOT / "src/nn/networks").glob("*.toml"))[:1])
    add(imported, *sorted((FIXTURES / "keras").glob("*.h5")), *sorted((FIXTURES / "keras").glob("*.keras")),
        place / "exported.h5", place / "exported.keras")
    add(["import", "{}", "--network", FIXTURES / "keras" / "torch.toml", "--input", "16,16,3",
         "--out", "{out}.safetensors"],
        FIXTURES / "keras" / "torch.pth", FIXTURES / "keras" / "torch.safetensors")
    add(["forest", "score", "{}", FIXTURES / "forest" / "features.csv", "--out", "{out}.csv"],
        place / "forest.safetensors")
    add(["forest", "score", place / "forest.safetensors", "{}", "--out", "{out}.csv"],
        FIXTURES / "forest" / "features.csv")
    add(["pack", "{}", "--out", "{out}.npz"], *sorted((FIXTURES / "autoscan").glob("*/*.gif"))[:1])
    add(["simulate", "--into", "{}", "--number", "2", "--magnitudes", "14..15", "--zero-point", "25",
         "--fwhm", "3", "--out", "{out}"], *fits[:1])
    add(["simulate", "--into", fits[0], "--number", "2", "--magnitudes", "14..15", "--zero-point", "25",
         "--psf", "{}", "--out", "{out}"], FIXTURES / "psf" / "field.psf")
    add(["relabel", "--apply", cube, "--journal", "{}", "--out", "{out}.csv"], journal)
    return found


def mutated(data, random):
    """One to eight edits of the bytes."""
    data = bytearray(data)
    for _ in range(random.choice([1, 1, 1, 2, 3, 8])):
        if not data:
            return bytes(data)
        at = random.randrange(len(data))
        # Headers say sizes; half of all edits are there.
        if random.random() < 0.5:
            at = random.randrange(min(len(data), 4096))
        kind = random.randrange(9)
        if kind == 0:
            data[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            data[at] = random.choice([0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)])
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            del data[at:at + random.choice([1, 2, 8, 80, 2880])]
        elif kind == 4:
            length = random.choice([1, 4, 8, 80, 512])
            data[at:at] = data[at:at + length] * random.choice([1, 2, 50])
        elif kind == 5:
            data[at:at + 4] = random.choice([0, 1, 2**31 - 1, 2**32 - 1]).to_bytes(4, "little")
        elif kind == 6:
            data[at:at + 8] = random.choice([0, 2**31, 2**62, 2**64 - 1]).to_bytes(8, "little")
        elif kind == 7:
            number(data, random)
        else:
            card(data, random)
    return bytes(data)


def number(data, random):
    """A number in text becomes an absurd one."""
    digits = [i for i, b in enumerate(data[:100_000]) if 48 <= b <= 57]
    if digits:
        start = end = random.choice(digits)
        while end < len(data) and 48 <= data[end] <= 57:
            end += 1
        data[start:end] = random.choice(ABSURD)


def card(data, random):
    """The value of a FITS card becomes an absurd one; other files lose 80 bytes to it."""
    cards = [i for i in range(0, min(len(data), 28_800) - 80, 80) if data[i + 8:i + 10] == b"= "]
    if cards:
        at = random.choice(cards)
        data[at + 10:at + 80] = random.choice(ABSURD).rjust(20).ljust(70)


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def attempt(program, place, seed, number, name, data, suffixes, command):
    rng = random.Random(f"{seed} {name} {number}")
    with tempfile.TemporaryDirectory(dir=place) as folder:
        folder = pathlib.Path(folder)
        file = folder / suffixes
        file.write_bytes(mutated(data, rng))
        # What stands beside a triple or a labelled file is taken as it is.
        words = [str(word).replace("{out}", str(folder / "out")).replace("{}", str(file))
                 for word in command]
        try:
            done = subprocess.run([program, *words], stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=SECONDS, preexec_fn=limits)
            code, text = done.returncode, done.stderr + done.stdout[-4000:]
        except subprocess.TimeoutExpired:
            code, text = "hang", b""
        bad = code not in (0, 1, 2, 3) or b"panicked at" in text or b"RUST_BACKTRACE" in text
        return code, bad, (file.read_bytes(), words, text[-2000:]) if bad else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--program", default=str(ROOT / "target" / "release" / "rbgpu"))
    parser.add_argument("--keep", default="mutations", help="folder for inputs that are findings")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    program = str(pathlib.Path(given.program).resolve())
    place = pathlib.Path(tempfile.mkdtemp(prefix="rbgpu-mutate-"))
    try:
        files = seeds(program, place)
        codes, findings = collections.Counter(), 0
        by_command = collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
            def one(number):
                name, file, command = files[number % len(files)]
                return name, command[0], attempt(program, place, given.seed, number, name,
                                                 file.read_bytes(), file.name, command)
            for number, (name, verb, (code, bad, kept)) in enumerate(pool.map(one, range(given.count))):
                codes[code] += 1
                by_command[verb] += 1
                if bad:
                    findings += 1
                    folder = pathlib.Path(given.keep)
                    folder.mkdir(exist_ok=True)
                    data, words, text = kept
                    path = folder / f"{number}-{pathlib.Path(name).name}"
                    path.write_bytes(data)
                    print(f"{code}: {path}: rbgpu {' '.join(words)}\n{text.decode(errors='replace')}",
                          flush=True)
        print(f"{given.count} mutations of {len(files)} files: {findings} findings; exit codes "
              f"{dict(sorted(codes.items(), key=str))}; commands {dict(by_command)}")
        return 1 if findings else 0
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
