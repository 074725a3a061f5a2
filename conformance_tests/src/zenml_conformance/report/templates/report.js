"use strict";
const rules = [...document.querySelectorAll("details.rule")];
const areas = [...document.querySelectorAll("details.area")];
const atFirst = new Map(areas.map(area => [area, area.open]));
const search = document.getElementById("search");
const showAll = document.getElementById("show-all");

function show() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const rule of rules) {
    const text = rule.textContent.toLowerCase();
    rule.hidden = !words.every(word => text.includes(word));
  }
  for (const area of areas) {
    area.hidden = !area.querySelector("details.rule:not([hidden])");
    area.open = words.length || !showAll.checked ? !area.hidden : atFirst.get(area);
  }
}

function reveal() {
  const target = document.getElementById(location.hash.slice(1));
  for (let part = target; part; part = part.parentElement?.closest("details")) part.open = true;
  target?.scrollIntoView();
}

search.hidden = false;
search.addEventListener("input", show);
for (const choice of document.querySelectorAll(".filter input")) choice.addEventListener("change", show);
addEventListener("hashchange", reveal);
reveal();
