//! Tables of other programs.

use std::path::{Path, PathBuf};

use rbgpu::data::scores::Format;
use rbgpu::data::table::{Cells, Kind, column, read};
use rbgpu::data::{Candidate, Decision, Scored};
use rbgpu::{Error, Result};

/// A file with a name and its columns `id` (text) and `score` (numbers).
fn read_text(name: &str, text: &str) -> Result<(Vec<String>, Vec<f64>)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    ids_and_scores(&path)
}

fn ids_and_scores(path: &Path) -> Result<(Vec<String>, Vec<f64>)> {
    let choose = |names: &[String]| {
        let at = |name: &str| {
            column(names, &[name, "label1", "rb_score"])
                .ok_or_else(|| Error::config("column", name, "one that is there"))
        };
        Ok(vec![
            (column(names, &["cand_id", "id"]).unwrap_or(0), Kind::Word),
            (at("score")?, Kind::Number),
        ])
    };
    let table = read(path, &choose)?;
    match <[Cells; 2]>::try_from(table.columns) {
        Ok([Cells::Words(ids), Cells::Numbers(scores)]) => Ok((ids, scores)),
        other => panic!("{other:?}"),
    }
}

fn two() -> (Vec<String>, Vec<f64>) {
    (
        vec!["a b".into(), "1074092621215010000".into()],
        vec![0.25, 1.0],
    )
}

#[test]
fn the_same_table_in_every_dress_of_text() {
    let big = "1074092621215010000";
    for (name, text) in [
        ("commas.csv", format!("id,score\na b,0.25\n{big},1\n")),
        (
            "quoted.csv",
            format!("# made by hand\n\"id\",\"score\"\r\n\"a b\",0.25\r\n\r\n{big},1.0\r\n"),
        ),
        (
            "bom.csv",
            format!("\u{feff}id,score\na b,2.5e-1\n{big},1\n"),
        ),
        ("tabs.tsv", format!("score\tid\n0.25\ta b\n1\t{big}\n")),
        ("semicolons.csv", format!("id;score\na b;0.25\n{big};1\n")),
        (
            "commented.dat",
            format!("# id   score\n\"a b\"  0.25\n{big}  1.0\n"),
        ),
        (
            "ecsv.ecsv",
            format!("# %ECSV 1.0\n# ---\n# datatype:\nid score\n\"a b\" 0.25\n{big} 1.0\n"),
        ),
        (
            "lines.jsonl",
            format!("{{\"id\": \"a b\", \"score\": 0.25}}\n\n{{\"score\": 1, \"id\": {big}}}\n"),
        ),
    ] {
        assert_eq!(read_text(name, &text).unwrap(), two(), "{name}");
    }
}

#[test]
fn what_is_not_known_is_nan() {
    let (_, scores) = read_text("gaps.csv", "id,score\na,\nb,nan\nc,None\nd,null\ne,99\n").unwrap();
    assert!(scores[..4].iter().all(|score| score.is_nan()), "{scores:?}");
    assert_eq!(scores[4], 99.0, "99 is no magnitude here");
    let lines = "{\"id\": \"a\", \"score\": null}\n{\"id\": \"b\"}\n";
    let (_, scores) = read_text("gaps.jsonl", lines).unwrap();
    assert!(scores.iter().all(|score| score.is_nan()));
}

#[test]
fn scores_that_rbgpu_wrote_come_back_from_every_format() {
    let scored = |id: &str, score: f64| Scored {
        score,
        decision: Decision::Real,
        ..Scored::unscored(
            Candidate {
                id: id.into(),
                ..Candidate::default()
            },
            Some(1),
        )
    };
    let rows = [scored("a b", 0.25), scored("1074092621215010000", 1.0)];
    let folder = tempfile::tempdir().unwrap();
    let formats = [
        ("s.csv", Format::Csv),
        ("s.jsonl", Format::JsonLines),
        ("s.dat", Format::Otrain),
        ("s.xml", Format::VoTable),
        ("s.fits", Format::Fits),
        ("s.ecsv", Format::Ecsv),
        #[cfg(feature = "parquet")]
        ("s.parquet", Format::Parquet),
    ];
    assert!(
        formats.len() >= Format::NAMES.len() - 1,
        "a format is not tried"
    );
    for (name, format) in formats {
        assert_eq!(Format::of(Path::new(name)).unwrap(), format);
        let path = folder.path().join(name);
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = format.writer(file, &path, "rb_score").unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        drop(writer);
        assert_eq!(ids_and_scores(&path).unwrap(), two(), "{name}");
    }
}

#[test]
fn a_column_of_either_is_numbers_where_all_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, "a,b,c\n1,g,\n,2,\n3,r,\n").unwrap();
    let all = |_: &[String]| Ok([0, 1, 2].map(|at| (at, Kind::Either)).to_vec());
    let columns = read(&path, &all).unwrap().columns;
    assert!(matches!(&columns[0], Cells::Numbers(n) if n[0] == 1.0 && n[1].is_nan()));
    assert_eq!(
        columns[1],
        Cells::Words(["g", "2", "r"].map(String::from).to_vec())
    );
    assert_eq!(columns[2], Cells::Words(vec![String::new(); 3]));
}

#[test]
fn broken_tables_are_refused_with_the_line() {
    for (name, text, place) in [
        (
            "t.csv",
            "id,score\na,0.5\nb\n",
            "line 3: found 1 fields, expected 2",
        ),
        (
            "t.csv",
            "id,score\na,0.5\nb,high\n",
            "line 3, column score: found 'high'",
        ),
        (
            "t.csv",
            "# c\nid,score\na,0.5,1\n",
            "line 3: found 3 fields",
        ),
        (
            "t.dat",
            "# id score\na 0.5\nb x\n",
            "line 3, column score: found 'x'",
        ),
        ("t.csv", "", "no line of names"),
        (
            "t.jsonl",
            "{\"id\": \"a\", \"score\": 0.5}\n[1]\n",
            "line 2",
        ),
        ("t.jsonl", "", "no line"),
        (
            "t.csv",
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d\n",
            "Git-LFS pointer",
        ),
        ("t.xml", "<VOTABLE/>", "a VOTable without a TABLE"),
        ("t.xml", "<html></html>", "XML or HTML without a VOTABLE"),
        ("t.tbl", "\\x='1'\n| id | score |\n", "an IPAC table"),
        ("t.json", "[{\"id\": 1}]", "a JSON array"),
        ("t.xlsx", "PK\u{3}\u{4}", "a zip file, such as .xlsx"),
        ("t.csv", "i\0d\0,\0s\0", "bytes that are no text"),
        ("t.parquet", "PAR1 and no more", "file"),
    ] {
        let error = read_text(name, text).unwrap_err().to_string();
        assert!(
            error.contains(place) && error.contains(name),
            "{text:?}: {error}"
        );
    }
}

#[test]
fn a_bare_array_has_numbered_columns() {
    let folder = tempfile::tempdir().unwrap();
    let write = |shape: &str, values: &[f32]| -> PathBuf {
        let dict = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        bytes.extend(format!("{dict:<117}\n").into_bytes());
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        let path = folder.path().join("p.npy");
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let last = |names: &[String]| Ok(vec![(names.len() - 1, Kind::Number)]);
    let path = write("(2, 2)", &[0.75, 0.25, 0.0, 1.0]);
    let table = read(&path, &last).unwrap();
    assert_eq!(
        (table.rows, &table.columns[0]),
        (2, &Cells::Numbers(vec![0.25, 1.0]))
    );
    let path = write("(2,)", &[0.25, 1.0]);
    assert_eq!(
        read(&path, &last).unwrap().columns[0],
        Cells::Numbers(vec![0.25, 1.0])
    );
    let path = write("(1, 1, 2)", &[0.25, 1.0]);
    let error = read(&path, &last).unwrap_err().to_string();
    assert!(
        error.contains("1x1x2") && error.contains("a score for each"),
        "{error}"
    );
}
