// Keys: arrows, space, Home, End; Up and Down go to the section before and after; O overview, N notes.
const main = document.querySelector("main");
const place = document.body.appendChild(Object.assign(document.createElement("div"), { id: "place" }));
place.setAttribute("role", "status");
let slides = [];
let now = 0;

// A slide that is too long continues on a copy of itself; what is too large alone becomes smaller.
function divide(slide) {
  slide.classList.add("now");
  const floor = slide.getBoundingClientRect().bottom - 40 * scale();
  const blocks = [...slide.querySelectorAll(":scope > .block")];
  const low = (block) => block.getBoundingClientRect().bottom > floor;
  for (const pre of slide.querySelectorAll(".block pre")) {
    if (pre.scrollWidth > pre.clientWidth) pre.style.fontSize = `${Math.floor((19 * pre.clientWidth) / pre.scrollWidth)}px`;
  }
  const shrink = (block, least) => {
    for (let zoom = 0.95; zoom > least && low(block); zoom -= 0.05) block.style.zoom = zoom;
    if (least > 0.5 && low(block)) block.style.zoom = 1;
  };
  if (blocks.length) shrink(blocks[0], 0.4);
  const picture = blocks.find(low);
  if (picture?.querySelector("img")) shrink(picture, 0.7); // rather beside its text than on a slide of its own
  let first = blocks.findIndex(low);
  const leadsOn = (block) => !block.querySelector("img, pre, table, ul, ol, [display=block]") && !/[.?!)]$/.test(block.innerText.trim());
  while (first > 1 && leadsOn(blocks[first - 1])) first--;
  slide.classList.remove("now");
  if (first < 1) return;
  const next = slide.cloneNode(false);
  next.dataset.level = 2;
  next.append(slide.querySelector("header").cloneNode(true), ...blocks.slice(first));
  const notes = slide.querySelector(".notes");
  if (notes) next.append(notes.cloneNode(true));
  slide.after(next);
  divide(next);
}

function scale() {
  return Math.min(innerWidth / 1280, innerHeight / 720);
}

function resize() {
  const size = scale();
  const left = (innerWidth - 1280 * size) / 2;
  main.style.transform = `translate(${left}px, ${(innerHeight - 720 * size) / 2}px) scale(${size})`;
}

function waiting() {
  return slides[now].querySelector(".waits");
}

// Show a slide; its fragments wait, unless one comes from behind.
function show(index, complete = false) {
  now = Math.max(0, Math.min(slides.length - 1, index));
  slides.forEach((slide, i) => slide.classList.toggle("now", i === now));
  slides[now].querySelectorAll(".fragment").forEach((block) => block.classList.toggle("waits", !complete));
  place.textContent = `${now + 1} / ${slides.length}`;
  history.replaceState(null, "", `#${now + 1}`);
  if (document.body.classList.contains("overview")) slides[now].scrollIntoView({ block: "nearest" });
}

function forward() {
  const block = waiting();
  if (block) block.classList.remove("waits");
  else if (now < slides.length - 1) show(now + 1);
}

function section(step) {
  let index = now + step;
  while (slides[index] && slides[index].dataset.level !== "1") index += step;
  show(index);
}

const KEYS = {
  ArrowRight: forward, " ": forward, PageDown: forward, Enter: () => document.body.classList.remove("overview"),
  ArrowLeft: () => show(now - 1, true), PageUp: () => show(now - 1, true),
  ArrowDown: () => section(1), ArrowUp: () => section(-1),
  Home: () => show(0), End: () => show(slides.length - 1, true),
  o: () => document.body.classList.toggle("overview") && show(now), Escape: () => document.body.classList.toggle("overview"),
  n: () => document.body.classList.toggle("notes-shown"),
};

addEventListener("keydown", (event) => {
  const act = KEYS[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
});
main.addEventListener("click", (event) => {
  const index = slides.indexOf(event.target.closest("section"));
  if (!document.body.classList.contains("overview") || index < 0) return;
  document.body.classList.remove("overview");
  show(index, true);
});
addEventListener("resize", resize);
addEventListener("hashchange", () => show(Number(location.hash.slice(1)) - 1 || 0));

document.fonts.ready.then(() => {
  document.body.classList.add("talk");
  document.querySelectorAll(".notes").forEach((notes) => { notes.hidden = false; });
  resize();
  document.querySelectorAll("section").forEach(divide);
  slides = [...document.querySelectorAll("section")];
  show(Number(location.hash.slice(1)) - 1 || 0);
  document.body.dataset.ready = "yes";
});
