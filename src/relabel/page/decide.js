// Decisions on their way to the disk. Nothing counts as decided before the server has said
// that it is written; what could not be written waits here, and the page waits with it.

/** What is to be written, in order: key, answer, token, who, and the undo that it made. */
const queue = [];
let sending = false;
/** Whether the server had something that this tab had not seen. */
let conflicted = false;
/** Whether something could not be done, so that nothing goes on. */
let failed = false;
/** What this tab decided, to be undone: lists of key and what was said before. */
let undoable = memory.get("undo", []);
const MOST_UNDO = 1000;

let counts = null;

function fail(error, what) {
  failed = true;
  const queued = queue.length;
  const waits = queued ? `NOT SAVED: ${queued} decision${queued > 1 ? "s" : ""}. ` : "";
  $("alert-text").textContent = `${waits}${what} ${error.message}`;
  $("alert").hidden = false;
  document.body.classList.add("failed");
  refreshFoot();
}

function recovered() {
  if (!failed || queue.length) return;
  failed = false;
  $("alert").hidden = true;
  document.body.classList.remove("failed");
  refreshFoot();
}

/** Takes decisions: pairs of card and answer. They are undone together. */
function enqueue(pairs, undone = false) {
  if (failed) {
    say("not saved: try again first");
    $("retry").focus();
    return false;
  }
  const before = pairs.map(([card]) => [card.key, mine(card) ?? "withdrawn"]);
  for (const [card, answer] of pairs) {
    // What was seen is settled now, or behind what this tab itself has on the way.
    const first = !queue.some((wish) => wish.key === card.key);
    const known = first ? seen(card.key) : undefined;
    queue.push({ key: card.key, answer, token: random(), who, before, seen: known });
    card.pending = answer === "withdrawn" ? null : answer;
    refresh(card);
  }
  if (!undone) {
    undoable.push(before);
    undoable = undoable.slice(-MOST_UNDO);
    memory.set("undo", undoable);
  }
  refreshFoot();
  send();
  return true;
}

/** Says `answer` of a card, and goes on to the next. */
function decide(card, answer) {
  if (!card.drawn) {
    notice("Wait until its images are there.", 2000);
    return;
  }
  if (mine(card) === "voted") {
    notice("You have voted on this one in another tab.");
    return;
  }
  if (mine(card) !== answer && !enqueue([[card, answer]])) return;
  const at = cards.indexOf(card);
  const order = cards.map((_, i) => (at + 1 + i) % cards.length);
  const next = order.find((i) => !isDecided(cards[i]));
  choose(next ?? at);
  if (next === undefined) {
    zoom(false);
    say("all of this block are decided; Enter shows the next");
  }
}

/** Sends what waits, as much as can go at once, one request after the other. */
async function send() {
  if (sending || failed || !queue.length) return;
  sending = true;
  const batch = [];
  for (const wish of queue) {
    if (wish.who !== queue[0].who || batch.some((other) => other.key === wish.key)) break;
    batch.push(wish);
    if (batch.length === 200) break;
  }
  for (const wish of batch) wish.seen ??= seen(wish.key);
  const wishes = batch.map(({ key, answer, seen, token }) => ({ key, answer, seen, token }));
  try {
    const outcome = await post(wishes, batch[0].who);
    queue.splice(0, batch.length);
    written(outcome, batch);
  } catch (error) {
    fail(error, "The disk does not have it yet, and the page waits.");
  } finally {
    sending = false;
  }
  refreshFoot();
  if (!failed) send();
}

/** The last line that is known of each candidate that was shown. */
const lines = new Map();
const seen = (key) => lines.get(key) ?? 0;

function take(state) {
  lines.set(state.key, state.seen);
  const card = cards.find((card) => card.key === state.key);
  if (!card) return;
  card.mine = state.mine;
  card.others = state.others ?? [];
  if (!queue.some((wish) => wish.key === state.key)) card.pending = undefined;
  refresh(card);
}

function written(outcome, batch) {
  const lost = new Set(outcome.conflicts.map((state) => state.key));
  const ofLost = (wish) => lost.has(wish.key);
  // What waits behind was said as blindly as what was refused, and would be taken for an answer
  // to what is shown only now.
  const dropped = queue.filter(ofLost);
  queue.splice(0, queue.length, ...queue.filter((wish) => !ofLost(wish)));
  outcome.written.forEach(take);
  outcome.conflicts.forEach(take);
  showCounts(outcome.counts);
  if (!outcome.conflicts.length) {
    say(`saved: ${outcome.counts.done} of ${outcome.counts.total} decided`);
    return;
  }
  conflicted = true;
  for (const { key, before } of [...batch.filter(ofLost), ...dropped]) {
    // What was not done cannot be undone. The list stays the one that other wishes know.
    before.splice(0, before.length, ...before.filter(([other]) => other !== key));
  }
  undoable = undoable.filter((list) => list.length);
  memory.set("undo", undoable);
  const first = cards.findIndex((card) => lost.has(card.key));
  if (first >= 0) choose(first);
  const them = lost.size > 1 ? `${lost.size} of these were` : "This one was";
  notice(`${them} decided elsewhere meanwhile: see what was said. Your answer is not saved; give it again if you differ.`, 15000);
}

/** Takes the last decision of this tab back. */
async function undo() {
  const last = undoable.at(-1);
  if (!last) {
    notice("Nothing to undo in this tab.", 2000);
    return;
  }
  if (failed) {
    enqueue([]);
    return;
  }
  const missing = last.some(([key]) => !cards.some((card) => card.key === key));
  if (missing) {
    await settled();
    if (failed || !(await showBlockOf(last.map(([key]) => key)))) return;
  }
  const pairs = last.map(([key, before]) => [cards.find((card) => card.key === key), before]);
  if (pairs.some(([card]) => !card)) return;
  undoable.pop();
  memory.set("undo", undoable);
  enqueue(pairs, true);
  choose(cards.indexOf(pairs[0][0]));
  say(`undone: ${pairs.length}`);
}

/** Returns when everything is on disk, or something failed. */
async function settled() {
  while (!failed && (queue.length || sending)) {
    await new Promise((done) => setTimeout(done, 15));
  }
}

/** Tries again what failed. Sent twice, a decision is still one. */
async function retry() {
  if (sending) return;
  failed = false;
  $("alert").hidden = true;
  document.body.classList.remove("failed");
  if (queue.length) await send();
  if (failed) return;
  if (!setup) await begin();
  else if (shown) await Promise.all(cards.filter((card) => !card.drawn).map(show));
  else await showBlock(wanted);
  if (!failed) await poll();
  cards[current]?.box.focus({ preventScroll: true });
}

/** What others, and other tabs, decided. */
async function poll() {
  if (!setup || sending) return;
  try {
    const news = await get("/api/changes", { since: last });
    last = Math.max(last, news.last);
    for (const state of news.states) {
      // An answer that was overtaken by a later one says nothing new.
      if (state.seen >= seen(state.key)) take(state);
    }
    showCounts(news.counts);
    if (failed) await retry();
  } catch (error) {
    if (!failed) fail(error, "Nothing can be saved now.");
  }
  refreshFoot();
}

function showCounts(now) {
  counts = now;
  // A voter's own way; those who repair go it together.
  const [done, all] = voting() ? [counts.mine, counts.mine + counts.left] : [counts.done, counts.total];
  $("progress").firstElementChild.style.width = `${all ? (100 * done) / all : 100}%`;
  $("progress").setAttribute("aria-valuemax", all);
  $("progress").setAttribute("aria-valuenow", done);
  $("counts").textContent = voting()
    ? `${counts.mine} voted by you · ${counts.left} left for you · ${counts.done} of ${counts.total} with ${setup.votes} votes`
    : [
        `${counts.done} of ${counts.total}`,
        `${counts.flipped} flipped`,
        `${counts.kept} kept`,
        counts.new ? `${counts.new} new` : "",
        `${counts.unsure} unsure`,
      ].filter(Boolean).join(" · ");
}
