/* Evaluates classic scripts of the site outside a browser: those that need no page.

   `load("lib/numbers.js")` returns the `atlas` that the script adds to. The scripts of one call see
   each other, as on the page, and nothing of another call. */

const STATIC = new URL("../../templates/static/", import.meta.url);

/* Evaluate scripts in the order given. An object in front of them holds globals for a script that
   needs some: `load({ location: { hash: "#image=a" } }, "lib/address.js", "lib/state.js")`. */
export function load(...scripts) {
  const page = { atlas: {} };
  if (typeof scripts[0] === "object") Object.assign(page, scripts.shift());
  page.globalThis = page;
  for (const script of scripts) {
    const names = Object.keys(page);
    const source = Deno.readTextFileSync(new URL(script, STATIC));
    const run = new Function(...names, source);
    run(...names.map((name) => page[name]));
  }
  return page.atlas;
}
