"use strict";

{
  const first = document.querySelector("main a");
  if (first && location.hash.includes("=")) location.replace(first.href + location.hash);
}
