//! Tables as people have them: autoScan's, with holes, with words, with the wrong columns.

use rbgpu::data::Part;
use rbgpu::forest::names::GOLDSTEIN;
use rbgpu::forest::run::fit;
use rbgpu::forest::{Division, FeatureTable, Forest, Settings, TableOptions};

use super::{file, quietly, table};

fn read(path: &std::path::Path) -> rbgpu::Result<FeatureTable> {
    FeatureTable::read(path, &TableOptions::default())
}

/// A few trees are enough here.
fn few() -> Settings {
    Settings {
        trees: 5,
        ..Settings::default()
    }
}

/// A table as autoScan's: comments, all 38 features in another order, a column more, BAND as a
/// letter; candidate i is an artifact if i is odd, and its AMP says so.
fn autoscan(rows: usize, hole: impl Fn(usize, &str) -> Option<&'static str>) -> String {
    let mut text = String::from("# a comment\n# another\nID,OBJECT_TYPE,OTHER");
    let names: Vec<&str> = GOLDSTEIN.iter().rev().copied().collect();
    for name in &names {
        text += &format!(",{name}");
    }
    for i in 0..rows {
        text += &format!("\n{i}00,{},x", i % 2);
        for (k, name) in names.iter().enumerate() {
            let value = match *name {
                "BAND" => ["g", "r", "i", "z"][i % 4].to_string(),
                "AMP" => (i % 2 * 5 + 1).to_string(),
                _ => ((i * (k + 3)) % 17).to_string(),
            };
            text += &format!(",{}", hole(i, name).unwrap_or(&value));
        }
    }
    text + "\n"
}

#[test]
fn autoscan_s_table_is_read_as_it_is() {
    let (_dir, path) = file("autoscan_features.3.csv", &autoscan(40, |_, _| None));
    let table = read(&path).expect("a table");
    assert_eq!(table.names, GOLDSTEIN);
    let labels = table.labels.clone().expect("labels");
    assert_eq!(labels[..2], [Some(1), Some(0)], "OBJECT_TYPE 0 is real");
    let band = GOLDSTEIN
        .iter()
        .position(|name| *name == "BAND")
        .expect("there");
    let bands: Vec<f32> = (0..5).map(|row| table.row(row)[band]).collect();
    assert_eq!(bands, [0.0, 1.0, 2.0, 3.0, 0.0]);
    let fitted = fit(&table, &Division::default(), &few(), &quietly).expect("a forest");
    assert_eq!(fitted.forest.ranked()[0].0, "AMP");
    assert_eq!(fitted.forest.provenance().parts, [28, 4, 8]);
    let auc = fitted.forest.provenance().metrics["test"].auc;
    assert!(auc > Some(0.8), "{auc:?}");
}

#[test]
fn missing_values_are_dropped_in_training_and_filled_in_scoring() {
    let hole = |i: usize, name: &str| match (i, name) {
        (0, "SNR") => Some(""),
        (1, "SNR") => Some("NaN"),
        (2, "GFLUX") => Some("inf"),
        (3, "MAG_REF") => Some("99.0"),
        // No magnitude: 99 is a number like any other.
        (4, "SNR") => Some("99"),
        (5, "L1") => Some("1e300"),
        _ => None,
    };
    let (_dir, path) = file("features.csv", &autoscan(40, hole));
    let table = read(&path).expect("a table");
    let whole: Vec<usize> = (0..8).filter(|&row| table.is_whole(row)).collect();
    assert_eq!(whole, [4, 6, 7]);
    let (rows, labels) = table.labelled().expect("labels");
    let forest = Forest::train(&table, &rows, &labels, &few(), &quietly).expect("a forest");
    let provenance = forest.provenance();
    assert_eq!((provenance.dropped, provenance.trained), (5, [18, 17]));
    let scores = forest.score(&table).expect("scores");
    assert_eq!((scores.filled, scores.scores.len()), (5, 40));
    assert!(
        scores
            .scores
            .iter()
            .all(|score| (0.0..=1.0).contains(score))
    );
    // SNR of the rows that were trained on: 99 and those below 17.
    let snr = GOLDSTEIN
        .iter()
        .position(|name| *name == "SNR")
        .expect("there");
    let mut known: Vec<f32> = (0..40)
        .filter(|&r| table.is_whole(r))
        .map(|r| table.row(r)[snr])
        .collect();
    known.sort_by(f32::total_cmp);
    assert_eq!(forest.medians()[snr], known[17]);
}

#[test]
fn other_numbers_may_stand_for_no_value() {
    let (_dir, path) = file("t.csv", "id,label,a,b\nx,1,-999,1\ny,0,2,3\n");
    let options = TableOptions {
        missing: vec![-999.0],
        ..TableOptions::default()
    };
    let table = FeatureTable::read(&path, &options).expect("a table");
    assert!(!table.is_whole(0) && table.is_whole(1));
}

#[test]
fn any_columns_of_numbers_are_features() {
    let text =
        "candid,label,fwhm,field,ok\n10,1,2.5,abc,true\n11,0,1.5,abd,false\n12,-1,,abe,true\n";
    let (_dir, path) = file("survey.csv", text);
    let table = read(&path).expect("a table");
    assert_eq!(
        (table.names.join(" "), table.ids.join(" ")),
        ("fwhm ok".into(), "10 11 12".into())
    );
    assert_eq!(
        table.labels,
        Some(vec![Some(1), Some(0), None]),
        "label 1 is real"
    );
    assert!(table.notices[0].contains("field"), "{:?}", table.notices);
    let options = |names: &[&str]| TableOptions {
        columns: Some(names.iter().map(|name| name.to_string()).collect()),
        ..TableOptions::default()
    };
    let one = FeatureTable::read(&path, &options(&["FWHM"])).expect("a table");
    assert_eq!(one.names, ["fwhm"]);
    for (names, said) in [
        (&["field"][..], "column field"),
        (&["seeing"][..], "a column seeing"),
        (&["fwhm", "fwhm"][..], "each feature once"),
        (&["label"][..], "neither id, label nor part"),
    ] {
        let error = FeatureTable::read(&path, &options(names))
            .expect_err("refused")
            .to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn what_cannot_be_trained_on_is_an_error_that_says_why() {
    let refused = |text: &str| {
        let (_dir, path) = file("t.csv", text);
        let fitted = read(&path).and_then(|t| fit(&t, &Division::default(), &few(), &quietly));
        fitted.expect_err("refused").to_string()
    };
    let cases = [
        ("id,label,a\n", "no row"),
        ("id,label\nx,1\ny,0\n", "no feature"),
        ("id,label,a\nx,1,1\ny,1,2\nz,1,3\n", "3 real and 0 bogus"),
        ("id,a\nx,1\ny,0\n", "OBJECT_TYPE"),
        ("id,label,a\nx,7,1\ny,0,2\n", "label in row 1"),
        ("id,label,a,A\nx,1,1,1\ny,0,2,2\n", "twice"),
        (
            "id,label,a,b\nw,1,1,\nx,1,1,\ny,0,,2\nz,0,,2\n",
            "missing values",
        ),
    ];
    for (text, said) in cases {
        let error = refused(text);
        assert!(error.contains(said), "{text:?}: {error}");
        assert!(error.contains("t.csv"), "names the file: {error}");
    }
    let settings = Settings { trees: 0, ..few() };
    assert!(fit(&table(), &Division::default(), &settings, &quietly).is_err());
}

#[test]
fn constant_features_give_one_answer_and_no_importance() {
    let mut text = String::from("id,label,a,b\n");
    for i in 0..20 {
        text += &format!("c{i},{},1,2\n", i % 2);
    }
    let (_dir, path) = file("t.csv", &text);
    let table = read(&path).expect("a table");
    let fitted = fit(&table, &Division::default(), &few(), &quietly).expect("a forest");
    assert_eq!(fitted.forest.importances(), [0.0, 0.0]);
    let scores = fitted.forest.score(&table).expect("scores").scores;
    assert!(scores.iter().all(|score| *score == scores[0]), "{scores:?}");
}

#[test]
fn a_forest_wants_its_own_features_in_any_order() {
    let (_dir, path) = file(
        "t.csv",
        "id,label,a,b\nx,1,1,5\ny,0,2,5\nz,1,1,5\nw,0,2,5\n",
    );
    let table = read(&path).expect("a table");
    let (rows, labels) = table.labelled().expect("labels");
    let forest = Forest::train(&table, &rows, &labels, &few(), &quietly).expect("a forest");
    let (_dir, path) = file("other.csv", "id,c,b,a\nx,9,5,1\ny,9,5,2\n");
    let turned = forest
        .score(&read(&path).expect("a table"))
        .expect("scores")
        .scores;
    assert_eq!(
        turned[..],
        forest.score(&table).expect("scores").scores[..2]
    );
    let (_dir, path) = file("less.csv", "id,a\nx,1\n");
    let error = forest
        .score(&read(&path).expect("a table"))
        .expect_err("refused")
        .to_string();
    assert!(
        error.contains("less.csv") && error.contains("no b"),
        "{error}"
    );
}

#[test]
fn parts_come_from_shares_from_a_file_or_from_the_table() {
    let table = table();
    let shares = fit(&table, &Division::default(), &few(), &quietly).expect("a forest");
    assert_eq!(shares.forest.provenance().parts, [210, 30, 60]);
    let mut text = String::from("id,part,label\n");
    for (row, id) in table.ids.iter().enumerate().take(250) {
        text += &format!("{id},{},1\n", if row < 150 { "train" } else { "test" });
    }
    // Of an id that is there twice the part counts that is fitted to more.
    text += &format!("{},validation,1\n", table.ids[249]);
    text += &format!("{},test,1\n", table.ids[0]);
    let (_dir, path) = file("split.csv", &text);
    let named: Division = path.display().to_string().parse().expect("a division");
    let fitted = fit(&table, &named, &few(), &quietly).expect("a forest");
    assert_eq!(fitted.forest.provenance().parts, [150, 1, 99]);
    assert_eq!(fitted.split.train, (0..150).collect::<Vec<_>>());
    let mut own = table.clone();
    own.parts = Some(
        (0..300)
            .map(|row| Some(if row < 299 { Part::Train } else { Part::Test }))
            .collect(),
    );
    let fitted = fit(&own, &Division::default(), &few(), &quietly).expect("a forest");
    assert_eq!(fitted.forest.provenance().parts, [299, 0, 1]);
    let (_dir, path) = file("split.csv", "id,part\nnobody,train\n");
    let error = fit(&table, &Division::File(path), &few(), &quietly).expect_err("refused");
    assert!(
        error.to_string().contains("none of the candidates"),
        "{error}"
    );
}

#[test]
fn a_table_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("again.csv");
    let mut table = table();
    table.values[3] = f32::NAN;
    table.labels.as_mut().expect("labels")[5] = None;
    table.parts = Some(vec![Some(Part::Validation); table.len()]);
    table.write_csv(&path).expect("written");
    let again = read(&path).expect("a table");
    assert_eq!((&again.ids, &again.names), (&table.ids, &table.names));
    assert_eq!((&again.labels, &again.parts), (&table.labels, &table.parts));
    let bits = |t: &FeatureTable| t.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&again), bits(&table));
    assert_eq!(again.fingerprint(), table.fingerprint());
}

#[test]
fn labels_of_a_file_of_their_own_count() {
    let mut table = table();
    let was = table.labels.clone().expect("labels");
    let text = "id,label,was,decision,by,pixels\nc000,1,0,flipped,ana,\nc001,-1,1,unsure,ana,\n";
    let (_dir, path) = file("labels.csv", text);
    table.relabel(&path).expect("labels");
    let now = table.labels.clone().expect("labels");
    assert_eq!(now[..2], [Some(1), None]);
    assert_eq!(now[2..], was[2..]);
    let (_dir, path) = file("types.csv", "ID,OBJECT_TYPE\nc001,0\n");
    table.relabel(&path).expect("labels");
    assert_eq!(table.labels.clone().expect("labels")[1], Some(1));
    let (_dir, path) = file("labels.csv", "id,label\nnobody,1\n");
    assert!(table.relabel(&path).is_err());
}
