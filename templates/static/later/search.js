/* The photographs in another order than the atlas's, which the picker lists in parts. */
"use strict";

{
  /* Which of the rows [name, title, prediction, is a mistake] have all words of a text in name,
     title or prediction, in any case; numbers, with those of mistakes first if that is wanted. */
  atlas.inOrder = (rows, text, mistakesFirst) => {
    const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const has = (row) => {
      const searched = row.slice(0, 3).join(" ").toLocaleLowerCase();
      return words.every((word) => searched.includes(word));
    };
    const found = [...rows.keys()].filter((number) => has(rows[number]));
    return mistakesFirst ? found.sort((a, b) => rows[b][3] - rows[a][3]) : found;
  };

  let rows = null; // a promise

  /* The same of all photographs of the atlas, as a promise. */
  atlas.photographsInOrder = async (text, mistakesFirst) => {
    const { count, part } = atlas.site.photographs;
    const parts = Math.ceil(count / part);
    rows ??= Promise.all(Array.from({ length: parts }, (_, i) => atlas.listed(i)));
    try {
      return atlas.inOrder((await rows).flat(), text, mistakesFirst);
    } catch (error) {
      rows = null;
      throw error;
    }
  };
}
