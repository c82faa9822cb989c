/* The layout of the group flow: ribbons and their widths against plain sums, nodes and bands in
   their places. */
import { load } from "./load.js";
import { assert, assertAlmostEquals, assertEquals } from "./assert.js";

const atlas = load("lib/numbers.js", "lib/cell_geometry.js", "later/flow_layout.js");

/* A matrix as the page's arrays are. */
const array = (rows) => ({ shape: [rows.length, rows[0].length], at: (i, j) => rows[i][j] });

const ATTRIBUTION = array([[3, -1], [-2, 0.5], [0.25, 0]]); // two upper groups, their residual
const SHARES = array([[0.5, -0.1, 0], [0.25, 0.75, 1]]); // one lower group, its residual
const flow = new atlas.Flow(ATTRIBUTION, SHARES);
const single = new atlas.Flow(ATTRIBUTION, null);

const laidOut = (shown, followed, width = 800) =>
  atlas.layOutFlow({
    counts: shown.shares ? [2, 3, 2] : [3, 2],
    ribbons: shown.ribbons(0, followed),
    scales: shown.scales(),
    width,
  });

const named = (ribbons) => new Map(ribbons.map((each) => [`${each.from} ${each.to}`, each.value]));

Deno.test("every part has a ribbon to every part that follows, and to the chosen class", () => {
  const values = named(flow.ribbons(1));
  assertEquals(values.size, 2 * 3 + 3);
  assertAlmostEquals(values.get("0.0 1.1"), -0.1 * 0.5);
  assertAlmostEquals(values.get("0.1 1.0"), 0.25 * -1);
  assertAlmostEquals(values.get("1.0 2.1"), -1);
  assert(!values.has("1.0 2.0"));
});

Deno.test("an upper group that is followed leads to all classes", () => {
  const values = named(flow.ribbons(0, { upper: 1 }));
  assertEquals([...values.keys()].sort(), ["0.0 1.1", "0.1 1.1", "1.1 2.0", "1.1 2.1"]);
  assertAlmostEquals(values.get("0.1 1.1"), 0.75 * -2);
  assertAlmostEquals(values.get("1.1 2.1"), 0.5);
});

Deno.test("a lower group that is followed has its part of what leads to the classes", () => {
  const ribbons = flow.ribbons(0, { lower: 0 });
  const values = named(ribbons);
  assertEquals(values.size, 3 + 3 * 2);
  assertAlmostEquals(values.get("1.0 2.1"), 0.5 * -1);
  assertAlmostEquals(values.get("1.1 2.0"), -0.1 * -2);
  assert(ribbons.every(({ scale }) => scale === "between"));
});

Deno.test("with one layer, ribbons lead to the classes only", () => {
  assertEquals([...named(single.ribbons(0)).keys()], ["0.0 1.0", "0.1 1.0", "0.2 1.0"]);
  assertEquals(named(single.ribbons(0, { upper: 2 })).size, 2);
});

Deno.test("the tallest column of any class takes up 300 pixels", () => {
  const { between, toClasses, widening } = flow.scales();
  const right = 3 + 2 + 0.25; // of class 0, the larger one
  const left = 3 * 0.75 + 2 * 0.85 + 0.25;
  assertEquals(widening, 1);
  assertAlmostEquals(between, toClasses);
  assertAlmostEquals(Math.max(left, right) * toClasses, 300);
});

Deno.test("ribbons between the layers are widened by a round factor where they are thin", () => {
  const thin = new atlas.Flow(ATTRIBUTION, array([[0.01, 0.01, 0.01], [0.02, 0.02, 0.02]]));
  const { between, toClasses, widening } = thin.scales();
  assertEquals(widening, 20); // 5.25 to the classes, 0.1575 between: 33 times would be as wide
  assertAlmostEquals(between, 20 * toClasses);
});

Deno.test("a flow of zeros has finite scales", () => {
  const zero = new atlas.Flow(array([[0], [0]]), array([[0, 0]]));
  assert(Object.values(zero.scales()).every(Number.isFinite));
});

Deno.test("a band is as thick as its value at both ends, and never too thin to be seen", () => {
  const { toClasses } = flow.scales();
  for (const { path, value } of laidOut(flow).bands) {
    const [, down] = /v([\d.]+)C/.exec(path);
    assertAlmostEquals(Number(down), Math.max(0.75, Math.abs(value) * toClasses));
  }
});

Deno.test("the bands at a side of a node lie one below the other, inside it", () => {
  const { boxes } = laidOut(flow);
  for (const box of boxes.values()) {
    for (const [bands, end] of [[box.arriving, "arrivesAt"], [box.leaving, "leavesAt"]]) {
      let y = bands.length ? bands[0][end] : box.y;
      assert(y >= box.y - 1e-9);
      for (const band of bands) {
        assertAlmostEquals(band[end], y);
        y += band.height;
      }
      assert(y <= box.y + box.height + 1e-9);
    }
  }
});

Deno.test("nodes do not overlap, and columns fill the height", () => {
  for (const width of [320, 800, 2400]) {
    const { boxes, height } = laidOut(flow, undefined, width);
    const all = [...boxes.values()];
    all.forEach((a, i) =>
      all.slice(i + 1).forEach((b) => {
        const besides = a.x + a.width <= b.x || b.x + b.width <= a.x;
        assert(besides || a.y + a.height <= b.y || b.y + b.height <= a.y);
      })
    );
    for (const last of ["0.1", "1.2", "2.1"]) {
      assertAlmostEquals(boxes.get(last).y + boxes.get(last).height, height, 1e-9);
    }
  }
});

Deno.test("columns fill the width: parts on the left, classes at the right edge", () => {
  for (const shown of [flow, single]) {
    const { boxes, columnWidths } = laidOut(shown);
    assertAlmostEquals(columnWidths.reduce((a, b) => a + b), 800);
    assertEquals(boxes.get("0.0").x, 0);
    const classBox = boxes.get(shown.shares ? "2.0" : "1.0");
    assertAlmostEquals(classBox.x + classBox.width, 800);
  }
});
