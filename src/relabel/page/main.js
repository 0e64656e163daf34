// Keys, buttons, and the beginning.

const POLL = 2000;

function help() {
  const repair = [
    ["k", "keep the label"], ["f", "flip it"], ["x", "unsure"], ["r / b", "real / bogus, whatever the label"],
    ["Enter", "next block, when all of this one are decided"],
    ["Shift+Enter", "keep all others of this block, and go on"],
  ];
  const vote = [
    ["r", "real"], ["b", "bogus"], ["x", "unsure"],
    ["Enter", "next block, when all of this one are decided"],
  ];
  const all = [
    ...(voting() ? vote : repair),
    ["arrows, Home, End", "move"], ["u", "undo, back to the first decision of this tab"],
    ["z", "larger, and back"], ["t", "zscale or log stretch"],
    ["PgUp / PgDn", "the block before / next block"], ["?", "this help"],
  ];
  const list = element("dl");
  for (const [keys, what] of all) {
    list.append(element("dt", {}, element("kbd", {}, keys)), element("dd", {}, what));
  }
  const notes = [
    "A decision is on disk when its card is coloured and no longer says saving; the next block shows only then.",
    voting()
      ? "Look at the images alone. Labels, scores and other people's votes are not sent to this page."
      : "Several people and tabs may work at once: a card that somebody decided meanwhile says so, and is not overwritten unseen.",
    "Each image has its own grey scale. Purple: pixels without a value.",
  ];
  $("help-text").replaceChildren(list, ...notes.map((text) => element("p", { class: "quiet" }, text)));
  $("helping").showModal();
}

function naming() {
  $("name").value = who;
  $("name-wrong").hidden = true;
  $("naming").showModal();
  $("name").select();
}

function showName() {
  $("who-name").textContent = who;
  $("who").setAttribute("aria-label", `decisions are ${who}'s; change the name`);
}

async function takeName(event) {
  event.preventDefault();
  const name = $("name").value.trim();
  // The same rule as the server's.
  if (!name || name.includes("+") || /\p{Cc}/u.test(name)) {
    $("name-wrong").textContent = "A name of 1 to 64 characters, without +.";
    $("name-wrong").hidden = false;
    return;
  }
  $("naming").close();
  if (name === who) return;
  await settled();
  who = name;
  memory.set("who", who);
  // What somebody else did is not this person's to undo, nor to see in a vote.
  undoable = [];
  given = [];
  place = 0;
  memory.set("undo", undoable);
  memory.set("given", given);
  showName();
  if (!failed) await showBlock(voting() ? {} : { number: block?.number });
}

/** What a key says of a card. */
function answerOf(key, card) {
  const label = voting() ? null : card.about.label;
  if (key === "x") return "unsure";
  if (key === "r") return "real";
  if (key === "b") return "bogus";
  if ((key === "k" || key === "f") && label === null) {
    if (!voting()) notice("It has no label: r is real, b is bogus, x is unsure.");
    return null;
  }
  return LABELS[key === "k" ? label : 1 - label];
}

const MOVES = {
  ArrowLeft: () => choose(current - 1),
  ArrowRight: () => choose(current + 1),
  ArrowUp: () => vertical(false),
  ArrowDown: () => vertical(true),
  Home: () => choose(0),
  End: () => choose(cards.length - 1),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !setup) return;
  if ($("naming").open || $("helping").open) return;
  const { key } = event;
  const button = event.target.closest?.("button");
  if (button && (key === " " || (key === "Enter" && !event.shiftKey))) return;
  const low = key.length === 1 ? key.toLowerCase() : key;
  const actions = {
    u: undo, z: () => zoom(), t: turnStretch, "?": help, PageUp: previous, PageDown: next,
    Enter: event.shiftKey ? keepRest : next,
  };
  let action = actions[low] ?? (cards.length ? MOVES[low] : undefined);
  if (cards.length && ["k", "f", "x", "r", "b"].includes(low)) {
    action = () => {
      const answer = answerOf(low, cards[current]);
      if (answer) decide(cards[current], answer);
    };
  }
  if (!action) return;
  event.preventDefault();
  // A key that is held down moves, and decides nothing.
  if (event.repeat && !(low in MOVES)) return;
  action();
}

async function begin() {
  try {
    setup = await get("/api/state");
    who = memory.get("who", null) ?? setup.who;
    $("title").textContent = setup.title;
    document.title = `${voting() ? "vote" : "relabel"}: ${setup.title}`;
    $("stretch-name").textContent = stretch;
    showName();
    recovered();
  } catch (error) {
    fail(error, "The page cannot begin.");
    return;
  }
  await showBlock({});
}

document.addEventListener("keydown", pressed);
for (const [id, action] of [
  ["undo", undo], ["stretch", turnStretch], ["who", naming], ["help", help], ["retry", retry],
  ["previous", previous], ["rest", keepRest], ["next", next], ["zoom-close", () => zoom(false)],
  ["help-close", () => $("helping").close()], ["name-leave", () => $("naming").close()],
]) {
  $(id).addEventListener("click", () => action());
}
$("name-form").addEventListener("submit", takeName);
$("zoom").addEventListener("close", () => cards[current]?.box.focus({ preventScroll: false }));
window.addEventListener("beforeunload", (event) => {
  if (queue.length) event.preventDefault();
});
setInterval(() => {
  if (!document.hidden || failed) poll();
}, POLL);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) poll();
});
await begin();
