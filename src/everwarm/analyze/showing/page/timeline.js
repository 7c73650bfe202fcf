// The title of what the pointer is on is shown below its drawing, for fingers, too.

function tells(drawing, readout) {
  const show = (event) => {
    const title = event.target.closest("g")?.querySelector("title");
    if (title) readout.textContent = title.textContent;
  };
  drawing.addEventListener("pointermove", show);
  drawing.addEventListener("pointerdown", show);
}

const plot = document.querySelector(".plot");
if (plot) tells(plot, $("moment"));
for (const drawing of document.querySelectorAll(".made")) {
  const readout = make("p", null, "note readout");
  drawing.after(readout);
  tells(drawing, readout);
}
