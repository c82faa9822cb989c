/* What is chosen, as text in the address:
   `#image=coffee&semantic-dictionary=layer:mixed4a,cell:3.4`. As a value it is a Map: id → Map of
   keys; the photograph is the key "" of the id "image". What is selected is `selected=class:281`
   or, of a layer, `selected=channel:12,layer:mixed4a`. */
"use strict";

{
  // Keys that mean the same for another photograph.
  const LASTING = new Set("layer atom count lower upper factors size sign by".split(" "));
  const KINDS = ["channel", "direction", "class", "at"];

  // encodeURIComponent leaves no separator of ours unescaped; slashes and spaces are made readable.
  function encode(text) {
    return encodeURIComponent(text).replaceAll("%2F", "/").replaceAll("%20", "+");
  }

  function decode(text) {
    const spaced = text.replaceAll("+", "%20");
    try {
      return decodeURIComponent(spaced);
    } catch {
      return spaced;
    }
  }

  /* "a:b:c" → ["a", "b:c"]; the second is undefined without a separator. */
  function splitOnce(text, separator) {
    const at = text.indexOf(separator);
    return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
  }

  function parseKeys(text) {
    const pairs = text.split(",").filter(Boolean).map((pair) => splitOnce(pair, ":"));
    return new Map(pairs.map(([key, value]) => [decode(key), decode(value ?? "")]));
  }

  /* Read the part of an address after "#". Parts without "=" are no states. */
  atlas.parseStates = (hash) => {
    const states = new Map();
    for (const part of hash.replace(/^#/, "").split("&").filter(Boolean)) {
      const [id, text] = splitOnce(part, "=");
      if (text === undefined) continue;
      states.set(decode(id), id === "image" ? new Map([["", decode(text)]]) : parseKeys(text));
    }
    return states;
  };

  /* Write what `parseStates` reads. */
  atlas.writeStates = (states) => {
    const parts = [];
    for (const [id, keys] of states) {
      const pairs = [...keys].map(([key, value]) => `${encode(key)}:${encode(value)}`);
      if (id === "image") parts.push(`image=${encode(keys.get(""))}`);
      else if (pairs.length) parts.push(`${encode(id)}=${pairs.join(",")}`);
    }
    return `#${parts.join("&")}`;
  };

  /* The thing that keys select, as text: "class:281", "channel:12 mixed4a",
     "direction:1f… mixed4a", or a position, "at:" and its row, column, and how many of both. */
  atlas.thingOf = (keys) => {
    const kind = KINDS.find((each) => each in keys);
    return kind && [`${kind}:${keys[kind]}`, keys.layer].filter(Boolean).join(" ");
  };

  /* The keys that select a thing. */
  atlas.keysOf = (thing) => {
    const [unit, layer] = splitOnce(thing, " ");
    return { ...Object.fromEntries([splitOnce(unit, ":")]), layer };
  };

  /* The states for another photograph, with what means the same there of each figure, and of what
     is selected all but the groups of this one. */
  atlas.statesForImage = (states, image) => {
    const lasts = (id, keys) => id === "selected" && !keys.has("direction");
    const lasting = (id, keys) => {
      return new Map([...keys].filter(([key]) => lasts(id, keys) || LASTING.has(key)));
    };
    const figures = [...states].filter(([id]) => id !== "image");
    const kept = figures.map(([id, keys]) => [id, lasting(id, keys)]);
    return new Map([["image", new Map([["", image]])], ...kept]);
  };
}
