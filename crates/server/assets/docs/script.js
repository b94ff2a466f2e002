// Gives each block of code a button that copies it. The pages work without it.

if (navigator.clipboard) {
  for (const block of document.querySelectorAll("pre")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(block.textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    block.before(button);
  }
}

// Shows only the codes that have the text in their number, title or description.
const filter = document.getElementById("filter");
if (filter) {
  filter.parentElement.hidden = false;
  const rows = [...document.querySelectorAll("tr[data-words]")];
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !`${row.textContent} ${row.dataset.words}`.toLowerCase().includes(wanted);
    for (const group of document.querySelectorAll(".group")) group.hidden = !group.querySelector("tr[data-words]:not([hidden])");
    const left = rows.filter((row) => !row.hidden).length;
    document.getElementById("filtered").textContent = wanted ? `${left} of ${rows.length}` : "";
  });
}
