/** The page at `/`: draw or drop a picture and see what the server makes of it, with the request that does the same. */
const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]);

/**
 * A page that needs nothing but this server.
 * @param names of the models to choose from; none where strangers may not know them: the only one is asked then
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
  :root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 18%, Canvas); --accent: light-dark(#2456c7, #8fb2ff) }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 2rem 1rem }
  h1 { font-size: 1.3rem; margin: 0 0 1.2rem }
  main { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 2rem }
  canvas { width: 100%; max-width: 20rem; aspect-ratio: 1; border: 1px solid var(--line); border-radius: 12px; background: #fff; touch-action: none; cursor: crosshair }
  .row { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin: .8rem 0 }
  button, select, input { font: inherit; padding: .35rem .8rem; border: 1px solid var(--line); border-radius: 8px; background: Canvas; color: CanvasText }
  input[type=password] { width: 9rem }
  ol { list-style: none; padding: 0; margin: 0; min-height: 9.5rem }
  li { display: grid; grid-template-columns: 4rem 1fr 4rem; gap: .6rem; align-items: center; height: 1.9rem; font-variant-numeric: tabular-nums }
  li span:last-child { text-align: right }
  meter { width: 100%; accent-color: var(--accent) }
  li:first-child { font-weight: 650 }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .8rem; border: 1px solid var(--line); border-radius: 8px; font-size: .85rem }
  a { color: var(--accent) }
  #note { min-height: 1.5rem; color: color-mix(in srgb, CanvasText 65%, Canvas) }
</style>
<h1>Draw, or drop a picture</h1>
<main>
  <section>
    <canvas id="pad" width="320" height="320" aria-label="Drawing pad"></canvas>
    <div class="row">
      <button id="clear" type="button">Clear</button>
      <label><input id="file" type="file" accept="image/*" hidden><button id="choose" type="button">Choose a picture</button></label>
    </div>
    <div class="row">
      <label id="models">Model <select id="model"><!-- models --></select></label>
      <label>Key <input id="key" type="password" autocomplete="off" placeholder="none"></label>
    </div>
  </section>
  <section>
    <ol id="ranking" aria-live="polite"></ol>
    <p id="note"></p>
    <pre id="curl"></pre>
    <p><a href="openapi.json">OpenAPI document</a> · <a href="metrics">metrics</a></p>
  </section>
</main>
<script type="module">
  const byId = (id) => document.getElementById(id);
  const [pad, model, key, note] = ["pad", "model", "key", "note"].map(byId);
  const pen = pad.getContext("2d");
  const address = () => {
    const one = model.value === "" ? "" : "&model=" + encodeURIComponent(model.value);
    return new URL("recognise?top=5" + one, location.href).href;
  };
  const showCurl = () => (byId("curl").textContent = "curl --data-binary @picture.png \\\\\\n  '" + address() + "'");
  const clear = () => {
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, pad.width, pad.height);
    byId("ranking").replaceChildren();
    note.textContent = "";
  };
  let asked = 0;
  async function recognise(picture) {
    const own = ++asked;
    const headers = key.value === "" ? {} : { "X-API-Key": key.value };
    try {
      const response = await fetch(address(), { method: "POST", body: picture, headers });
      const answer = await response.json();
      if (own !== asked) return;
      if (!response.ok) throw new Error(answer.error);
      note.textContent = "";
      byId("ranking").replaceChildren(
        ...answer.ranking.map(({ label, probability }) => {
          const [row, name, bar, share] = ["li", "span", "meter", "span"].map((tag) => document.createElement(tag));
          name.textContent = label;
          bar.value = probability;
          share.textContent = (100 * probability).toFixed(1) + " %";
          row.append(name, bar, share);
          return row;
        }),
      );
    } catch (error) {
      if (own === asked) note.textContent = error.message;
    }
  }
  const send = () => pad.toBlob(recognise);
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
  async function show(file) {
    const picture = await createImageBitmap(file).catch(() => undefined);
    if (picture !== undefined) {
      clear();
      const scale = Math.min(pad.width / picture.width, pad.height / picture.height);
      const [w, h] = [picture.width * scale, picture.height * scale];
      pen.drawImage(picture, (pad.width - w) / 2, (pad.height - h) / 2, w, h);
    }
    recognise(file);
  }
  byId("clear").onclick = clear;
  byId("choose").onclick = () => byId("file").click();
  byId("file").onchange = ({ target }) => target.files.length > 0 && show(target.files[0]);
  document.ondragover = (event) => event.preventDefault();
  document.ondrop = (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length > 0) show(event.dataTransfer.files[0]);
  };
  byId("models").hidden = model.options.length < 2;
  model.onchange = showCurl;
  clear();
  showCurl();
</script>
</html>
`;
