// The frame around SimCord's page: who is looking at what, and a view that stays at the newest
// message. The address is #KEY.PLACE.PERSON; the whole of it is the capability that the server
// asks for. Runs before SimCord's modules, so that a bare #KEY is completed in time.
(() => {
  const [key = "", place = "gpu", person = "ada"] = location.hash.slice(1).split(".");
  if (key) history.replaceState(null, "", `#${key}.${place}.${person}`);

  const trouble = {
    "Action was not completed.": "The application did not respond.",
    "Action outcome uncertain. It will not be retried.": "Something went wrong with that; look at the result before trying again.",
    "Connection interrupted; trying again…": "Connection lost; trying again…",
    "Preview session is unavailable. Reload the active Preview URL.": "The demo was stopped or started anew. Open the address it prints.",
    "Preview session ended.": "The demo was stopped or started anew. Open the address it prints.",
    "Access to this preview is unavailable.": "This channel cannot be seen by this person.",
  };

  function links() {
    for (const link of document.querySelectorAll(".demo-link")) {
      const { place: toPlace = place, person: toPerson = person } = link.dataset;
      link.href = `#${key}.${toPlace}.${toPerson}`;
      const here = link.dataset.place === place || link.dataset.person === person;
      if (here) link.setAttribute("aria-current", "page");
    }
    const nav = document.getElementById("demo-nav");
    const menu = document.getElementById("demo-menu");
    menu.addEventListener("click", () => {
      const open = nav.classList.toggle("demo-open");
      menu.setAttribute("aria-expanded", String(open));
    });
    document.getElementById("preview-stage").addEventListener("click", () => {
      nav.classList.remove("demo-open");
      menu.setAttribute("aria-expanded", "false");
    });
  }

  function toast() {
    const status = document.getElementById("action-status");
    const note = document.createElement("div");
    note.className = "demo-toast";
    note.setAttribute("role", "alert");
    note.hidden = true;
    document.getElementById("preview-stage").append(note);
    let last = "";
    let timer = 0;
    new MutationObserver(() => {
      const text = trouble[status.textContent] ?? "";
      if (text === last) return;
      last = text;
      note.textContent = text;
      note.hidden = !text;
      clearTimeout(timer);
      if (text.includes("respond")) timer = setTimeout(() => { note.hidden = true; }, 8000);
    }).observe(status, { childList: true, characterData: true, subtree: true });
    const refused = (text) => { note.textContent = text; note.hidden = false; };
    if (!key) return refused("Open the whole address that the demo printed; the part after # lets you in.");
    fetch("/api/state", { headers: { "X-Simcord-Capability": location.hash.slice(1) } }).then((answer) => {
      if (answer.status === 401) refused("This address is of an earlier run. Open the one that the demo printed last.");
    }, () => {});
  }

  function stayAtNewest() {
    const timeline = document.getElementById("channel-timeline");
    const list = document.getElementById("channel-message-list");
    const composer = document.getElementById("channel-composer");
    const more = document.getElementById("new-messages");
    let stick = true;
    const look = () => requestAnimationFrame(() => {
      stick = timeline.scrollHeight - timeline.scrollTop - timeline.clientHeight < 160;
    });
    for (const name of ["wheel", "touchmove", "keyup", "pointerup"]) timeline.addEventListener(name, look, { passive: true });
    const follow = () => { stick = true; };
    composer.addEventListener("submit", follow, true);
    composer.addEventListener("keydown", (event) => { if (event.key === "Enter") follow(); }, true);
    more.addEventListener("click", follow);
    const settle = () => {
      if (!stick) return;
      timeline.scrollTop = timeline.scrollHeight;
      more.hidden = true;
    };
    const sizes = new ResizeObserver(settle);
    sizes.observe(list);
    sizes.observe(timeline);
    new MutationObserver(settle).observe(list, { childList: true, subtree: true });
  }

  document.addEventListener("DOMContentLoaded", () => { links(); toast(); stayAtNewest(); });
})();
