//! Scores that rbgpu wrote, read again in every format.

use std::path::Path;

use rbgpu::data::labels::LabelFile;
use rbgpu::data::scores::Format;
use rbgpu::data::truth::{Place, Radius, Truth};
use rbgpu::data::{Candidate, Decision, Scored};

use super::says;

const SECOND: &str = "1074092621215010001";

/// What rbgpu writes it reads again, as labels, and as a catalogue of positions.
#[test]
fn what_is_written_in_any_format_is_read_again_whole() {
    let dir = tempfile::tempdir().unwrap();
    let row = |id: &str, label: Option<u8>, mag: f64| Scored {
        score: 0.25,
        decision: Decision::Bogus,
        ..Scored::unscored(
            Candidate {
                id: id.into(),
                mag,
                ra: 10.0,
                dec: -20.5,
                object: "a \"b\" <c> & d".into(),
                edge: Some(false),
                file: "night 1/x.fits".into(),
                ..Candidate::default()
            },
            label,
        )
    };
    let rows = [
        row(SECOND, Some(1), 18.25),
        row("not # a comment", Some(0), f64::NAN),
        row("a,b\"c", None, 99.5),
    ];
    for (name, format) in Format::NAMES {
        if format == Format::Otrain || (format == Format::Parquet && cfg!(not(feature = "parquet")))
        {
            continue;
        }
        let path = dir.path().join(format!("scores.{name}"));
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = format.writer(file, &path, "rb_score").unwrap();
        writer.write(&rows[..1]).unwrap();
        writer.write(&rows[1..]).unwrap();
        writer.finish().unwrap();
        drop(writer);
        let file = LabelFile::read(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(file.get(SECOND), Some(Some(1)), "{name}");
        assert_eq!(file.get("not # a comment"), Some(Some(0)), "{name}");
        assert_eq!(file.get("a,b\"c").flatten(), None, "{name}");
        let truth = Truth::read(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(truth.len(), 3, "{name}");
        let place = Place {
            ra: 10.0,
            dec: -20.5,
            x: f64::NAN,
            y: f64::NAN,
            image: "",
        };
        assert!(
            truth.matches(&place, Radius::Arcsec(0.1)).is_some(),
            "{name}"
        );
    }
}

#[test]
fn fits_holds_ascii_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.fits");
    let mut row = Scored::unscored(Candidate::default(), None);
    row.candidate.id = "1".into();
    row.candidate.file = "donn\u{e9}es/1.fits".into();
    let mut bytes = Vec::new();
    let mut writer = Format::Fits.writer(&mut bytes, &path, "rb_score").unwrap();
    writer.write(&[row.clone()]).unwrap();
    row.candidate.id = "\u{e9}".into();
    let error = writer.write(&[row]).unwrap_err().to_string();
    says(&error, &["column id", "'\u{e9}'", ".ecsv"]);
    writer.finish().unwrap();
    drop(writer);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("donn\\u{e9}es/1.fits"));
    assert_eq!(bytes.len() % 2880, 0);
    assert!(Format::Fits.writer(Vec::new(), &path, "\u{e9}").is_err());
}

#[test]
fn an_ending_that_names_no_format_is_refused() {
    for name in [
        "scores",
        "scores.txt",
        "scores.xlsx",
        "scores.csv.gz",
        "scores.hdf5",
    ] {
        let error = Format::of(Path::new(name)).unwrap_err().to_string();
        says(&error, &[name, ".fits", ".ecsv", "--format csv"]);
    }
    assert_eq!(Format::of(Path::new("S.FITS")).unwrap(), Format::Fits);
    #[cfg(unix)]
    assert_eq!(Format::of(Path::new("/dev/null")).unwrap(), Format::Csv);
}
