// Served by the relay into JupyterLab's page, behind script.js. Says over the page that the way in
// has ended and why: JupyterLab itself only tries to connect again, for ever. It asks the relay, so
// it needs nothing of the page it stands in.
(() => {
  "use strict";
  const EVERY_MS = 10000;
  const ENDED = [403, 410];
  const LIGHT = { back: "#fff", text: "#1b1f27" };
  const DARK = { back: "#1f2227", text: "#eceef1" };
  let shown = null;

  function line(kind, text, style) {
    const element = document.createElement(kind);
    element.textContent = text;
    Object.assign(element.style, style);
    return element;
  }

  function show({ title, text }) {
    const colours = matchMedia("(prefers-color-scheme: dark)").matches ? DARK : LIGHT;
    shown?.remove();
    shown = document.createElement("div");
    shown.id = "bellhop-farewell";
    shown.setAttribute("role", "alertdialog");
    shown.setAttribute("aria-label", title);
    Object.assign(shown.style, {
      position: "fixed", inset: "0", zIndex: "100000", display: "grid", placeItems: "center",
      padding: "1.25rem", background: "rgba(20, 22, 28, .55)",
    });
    const card = document.createElement("div");
    Object.assign(card.style, {
      maxWidth: "29rem", padding: "2rem", borderRadius: "1rem", background: colours.back,
      color: colours.text, font: "1.0625rem/1.55 system-ui, sans-serif",
    });
    card.append(line("h1", title, { fontSize: "1.4rem", lineHeight: "1.3", margin: "0" }));
    for (const words of text) card.append(line("p", words, { margin: ".75rem 0 0" }));
    const again = line("button", "Look again", {
      marginTop: "1.5rem", padding: ".7rem 1.2rem", border: "0", borderRadius: ".6rem",
      background: "#4b57d6", color: "#fff", font: "600 1rem system-ui, sans-serif",
    });
    again.onclick = () => location.reload();
    card.append(again);
    shown.append(card);
    document.body.append(shown);
    again.focus();
  }

  async function look() {
    if (document.visibilityState !== "visible") return;
    let answer;
    try {
      answer = await fetch("/-/here", { cache: "no-store" });
    } catch {
      return; // the relay is away: nothing is known
    }
    if (answer.ok) {
      shown?.remove();
      shown = null;
    } else if (ENDED.includes(answer.status)) {
      const said = await answer.json().catch(() => null);
      if (said?.title && Array.isArray(said.text)) show(said);
    }
  }

  document.addEventListener("visibilitychange", look);
  setInterval(look, EVERY_MS);
})();
