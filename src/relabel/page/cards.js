// The candidates of a block as they are seen.

/** What the server said once: mode, images, sizes. */
let setup = null;
let who = "";
let stretch = memory.get("stretch", "zscale");
/** The block that is shown. */
let cards = [];
let current = 0;

const voting = () => setup.mode === "vote";
const LABELS = ["bogus", "real"];

/** What this tab says of a card: what is on its way counts. */
const mine = (card) => (card.pending === undefined ? card.mine : card.pending);
const isDecided = (card) => Boolean(mine(card)) || card.others.length > 0;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") made.className = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function say(text) {
  $("said").textContent = text;
}

let noticeTimer = 0;
/** Something to be seen that is no failure. */
function notice(text, milliseconds = 6000) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
  clearTimeout(noticeTimer);
  if (text && milliseconds) noticeTimer = setTimeout(() => notice(""), milliseconds);
}

/** What a card's answer means beside its label. */
function inWords(card, answer) {
  if (!answer) return "";
  if (answer === "voted") return "voted in another tab";
  if (answer === "unsure" || voting()) return answer;
  const label = card.about.label;
  if (label === null) return answer;
  return LABELS[label] === answer ? `kept ${answer}` : `flipped to ${answer}`;
}

/** The buttons of a card: name, what is said behind it where there is room, key, answer. */
function choices(card) {
  const unsure = ["Unsure", "", "x", "unsure"];
  const label = voting() ? null : card.about.label;
  if (label === null) return [["Real", "", "r", "real"], ["Bogus", "", "b", "bogus"], unsure];
  const [is, other] = [LABELS[label], LABELS[1 - label]];
  return [["Keep", ` ${is}`, "k", is], ["Flip", ` to ${other}`, "f", other], unsure];
}

function buttons(card, reachable) {
  return choices(card).map(([name, more, key, answer]) => {
    const attributes = {
      type: "button", class: `to-${answer}`, "aria-pressed": String(mine(card) === answer),
      "aria-keyshortcuts": key, "aria-label": name + more, tabindex: reachable ? "0" : "-1",
    };
    const rest = element("span", { class: "more" }, more);
    const button = element("button", attributes, name, rest, " ", element("kbd", {}, key));
    button.addEventListener("click", (event) => {
      event.stopPropagation();
      decide(card, answer);
    });
    return button;
  });
}

const number = (value, digits) => value.toFixed(digits).replace("-", "\u2212");

/** Label, score, rank and category; in few words where there is little room. */
function head(card, brief) {
  const parts = [];
  if (!voting()) {
    const { label, score, rank, category } = card.about;
    const name = label === null ? "no label" : LABELS[label];
    parts.push(element("span", { class: `chip ${label === null ? "" : name}` }, name));
    if (score !== null) parts.push(element("span", {}, `P(real) ${number(score, 3)}`));
    if (category !== null) parts.push(element("span", {}, `${brief ? "cat." : "category"} ${category}`));
    if (rank !== null) parts.push(element("span", { class: "quiet" }, `#${rank}`));
  }
  const answer = mine(card);
  let state = inWords(card, answer);
  if (brief && answer !== "voted") state = state.split(" ")[0];
  if (card.pending !== undefined) state = "saving…";
  parts.push(element("span", { class: `state ${answer ?? ""}` }, state));
  return element("div", { class: "head" }, ...parts);
}

function facts(card) {
  if (voting()) return "";
  const { id, object, rule, suspicion, mag, filter } = card.about;
  const suspect = suspicion === null ? rule : `${rule} ${number(suspicion, 2)}`.trim();
  const magnitude = mag === null ? "" : `${number(mag, 2)} mag`;
  return [id, object, suspect, [filter, magnitude].filter(Boolean).join(" ")].filter(Boolean).join(" · ");
}

function others(card) {
  return card.others.map((o) => `${o.who}: ${inWords(card, o.answer)}`).join(" · ");
}

function planes(extra = {}) {
  return setup.images.map((name) => {
    const { width, height } = setup;
    const canvas = element("canvas", { width, height, role: "img", "aria-label": name, ...extra });
    return element("figure", {}, canvas, element("figcaption", {}, name));
  });
}

/** Puts a card's images on the canvases in `place`; whether they are those still wanted. */
async function draw(card, place) {
  const wanted = `${card.key} ${stretch}`;
  place.dataset.wanted = wanted;
  const bitmap = await picture(card.key);
  if (place.dataset.wanted !== wanted) return false;
  const { width, height } = setup;
  place.querySelectorAll("canvas").forEach((canvas, at) => {
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, width, height);
    context.drawImage(bitmap, at * width, 0, width, height, 0, 0, width, height);
  });
  return true;
}

function make(card) {
  card.box = element("article", { class: "card", tabindex: "-1" });
  card.planes = element("div", { class: "planes", title: "larger (z)" }, ...planes());
  if (setup.images.length === 1) card.box.classList.add("single");
  card.planes.addEventListener("click", () => {
    choose(cards.indexOf(card));
    zoom(true);
  });
  card.box.addEventListener("focusin", () => choose(cards.indexOf(card), false));
  card.box.addEventListener("click", () => choose(cards.indexOf(card), false));
  refresh(card);
  return card.box;
}

/** What may have changed on a card. */
function refresh(card) {
  const at = cards.indexOf(card);
  const answer = mine(card) ?? card.others.at(-1)?.answer ?? "";
  card.box.dataset.answer = answer;
  card.box.dataset.key = card.key;
  card.box.dataset.saved = String(card.pending === undefined && isDecided(card));
  card.box.classList.toggle("waiting", card.pending !== undefined);
  const parts = [head(card, true), card.planes];
  const small = facts(card);
  if (small) parts.push(element("p", { class: "quiet" }, small));
  if (card.others.length) parts.push(element("p", { class: "others" }, others(card)));
  parts.push(element("div", { class: "buttons" }, ...buttons(card, at === current)));
  // A button that was clicked keeps the focus on its card.
  const inside = card.box.contains(document.activeElement) && document.activeElement !== card.box;
  card.box.replaceChildren(...parts);
  if (inside) card.box.focus({ preventScroll: true });
  const label = voting() || card.about.label === null ? "" : `labelled ${LABELS[card.about.label]}, `;
  const state = inWords(card, mine(card)) || others(card) || "not decided";
  card.box.setAttribute("aria-label", `candidate ${at + 1} of ${cards.length}: ${label}${state}`);
  if ($("zoom").open && at === current) fillZoom();
}

/** Draws a card's images. It can be decided when they are to be seen. */
async function show(card) {
  try {
    if (!(await draw(card, card.planes))) return;
    card.drawn = true;
    card.box.dataset.drawn = "true";
  } catch (error) {
    fail(error, "The images cannot be shown.");
  }
}

/** Whether the tab key stops at a card and its buttons. */
function reach(card, is) {
  if (!card) return;
  card.box.classList.toggle("current", is);
  for (const stop of [card.box, ...card.box.querySelectorAll("button")]) {
    stop.setAttribute("tabindex", is ? "0" : "-1");
  }
}

/** Makes card `at` the one that keys are for. */
function choose(at, focus = true) {
  if (at < 0 || at >= cards.length) return;
  reach(cards[current], false);
  const other = current !== at;
  current = at;
  const { box } = cards[at];
  reach(cards[at], true);
  if (focus && !$("zoom").open) {
    box.focus({ preventScroll: true });
    box.scrollIntoView({ block: "nearest" });
  }
  if ($("zoom").open && other) fillZoom();
}

/** The card above or below. */
function vertical(down) {
  const box = (card) => card.box.getBoundingClientRect();
  const here = box(cards[current]);
  const rows = cards.map((card, at) => ({ at, ...box(card).toJSON() }));
  const side = rows.filter((r) => (down ? r.top >= here.bottom : r.bottom <= here.top));
  const away = (r) => Math.abs(r.top - here.top) * 10 + Math.abs(r.left - here.left);
  side.sort((a, b) => away(a) - away(b));
  if (side.length) choose(side[0].at);
}

function fillZoom() {
  const card = cards[current];
  const dialog = $("zoom");
  dialog.dataset.answer = card.box.dataset.answer;
  const about = [head(card), element("p", { class: "quiet" }, facts(card))];
  if (card.others.length) about.push(element("p", { class: "others" }, others(card)));
  about.push(element("p", { class: "quiet" }, `${current + 1} of ${cards.length}, ${stretch}`));
  $("zoom-about").replaceChildren(...about);
  $("zoom-buttons").replaceChildren(...buttons(card, true));
  const place = $("zoom-planes");
  if (!place.children.length) place.replaceChildren(...planes());
  if (place.dataset.wanted !== `${card.key} ${stretch}`) {
    draw(card, place).catch((error) => fail(error, "The images cannot be shown."));
  }
}

function zoom(open = !$("zoom").open) {
  const dialog = $("zoom");
  if (open && !dialog.open && cards.length) {
    dialog.showModal();
    // Not its button: Enter is the next block's.
    dialog.focus();
    fillZoom();
  } else if (!open && dialog.open) {
    dialog.close();
  }
}

function turnStretch() {
  stretch = stretch === "zscale" ? "log" : "zscale";
  memory.set("stretch", stretch);
  $("stretch-name").textContent = stretch;
  cards.forEach(show);
  if ($("zoom").open) fillZoom();
  say(`stretch ${stretch}`);
}
