use super::*;

fn line(who: &str, id: &str, answer: Answer) -> Line {
    Line {
        at: now(),
        who: who.into(),
        id: id.into(),
        pixels: "00000000".into(),
        answer,
        was: Some(0),
        mode: Mode::Repair,
        tab: "t".into(),
        number: 0,
        token: format!("{who}-{id}"),
    }
}

fn open(path: &Path) -> (Journal, Contents, Vec<String>) {
    Journal::open(path, &Header::new("cube.npz", "suspects.csv")).unwrap()
}

/// A journal with lines about a and b, closed.
fn made(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("a.journal.jsonl");
    let (mut journal, contents, notices) = open(&path);
    assert!(contents.lines.is_empty() && notices.is_empty());
    let mut lines = [
        line("ana", "a", Answer::Real),
        line("ben", "b", Answer::Unsure),
    ];
    journal.append(&mut lines).unwrap();
    assert_eq!(
        (lines[0].number, lines[1].number, journal.next()),
        (1, 2, 3)
    );
    path
}

#[test]
fn what_was_written_is_read_again_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(&folder);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with(r#"{"rbgpu":"journal","version":1,"data":"cube.npz","#),
        "{text}"
    );
    let (mut journal, contents, _) = open(&path);
    let read: Vec<_> = contents
        .lines
        .iter()
        .map(|l| (&*l.who, &*l.id, l.answer))
        .collect();
    assert_eq!(
        read,
        [("ana", "a", Answer::Real), ("ben", "b", Answer::Unsure)]
    );
    journal
        .append(&mut [line("ana", "c", Answer::Withdrawn)])
        .unwrap();
    drop(journal);
    let contents = Contents::read(&path).unwrap();
    assert_eq!((contents.lines.len(), contents.lines[2].number), (3, 3));
    assert_eq!(contents.header.unwrap().suspects, "suspects.csv");
}

#[test]
fn a_line_torn_anywhere_costs_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(&folder);
    let whole = std::fs::read(&path).unwrap();
    let begin = whole[..whole.len() - 1]
        .iter()
        .rposition(|&b| b == b'\n')
        .unwrap()
        + 1;
    for end in begin + 1..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        let complete = end == whole.len() - 1;
        // Reading alone changes nothing.
        let lines = Contents::read(&path).unwrap().lines.len();
        assert_eq!(lines, if complete { 2 } else { 1 }, "{end}");
        assert_eq!(std::fs::read(&path).unwrap(), whole[..end]);
        let (mut journal, contents, notices) = open(&path);
        assert_eq!(contents.lines.len(), lines, "{end}");
        assert_eq!(notices.len(), 1, "{end}: {notices:?}");
        journal
            .append(&mut [line("ana", "new", Answer::Bogus)])
            .unwrap();
        drop(journal);
        let (_, contents, notices) = open(&path);
        let ids: Vec<&str> = contents.lines.iter().map(|l| l.id.as_str()).collect();
        let expected: &[&str] = if complete {
            &["a", "b", "new"]
        } else {
            &["a", "new"]
        };
        assert_eq!(ids, expected, "{end}");
        assert!(notices.is_empty(), "{end}: {notices:?}");
    }
}

#[test]
fn a_torn_header_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.journal.jsonl");
    let whole = line_of(&Header::new("cube.npz", ""));
    for end in 1..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        let (_, contents, notices) = open(&path);
        assert!(contents.header.is_some() && contents.lines.is_empty());
        assert!(notices[0].contains("removed"), "{end}: {notices:?}");
        assert!(Contents::read(&path).unwrap().header.is_some());
    }
}

#[test]
fn what_is_no_journal_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other");
    let header = "{\"rbgpu\":\"journal\",\"version\":1}\n";
    let line = serde_json::to_string(&line("ana", "a", Answer::Real)).unwrap();
    let damaged = format!("{header}{}\n{line}\n", &line[..40]);
    let was = format!("{header}{}\n", line.replace("\"was\":0", "\"was\":7"));
    for (text, says) in [
        ("id,label\n1,0\n", "another first line"),
        ("some text", "begin no line"),
        // As json.dump ends, without a newline.
        ("{\"flipped\": 3}", "begin no line"),
        ("{\"rbgpu\":\"model\"}", "begin no line"),
        ("\0\0\0\0", "begin no line"),
        ("{\"a\":1}\n", "another first line"),
        ("{\"rbgpu\":\"journal\",\"version\":2}\n", "version 2"),
        (damaged.as_str(), "line 2"),
        (was.as_str(), "was Some(7)"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = Journal::open(&path, &Header::new("", "")).unwrap_err();
        assert!(error.to_string().contains(says), "{text}: {error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn journals_behind_each_other_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let one = std::fs::read(made(&folder)).unwrap();
    let path = folder.path().join("both.jsonl");
    std::fs::write(&path, [one.clone(), one].concat()).unwrap();
    assert_eq!(Contents::read(&path).unwrap().lines.len(), 4);
    let (journal, ..) = open(&path);
    assert_eq!(journal.next(), 5);
}

#[test]
fn only_one_at_a_time_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(&folder);
    let first = open(&path);
    let error = Journal::open(&path, &Header::new("", "")).unwrap_err();
    assert!(
        error.to_string().contains("another rbgpu relabel"),
        "{error}"
    );
    drop(first);
    open(&path);
}

#[test]
fn what_cannot_be_written_is_an_error_and_leaves_no_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(&folder);
    let before = std::fs::read(&path).unwrap();
    let (mut journal, ..) = open(&path);
    // One that cannot be written, nor put right.
    journal.file = File::open(&path).unwrap();
    let new = || [line("ana", "c", Answer::Real)];
    assert!(journal.append(&mut new()).is_err());
    assert!(journal.broken);
    journal.file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let error = journal.append(&mut new()).unwrap_err();
    assert!(error.to_string().contains("started again"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    journal.broken = false;
    journal.append(&mut new()).unwrap();
    assert_eq!(Contents::read(&path).unwrap().lines[2].number, 3);
}

#[test]
fn a_journal_that_was_moved_or_changed_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = made(&folder);
    let (mut journal, ..) = open(&path);
    let new = || [line("ana", "c", Answer::Real)];
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&whole[..], b"{}\n"].concat()).unwrap();
    let error = journal.append(&mut new()).unwrap_err();
    assert!(error.to_string().contains("something else"), "{error}");
    std::fs::write(&path, &whole).unwrap();
    journal.append(&mut new()).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(journal.append(&mut new()).is_err());
}

#[test]
fn times_are_in_utc_to_the_millisecond() {
    let now = now();
    let form: String = now
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(form, "0000-00-00T00:00:00.000Z");
    assert!(now.as_str() > "2026-01-01");
}
