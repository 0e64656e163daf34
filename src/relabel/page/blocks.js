// Blocks of candidates, one after the other.

/** The number of the last line of the journal that this tab knows of. */
let last = 0;
/** The block as it came, without its cards. */
let block = null;
/** What was asked for last: a block's number, keys, or nothing for the first that is open. */
let wanted = {};
/** Whether that is shown. */
let shown = false;
/** In a vote: the blocks that this tab was given, and which of them is shown. */
let given = memory.get("given", []);
let place = given.length;
const MOST_GIVEN = 500;
let loading = false;

/** Shows a block; whether that could be done. */
async function showBlock(asked) {
  if (loading) return false;
  loading = true;
  shown = false;
  wanted = asked;
  refreshFoot();
  try {
    const query = {};
    if (asked.number !== undefined) query.number = asked.number;
    if (asked.keys) query.keys = asked.keys.join(",");
    const { cards: list, ...rest } = await get("/api/block", query);
    block = rest;
    last = Math.max(last, block.last);
    cards = list.map((card) => ({ others: [], ...card }));
    for (const card of cards) lines.set(card.key, card.seen);
    shown = true;
    recovered();
  } catch (error) {
    fail(error, "The block cannot be shown.");
    return false;
  } finally {
    loading = false;
    refreshFoot();
  }
  if (voting() && !asked.keys && cards.length) {
    given = [...given, cards.map((card) => card.key)].slice(-MOST_GIVEN);
    place = given.length - 1;
    memory.set("given", given);
  }
  notice("");
  $("cards").replaceChildren(...cards.map(make));
  showCounts(block.counts);
  $("finished").hidden = cards.length > 0;
  if (!cards.length) {
    zoom(false);
    finished();
    refreshFoot();
    return true;
  }
  window.scrollTo(0, 0);
  const first = cards.findIndex((card) => !isDecided(card));
  current = 0;
  choose(Math.max(first, 0));
  refreshFoot();
  await Promise.all(cards.map(show));
  return true;
}

/** Shows the block of candidates that were decided before. */
async function showBlockOf(keys) {
  if (voting()) {
    const at = given.findIndex((list) => list.includes(keys[0]));
    if (at < 0) return showBlock({ keys });
    place = at;
    return showBlock({ keys: given[at] });
  }
  return showBlock({ keys: [keys[0]] });
}

const open = () => cards.filter((card) => !isDecided(card));

/** The next block, if all of this one are decided and on disk. */
async function next() {
  if (failed) {
    await retry();
    return;
  }
  if (loading || !cards.length) return;
  const left = open();
  if (left.length) {
    choose(cards.indexOf(left[0]));
    notice(`${left.length} of this block are not decided.`, 3000);
    return;
  }
  conflicted = false;
  await settled();
  if (failed || conflicted || open().length) return;
  if (!voting()) await showBlock({ number: block.number + 1 });
  else if (place + 1 < given.length) await showBlock({ keys: given[(place += 1)] });
  else await showBlock({});
}

async function previous() {
  if (failed || loading) return;
  await settled();
  if (failed) return;
  if (voting()) {
    const at = cards.length ? place - 1 : given.length - 1;
    if (at < 0) return;
    place = at;
    await showBlock({ keys: given[at] });
  } else if (block.number > 0) {
    await showBlock({ number: block.number - 1 });
  }
}

/** Keeps the labels of all in this block that are not decided, and goes on. */
async function keepRest() {
  if (voting() || failed || loading) return;
  const left = open();
  if (left.some((card) => !card.drawn)) {
    notice("Wait until all images are there.", 2000);
    return;
  }
  const labelled = left.filter((card) => card.about.label !== null);
  if (labelled.length < left.length) {
    choose(cards.indexOf(left.find((card) => card.about.label === null)));
    notice("Some have no label to keep: r is real, b is bogus, x is unsure.");
    return;
  }
  if (labelled.length) enqueue(labelled.map((card) => [card, LABELS[card.about.label]]));
  await next();
}

function refreshFoot() {
  if (!setup || !block) return;
  const left = open().length;
  const waits = queue.length;
  const where = voting() ? "" : `block ${Math.min(block.number + 1, block.of)} of ${block.of}`;
  const what = !cards.length ? "done" : left ? `${left} left` : waits ? "saving…" : "all saved";
  $("place").textContent = [where, loading ? "loading…" : what].filter(Boolean).join(" · ");
  const before = voting() ? (cards.length ? place > 0 : given.length > 0) : block.number > 0;
  $("previous").disabled = !before || loading || failed;
  $("next").disabled = left > 0 || loading || failed || !cards.length;
  $("next").classList.toggle("ready", !$("next").disabled && !waits);
  $("rest").hidden = voting();
  $("rest").disabled = !left || loading || failed;
  $("rest-name").textContent = left && left < cards.length ? `Keep the other ${left}` : "Keep all";
  $("undo").disabled = !undoable.length || failed;
}

function finished() {
  const place = $("finished");
  const parts = [];
  if (voting()) {
    parts.push(element("h2", {}, "Nothing is left for you to vote on"));
    parts.push(element("p", {}, `You voted on ${counts.mine} candidates. ${counts.done} of ${counts.total} have ${setup.votes} votes or more.`));
    if (counts.done < counts.total) {
      parts.push(element("p", {}, `The other ${counts.total - counts.done} wait for other people.`));
    }
  } else {
    parts.push(element("h2", {}, "All candidates are decided"));
    const say = `${counts.flipped} labels flipped, ${counts.kept} kept, ${counts.unsure} unsure`;
    parts.push(element("p", {}, counts.new ? `${say}, ${counts.new} that had none.` : `${say}.`));
  }
  parts.push(element("p", {}, "Every decision is on disk. What to do next:"));
  parts.push(element("pre", {}, setup.then.join("\n")));
  parts.push(element("p", { class: "quiet" }, "Stop rbgpu with Ctrl-C in its terminal; Back looks through it again; u takes the last decision back."));
  place.replaceChildren(...parts);
  place.focus();
}
