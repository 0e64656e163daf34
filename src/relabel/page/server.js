// How the page speaks with the server that it came from.

const token = new URLSearchParams(location.search).get("token") ?? "";
const $ = (id) => document.getElementById(id);

/** 128 random bits; crypto.randomUUID is not there without https. */
function random() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** What this tab remembers when it is reloaded; nothing where the browser forbids it. */
const memory = {
  get(name, otherwise) {
    try {
      return JSON.parse(sessionStorage.getItem("rbgpu-" + name)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  set(name, value) {
    try {
      sessionStorage.setItem("rbgpu-" + name, JSON.stringify(value));
    } catch {
      // Then it is forgotten.
    }
  },
};

const tab = memory.get("tab", null) ?? random().slice(0, 12);
memory.set("tab", tab);

/** The server did not do it: `status` 0 if it did not even answer. */
class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** Asks, and gives back the answer if its status is one of `good`. */
async function ask(path, options = {}, good = [200]) {
  let answer;
  try {
    answer = await fetch(path, {
      ...options,
      headers: { "x-rbgpu-token": token, ...options.headers },
      signal: AbortSignal.timeout(20000),
      cache: "no-store",
    });
  } catch {
    throw new Refused(0, "rbgpu does not answer. Is it still running?");
  }
  if (good.includes(answer.status)) return answer;
  const text = (await answer.text().catch(() => "")).trim();
  throw new Refused(answer.status, text || `the answer was ${answer.status}`);
}

async function get(path, asked = {}) {
  const query = new URLSearchParams({ who, tab, ...asked });
  return (await ask(`${path}?${query}`)).json();
}

/** Sends decisions; the answer says that they are on disk. */
async function post(wishes, name) {
  const body = JSON.stringify({ who: name, tab, decisions: wishes });
  const headers = { "content-type": "application/json" };
  return (await ask("/api/decide", { method: "POST", headers, body }, [200, 409])).json();
}

/** Pictures by candidate and stretch, those that were used last at the end. */
const pictures = new Map();
const MOST_PICTURES = 400;

async function picture(key) {
  const name = `${key}?stretch=${stretch}`;
  let picture = pictures.get(name);
  pictures.delete(name);
  picture ??= ask(`/api/picture/${name}`)
    .then((answer) => answer.blob())
    .then((blob) => createImageBitmap(blob));
  pictures.set(name, picture);
  if (pictures.size > MOST_PICTURES) pictures.delete(pictures.keys().next().value);
  try {
    return await picture;
  } catch (error) {
    pictures.delete(name);
    throw error;
  }
}
