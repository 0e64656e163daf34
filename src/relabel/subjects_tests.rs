use super::*;

fn table(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("suspects.csv");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn suspects(text: &str, most: Option<usize>) -> Result<Subjects> {
    let (_folder, path) = table(text);
    let (data, labels) = made(6);
    Subjects::suspects(data, labels, &path, most)
}

#[test]
fn the_table_says_what_is_shown_and_the_data_say_the_label() {
    let mark = mark_text(pixels_mark(&[4.0; 4]));
    let text = format!(
        "rank,id,label,score,category,rule,suspicion,pixels,more\n\
         1,4,1,0.97,1,confident,0.9,{mark},x\n2,99,0,,,,,,\n3,1,1,,,,,,\n4,4,1,,,,,,\n"
    );
    let found = suspects(&text, None).unwrap();
    assert_eq!(found.items.len(), 2);
    let expected = Item {
        id: "4".into(),
        row: 4,
        label: Some(0),
        rank: Some(1),
        score: Some(0.97),
        category: Some(1),
        rule: "confident".into(),
        suspicion: Some(0.9),
        pixels: Some(mark),
    };
    assert_eq!(found.items[0], expected);
    assert_eq!(
        (found.items[1].score, found.items[1].label),
        (None, Some(1))
    );
    let notices = found.notices.join("\n");
    for says in [
        "1 of the candidates in",
        "1 rows of",
        "1 candidates have another label",
    ] {
        assert!(notices.contains(says), "{says}: {notices}");
    }
    assert_eq!(suspects(&text, Some(1)).unwrap().items.len(), 1);
    // Ids alone will do.
    assert_eq!(suspects("candid\n3\n2\n", None).unwrap().items[0].row, 3);
}

#[test]
fn tables_that_do_not_fit_are_refused() {
    for (text, says) in [
        ("name_of_it,label\n1,0\n", "a column id"),
        ("id\n77\n78\n", "'77', and no other id of made"),
        ("id\n", "no row"),
        ("id,pixels\n1,00000000\n", "pixels 00000000 of '1'"),
        ("id,score\n1,much\n", "'much'"),
    ] {
        let error = suspects(text, None).unwrap_err();
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
}

#[test]
fn an_id_of_two_candidates_is_refused_where_it_is_looked_at() {
    let (_folder, path) = table("id\n1\n");
    let twice = || {
        let (mut data, labels) = made(3);
        data.candidates[2].id = "0".into();
        (data, labels)
    };
    let (data, labels) = twice();
    assert_eq!(
        Subjects::suspects(data, labels, &path, None)
            .unwrap()
            .items
            .len(),
        1
    );
    std::fs::write(&path, "id\n1\n0\n").unwrap();
    let (data, labels) = twice();
    let error = Subjects::suspects(data, labels, &path, None).unwrap_err();
    assert!(error.to_string().contains("several candidates"), "{error}");
    let (data, labels) = twice();
    assert!(Subjects::all(data, labels).is_err());
}

#[test]
fn labels_of_undecided_candidates_are_none() {
    let (mut data, _) = made(5);
    data.labels = None;
    let labels = labels_of(&data, || {
        let (labelled, _) = made(5);
        Ok(labelled.into_subset(vec![1, 2]))
    })
    .unwrap();
    assert_eq!(labels, [None, Some(1), Some(0), None, None]);
    let none = labels_of(&data, || Err(Error::config("labels", "none", "some")));
    assert_eq!(none.unwrap(), [None; 5]);
    let (data, expected) = made(5);
    assert_eq!(
        labels_of(&data, || unreachable!("there are labels")).unwrap(),
        expected
    );
}

#[test]
fn an_undecided_candidate_does_not_get_the_label_of_another_with_its_id() {
    // Two inputs of two rows, joined; the first row of the first is undecided.
    let joined = || {
        let (mut data, _) = made(4);
        for (candidate, id) in data.candidates.iter_mut().zip(["0", "1", "0", "1"]) {
            candidate.id = id.into();
        }
        data
    };
    let mut data = joined();
    data.labels = None;
    let labels = labels_of(&data, || Ok(joined().into_subset(vec![1, 2, 3])));
    assert_eq!(labels.unwrap(), [None, Some(1), Some(0), Some(1)]);
}
