/* What is chosen, kept in the address: `#image=coffee&semantic-dictionary=layer:mixed4a,cell:3.4`. The photograph counts
   for the whole page; every figure keeps its own keys under its id. Choices make a new entry in the history, passing
   states (a cell under the pointer) replace the last one after a pause. */
"use strict";

{
  const LASTING = new Set(["layer", "atom", "count", "lower", "upper", "factors", "size", "sign"]); // keys that mean the same for another photograph
  const PAUSE = 300; // ms; browsers refuse many changes of the address in a row
  const listeners = new Set(), followers = new Set();
  let states = new Map(); // id → Map of keys
  let timer = 0;

  const decode = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  // encodeURIComponent leaves no separator of ours unescaped; slashes and spaces are made easier on the eye.
  const encode = (text) => encodeURIComponent(text).replaceAll("%2F", "/").replaceAll("%20", "+");
  const plain = (text) => decode(text.replaceAll("+", "%20"));

  const parse = (hash) => {
    const found = new Map();
    for (const part of hash.replace(/^#/, "").split("&").filter(Boolean)) {
      const [id, ...rest] = part.split("=");
      const keys = new Map();
      if (rest.length) {
        if (id === "image") keys.set("", plain(rest.join("=")));
        else for (const pair of rest.join("=").split(",").filter(Boolean)) {
          const [key, ...value] = pair.split(":");
          keys.set(plain(key), plain(value.join(":")));
        }
        found.set(plain(id), keys);
      }
    }
    return found;
  };

  const written = () => {
    const parts = [];
    for (const [id, keys] of states) {
      if (id === "image") parts.push(`image=${encode(keys.get(""))}`);
      else if (keys.size) parts.push(`${encode(id)}=${[...keys].map(([key, value]) => `${encode(key)}:${encode(value)}`).join(",")}`);
    }
    return `#${parts.join("&")}`;
  };

  const record = (push) => {
    clearTimeout(timer);
    const hash = written();
    if (hash !== (location.hash || "#")) history[push ? "pushState" : "replaceState"](null, "", hash);
  };

  const tell = () => listeners.forEach((listener) => listener());

  const read = () => {
    clearTimeout(timer);
    const found = parse(location.hash);
    // A link to a place on the page ("#semantic-dictionary") says nothing about states; they stay, and return to the address.
    if (location.hash.length > 1 && found.size === 0) return record(false);
    states = found;
    tell();
  };

  atlas.state = {
    get image() {
      const name = states.get("image")?.get("");
      return name && atlas.photograph(name) ? name : atlas.site.photographs[0].name;
    },

    /* The keys of one figure, as an object of texts. */
    of: (id) => Object.fromEntries(states.get(id) ?? []),

    /* Change some keys of a figure; null removes one. `passing`: no entry in the history, and only followers are told. */
    set(id, values, { passing = false, from } = {}) {
      const keys = states.get(id) ?? new Map();
      for (const [key, value] of Object.entries(values)) {
        if (value == null) keys.delete(key);
        else keys.set(key, String(value));
      }
      states.set(id, keys);
      if (passing) {
        clearTimeout(timer);
        timer = setTimeout(record, PAUSE, false);
        followers.forEach((follower) => follower(id, from));
        return;
      }
      record(true);
      tell();
    },

    /* Choose another photograph; what is chosen within the figures goes, except what means the same there. */
    show(image) {
      if (image === atlas.state.image) return;
      const kept = [...states].filter(([id]) => id !== "image").map(([id, keys]) => [id, new Map([...keys].filter(([key]) => LASTING.has(key)))]);
      states = new Map([["image", new Map([["", image]])], ...kept]);
      record(true);
      tell();
    },

    listen: (listener) => listeners.add(listener),

    /* Be told of passing states, too: follower(id, who changed it). */
    follow: (follower) => followers.add(follower),
  };

  states = parse(location.hash);
  addEventListener("popstate", read);
}
