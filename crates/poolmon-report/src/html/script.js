
"use strict";
for (const figure of document.querySelectorAll("figure")) {
  const told = figure.querySelector("script");
  const plot = figure.querySelector(".plot");
  const chart = plot.querySelector("svg.chart");
  const output = plot.querySelector("output");
  const data = JSON.parse(told.textContent);
  if (!data.x.length) continue;
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
  cursor.setAttribute("class", "cursor");
  cursor.setAttribute("y1", "16");
  cursor.setAttribute("y2", String(chart.getAttribute("height") - 22));
  cursor.setAttribute("visibility", "hidden");
  chart.append(cursor);
  const hide = () => {
    output.className = "";
    cursor.setAttribute("visibility", "hidden");
  };
  plot.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * 1000;
    let near = 0;
    for (let n = 1; n < data.x.length; n++) {
      if (Math.abs(data.x[n] - at) < Math.abs(data.x[near] - at)) near = n;
    }
    const x = data.x[near] / 10 + "%";
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.setAttribute("visibility", "visible");
    output.textContent = [data.t[near], ...data.s.map(([name, values]) => name + "  " + values[near])].join("\n");
    output.className = "on";
    const room = box.width - output.offsetWidth;
    const left = (data.x[near] / 1000) * box.width + 12;
    const start = box.left - plot.getBoundingClientRect().left;
    output.style.left = start + Math.max(-start, left > room ? left - output.offsetWidth - 24 : left) + "px";
  });
  plot.addEventListener("pointerleave", hide);
  addEventListener("scroll", hide, { passive: true });
}
for (const command of document.querySelectorAll(".command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const code = command.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // Files that were opened from disk have no clipboard in some browsers.
      getSelection().selectAllChildren(code);
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  command.append(button);
}
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    if (head.textContent === "Course") return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const number = head.classList.contains("n");
      const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : number;
      const key = (row) => (number ? Number(row.cells[column].dataset.v) : row.cells[column].textContent);
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
      });
      body.append(...rows);
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  });
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
