#!/usr/bin/env python3
"""Reads what `rbgpu score` wrote with the programs that others read it with.

    pip install astropy pyarrow pandas
    rbgpu score MODEL INPUT -o s.csv --fits-copies copies    # the same to s.jsonl, s.parquet, s.xml, s.dat
    tests/peers/read_scores.py s [ORIGINALS copies]

Every format must hold what the CSV does; the VOTable's units and UCDs must be known
to the Virtual Observatory; copies must pass astropy's verification (checksums too)
and be the originals but for three keywords.
"""

import gzip
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas
import pyarrow.parquet
from astropy.io import fits, votable
from astropy.io.votable.ucd import parse_ucd
from astropy.table import Table

TEXTS = ["id", "decision", "object", "filter", "parent", "file", "error"]


def same(name, ours, theirs):
    assert len(ours) == len(theirs), (name, len(ours), len(theirs))
    for column in ours.columns:
        a, b = ours[column], theirs[column]
        if column in TEXTS:
            assert list(a.fillna("")) == list(b.fillna("")), (name, column)
        elif column == "edge":
            words = {True: "true", False: "false", "true": "true", "false": "false"}
            pairs = zip(a, b)
            assert all(words.get(x) == words.get(y) for x, y in pairs), (name, column)
        else:
            a, b = a.astype(float), b.astype(float)
            assert np.allclose(a, b, rtol=1e-7, atol=0, equal_nan=True), (name, column)
    print(f"{name}: {len(theirs)} rows as in the CSV")


def read_csv(path):
    return pandas.read_csv(path, dtype={name: str for name in TEXTS})


def json_lines(path):
    with open(path) as lines:
        rows = [json.loads(line) for line in lines]
    return pandas.DataFrame(rows).astype({name: object for name in TEXTS})


def vo_table(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = votable.parse(path, verify="exception").get_first_table()
    for field in table.fields:
        parse_ucd(field.ucd, check_controlled_vocabulary=True, has_colon=False)
    units = {f.name: str(f.unit) for f in table.fields if f.unit is not None}
    assert units["ra"] == units["dec"] == "deg", units
    assert (units["mag"], units["mjd"], units["x"]) == ("mag", "d", "pix"), units
    return table.to_table().to_pandas()


def otrain(path, csv):
    table = Table.read(path, format="ascii.commented_header")
    names = "filename RA Dec originalFile Xpos Ypos mag magerr FWHM FWHMPSF cand_ID label0 label1"
    assert table.colnames == names.split(), table.colnames
    scored = csv[csv.decision != "unscored"].reset_index(drop=True)
    assert len(table) == len(scored), (len(table), len(scored))
    assert np.allclose(table["label1"], scored.rb_score, rtol=1e-7)
    assert np.allclose(table["label0"] + table["label1"], 1)
    assert np.allclose(np.array(table["RA"], float), scored.ra, equal_nan=True)
    places = scored.file.fillna("").where(scored.file.fillna("") != "", scored.id)
    assert [str(x) for x in table["filename"]] == list(places)
    assert [str(x) for x in table["cand_ID"]] == list(scored.id)
    print(f"{path}: {len(table)} rows as O'TRAIN writes them")


def copies(originals, folder, csv):
    by_name = {Path(file).name: row for file, row in zip(csv.file.fillna(""), csv.itertuples())}
    count = 0
    for copy in sorted(Path(folder).iterdir()):
        original = next(Path(originals).rglob(copy.name))
        row = by_name[copy.name]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with fits.open(copy, checksum=True) as new, fits.open(original) as old:
                new.verify("exception")
                header = new[0].header
                assert header["RBCLASS"] == row.decision, copy
                if row.decision == "unscored":
                    assert "RBSCORE" not in header, copy
                else:
                    assert abs(header["RBSCORE"] - row.rb_score) < 1e-7, copy
                for name in ["RBSCORE", "RBCLASS", "RBMODEL", "CHECKSUM"]:
                    header.remove(name, ignore_missing=True)
                    old[0].header.remove(name, ignore_missing=True)
                assert len(new) == len(old)
                for a, b in zip(new, old):
                    assert a.header.tostring() == b.header.tostring(), copy
        plain = [
            gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            for path in (copy, original)
        ]
        # What stands behind the first header is the same to the last byte.
        with fits.open(copy, disable_image_compression=True) as new:
            start = new[0].fileinfo()["datLoc"]
        with fits.open(original, disable_image_compression=True) as old:
            first = old[0].fileinfo()["datLoc"]
        assert plain[0][start:] == plain[1][first:], copy
        count += 1
    assert count > 0
    print(f"{folder}: {count} copies that astropy verifies")


def main(stem, originals=None, folder=None):
    csv = read_csv(f"{stem}.csv")
    same("JSON lines", csv, json_lines(f"{stem}.jsonl"))
    same("Parquet, pyarrow", csv, pyarrow.parquet.read_table(f"{stem}.parquet").to_pandas())
    same("Parquet, pandas", csv, pandas.read_parquet(f"{stem}.parquet"))
    same("VOTable", csv, vo_table(f"{stem}.xml"))
    otrain(f"{stem}.dat", csv)
    if folder:
        copies(originals, folder, csv)


if __name__ == "__main__":
    main(*sys.argv[1:])
