//! A page as a browser shows it: every figure there, whole, and nothing asked for.

use crate::{browser, folder};

/// Runs in the page: what is drawn, how large it is, and which texts are cut.
const LOOK: &str = r#"<script>
addEventListener('load', () => {
  const seen = [...document.querySelectorAll('figure')].map(f => {
    const svg = f.querySelector('svg').getBoundingClientRect();
    const cut = [...f.querySelectorAll('text')].filter(t => {
      const b = t.getBoundingClientRect();
      return b.width > 0 && (b.left < svg.left - 0.5 || b.right > svg.right + 0.5 ||
        b.top < svg.top - 0.5 || b.bottom > svg.bottom + 0.5);
    }).map(t => t.textContent);
    const images = [...f.querySelectorAll('image')].every(i => i.getBoundingClientRect().width > 0);
    return [f.id, Math.round(svg.width), Math.round(svg.height), images, cut];
  });
  const pre = document.createElement('pre');
  pre.id = 'seen';
  pre.textContent = JSON.stringify(seen);
  document.body.append(pre);
});
</script></body>"#;

/// The page with that in it, and with a policy that lets it run.
fn looked_at(html: &str) -> String {
    let policy = "default-src 'none';";
    assert_eq!(html.matches(policy).count(), 1);
    let open = html.replace(policy, "default-src 'none'; script-src 'unsafe-inline';");
    open.replacen("</body>", LOOK, 1)
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// Opens `html` and finds the figures `ids` and no others in it, each with a size and with all of
/// its text. The page is left in the folder `name`.
pub fn every_figure_is_seen(html: &str, ids: &[String], name: &str) {
    let Some(browser) = browser::find() else {
        return;
    };
    let file = folder(name).join("report.html");
    std::fs::write(&file, html).unwrap();
    println!("{name}: {} bytes of HTML", html.len());
    let opened = browser::open(&browser, &file);
    assert!(opened.dom.contains("<h1>"), "the page is not there");
    assert_eq!(opened.console, [] as [String; 0], "the page complained");
    assert_eq!(
        opened.requests,
        [] as [String; 0],
        "the page asked for something"
    );

    let harness = folder(name).join("looked_at.html");
    std::fs::write(&harness, looked_at(html)).unwrap();
    let dom = browser::open(&browser, &harness).dom;
    let (_, seen) = dom
        .split_once("<pre id=\"seen\">")
        .expect("the page was looked at");
    let seen = unescaped(seen.split("</pre>").next().unwrap());
    let seen: Vec<(String, u32, u32, bool, Vec<String>)> = serde_json::from_str(&seen).unwrap();
    for id in ids {
        let (_, width, height, images, cut) = seen
            .iter()
            .find(|figure| figure.0 == *id)
            .unwrap_or_else(|| panic!("no {id}"));
        assert!(
            *width > 200 && *height > 150,
            "{name}/{id}: {width} x {height}"
        );
        assert!(images, "{name}/{id}: an image has no size");
        assert_eq!(*cut, [] as [String; 0], "{name}/{id}: text is cut");
    }
    assert_eq!(seen.len(), ids.len());
}
