/* Code that is not needed at once: `later.js` and `later.css`. They are loaded when a function of
   theirs is first called, or a figure that needs them comes near the view. */
"use strict";

{
  const { element, on } = atlas;
  let loaded = null; // a promise

  /* Call atlas[name](…values), or nothing, once the code is there. The promise is rejected when a
     file is missing. */
  atlas.later = async (name, ...values) => {
    loaded ??= Promise.all([
      load("link", "later.css", { rel: "stylesheet" }, "href"),
      load("script", "later.js", {}, "src"),
    ]);
    try {
      await loaded;
    } catch (error) {
      loaded = null;
      throw error;
    }
    return atlas[name]?.(...values);
  };

  function load(tag, path, attributes, source) {
    const loading = element(tag, { ...attributes, [source]: atlas.address(path) });
    return new Promise((resolve, reject) => {
      on(loading, "load", resolve);
      on(loading, "error", () => reject(new Error(`${path} is missing.`)));
      document.head.append(loading);
    });
  }
}
