//! The page is whole, says everything, and asks nobody for anything.

use std::path::PathBuf;

use image::{Rgb, RgbImage};
use rbgpu::judge::Evaluation;
use rbgpu::report::{Figure, Page, Tile, figures, gallery, page};

use crate::{browser, folder, look, made};

/// What an attacker, or a careless pipeline, might call a candidate.
const EVIL: &str = "<script>alert(\"x\")</script><img src=http://a.example/x.png onerror='x'>&";

fn tile(i: usize) -> Tile {
    let pixel = |k: usize| {
        let (x, y) = ((k / 3 % 31) as f32 - 15.0, (k / 93) as f32 - 15.0);
        (-(x * x + y * y) / 9.0).exp() * 40.0 + ((k * 7919 + i * 104_729) % 101) as f32 / 20.0
    };
    Tile {
        pixels: (0..31 * 31 * 3).map(pixel).collect(),
        height: 31,
        width: 31,
        channels: 3,
        title: EVIL.into(),
        captions: vec![EVIL.into(), "19.3 mag, P(real) 0.997".into()],
        real: i.is_multiple_of(2),
        overlay: (!i.is_multiple_of(3)).then(|| RgbImage::from_pixel(31, 31, Rgb([90, 20, 160]))),
        ..Tile::default()
    }
}

fn galleries() -> Vec<Figure> {
    let tiles: Vec<Tile> = (0..6).map(tile).collect();
    ["false-positives", "false-negatives"]
        .map(|name| Figure {
            name: name.into(),
            title: format!("Worst {}", name.replace('-', " ")),
            caption: "Those that the classifier is most wrongly sure of.".into(),
            drawing: gallery(&tiles, 3).unwrap(),
        })
        .into()
}

/// The report of an evaluation, and its figures' names with what kind they are.
fn report(evaluation: &Evaluation) -> (String, Vec<String>) {
    let figures = figures(evaluation).unwrap();
    let galleries = galleries();
    let html = page(&Page {
        title: "otrain-32 and 2 others on ztf_train51".into(),
        facts: vec![
            (
                "Data".into(),
                "shared/real/ztf_train51, 5000 held-out rows".into(),
            ),
            ("Device".into(), "cpu".into()),
            ("Version".into(), "rbgpu 0.1.0".into()),
            ("Command".into(), format!("rbgpu evaluate a.rbgpu {EVIL}")),
        ],
        notices: vec![format!("12 candidates have no magnitude. {EVIL}")],
        evaluation,
        figures: &figures,
        galleries: &galleries,
        files: vec![
            ("metrics.json".into(), "every number".into()),
            (EVIL.into(), "an odd name".into()),
        ],
    })
    .unwrap();
    let ids = figures.iter().map(|f| format!("figure-{}", f.name));
    let ids = ids.chain(galleries.iter().map(|f| format!("gallery-{}", f.name)));
    (html, ids.collect())
}

fn three() -> Evaluation {
    made::usual(&["otrain-32", "DES model 1", EVIL])
}

#[test]
fn nothing_in_the_file_leads_outside() {
    let (html, ids) = report(&three());
    assert!(!html.contains("<script") && !html.contains("<img src=http"));
    assert!(html.contains("&lt;script&gt;"));
    for attribute in [
        "src=\"",
        "href=\"",
        "url(",
        "srcset=\"",
        "action=\"",
        "@import",
    ] {
        for (at, _) in html.match_indices(attribute) {
            let target = &html[at + attribute.len()..][..12];
            let inside = ["#", "./", "data:"]
                .iter()
                .any(|begin| target.starts_with(begin));
            // An attribute in a text is escaped, and has no quotation mark.
            assert!(inside, "{attribute}{target}");
        }
    }
    for id in ids {
        assert_eq!(
            html.matches(&format!("<figure id=\"{id}\"")).count(),
            1,
            "{id}"
        );
        assert!(
            html.contains(&format!("href=\"#{id}\"")),
            "{id} is not in the contents"
        );
    }
}

#[test]
fn no_id_is_given_twice() {
    let (html, _) = report(&three());
    let mut ids: Vec<&str> = html
        .match_indices(" id=\"")
        .map(|(at, found)| html[at + found.len()..].split('"').next().unwrap())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn the_tables_hold_the_numbers() {
    let evaluation = three();
    let (html, _) = report(&evaluation);
    let judged = &evaluation.classifiers[0];
    for text in [
        "FPR at MDR 0.05",
        "bootstrap, 1000 resamples",
        "Average precision",
        "in use: 0.5 by default",
        "F1 + MCC",
        "shared/real/ztf_train51, 5000 held-out rows",
        &format!("<td>{}</td>", judged.confusion.tp),
        &format!("<td>{}</td>", judged.categories[0]),
        "In category 1 of",
        "In category 6 of",
        "ΔAcc",
        "./metrics.json",
    ] {
        assert!(html.contains(text), "{text} is not in the report");
    }
}

/// Opens the report and finds every figure in it, with a size and with all of its text.
fn every_figure_is_seen(evaluation: &Evaluation, name: &str) {
    let (html, ids) = report(evaluation);
    look::every_figure_is_seen(&html, &ids, name);
}

#[test]
fn the_browser_shows_every_figure_of_one_classifier() {
    every_figure_is_seen(&made::usual(&["otrain-32"]), "one");
}

#[test]
fn the_browser_shows_every_figure_of_three_classifiers() {
    every_figure_is_seen(&three(), "three");
}

#[test]
fn the_browser_shows_every_figure_of_odd_data() {
    let long = "runs/2026-11-22/otrain-with-a-very-long-name-that-does-not-end-soon-";
    let names: Vec<String> = (0..8).map(|i| format!("{long}{i}.rbgpu")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    every_figure_is_seen(&made::usual(&names), "eight");
    let mut real = made::candidates(60, 1, 3);
    real.retain(|c| c.real);
    every_figure_is_seen(&made::evaluation(&real, &["a"]), "real_only");
}

/// A request that a page makes must be noticed, or the tests above prove nothing.
#[test]
fn a_page_that_asks_and_complains_is_found_out() {
    let Some(browser) = browser::find() else {
        return;
    };
    let file: PathBuf = folder("asking").join("asking.html");
    let html = "<!DOCTYPE html><h1>x</h1><img src=\"http://127.0.0.1:9/x.png\">\
                <script>console.error('oh')</script>";
    std::fs::write(&file, html).unwrap();
    let opened = browser::open(&browser, &file);
    assert!(
        opened.requests.iter().any(|r| r.contains("127.0.0.1")),
        "{:?}",
        opened.requests
    );
    assert!(
        opened.console.iter().any(|line| line.contains("oh")),
        "{:?}",
        opened.console
    );
}

/// Left in target/tmp/report/three to be looked at.
#[test]
fn the_page_is_pictured_in_the_light_in_the_dark_on_a_phone_and_on_paper() {
    let Some(browser) = browser::find() else {
        return;
    };
    let folder = folder("pictured");
    let file = folder.join("report.html");
    std::fs::write(&file, report(&three()).0).unwrap();
    let mean = |path: &std::path::Path| {
        let picture = image::open(path).unwrap().into_luma8();
        let sum: u64 = picture.pixels().map(|p| u64::from(p.0[0])).sum();
        sum / (picture.pixels().len() as u64)
    };
    for (name, size) in [("page", (1200, 6000)), ("phone", (400, 5000))] {
        let [light, dark] = [false, true].map(|dark| {
            let shade = if dark { "dark" } else { "light" };
            let to = folder.join(format!("{name}_{shade}.png"));
            browser::picture(&browser, &file, &to, size, dark);
            mean(&to)
        });
        assert!(
            light > 200 && dark < 60,
            "{name}: {light} in the light, {dark} in the dark"
        );
    }
    browser::print(&browser, &file, &folder.join("report.pdf"));
}

#[test]
fn control_characters_and_overrides_are_in_no_page_and_no_figure() {
    // ESC, which XML forbids; a C1 control; an override that turns what follows; a line feed.
    let name = "a\u{1b}[31m\u{9b}b\u{202e}c\nd";
    let evaluation = made::evaluation(&made::candidates(300, 2, 7), &[name, "other"]);
    let acts = |c: char| c.is_control() && c != '\n' && c != '\t' || c == '\u{202e}';
    let (html, _) = report(&evaluation);
    assert!(!html.contains(acts));
    assert!(html.contains("a\\u001b[31m\\u009bb\\u202ec"));
    let mut seen = 0;
    for figure in figures(&evaluation).unwrap() {
        let svg = figure.drawing.svg().unwrap();
        assert!(!svg.contains(acts), "{}", figure.name);
        seen += svg.matches("\\u001b[31m").count();
    }
    assert!(seen > 0, "the name is in a figure");
}
