//! The page of a paper's experiments: its numbers beside ours, whole and quiet.

use rbgpu::report::{
    Cell, Claim, Figure, Holds, PaperPage, PaperPart, PaperSection, PaperTable, Tile, figures,
    gallery, paper_page,
};

use crate::{browser, folder, look, made};

const EVIL: &str = "<script>alert(\"x\")</script><img src=http://a.example/x.png onerror='x'>&";

fn claim(said: &str, paper: Option<&str>, ours: &str, holds: Holds) -> Claim {
    Claim {
        place: "Sect. 7.1".into(),
        said: said.into(),
        paper: paper.map(String::from),
        ours: ours.into(),
        holds,
        remark: "On five simulated cubes; the faintest sources are what is lost.".into(),
    }
}

fn sheet(name: &str) -> Figure {
    let tile = |i: usize| Tile {
        pixels: (0..32 * 32)
            .map(|k| ((k * 7919 + i) % 101) as f32)
            .collect(),
        height: 32,
        width: 32,
        channels: 1,
        title: EVIL.into(),
        real: i.is_multiple_of(2),
        ..Tile::default()
    };
    let tiles: Vec<Tile> = (0..8).map(tile).collect();
    Figure {
        name: name.into(),
        title: "JAST: bogus and real".into(),
        caption: "Bogus left, real right.".into(),
        drawing: gallery(&tiles, 4).unwrap(),
    }
}

fn a_table() -> PaperTable {
    PaperTable {
        name: "metrics".into(),
        caption: "Metrics of the five networks on the validation part.".into(),
        head: ["Cube", "Candidates", "MCC", "F1"].map(String::from).into(),
        rows: vec![
            vec![
                Cell::text("JAST-gmadet"),
                Cell::number("10000"),
                Cell::pair(Some("0.84 to 0.99"), "0.981 [0.972, 0.988]"),
                Cell::pair(None, "0.990"),
            ],
            vec![
                Cell::text(EVIL),
                Cell::number("9000"),
                Cell::number("0.912"),
                Cell::pair(None, "0.957"),
            ],
        ],
    }
}

/// A page with one of everything, and the ids of its figures.
fn made_page() -> (PaperPage, Vec<String>) {
    let mut all = figures(&made::usual(&["otrain"])).unwrap().into_iter();
    let mut first = PaperSection::new("Table 5. Metrics", "What the paper shows, and ours.");
    first.parts.push(PaperPart::Table(a_table()));
    let mut second = PaperSection::new("Figure 10. Diagnosis curves of JAST-gmadet", EVIL);
    second
        .parts
        .push(PaperPart::Panels(all.by_ref().take(4).collect()));
    second
        .parts
        .push(PaperPart::Figure(all.next().expect("a fifth figure")));
    second.parts.push(PaperPart::Gallery(sheet("jast")));
    let page = PaperPage {
        title: "O'TRAIN (Makhlouf et al. 2022), run again".into(),
        facts: vec![("Command".into(), format!("rbgpu reproduce otrain {EVIL}"))],
        notices: vec!["A quick run: small cubes, few epochs.".into()],
        summary: vec!["Five networks were trained on five simulated cubes.".into()],
        claims: vec![
            claim(
                "MCC is above 0.84.",
                Some("> 0.84"),
                "0.91 to 0.98",
                Holds::Yes,
            ),
            claim("Cutouts may have 48 pixels.", Some("48"), "63", Holds::No),
            claim("Loss is small.", None, "0.08", Holds::Partly),
            claim(EVIL, None, "–", Holds::Unknown),
        ],
        sections: vec![first, second],
        files: vec![("numbers.json".into(), "every number".into())],
    };
    let ids = page.figures().map(|(figure, gallery)| {
        let kind = if gallery { "gallery" } else { "figure" };
        format!("{kind}-{}", figure.name)
    });
    let ids = ids.collect();
    (page, ids)
}

#[test]
fn the_paper_s_number_stands_beside_ours() {
    let html = paper_page(&made_page().0).unwrap();
    for text in [
        ">0.981<",
        "[0.972, 0.988]",
        "0.84 to 0.99",
        "not available",
        "holds",
        "does not",
        "in part",
        "cannot tell",
        "href=\"#section-table-5-metrics\"",
        "id=\"section-table-5-metrics\"",
        "href=\"#summary\"",
        "./numbers.json",
    ] {
        assert!(html.contains(text), "{text} is not on the page");
    }
    assert!(!html.contains("<script") && !html.contains("<img src=http"));
}

#[test]
fn a_table_as_csv_has_the_paper_s_numbers_in_columns_of_their_own() {
    let plain = a_table().plain();
    let head = [
        "Cube",
        "Candidates",
        "MCC",
        "MCC (paper)",
        "F1",
        "F1 (paper)",
    ];
    assert_eq!(plain[0], head);
    assert_eq!(plain[1][3..], ["0.84 to 0.99", "0.990", "not available"]);
    assert_eq!(plain[2][2..5], ["0.912", "", "0.957"]);
}

#[test]
fn what_would_have_one_place_twice_is_an_error() {
    let mut page = made_page().0;
    page.sections
        .push(PaperSection::new("table 5: metrics", ""));
    let error = paper_page(&page).unwrap_err().to_string();
    assert!(error.contains("section table-5-metrics twice"), "{error}");
    let mut page = made_page().0;
    page.sections[0]
        .parts
        .push(PaperPart::Gallery(sheet("jast")));
    assert!(paper_page(&page).is_err());
    let mut page = made_page().0;
    let mut short = a_table();
    short.name = "short".into();
    short.rows[1].pop();
    page.sections[0].parts.push(PaperPart::Table(short));
    let error = paper_page(&page).unwrap_err().to_string();
    assert!(error.contains("3 cells in a row of table short"), "{error}");
}

#[test]
fn the_browser_shows_every_figure_of_a_paper() {
    let (page, ids) = made_page();
    look::every_figure_is_seen(&paper_page(&page).unwrap(), &ids, "paper");
}

/// Left in target/tmp/report/paper to be looked at.
#[test]
fn a_paper_is_pictured_in_the_light_in_the_dark_on_a_phone_and_on_paper() {
    let Some(browser) = browser::find() else {
        return;
    };
    let folder = folder("paper_pictured");
    let file = folder.join("report.html");
    std::fs::write(&file, paper_page(&made_page().0).unwrap()).unwrap();
    for (name, size) in [("page", (1300, 3600)), ("phone", (400, 5000))] {
        for dark in [false, true] {
            let shade = if dark { "dark" } else { "light" };
            let to = folder.join(format!("{name}_{shade}.png"));
            browser::picture(&browser, &file, &to, size, dark);
        }
    }
    browser::print(&browser, &file, &folder.join("report.pdf"));
}
