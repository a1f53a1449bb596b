// What the page does beyond being read: colours, tabs, copying, searching. Without it, everything is shown.
"use strict";

const root = document.documentElement;
root.classList.add("js");

/** What this reader chose before; a browser may forbid to keep it. */
const chosen = {
  get(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(name, value);
    } catch {
      // It holds until the page is left.
    }
  },
};

if (["light", "dark"].includes(chosen.get("theme"))) root.dataset.theme = chosen.get("theme");

function prepareTheme() {
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    chosen.set("theme", root.dataset.theme);
    show();
  });
  system.addEventListener("change", show);
  show();
}

function prepareTabs() {
  const groups = [...document.querySelectorAll(".tabs")].map((group) => [...group.querySelectorAll("[role=tab]")]);

  /** Shows a language in every group that has it. */
  function choose(language) {
    for (const tabs of groups) {
      const wanted = tabs.find((tab) => tab.textContent === language);
      if (!wanted) continue;
      for (const tab of tabs) {
        const selected = tab === wanted;
        tab.setAttribute("aria-selected", String(selected));
        tab.tabIndex = selected ? 0 : -1;
        document.getElementById(tab.getAttribute("aria-controls")).classList.toggle("selected", selected);
      }
    }
  }

  /** Chooses without moving what the reader looks at, though groups above it change their height. */
  function chooseInPlace(tab) {
    const before = tab.getBoundingClientRect().top;
    choose(tab.textContent);
    chosen.set("language", tab.textContent);
    scrollBy({ top: tab.getBoundingClientRect().top - before, behavior: "instant" });
  }

  for (const tabs of groups) {
    tabs.forEach((tab, index) => {
      tab.addEventListener("click", () => chooseInPlace(tab));
      tab.addEventListener("keydown", (event) => {
        const target = {
          ArrowLeft: tabs.at(index - 1),
          ArrowRight: tabs[(index + 1) % tabs.length],
          Home: tabs[0],
          End: tabs.at(-1),
        }[event.key];
        if (!target) return;
        event.preventDefault();
        chooseInPlace(target);
        target.focus({ preventScroll: true });
      });
    });
  }
  if (chosen.get("language")) choose(chosen.get("language"));
}

async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // A page that came over plain HTTP has no clipboard but this one.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("the browser refused");
}

function prepareCopying() {
  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await copy(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }
}

function prepareSearch() {
  const input = document.getElementById("search");
  const results = document.getElementById("results");
  const found = document.getElementById("found");
  const targets = [...document.querySelectorAll("[data-find]")].map((element) => ({
    id: element.id,
    name: element.dataset.find,
    within: element.dataset.within ?? "",
    text: element.textContent.toLowerCase(),
  }));

  /** Names that begin with the words come first, then names that have them, then texts. */
  function rank(target, wanted) {
    const name = target.name.toLowerCase();
    if (name.startsWith(wanted)) return 0;
    if (name.includes(wanted)) return 1;
    return wanted.split(/\s+/).every((word) => `${name} ${target.within.toLowerCase()} ${target.text}`.includes(word)) ? 2 : 3;
  }

  function show() {
    const wanted = input.value.trim().toLowerCase();
    const matching = targets
      .map((target) => ({ target, rank: rank(target, wanted) }))
      .filter((each) => wanted && each.rank < 3)
      .sort((one, other) => one.rank - other.rank)
      .slice(0, 12);
    results.replaceChildren(
      ...matching.map(({ target }) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        const place = document.createElement("span");
        link.href = `#${target.id}`;
        link.textContent = target.name;
        place.textContent = target.within;
        link.append(" ", place);
        item.append(link);
        return item;
      }),
    );
    results.hidden = !wanted || !matching.length;
    found.textContent = wanted ? `${matching.length || "Nothing"} found` : "";
    found.classList.toggle("hidden", !wanted || matching.length > 0);
  }

  function close() {
    input.value = "";
    show();
  }

  const links = () => [...results.querySelectorAll("a")];
  input.addEventListener("input", show);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && links().length) links()[0].click();
    else if (event.key === "ArrowDown" && links().length) links()[0].focus();
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  });
  results.addEventListener("keydown", (event) => {
    const at = links().indexOf(document.activeElement);
    if (event.key === "ArrowDown") links()[Math.min(at + 1, links().length - 1)].focus();
    else if (event.key === "ArrowUp") (at > 0 ? links()[at - 1] : input).focus();
    else if (event.key === "Escape") {
      close();
      input.focus();
    } else return;
    event.preventDefault();
  });
  results.addEventListener("click", (event) => {
    if (event.target.closest("a")) close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea")) return;
    event.preventDefault();
    input.focus();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".search")) results.hidden = true;
  });
}

function prepareContents() {
  const menu = document.getElementById("menu");
  const contents = document.getElementById("contents");
  const open = (isOpen) => {
    menu.setAttribute("aria-expanded", String(isOpen));
    contents.classList.toggle("open", isOpen);
  };
  menu.addEventListener("click", () => open(menu.getAttribute("aria-expanded") === "false"));
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a")) open(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") open(false);
  });

  const links = new Map([...contents.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const headings = [...links.keys()].map((id) => document.getElementById(id));
  let current = null;
  /** Marks the chapter that is being read. */
  function mark() {
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < 120);
    const link = links.get((passed.at(-1) ?? headings[0]).id);
    if (link === current) return;
    current?.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
    current = link;
    if (getComputedStyle(contents).position === "sticky") link.scrollIntoView({ block: "nearest" });
  }
  let waiting = false;
  addEventListener(
    "scroll",
    () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        mark();
      });
    },
    { passive: true },
  );
  mark();
}

document.addEventListener("DOMContentLoaded", () => {
  prepareTheme();
  prepareTabs();
  prepareCopying();
  prepareSearch();
  prepareContents();
});
