import { assertEquals } from "./assert.js";
import { load } from "./load.js";

const { keysOf, parseStates, statesForImage, thingOf, writeStates } = load("lib/address.js");

const asObject = (states) => {
  return Object.fromEntries([...states].map(([id, keys]) => [id, Object.fromEntries(keys)]));
};
const parsed = (hash) => asObject(parseStates(hash));

Deno.test("an address is read into the photograph and the keys of each figure", () => {
  assertEquals(parsed("#image=coffee&semantic-dictionary=layer:mixed4a,cell:3.4"), {
    image: { "": "coffee" },
    "semantic-dictionary": { layer: "mixed4a", cell: "3.4" },
  });
});

Deno.test("an address without states has none", () => {
  assertEquals(parsed(""), {});
  assertEquals(parsed("#"), {});
  assertEquals(parsed("#semantic-dictionary-section"), {});
  assertEquals(parsed("#&&"), {});
});

Deno.test("separators within a value belong to it", () => {
  assertEquals(parsed("#image=a=b"), { image: { "": "a=b" } });
  assertEquals(parsed("#f=unit:channel:12"), { f: { unit: "channel:12" } });
  assertEquals(parsed("#f=lonely"), { f: { lonely: "" } });
});

Deno.test("an escape that is none is kept as it is", () => {
  assertEquals(parsed("#image=100%"), { image: { "": "100%" } });
});

Deno.test("what is written is read again", () => {
  const names = ["blocks.4/x:y,z=1&w", "a b+c", "חתול 🐈", "100%", "#"];
  for (const name of names) {
    const states = new Map([
      ["image", new Map([["", name]])],
      ["figure", new Map([["layer", name], [name, "value"]])],
    ]);
    assertEquals(asObject(parseStates(writeStates(states))), asObject(states));
  }
});

Deno.test("slashes and spaces stay readable", () => {
  const states = new Map([["f", new Map([["layer", "blocks.4/out put"]])]]);
  assertEquals(writeStates(states), "#f=layer:blocks.4/out+put");
});

Deno.test("figures without keys are not written", () => {
  assertEquals(writeStates(new Map([["f", new Map()]])), "#");
});

Deno.test("another photograph keeps only the keys that mean the same for it", () => {
  const states = parseStates(
    "#image=a&f=layer:x,cell:1.2,held:yes,count:6&g=pair:1.2&bars=by:removal",
  );
  assertEquals(asObject(statesForImage(states, "b")), {
    image: { "": "b" },
    f: { layer: "x", count: "6" },
    g: {},
    bars: { by: "removal" },
  });
});

Deno.test("what is selected is one text and a few keys, both ways", () => {
  const layer = "blocks.4/x:y,z=1&w and more";
  for (
    const thing of [`channel:12 ${layer}`, "class:281", `direction:1f2e ${layer}`, "at:3.4.14.7"]
  ) {
    assertEquals(thingOf(keysOf(thing)), thing);
  }
  assertEquals(keysOf("class:281").class, "281");
  assertEquals(keysOf(`channel:12 ${layer}`), { channel: "12", layer });
  assertEquals(thingOf({ layer, inspect: "yes" }), undefined);
  assertEquals(thingOf({}), undefined);
});

Deno.test("a selected channel, class or position outlives the photograph, a group does not", () => {
  const after = (hash) => writeStates(statesForImage(parseStates(hash), "b"));
  assertEquals(
    after("#selected=channel:3,layer:x,inspect:yes"),
    "#image=b&selected=channel:3,layer:x,inspect:yes",
  );
  assertEquals(after("#selected=class:3"), "#image=b&selected=class:3");
  assertEquals(after("#selected=at:1.2.7.7"), "#image=b&selected=at:1.2.7.7");
  assertEquals(after("#selected=direction:1f,layer:x"), "#image=b&selected=layer:x");
});
