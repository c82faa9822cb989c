import { assertEquals } from "./assert.js";
import { load } from "./load.js";

/* A page that asks for data files, and the files that it has asked for. */
function open() {
  const asked = [];
  const script = () => ({ addEventListener: () => {}, remove: () => {} });
  const document = {
    documentElement: { dataset: { build: "b" } },
    createElement: script,
    head: { append: ({ src }) => asked.push(src) },
  };
  // The script makes an object of its own, which only a page's other scripts would see.
  const atlas = { build: "b", unpacked: (data) => data };
  load({ document, atlas }, "lib/atlas.js");
  return { atlas, asked };
}

Deno.test("what is on its way is not forgotten, however much is asked for at once", async () => {
  const { atlas } = open();
  const keys = Array.from({ length: 100 }, (_, i) => `photographs-${i}`);
  const loads = keys.map((key) => atlas.load(key));
  keys.forEach((key, i) => atlas.register("b", key, { rows: [i] }));
  const late = new Promise((resolve) => setTimeout(resolve, 100, "never"));
  const found = await Promise.race([Promise.all(loads), late]);
  assertEquals(found === "never" ? found : found.map(({ rows }) => rows[0]), [...keys.keys()]);
});

Deno.test("of what has come, the oldest is asked for once more", async () => {
  const { atlas, asked } = open();
  for (let i = 0; i < 70; i++) {
    const loading = atlas.load(`p/${i}`);
    atlas.register("b", `p/${i}`, {});
    await loading;
  }
  atlas.load("p/69");
  assertEquals(asked.length, 70);
  atlas.load("p/0");
  assertEquals(asked.at(-1), "data/p/0.js?b");
  assertEquals(asked.length, 71);
});
