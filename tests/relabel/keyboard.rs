//! The page without a mouse.

use std::collections::HashMap;
use std::time::Duration;

use crate::driver::{Browser, ENTER, ESCAPE, LEFT, Look, RIGHT, SHIFT, with_browser};
use crate::served::{Desk, id};

/// The key for suspect `rank` (from 0), and the answer that it gives one with the label.
fn planned(rank: usize, label: u64) -> (char, &'static str) {
    let names = ["bogus", "real"];
    let label = label as usize;
    match rank % 5 {
        0 => ('k', names[label]),
        1 => ('f', names[1 - label]),
        2 => ('x', "unsure"),
        3 => ('r', "real"),
        _ => ('b', "bogus"),
    }
}

/// Places of the cards of this block that nobody decided, from the current one on.
async fn undecided(browser: &Browser) -> Vec<usize> {
    let script = "(c => { const from = c.findIndex(x => x.classList.contains('current')); \
                  const order = c.map((_, i) => (from + i) % c.length); \
                  return order.filter(i => c[i].dataset.answer === '') })\
                  ([...document.querySelectorAll('.card')])";
    let places = browser.look(script).await;
    let places = places.as_array().unwrap().iter();
    places
        .map(|place| place.as_u64().unwrap() as usize)
        .collect()
}

#[test]
fn two_hundred_stamps_by_keyboard_with_the_server_killed_in_the_middle() {
    let desk = Desk::new(200);
    with_browser(Look::default(), async |browser| {
        let arguments = ["suspects.csv", "set.npz"];
        let mut served = desk.serve(&arguments);
        browser.open(&served.url).await;
        browser.picture("desktop").await;
        let (mut kills, mut block) = (0, 0);
        while block < 10 {
            let left = undecided(browser).await;
            if left.is_empty() {
                browser.saved().await;
                browser.press([ENTER]).await;
                block += 1;
                if block < 10 {
                    let place = format!(
                        "document.getElementById('place').innerText.startsWith('block {} of 10')",
                        block + 1
                    );
                    browser.wait(&place).await;
                    browser.drawn().await;
                }
                continue;
            }
            // The labels are not looked up in the page: rank r is row 199 - r of the data, and
            // k and f are what the page makes of its label.
            let keys = left.iter().map(|place| planned(20 * block + place, 0).0);
            let dies = (block == 3 || block == 6) && kills < block / 3;
            if dies {
                kills += 1;
                let killing = async {
                    tokio::time::sleep(Duration::from_millis(5 * kills as u64)).await;
                    served.kill();
                };
                tokio::join!(browser.press(keys), killing);
                // It says so, loudly, and does not go on.
                browser
                    .wait("!document.getElementById('alert').hidden")
                    .await;
                browser.press([ENTER, ENTER]).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
                let place = browser.text("place").await;
                assert!(
                    place.starts_with(&format!("block {}", block + 1)),
                    "{place}"
                );
                assert!(!browser.text("alert-text").await.is_empty());
                browser.picture("not-saved").await;
                served = desk.serve(&arguments);
                browser
                    .wait("document.getElementById('alert').hidden")
                    .await;
            } else {
                browser.press(keys).await;
            }
            browser.saved().await;
        }
        browser
            .wait("!document.getElementById('finished').hidden")
            .await;
        let finished = browser.text("finished").await;
        assert!(
            finished.contains("rbgpu relabel --apply suspects.csv set.npz"),
            "{finished}"
        );
        browser.picture("finished").await;
        assert_eq!(kills, 2);
        drop(served);
    });
    if crate::driver::find().is_none() {
        return;
    }
    // Every key is in the journal once, and nothing else is.
    let lines = desk.lines("suspects.journal.jsonl");
    let mut found = HashMap::new();
    for (line, number) in lines.iter().zip(1u64..) {
        assert_eq!(line["number"], number);
        let id = line["id"].as_str().unwrap().to_string();
        assert!(found.insert(id, line).is_none(), "twice: {line}");
    }
    assert_eq!(found.len(), 200);
    for rank in 0..200 {
        let line = found[&id(199 - rank)];
        let (_, answer) = planned(rank, line["was"].as_u64().unwrap());
        assert_eq!(
            (&line["answer"], &line["who"]),
            (&answer.into(), &"ana".into()),
            "{line}"
        );
    }
}

#[test]
fn what_another_tab_decided_is_seen_and_not_overwritten() {
    let desk = Desk::new(30);
    with_browser(Look::default(), async |browser| {
        let served = desk.serve(&["set.npz"]);
        browser.open(&served.url).await;
        let first = browser.client.window().await.unwrap();
        let second = browser.client.new_window(true).await.unwrap().handle;
        browser.client.switch_to_window(second).await.unwrap();
        browser.open(&served.url).await;
        // Undo takes back the last decision of this tab, also when it was changed.
        browser.press(['f', 'u']).await;
        browser.saved().await;
        let lines = desk.lines("set.journal.jsonl");
        assert_eq!((lines.len(), &lines[1]["answer"]), (2, &"withdrawn".into()));
        browser.press(['f']).await;
        browser.saved().await;
        browser.client.switch_to_window(first).await.unwrap();
        // This one was told by the time it is looked at.
        browser
            .wait("document.querySelector('.card').dataset.answer !== ''")
            .await;
        // Now it is kept from hearing anything, and decides on what was decided meanwhile.
        let deaf = "(() => { const ask = fetch; window.fetch = (url, o) => \
                    String(url).includes('/api/changes') ? new Promise(() => {}) : ask(url, o); \
                    return true; })()";
        browser.look(deaf).await;
        let keys = served.keys("ben");
        let kept = served.decide("ben", &keys[1], "unsure", 0, "t1");
        assert_eq!(kept.status, 200);
        browser.press([RIGHT, 'k']).await;
        browser
            .wait("document.getElementById('notice').innerText.includes('elsewhere')")
            .await;
        assert_eq!(desk.lines("set.journal.jsonl").len(), 4);
        let card = browser
            .look("document.querySelectorAll('.card')[1].innerText")
            .await;
        assert!(card.as_str().unwrap().contains("ben: unsure"), "{card}");
        browser.picture("elsewhere").await;
        // Having seen it, one may differ.
        browser.press(['k']).await;
        browser.saved().await;
        browser
            .wait("document.querySelectorAll('.card')[1].innerText.includes('kept')")
            .await;
        let lines = desk.lines("set.journal.jsonl");
        assert_eq!((lines.len(), &lines[4]["who"]), (5, &"ana".into()));
        // All others of the block at once, and as one to be undone.
        browser.press([SHIFT, ENTER, SHIFT]).await;
        browser
            .wait("document.getElementById('place').innerText.startsWith('block 2 of 2')")
            .await;
        browser.drawn().await;
        assert_eq!(desk.lines("set.journal.jsonl").len(), 5 + 18);
        browser.press(['u']).await;
        browser
            .wait("document.getElementById('place').innerText.includes('18 left')")
            .await;
        browser.saved().await;
        assert_eq!(desk.lines("set.journal.jsonl").len(), 5 + 2 * 18);
    });
}

#[test]
fn what_was_said_before_a_conflict_was_seen_is_not_saved_either() {
    let desk = Desk::new(6);
    with_browser(Look::default(), async |browser| {
        let served = desk.serve(&["set.npz"]);
        browser.open(&served.url).await;
        // It hears of nothing, and its decisions are on their way until they are let go.
        let slow = "(() => { const ask = fetch; \
                    const held = new Promise((go) => { window.letGo = go; }); \
                    window.fetch = (url, o) => \
                    String(url).includes('/api/changes') ? new Promise(() => {}) : \
                    String(url).includes('/api/decide') ? held.then(() => ask(url, o)) : \
                    ask(url, o); return true; })()";
        browser.look(slow).await;
        let keys = served.keys("ben");
        let answer = served.decide("ben", &keys[0], "unsure", 0, "t1");
        assert_eq!(answer.status, 200);
        // One answer, and then the other for the same candidate.
        browser.press(['k', LEFT, 'f']).await;
        browser.look("(letGo(), true)").await;
        browser
            .wait("document.getElementById('notice').innerText.includes('elsewhere')")
            .await;
        browser.saved().await;
        let card = "document.querySelector('.card').innerText";
        let card = browser.look(card).await;
        assert!(card.as_str().unwrap().contains("ben: unsure"), "{card}");
        assert_eq!(desk.lines("set.journal.jsonl").len(), 1);
        // Having seen it, one may differ, and take that back, and nothing else.
        browser.press(['k']).await;
        browser.saved().await;
        assert_eq!(desk.lines("set.journal.jsonl").len(), 2);
        browser.press(['u', 'u']).await;
        browser
            .wait("document.getElementById('notice').innerText.includes('Nothing to undo')")
            .await;
        browser.saved().await;
        let lines = desk.lines("set.journal.jsonl");
        assert_eq!((lines.len(), &lines[2]["answer"]), (3, &"withdrawn".into()));
    });
}

#[test]
fn a_voter_sees_images_and_nothing_else() {
    let desk = Desk::new(30);
    with_browser(Look::default(), async |browser| {
        let served = desk.serve(&["suspects.csv", "set.npz", "--vote", "--block", "6"]);
        for key in served.keys("ben") {
            assert_eq!(served.decide("ben", &key, "real", 0, &key).status, 200);
        }
        browser.open(&served.url).await;
        browser.picture("vote").await;
        let shown = browser
            .look("document.body.innerHTML.split('<script')[0]")
            .await;
        let shown = shown.as_str().unwrap().to_ascii_lowercase();
        for hidden in [
            "p(real)",
            "category",
            "confident",
            "suspicion",
            "ben",
            "#1",
            "labelled real",
        ] {
            assert!(!shown.contains(hidden), "{hidden}: {shown}");
        }
        browser.press("rbxrbx".chars()).await;
        browser.saved().await;
        // What it asked for, asked for again.
        let asked = "performance.getEntriesByType('resource').map(r => r.name)";
        let asked = browser.look(asked).await;
        let addresses = asked
            .as_array()
            .unwrap()
            .iter()
            .map(|url| url.as_str().unwrap());
        let origin = format!("http://{}", served.place);
        let mut seen = 0;
        for address in addresses {
            let path = address.strip_prefix(&origin).expect("nobody else is asked");
            if path.starts_with("/api/picture") || path == "/api/decide" {
                continue;
            }
            let text = String::from_utf8(served.ask("GET", path, &[], "").body).unwrap();
            for hidden in [
                "\"label", "score", "rank", "category", "about", "others", "\"ben\"",
            ] {
                assert!(!text.contains(hidden), "{path}: {hidden}: {text}");
            }
            seen += 1;
        }
        assert!(seen >= 2);
        let lines = desk.lines("suspects.journal.jsonl");
        let answers: Vec<&str> = lines[6..]
            .iter()
            .map(|l| l["answer"].as_str().unwrap())
            .collect();
        assert_eq!(
            answers,
            ["real", "bogus", "unsure", "real", "bogus", "unsure"]
        );
    });
}

#[test]
fn larger_images_help_and_names_need_no_mouse() {
    let desk = Desk::new(30);
    let look = Look {
        dark: true,
        ..Look::default()
    };
    with_browser(look, async |browser| {
        let served = desk.serve(&["suspects.csv", "set.npz"]);
        browser.open(&served.url).await;
        browser.picture("dark").await;
        browser.press(['z']).await;
        browser.wait("document.getElementById('zoom').open").await;
        browser.press(['k', RIGHT, 'f', 't']).await;
        browser.saved().await;
        browser.picture("dark-zoom").await;
        assert_eq!(browser.text("stretch-name").await, "log");
        assert_eq!(undecided(browser).await.len(), 18);
        browser.press([ESCAPE, '?']).await;
        browser
            .wait("document.getElementById('helping').open")
            .await;
        browser.press([ESCAPE]).await;
        // To the button with the name and through it, by tab.
        let focus = "document.activeElement?.id";
        for _ in 0..40 {
            if browser.look(focus).await == "who" {
                break;
            }
            browser.press(['\u{e004}']).await;
        }
        assert_eq!(browser.look(focus).await, "who");
        let outline = "getComputedStyle(document.activeElement).outlineStyle";
        assert_eq!(browser.look(outline).await, "solid");
        browser.press([ENTER]).await;
        browser.wait("document.getElementById('naming').open").await;
        browser.press("eva".chars().chain([ENTER])).await;
        browser
            .wait("document.getElementById('who-name').innerText === 'eva'")
            .await;
        browser.drawn().await;
        browser.press(['x']).await;
        browser.saved().await;
        let lines = desk.lines("suspects.journal.jsonl");
        let who: Vec<&str> = lines
            .iter()
            .map(|line| line["who"].as_str().unwrap())
            .collect();
        assert_eq!(who, ["ana", "ana", "eva"]);
        let unnamed = "[...document.querySelectorAll('button, .card, canvas, dialog, input')]\
             .filter(e => !(e.ariaLabel || e.innerText?.trim() || e.labels?.length || \
             e.getAttribute('aria-labelledby'))).map(e => e.outerHTML)";
        assert_eq!(browser.look(unnamed).await, serde_json::json!([]));
    });
}

#[test]
fn a_phone_has_room_for_fingers() {
    let desk = Desk::new(30);
    let look = Look {
        phone: true,
        ..Look::default()
    };
    with_browser(look, async |browser| {
        let served = desk.serve(&["suspects.csv", "set.npz"]);
        browser.open(&served.url).await;
        browser.picture("phone").await;
        let wide = "document.documentElement.scrollWidth <= 375";
        assert_eq!(browser.look(wide).await, true, "it is wider than the phone");
        let small = "[...document.querySelectorAll('button')].filter(b => b.offsetParent)\
                     .map(b => [b.innerText, b.offsetWidth, b.offsetHeight])\
                     .filter(b => b[1] < 44 || b[2] < 44)";
        assert_eq!(browser.look(small).await, serde_json::json!([]));
        browser.press(['z']).await;
        browser.wait("document.getElementById('zoom').open").await;
        assert_eq!(browser.look(wide).await, true);
        browser.picture("phone-zoom").await;
    });
}
