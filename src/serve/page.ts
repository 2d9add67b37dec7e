/** The page at `/`: draw, drop pictures or photographs of pages, or write, and see what the server makes of it, beside what is known about the model. */
const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]);

/**
 * A page that needs nothing but this server.
 * @param names of the models to choose from; none where strangers may not know them: the page asks with the key then
 */
export function tryPage(names: readonly string[]): string {
  const options = names.map((name) => `<option>${escaped(name)}</option>`).join("");
  return PAGE.replace("<!-- models -->", () => options);
}

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ductus</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 18%, Canvas); --soft: color-mix(in srgb, CanvasText 65%, Canvas); --accent: light-dark(#2456c7, #8fb2ff) }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 2rem 1rem }
  h1 { font-size: 1.3rem; margin: 0 0 1.2rem }
  h2 { font-size: 1rem; margin: 0 0 .3rem; overflow-wrap: anywhere }
  main { display: grid; gap: 1.2rem 2rem; grid-template: "pad" "result" "about" "settings" "more" / minmax(0, 1fr) }
  @media (min-width: 42rem) { main { grid-template: "pad about" auto "pad result" 1fr "settings settings" auto "more more" auto / minmax(0, 20rem) minmax(0, 1fr) } }
  #draw, #write, #sheet { grid-area: pad } main:has(#sheet:not([hidden])) { grid-template: "pad" "result" "about" "settings" "more" / minmax(0, 1fr) } #write .row { margin: .8rem 0 0 } textarea { box-sizing: border-box; width: 100%; font: inherit; padding: .6rem; border: 1px solid var(--line); border-radius: 12px; background: Canvas; color: CanvasText } [hidden] { display: none !important } #result { grid-area: result } #about { grid-area: about } #settings { grid-area: settings } #more { grid-area: more; min-width: 0 }
  canvas { width: 100%; max-width: 20rem; aspect-ratio: 1; border: 1px solid var(--line); border-radius: 12px; background: #fff; touch-action: none; cursor: crosshair }
  figure { position: relative; margin: 0 0 .8rem; border: 1px solid var(--line); border-radius: 12px; overflow: hidden; min-height: 9rem } figure img { display: block; width: 100% } figure svg { position: absolute; inset: 0; width: 100%; height: 100% }
  polygon { fill: #1a7f3722; stroke: #1a7f37; stroke-width: 2; vector-effect: non-scaling-stroke } polygon.refused { fill: #cf222e1c; stroke: #cf222e } polygon.empty { fill: none; stroke: #8888; stroke-width: 1 } polygon:hover { fill: #2456c744 }
  .row { display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; align-items: center } #draw .row { margin: .8rem 0 0 } .row label { min-width: 0; max-width: 100% }
  button, select, input { font: inherit; padding: .35rem .8rem; border: 1px solid var(--line); border-radius: 8px; background: Canvas; color: CanvasText; max-width: 100% }
  input[type=password] { width: 8rem } input[type=number] { width: 4.5rem; padding-right: .3rem }
  ol { list-style: none; padding: 0; margin: 0; min-height: 9.5rem }
  li { display: grid; grid-template-columns: minmax(4rem, auto) 1fr auto; gap: .6rem; align-items: center; min-height: 1.9rem; font-variant-numeric: tabular-nums }
  li span { overflow-wrap: anywhere } li span:last-child { text-align: right; white-space: nowrap; min-width: 4.6rem }
  #ranking.pages { max-height: 24rem; overflow-y: auto } #ranking.pages li { grid-template-columns: minmax(4rem, 1fr) auto auto; font-weight: 400 }
  #ranking.files li { grid-template-columns: minmax(0, 1fr) auto auto }
  meter { width: 100%; accent-color: var(--accent) }
  #ranking:not(.files, .pages) li:first-child { font-weight: 650 }
  #ranking.refused li:first-child { font-weight: 400 }
  #about:not([hidden]) { padding: .8rem 1rem; border: 1px solid var(--line); border-radius: 12px; font-size: .9rem }
  dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: .1rem .9rem; margin: 0 } dt { color: var(--soft) }
  dd { margin: 0; overflow-wrap: anywhere; max-height: 6rem; overflow-y: auto }
  pre { margin-top: 0; white-space: pre-wrap; overflow-wrap: anywhere; padding: .8rem; border: 1px solid var(--line); border-radius: 8px; font-size: .85rem }
  a { color: var(--accent) }
  #note { min-height: 1.5rem; margin: .5rem 0 0; color: var(--soft) }
</style>
<h1 id="title">Draw, or drop pictures</h1>
<main>
  <section id="write" hidden>
    <textarea id="text" rows="9" aria-label="Text" placeholder="Write something"></textarea>
    <div class="row">
      <button id="ask" type="button">Read it</button>
      <button id="continue" type="button" hidden>Go on</button>
    </div>
  </section>
  <section id="draw">
    <canvas id="pad" width="320" height="320" aria-label="Drawing pad"></canvas>
    <div class="row">
      <button id="clear" type="button">Clear</button>
      <label><input id="file" type="file" accept="image/*" multiple hidden><button id="choose" type="button">Choose pictures</button></label>
    </div>
  </section>
  <section id="sheet" hidden>
    <figure id="photo" aria-label="The page, with what was read laid over it"><img id="photograph" alt=""><svg id="places" preserveAspectRatio="none"></svg></figure>
    <div class="row"><button id="choosePage" type="button">Choose a photograph</button></div>
  </section>
  <section id="about" hidden><h2></h2><dl></dl></section>
  <section id="result">
    <ol id="ranking" aria-live="polite"></ol>
    <p id="note" aria-live="polite"></p>
  </section>
  <section id="settings" class="row">
    <label id="models">Model <select id="model"><!-- models --></select></label>
    <label>Refuse below <input id="minimum" type="number" min="0" max="100" step="any"> %</label>
    <label>Key <input id="key" type="password" autocomplete="off" placeholder="none"></label>
  </section>
  <section id="more">
    <pre id="curl"></pre>
    <p><a href="openapi.json">OpenAPI document</a> · <a href="models">models</a> · <a href="metrics">metrics</a></p>
  </section>
</main>
<script type="module">
  const byId = (id) => document.getElementById(id);
  const [pad, model, key, minimum, note, about, ranking] = ["pad", "model", "key", "minimum", "note", "about", "ranking"].map(byId);
  const pen = pad.getContext("2d");
  const element = (tag, text = "") => Object.assign(document.createElement(tag), { textContent: text });
  const percent = (share, places = 1) => (100 * share).toFixed(places) + " %";
  const headers = () => (key.value === "" ? {} : { "X-API-Key": key.value });
  let models = [];
  const chosen = () => models.find(({ name }) => name === model.value);
  const readsPages = () => chosen()?.routes.some((route) => route.endsWith("/read")) ?? false;
  const address = () => {
    const query = new URLSearchParams(readsPages() ? {} : { top: 5 });
    if (minimum.value !== "") query.set("min_probability", String(Number(minimum.value) / 100));
    const verb = readsPages() ? "/read" : "/predict";
    const path = model.value === "" ? "recognise" : "models/" + encodeURIComponent(model.value) + verb;
    const asked = String(query);
    return new URL(path + (asked && "?" + asked), location.href).href;
  };
  const showAbout = () => {
    const one = chosen();
    const pages = readsPages();
    const readsText = one?.input.kind === "text";
    byId("curl").textContent = "curl --data-binary @" + (readsText ? "text.txt -H 'Content-Type: text/plain'" : pages ? "page.jpg" : "picture.png") + " \\\\\\n  '" + address() + "'";
    byId("title").textContent = readsText ? "Write a text" : pages ? "Drop a photograph of a page with numbers" : "Draw, or drop pictures";
    byId("draw").hidden = readsText || pages;
    byId("sheet").hidden = !pages;
    byId("file").multiple = !pages;
    byId("write").hidden = !readsText;
    byId("continue").hidden = one?.routes.every((route) => !route.endsWith("/generate")) ?? true;
    about.hidden = one === undefined;
    if (one === undefined) return;
    const { architecture, labels, dataset, input, measured, task } = one;
    const samples = measured?.samples === undefined ? "" : " of " + measured.samples.toLocaleString("en");
    const facts = [
      ["version", one.version],
      ["task", task],
      ["network", architecture],
      ["trained on", dataset],
      ["accuracy", measured && percent(measured.accuracy, 2) + samples + " " + measured.part + (readsText ? " texts" : " pictures")],
      ["labels", labels.length + ": " + labels.slice(0, 300).join(" ")],
      ["input", readsText ? "text" : pages ? "lines of writing" : input.shape.filter((size, axis) => axis < 2 || size > 1).join(" × ") + (input.whole ? " bytes" : " numbers")],
    ];
    about.querySelector("h2").textContent = one.name;
    about.querySelector("dl").replaceChildren(
      ...facts.filter(([, text]) => text !== undefined).flatMap(([name, text]) => [element("dt", name), element("dd", text)]),
    );
  };
  async function loadModels() {
    const response = await fetch("models", { headers: headers() }).catch(() => undefined);
    if (response?.ok !== true) return showAbout();
    const found = await response.json();
    models = found.models;
    if (found.min_probability !== undefined) minimum.placeholder = String(100 * found.min_probability);
    const before = model.value;
    model.replaceChildren(...models.map(({ name }) => element("option", name)));
    if (models.some(({ name }) => name === before)) model.value = before;
    byId("models").hidden = models.length < 2;
    showAbout();
  }
  const clear = () => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, pad.width, pad.height);
    ranking.replaceChildren();
    byId("places").replaceChildren();
    byId("photograph").removeAttribute("src");
    note.textContent = "";
  };
  const row = (...cells) => {
    const item = element("li");
    item.append(...cells);
    return item;
  };
  const several = (count) => count + " characters found; this model reads one at a time: cut them apart, or read whole numbers with ductus read";
  const showReading = ({ ranking: candidates, refused, probability, characters, reason }) => {
    ranking.className = refused || reason ? "refused" : "";
    note.textContent = refused ? "Refused: the likeliest answer has " + percent(probability) + ", less than the minimum." : characters > 1 ? several(characters) : reason ? reason[0].toUpperCase() + reason.slice(1) + "." : "";
    ranking.replaceChildren(
      ...candidates.map(({ label, probability }) =>
        row(element("span", label), Object.assign(element("meter"), { value: probability }), element("span", percent(probability))),
      ),
    );
  };
  const showResults = (results) => {
    ranking.className = "files";
    note.textContent = "";
    ranking.replaceChildren(
      ...results.map(({ file, label, probability, error, reason }) =>
        row(
          element("span", file),
          element("span", error === undefined ? (label ?? (reason ? "none of these" : "refused")) : "not read"),
          Object.assign(element("span", error === undefined ? percent(probability) : "✕"), { title: error ?? "" }),
        ),
      ),
    );
    const reasons = results.flatMap(({ file, error, characters, reason }) =>
      error !== undefined ? [file + ": " + error] : characters > 1 ? [file + ": " + several(characters)] : reason ? [file + ": " + reason] : [],
    );
    note.textContent = reasons.join("; ");
  };
  const showPage = ({ width, height, numbers, problem }) => {
    ranking.className = "pages";
    const places = byId("places");
    const made = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);
    places.setAttribute("viewBox", "0 0 " + width + " " + height);
    byId("photo").style.aspectRatio = width + " / " + height;
    places.replaceChildren(
      ...numbers.map(({ name, text, probability, refused, corners }) => {
        const polygon = made("polygon");
        polygon.setAttribute("points", corners.map((corner) => corner.join()).join(" "));
        polygon.setAttribute("class", refused === "nothing there" ? "empty" : refused === null ? "sure" : "refused");
        const title = made("title");
        title.textContent = (name === undefined ? "" : name + ": ") + text + (refused === null ? " " + percent(probability) : " " + refused);
        polygon.append(title);
        return polygon;
      }),
    );
    const written = numbers.filter(({ refused }) => refused !== "nothing there");
    ranking.replaceChildren(
      ...written.map(({ name, text, probability, refused }) =>
        row(element("span", (name === undefined ? "" : name + ": ") + text), element("span", refused ?? ""), element("span", percent(probability))),
      ),
    );
    const sure = written.filter(({ refused }) => refused === null).length;
    const counts = sure + " read, " + (written.length - sure) + " for a person to look at, " + (numbers.length - written.length) + " empty";
    note.textContent = problem ?? counts;
  };
  let asked = 0;
  async function predict(body) {
    const own = ++asked;
    try {
      const type = typeof body === "string" ? { "Content-Type": "application/json" } : {};
      const response = await fetch(address(), { method: "POST", body, headers: { ...headers(), ...type } });
      const answer = await response.json();
      if (own !== asked) return;
      if (!response.ok) throw new Error(answer.error);
      if (answer.numbers !== undefined) showPage(answer);
      else if (answer.results === undefined) showReading(answer);
      else showResults(answer.results);
    } catch (error) {
      if (own !== asked) return;
      ranking.replaceChildren();
      note.textContent = error.message;
    }
  }
  const send = () => pad.toBlob(predict);
  const at = ({ offsetX, offsetY }) => [(offsetX * pad.width) / pad.clientWidth, (offsetY * pad.height) / pad.clientHeight];
  let last;
  pad.onpointerdown = (event) => {
    pad.setPointerCapture(event.pointerId);
    last = at(event);
  };
  pad.onpointermove = (event) => {
    if (last === undefined) return;
    Object.assign(pen, { lineWidth: 20, lineCap: "round", strokeStyle: "#111" });
    pen.beginPath();
    pen.moveTo(...last);
    last = at(event);
    pen.lineTo(...last);
    pen.stroke();
  };
  pad.onpointerup = pad.onpointercancel = () => {
    last = undefined;
    send();
  };
  async function show(files) {
    clear();
    if (readsPages()) {
      byId("photo").style.aspectRatio = "";
      byId("photograph").src = URL.createObjectURL(files[0]);
      note.textContent = "Reading …";
      return predict(files[0]);
    }
    if (files.length > 1) {
      const form = new FormData();
      for (const file of files) form.append("picture", file);
      return predict(form);
    }
    const picture = await createImageBitmap(files[0]).catch(() => undefined);
    if (picture !== undefined) {
      const scale = Math.min(pad.width / picture.width, pad.height / picture.height);
      const [w, h] = [picture.width * scale, picture.height * scale];
      pen.drawImage(picture, (pad.width - w) / 2, (pad.height - h) / 2, w, h);
    }
    predict(files[0]);
  }
  const text = byId("text");
  byId("ask").onclick = () => predict(JSON.stringify({ text: text.value }));
  byId("continue").onclick = async () => {
    const own = ++asked;
    const seed = Math.floor(Math.random() * 2 ** 31);
    const body = JSON.stringify({ text: text.value, length: 60, seed });
    const url = new URL("models/" + encodeURIComponent(model.value) + "/generate", location.href);
    try {
      const response = await fetch(url, { method: "POST", body, headers: { ...headers(), "Content-Type": "application/json" } });
      const answer = await response.json();
      if (own !== asked) return;
      if (!response.ok) throw new Error(answer.error);
      text.value += answer.text;
      note.textContent = "";
    } catch (error) {
      if (own === asked) note.textContent = error.message;
    }
  };
  byId("clear").onclick = clear;
  byId("choose").onclick = byId("choosePage").onclick = () => byId("file").click();
  byId("photograph").onload = ({ target }) => URL.revokeObjectURL(target.src);
  byId("file").onchange = ({ target }) => {
    if (target.files.length > 0) show([...target.files]);
    target.value = "";
  };
  document.ondragover = (event) => event.preventDefault();
  document.ondrop = (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length > 0) show([...event.dataTransfer.files]);
  };
  byId("models").hidden = model.options.length < 2;
  minimum.oninput = showAbout;
  model.onchange = () => {
    clear();
    showAbout();
  };
  key.onchange = loadModels;
  clear();
  loadModels();
</script>
</html>
`;
