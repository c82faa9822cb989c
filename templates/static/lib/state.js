/* What is chosen, kept in the address (see address.js). The photograph counts for the whole page;
   every figure keeps its own keys under its id. A choice makes a new entry in the history; passing
   states, such as the cell under the pointer, replace the last entry after a pause. */
"use strict";

{
  const { parseStates } = atlas;
  const PAUSE = 300; // ms; browsers refuse many changes of the address in a row
  const listeners = new Set();
  const followers = new Set();
  const absent = new Set(); // names that the address had, of no photograph
  let states = parseStates(location.hash);
  let isPending = false; // whether something has been selected and not yet settled
  let timer = 0;

  function writeAddress(makesEntry) {
    clearTimeout(timer);
    isPending = false;
    const hash = atlas.writeStates(states);
    if (hash === (location.hash || "#")) return;
    if (makesEntry) history.pushState(null, "", hash);
    else history.replaceState(null, "", hash);
  }

  function readAddress() {
    clearTimeout(timer);
    const found = parseStates(location.hash);
    // A link to a section ("#semantic-dictionary") has no states: those there are stay, and return
    // to the address.
    if (location.hash.length > 1 && found.size === 0) {
      writeAddress(false);
      return;
    }
    states = found;
    notify();
  }

  function notify() {
    for (const listener of listeners) listener();
  }

  function setKeys(id, values) {
    const keys = states.get(id) ?? new Map();
    for (const [key, value] of Object.entries(values)) {
      if (value === null || value === undefined) keys.delete(key);
      else keys.set(key, String(value));
    }
    states.set(id, keys);
  }

  atlas.state = {
    get image() {
      const name = states.get("image")?.get("");
      return name && !absent.has(name) ? name : atlas.site.first.name;
    },

    /* Fall back to the first photograph, because the address names none of this atlas. */
    forget(name) {
      if (absent.has(name)) return;
      absent.add(name);
      notify();
    },

    /* The keys of one figure, as an object of texts. */
    of: (id) => Object.fromEntries(states.get(id) ?? []),

    /* Change some keys of a figure; null removes one. `passing`: makes no entry in the history, and
       only followers are called. */
    set(id, values, { passing = false, from } = {}) {
      setKeys(id, values);
      if (passing) {
        clearTimeout(timer);
        timer = setTimeout(writeAddress, PAUSE, false);
        for (const follower of followers) follower(id, from);
        return;
      }
      writeAddress(true);
      notify();
    },

    /* Select a thing for the whole page, or nothing. It enters the history with the choice that a
       figure makes of the same click, or when it is settled. */
    select(thing, { inspect } = atlas.state.of("selected")) {
      const keys = thing ? { ...atlas.keysOf(thing), inspect } : {};
      states.delete("selected");
      setKeys("selected", keys);
      isPending = true;
    },

    settle() {
      if (!isPending) return;
      writeAddress(true);
      notify();
    },

    /* Choose another photograph. */
    show(image) {
      const before = atlas.state.image;
      absent.delete(image); // whoever chooses it has seen it
      if (image === before) return;
      states = atlas.statesForImage(states, image);
      writeAddress(true);
      notify();
    },

    /* Call all listeners, because something may be there now that was missing. */
    tell: notify,

    /* Call listener() after every choice. */
    listen: (listener) => listeners.add(listener),

    /* Call follower(id, who changed it) for passing states. */
    follow: (follower) => followers.add(follower),
  };

  addEventListener("popstate", readAddress);
}
