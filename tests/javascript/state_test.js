import { assertEquals } from "./assert.js";
import { load } from "./load.js";

/* The state of a page at an address, the history that it writes, and a step back in it. */
function open(hash) {
  const location = { hash };
  const entries = [hash];
  const listeners = {};
  const history = {
    pushState: (_, __, next) => {
      entries.push(next);
      location.hash = next;
    },
    replaceState: (_, __, next) => {
      entries[entries.length - 1] = next;
      location.hash = next;
    },
  };
  const waiting = [];
  const globals = {
    location,
    history,
    atlas: { site: { first: { name: "first" } } },
    addEventListener: (type, act) => (listeners[type] = act),
    setTimeout: (act, _, ...values) => waiting.push(() => act(...values)),
    clearTimeout: () => waiting.splice(0),
  };
  const { state } = load(globals, "lib/address.js", "lib/state.js");
  const go = (next) => {
    location.hash = next;
    listeners.popstate();
  };
  const pause = () => waiting.splice(0).forEach((act) => act());
  return { state, entries, go, pause };
}

Deno.test("the photograph is that of the address, or the first", () => {
  assertEquals(open("#image=second").state.image, "second");
  assertEquals(open("").state.image, "first");
});

Deno.test("an address of no photograph is taken for the first one, once that is known", () => {
  const { state } = open("#image=unknown");
  assertEquals(state.image, "unknown");
  state.forget("unknown");
  assertEquals(state.image, "first");
});

Deno.test("a choice makes an entry in the history and reaches all listeners", () => {
  const { state, entries } = open("");
  let calls = 0;
  state.listen(() => calls++);
  state.set("f", { layer: "x", cell: "1.2" });
  state.set("f", { cell: null });
  assertEquals(entries, ["", "#f=layer:x,cell:1.2", "#f=layer:x"]);
  assertEquals(state.of("f"), { layer: "x" });
  assertEquals(calls, 2);
});

Deno.test("a passing state replaces the entry after a pause and reaches followers only", () => {
  const { state, entries, pause } = open("#f=cell:0.0");
  const followed = [];
  let calls = 0;
  state.listen(() => calls++);
  state.follow((id, from) => followed.push([id, from]));
  state.set("f", { cell: "1.1" }, { passing: true, from: "me" });
  state.set("f", { cell: "2.2" }, { passing: true, from: "me" });
  assertEquals(entries, ["#f=cell:0.0"]);
  pause();
  assertEquals(entries, ["#f=cell:2.2"]);
  assertEquals(followed, [["f", "me"], ["f", "me"]]);
  assertEquals(calls, 0);
});

Deno.test("another photograph drops what belongs to the old one", () => {
  const { state, entries } = open("#f=layer:x,cell:1.2");
  state.show("second");
  assertEquals(state.image, "second");
  assertEquals(state.of("f"), { layer: "x" });
  state.show("second");
  assertEquals(entries.length, 2);
});

Deno.test("a step back in the history is read", () => {
  const { state, go } = open("#image=second&f=cell:1.2");
  state.set("f", { cell: "3.4" });
  go("#image=second&f=cell:1.2");
  assertEquals(state.of("f"), { cell: "1.2" });
  go("");
  assertEquals(state.image, "first");
  assertEquals(state.of("f"), {});
});

Deno.test("a link to a section leaves the states as they are and writes them again", () => {
  const { state, entries, go } = open("#f=cell:1.2");
  go("#making");
  assertEquals(state.of("f"), { cell: "1.2" });
  assertEquals(entries, ["#f=cell:1.2"]);
});

Deno.test("what is selected and what a figure chooses of the same click are one entry", () => {
  const { state, entries } = open("#image=second");
  let calls = 0;
  state.listen(() => calls++);
  state.select("channel:12 x");
  assertEquals([entries.length, calls], [1, 0]);
  state.set("f", { channel: 12 });
  state.settle();
  assertEquals(entries, [
    "#image=second",
    "#image=second&selected=channel:12,layer:x&f=channel:12",
  ]);
  assertEquals(calls, 1);
});

Deno.test("what no figure makes a choice of is an entry when it is settled", () => {
  const { state, entries } = open("");
  state.select("class:3", { inspect: "yes" });
  state.settle();
  state.settle();
  assertEquals(entries, ["", "#selected=class:3,inspect:yes"]);
  state.select("at:1.2.7.7");
  state.settle();
  assertEquals(entries.at(-1), "#selected=at:1.2.7.7,inspect:yes");
  state.select(null);
  state.settle();
  assertEquals(entries.at(-1), "#");
  assertEquals(state.of("selected"), {});
});
