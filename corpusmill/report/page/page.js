"use strict";
// Draws the charts, one after the other, and lets the reader choose light or dark. Colours are CSS variables, so that
// charts follow the theme, and print in light colours, without being drawn again.
(() => {
  const root = document.documentElement;
  const ink = (name) => `var(--${name})`;
  const look = {
    background: "transparent",
    font: "system-ui, sans-serif",
    view: { stroke: null },
    axis: {
      labelColor: ink("muted"), titleColor: ink("muted"), gridColor: ink("line"), domainColor: ink("line"),
      tickColor: ink("line"), labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal", labelLimit: 220,
      titlePadding: 8, tickSize: 4,
    },
    legend: {
      labelColor: ink("muted"), titleColor: ink("muted"), labelFontSize: 11, titleFontSize: 11,
      titleFontWeight: "normal", orient: "top", symbolType: "square",
    },
    header: { labelColor: ink("muted"), titleColor: ink("muted") },
    text: { fill: ink("ink"), fontSize: 11 },
    bar: { fill: ink("accent") },
    rect: { fill: ink("accent") },
    line: { stroke: ink("accent"), strokeWidth: 1.75 },
    point: { stroke: ink("accent"), fill: ink("accent"), filled: true },
    area: { fill: ink("accent") },
    rule: { stroke: ink("ink") },
    range: { category: ["series-1", "series-2", "series-3", "series-4", "series-5", "series-6"].map(ink) },
  };
  const draw = async (place, spec) => {
    const whole = {
      $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: "container", height: 200,
      autosize: { type: "fit-x", contains: "padding" }, ...spec,
    };
    const words = place.firstElementChild;
    const box = document.createElement("div");
    place.append(box);
    try {
      await vegaEmbed(box, whole, { actions: false, ast: true, renderer: "svg", config: look, defaultStyle: false });
      words.remove();
      box.querySelector("svg").setAttribute("aria-hidden", "true"); // the place itself tells it in words
      place.dataset.drawn = "yes";
    } catch (error) {
      box.remove(); // the words stay
      console.error(`chart ${place.dataset.chart}: ${error.message}`);
    }
  };
  const drawAll = async () => {
    const specs = JSON.parse(document.getElementById("charts").textContent);
    for (const place of document.querySelectorAll("[data-chart]")) {
      await draw(place, specs[Number(place.dataset.chart)]);
      await new Promise((next) => setTimeout(next)); // the page answers in between
    }
    root.dataset.charts = "drawn";
  };

  const themes = { system: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" };
  const button = document.getElementById("theme");
  const choose = (theme) => {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    button.textContent = themes[theme];
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    const names = Object.keys(themes);
    choose(names[(names.indexOf(root.dataset.theme ?? "system") + 1) % names.length]);
  });

  const contents = document.querySelector(".contents");
  const narrow = matchMedia("(max-width: 63.99rem)");
  const fold = () => { contents.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();

  // An anchor inside something folded opens it; so does printing.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    for (let part = target || null; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details")) part.open = true; });
  reveal();

  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
  const watch = new IntersectionObserver((seen) => {
    for (const entry of seen) {
      if (entry.isIntersecting) {
        for (const link of links.values()) link.removeAttribute("aria-current");
        links.get(entry.target.id)?.setAttribute("aria-current", "true");
      }
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  for (const section of document.querySelectorAll("main > section")) watch.observe(section);

  drawAll();
})();
