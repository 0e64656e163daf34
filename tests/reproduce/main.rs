//! The papers' experiments, small, from end to end: the report is whole and says what it should.

// Pictures are taken of the page in tests/report_page.
#[allow(dead_code)]
#[path = "../report_page/browser.rs"]
mod browser;
mod des;
mod otrain;

use std::path::Path;

/// What a page says, without its markup.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    let body = html.split_once("<body>").expect("a body").1;
    for part in body.split('<').skip(1) {
        if let Some((_, after)) = part.split_once('>') {
            text.push_str(after);
            text.push(' ');
        }
    }
    text
}

/// The page of the report in `folder` is whole: no number that is none, every figure and table that
/// it shows is a file too, every link leads to something, and a browser has nothing to say.
fn is_whole(folder: &Path) -> String {
    let page = folder.join("report.html");
    let html = std::fs::read_to_string(&page).expect("a report");
    let text = text_of(&html);
    for wrong in ["NaN", " inf", "None", "{}"] {
        assert!(!text.contains(wrong), "the report says {wrong}");
    }
    assert!(
        !html.contains("=\"NaN") && !html.contains("NaN,"),
        "a figure has NaN in it"
    );
    for (kind, folders) in [("figure", "figures"), ("gallery", "galleries")] {
        let files = folder.join(folders);
        let mut shown = 0;
        for part in html.split(&format!("<figure id=\"{kind}-")).skip(1) {
            let name = part.split('"').next().unwrap();
            for ending in ["svg", "png"] {
                let file = files.join(format!("{name}.{ending}"));
                let size = std::fs::metadata(&file).map_or(0, |m| m.len());
                assert!(size > 1000, "{}: {size} bytes", file.display());
            }
            shown += 1;
        }
        let there = std::fs::read_dir(&files).unwrap().count();
        assert_eq!(there, 2 * shown, "{}", files.display());
        assert!(shown > 0, "no {kind}");
    }
    for part in html.split("href=\"./").skip(1) {
        let path = part.split('"').next().unwrap();
        assert!(
            folder.join(path).exists(),
            "a link to {path}, which is not there"
        );
    }
    let numbers = std::fs::read(folder.join("numbers.json")).unwrap();
    let numbers: serde_json::Value = serde_json::from_slice(&numbers).expect("JSON");
    for table in numbers["tables"].as_array().expect("tables") {
        let name = table["name"].as_str().unwrap();
        let csv = folder.join("tables").join(format!("{name}.csv"));
        let mut csv = csv::Reader::from_path(csv).unwrap();
        let rows = csv.records().map(|row| row.expect("of one width"));
        assert_eq!(rows.count(), table["rows"].as_array().unwrap().len());
    }
    if let Some(browser) = browser::find() {
        let opened = browser::open(&browser, &page.canonicalize().unwrap());
        assert!(opened.dom.contains("<h1>"), "the page is not there");
        assert_eq!(opened.console, [] as [String; 0], "the page complained");
        assert_eq!(
            opened.requests,
            [] as [String; 0],
            "the page asked for something"
        );
    }
    text
}
