// Served by the relay into JupyterLab's page. Shows what cells put out that were started in a tab
// which is gone: that tab's kernel messages are nobody's here, so the relay tells the outputs.
// It uses only what JupyterLab and Notebook show of their notebooks, and does nothing elsewhere.
(() => {
  "use strict";
  const QUICK_MS = 1500;
  const SLOW_MS = 15000;
  const known = new WeakMap(); // kernel connection -> { run: revision }

  function* panels(app) {
    for (const area of ["main", "left", "right", "down"]) {
      let widgets = [];
      try {
        widgets = [...app.shell.widgets(area)];
      } catch {
        continue; // this shell has no such area
      }
      for (const widget of widgets) {
        if (widget?.content?.widgets && widget?.sessionContext && widget?.context) yield widget;
      }
    }
  }

  function cellOf(panel, run) {
    const cells = panel.content.widgets.filter((cell) => cell.model?.outputs && !cell.isDisposed);
    const named = cells.find((cell) => cell.model.id === run.cell);
    if (named || run.again || run.code === null) return named;
    const same = cells.filter((cell) => text(cell) === run.code);
    return same.find((cell) => cell.model.executionCount === run.count) ?? same[0];
  }

  const text = (cell) => cell.model.sharedModel?.getSource?.() ?? cell.model.value?.text;

  function show(panel, run) {
    const cell = cellOf(panel, run);
    if (!cell || text(cell) !== run.code) return;
    const now = JSON.stringify(cell.model.outputs.toJSON());
    if (now !== JSON.stringify(run.outputs)) cell.model.outputs.fromJSON(run.outputs);
    if (run.running) {
      cell.setPrompt?.("*");
    } else {
      if (cell.model.executionCount !== run.count) cell.model.executionCount = run.count;
      cell.setPrompt?.(run.count === null ? "" : String(run.count));
    }
  }

  async function ask(panel, kernel) {
    const has = known.get(kernel) ?? {};
    const answer = await fetch("/-/outputs/" + encodeURIComponent(kernel.id), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ session: kernel.clientId, has }),
    });
    if (!answer.ok) return false;
    const { runs, running } = await answer.json();
    for (const run of runs) {
      show(panel, run);
      has[run.id] = run.revision;
    }
    known.set(kernel, has);
    // Once more after the last news, so that the relay learns that it has arrived.
    return running || runs.length > 0;
  }

  async function round() {
    let quick = false;
    for (const panel of panels(window.jupyterapp)) {
      const kernel = panel.sessionContext.session?.kernel;
      if (!kernel || !panel.context.isReady || !panel.content.widgets.length) continue;
      try {
        quick = (await ask(panel, kernel)) || quick;
      } catch (error) {
        console.debug("bellhop: no outputs now", error);
      }
      if (!known.has(kernel)) quick = true;
    }
    return quick;
  }

  let before = "";
  async function go() {
    let wait = QUICK_MS;
    if (window.jupyterapp?.shell) {
      const open = [...panels(window.jupyterapp)]
        .map((panel) => panel.id + panel.sessionContext.session?.kernel?.id)
        .join();
      const due = Date.now() - (go.asked ?? 0) >= SLOW_MS;
      if (go.quick || open !== before || due) {
        before = open;
        go.asked = Date.now();
        go.quick = await round();
      }
    }
    setTimeout(go, wait);
  }
  go();
})();
