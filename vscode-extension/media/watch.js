// The panel's side of "watch it denoise": draws the canvas of each step that the extension posts.
const vscode = acquireVsCodeApi();
const [head, canvas, replay, slider, answers] = ["head", "canvas", "replay", "slider", "answers"].map((id) =>
  document.getElementById(id),
);
let token = "";
let begun = { before: "", behind: "" };
let steps = [];

function span(text, kind) {
  const part = document.createElement("span");
  part.className = kind;
  part.textContent = text;
  return part;
}

/** The hole's tokens; one that changed in this step is marked, one that is not decided is a block. */
function tokens(pieces, before) {
  return pieces.flat().map((piece, i) => {
    if (piece === null) return span("▒", "mask");
    return span(piece, before?.flat()[i] === piece ? "token" : "token fresh");
  });
}

function draw(number) {
  const step = steps[number];
  const hole = step ? tokens(step.pieces, steps[number - 1]?.pieces) : [span("▒▒▒", "mask")];
  canvas.replaceChildren(span(begun.before, "context"), ...hole, span(begun.behind, "context"));
  if (!step) return;
  const back = step.revoked ? `, ${step.revoked} taken back` : "";
  const masks = step.pieces.flat().filter((piece) => piece === null).length;
  head.textContent = `Step ${step.step}: ${masks} to decide${back}${step.stage === "repair" ? " (repair)" : ""}`;
}

slider.addEventListener("input", () => draw(Number(slider.value) - 1));

window.addEventListener("message", ({ data }) => {
  if (data.kind === "begin") {
    token = data.token;
    begun = data;
    steps = [];
    replay.hidden = true;
    answers.replaceChildren();
    head.textContent = "Waiting for the model…";
    draw(0);
  } else if (data.token !== token) {
    return;
  } else if (data.kind === "step") {
    steps.push(data);
    draw(steps.length - 1);
  } else if (data.kind === "end") {
    const spent = data.ms === undefined ? "" : ` in ${Math.round(data.ms)} ms, ${data.steps} model calls`;
    head.textContent =
      (data.texts.length ? `Done${spent}.` : `No answer${spent}.`) + (data.message ? ` ${data.message}` : "");
    replay.hidden = steps.length < 2;
    slider.max = slider.value = String(steps.length);
    answers.replaceChildren(
      ...data.texts.map((text) => {
        const button = document.createElement("button");
        button.textContent = `Insert: ${text.trim().split("\n")[0].slice(0, 60)}`;
        button.addEventListener("click", () => vscode.postMessage({ insert: text }));
        return button;
      }),
    );
  }
});
vscode.postMessage({ ready: true });
