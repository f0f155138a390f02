"use strict";
// Steps through the rows of the grid; what a row's cells say is drawn at the place of the hole.
const PAUSE_MS = 450;
const rows = [...document.querySelectorAll("#grid tbody tr")];
const scroller = document.getElementById("scroller");
const slider = document.getElementById("slider");
const play = document.getElementById("play");
const guesses = document.getElementById("guesses");
let now = 0;
let timer = 0;

function piece(tag, text, cell) {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = cell.className;
  made.style.cssText = cell.style.cssText;
  made.title = cell.title;
  return made;
}

function draw(row) {
  const hole = document.getElementById("hole");
  hole.replaceChildren();
  for (const cell of row.cells) {
    const { was, text, guess } = cell.dataset;
    if (was !== undefined) hole.append(piece("s", was, { className: "", style: {}, title: cell.title }));
    if (text !== undefined) hole.append(piece("span", text, cell));
    else if (cell.classList.contains("mask")) {
      const sensed = guesses.getAttribute("aria-pressed") === "true" && guess !== undefined;
      const mask = piece("span", sensed ? guess : "░░", cell);
      mask.classList.toggle("sensed", sensed);
      hole.append(mask);
    }
  }
}

function show(number) {
  rows[now].removeAttribute("aria-current");
  now = Math.min(Math.max(number, 0), rows.length - 1);
  const row = rows[now];
  row.setAttribute("aria-current", "step");
  draw(row);
  slider.value = String(now);
  document.getElementById("told").textContent = row.dataset.told;
  const events = JSON.parse(row.dataset.events).map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  });
  document.getElementById("events").replaceChildren(...events);
  const above = row.offsetTop - 2 * row.offsetHeight;
  const below = row.offsetTop + 3 * row.offsetHeight - scroller.clientHeight;
  if (scroller.scrollTop > above) scroller.scrollTop = above;
  if (scroller.scrollTop < below) scroller.scrollTop = below;
}

function stop() {
  clearInterval(timer);
  timer = 0;
  play.textContent = "▶ play";
}

function toggle() {
  if (timer) return stop();
  if (now === rows.length - 1) show(0);
  play.textContent = "❚❚ pause";
  timer = setInterval(() => (now < rows.length - 1 ? show(now + 1) : stop()), PAUSE_MS);
}

function go(number) {
  stop();
  show(number);
}

function sense() {
  guesses.setAttribute("aria-pressed", String(guesses.getAttribute("aria-pressed") !== "true"));
  draw(rows[now]);
}

const KEYS = {
  ArrowLeft: () => go(now - 1),
  ArrowRight: () => go(now + 1),
  Home: () => go(0),
  End: () => go(rows.length - 1),
  " ": toggle,
  g: sense,
};
document.addEventListener("keydown", (event) => {
  const key = KEYS[event.key];
  const taken = event.target.matches("input") || (event.key === " " && event.target.matches("button"));
  if (!key || taken || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  key();
});
document.getElementById("back").addEventListener("click", () => go(now - 1));
document.getElementById("on").addEventListener("click", () => go(now + 1));
play.addEventListener("click", toggle);
guesses.addEventListener("click", sense);
slider.addEventListener("input", () => go(Number(slider.value)));
rows.forEach((row, number) => row.addEventListener("click", () => go(number)));
show(Number(location.hash.slice(1)) || 0); // page.html#12 opens at step 12
