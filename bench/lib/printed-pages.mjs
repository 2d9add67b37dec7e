/**
 * Pages that people fill in: forms, combs, tables, sudokus, answer sheets, cheques, lists. Each is a record: its HTML says where something is
 * written by hand (`data-hand`) and what is a printed number (`data-print`). For page-camera.mjs, which photographs them.
 */
const CSS = `*{box-sizing:border-box}body{margin:0;width:800px;background:#fff;color:#111}
.page{padding:46px 50px;width:800px}h1{font-size:26px;margin:0 0 12px}h2{font-size:17px;margin:14px 0 8px}p{margin:6px 0 10px;line-height:1.35}
[data-hand]{display:inline-block;position:relative}.row{display:flex;gap:22px;align-items:flex-end;margin:14px 0;flex-wrap:wrap}
table{border-collapse:collapse}td,th{border:1.5px solid #222;padding:5px 8px;text-align:left}small{font-size:11px}`;

const FONTS = [
  "Liberation Sans",
  "Liberation Serif",
  "DejaVu Sans",
  "DejaVu Serif",
  "Noto Sans",
  "Liberation Mono",
  "Noto Serif",
];
const SENTENCES = [
  "Please print the requested numbers clearly in the boxes below.",
  "Use a black or blue pen. Do not fold this sheet.",
  "By signing I confirm that all information given above is correct and complete.",
  "Return the form to the office before the end of the month.",
  "Bitte in Druckbuchstaben ausfüllen und unterschrieben zurücksenden.",
  "For questions call the service desk or visit our web site.",
];
const LABELS = [
  "Name",
  "Postal code",
  "Customer number",
  "Date of birth",
  "Telephone",
  "Amount",
  "Quantity",
  "Invoice No.",
  "TOTAL",
  "Betrag",
  "Kundennummer",
  "IBAN",
  "Account",
  "Reference",
  "Weight (kg)",
  "Zip Code",
];
const ITEMS = [
  "apples",
  "milk",
  "bread",
  "coffee",
  "sugar",
  "Butter",
  "screws",
  "paint",
  "Nails",
  "rice",
  "tea",
  "cheese",
  "Flour",
  "batteries",
  "tape",
];

/** Draws by one random source. */
export const drawing = (random) => {
  const pick = (list) => list[Math.floor(random.uniform() * list.length)];
  const between = (low, high) => low + Math.floor(random.uniform() * (high - low + 1));
  const digits = (count) => Array.from({ length: count }, () => between(0, 9)).join("");
  const hand = (text, width, height, { size = 0.62, style = "", align = 0.08 } = {}) =>
    `<span data-hand="${text}" data-size="${size}" data-align="${align}" style="width:${width}px;height:${height}px;${style}"></span>`;
  const amount = () => {
    const [euros, cents] = [between(12, 9999), digits(2)];
    const grouped = (mark) => String(euros).replace(/(\d)(?=(\d{3})+$)/g, `$1${mark}`);
    return pick([
      `$ ${grouped(",")}.${cents}`,
      `${grouped(".")},${cents} €`,
      `${euros}.${cents}`,
      `${euros}-`,
      `$${euros}.${cents}`,
    ]);
  };
  return { random, pick, between, digits, hand, amount };
};

const times = (count, make) => Array.from({ length: count }, (_, k) => make(k)).join("");
const sentences = ({ pick }, count) => `<p>${times(count, () => `${pick(SENTENCES)} `)}</p>`;

export const KINDS = {
  boxes: (d) =>
    `<h1>Application form ${d.between(2, 9)}</h1>${sentences(d, 2)}` +
    times(
      5,
      () =>
        `<div class=row>${times(d.between(1, 3), () => {
          const count = d.between(2, 8);
          return `<label>${d.pick(LABELS)}<br>${d.hand(d.digits(count), 26 * count + 34, 42, { style: `border:${d.pick([1, 1.5, 2])}px solid #333` })}</label>`;
        })}</div>`,
    ) +
    sentences(d, 3),
  combs: (d) =>
    `<h1>Registration</h1>${sentences(d, 1)}` +
    times(6, () => {
      const [count, side] = [d.between(4, 10), d.between(28, 36)];
      const text = d.digits(count);
      const cell = (k) =>
        `<span style="display:inline-block;width:${side}px;height:${side + 6}px;border:1.5px solid #444;${k > 0 ? "border-left:none;" : ""}"></span>`;
      return `<div class=row><span style="width:150px">${d.pick(LABELS)}</span><span data-comb="${text}" data-side="${side}" style="display:inline-block;white-space:nowrap;font-size:0">${times(count, cell)}</span></div>`;
    }) +
    sentences(d, 2),
  ticks: (d) =>
    `<h1>Order form</h1>${sentences(d, 1)}` +
    times(6, () => {
      const [count, side] = [d.between(4, 10), d.between(26, 34)];
      const text = d.digits(count);
      const cell = (k) =>
        `<span style="display:inline-block;position:relative;width:${side}px;height:38px;border-bottom:1.5px solid #444"><i style="position:absolute;left:0;bottom:0;width:1.5px;height:11px;background:#444;${k === 0 ? "height:24px" : ""}"></i></span>`;
      return `<div class=row><span style="width:150px">${d.pick(LABELS)}</span><span data-comb="${text}" data-side="${side}" style="display:inline-block;white-space:nowrap;font-size:0;border-right:1.5px solid #444">${times(count, cell)}</span></div>`;
    }) +
    sentences(d, 2),
  dotted: (d) =>
    `<h1>Meter readings</h1>${sentences(d, 2)}` +
    times(
      8,
      () =>
        `<div class=row><span>${d.pick(LABELS)}:</span>${d.hand(d.digits(d.between(3, 8)), d.between(220, 380), 36, { style: "border-bottom:2px dotted #444", size: 0.68 })}</div>`,
    ) +
    sentences(d, 2),
  underlined: (d) =>
    `<h1>Work report</h1>${sentences(d, 2)}` +
    times(
      8,
      () =>
        `<div class=row><span>${d.pick(LABELS)}</span>${d.hand(d.digits(d.between(1, 7)), d.between(150, 300), 36, { style: "border-bottom:1.5px solid #333", size: 0.68 })}<span>${d.pick(["kg", "pieces", "hours", "EUR", "per day"])}</span></div>`,
    ) +
    sentences(d, 2),
  table: (d) =>
    `<h1>Inventory list</h1>${sentences(d, 1)}<table><tr><th>Item</th><th>Quantity</th><th>Unit price</th><th>Total</th></tr>` +
    times(
      d.between(8, 13),
      () =>
        `<tr><td style="width:150px">${d.pick(ITEMS)}</td><td style="padding:0">${d.hand(d.digits(d.between(1, 3)), 120, 38)}</td><td style="padding:0">${d.random.uniform() < 0.3 ? '<span style="display:inline-block;width:150px"></span>' : d.hand(`${d.between(1, 99)}.${d.digits(2)}`, 150, 38)}</td><td style="padding:0">${d.hand(d.digits(d.between(2, 4)), 160, 38)}</td></tr>`,
    ) +
    "</table>" +
    sentences(d, 1),
  sudoku: (d) => {
    const side = d.between(48, 66);
    const cell = (row, column) => {
      const draw = d.random.uniform();
      const style = `width:${side}px;height:${side}px;padding:0;text-align:center;border:1.5px solid #222;${row % 3 === 0 ? "border-top:4px solid #111;" : ""}${column % 3 === 0 ? "border-left:4px solid #111;" : ""}${row === 8 ? "border-bottom:4px solid #111;" : ""}${column === 8 ? "border-right:4px solid #111;" : ""}`;
      const digit = d.between(1, 9);
      const inside =
        draw < 0.35
          ? `<b data-print="${digit}" style="font-size:${side * 0.6}px">${digit}</b>`
          : draw < 0.7
            ? d.hand(String(digit), side - 8, side - 8, { size: 0.66, align: 0.3 })
            : "";
      return `<td style="${style}">${inside}</td>`;
    };
    return `<h1>Sudoku</h1>${sentences(d, 1)}<table>${times(9, (row) => `<tr>${times(9, (column) => cell(row, column))}</tr>`)}</table><p>Difficulty: medium. Solution on the last page.</p>${sentences(d, 3)}`;
  },
  answers: (d) =>
    `<h1>Answer sheet</h1><div class=row><span>Student number</span>${d.hand(d.digits(7), 230, 40, { style: "border:1.5px solid #333" })}</div><div style="columns:3">` +
    times(
      24,
      (k) =>
        `<div class=row style="margin:7px 0;break-inside:avoid"><span data-print="${k + 1}" style="width:26px">${k + 1}.</span>${d.hand(d.digits(d.between(1, 3)), 92, 36, { style: "border:1.5px solid #333" })}</div>`,
    ) +
    `</div>${sentences(d, 1)}`,
  cheque: (d) =>
    times(
      2,
      () =>
        `<div style="border:2px solid #456;background:${d.pick(["#e7eef5", "#eef5e7", "#f6efe4"])};padding:16px 20px;margin:10px 0 34px"><div class=row style="justify-content:space-between"><b>FIRST CITY BANK</b><span>Date ${d.hand(`${d.between(1, 28)}/${d.between(1, 12)}/${d.digits(2)}`, 170, 34, { style: "border-bottom:1.5px solid #333", size: 0.7 })}</span></div><div class=row><span>Pay to the order of</span><span style="border-bottom:1.5px solid #333;width:290px;display:inline-block;height:34px"></span>${d.hand(d.amount(), 210, 44, { style: "border:2px solid #333;background:#fff", size: 0.58 })}</div><div class=row><span style="border-bottom:1.5px solid #333;width:520px;height:30px;display:inline-block"></span> DOLLARS</div><div class=row style="justify-content:space-between"><span>Memo ________________</span><span data-print="x" style="font-family:'Liberation Mono'">${d.digits(9)} ${d.digits(8)}</span></div></div>`,
    ) + sentences(d, 1),
  list: (d) =>
    `<h2>Shopping and prices</h2>` +
    times(
      d.between(8, 12),
      () =>
        `<div class=row style="margin:8px 0">${d.hand(d.digits(d.between(1, 5)), 190, 40, { size: 0.72 })}<span style="font-size:21px">${d.pick(ITEMS)}</span>${d.random.uniform() < 0.5 ? d.hand(d.digits(d.between(2, 4)), 150, 40, { size: 0.72 }) : ""}</div>`,
    ),
  ruled: (d) =>
    `<div style="background:repeating-linear-gradient(#fff 0 43px,${d.pick(["#9db4d8", "#b9c4cc", "#8fa6cf"])} 43px 45px)">` +
    times(
      14,
      () =>
        `<div style="height:45px;display:flex;gap:60px">${d.hand(d.digits(d.between(2, 8)), 270, 45, { size: 0.6 })}${d.random.uniform() < 0.4 ? d.hand(d.digits(d.between(2, 5)), 220, 45, { size: 0.6 }) : ""}</div>`,
    ) +
    "</div>",
  squared: (d) =>
    `<div style="background:repeating-linear-gradient(#0000 0 23px,#a9bcd6 23px 24px),repeating-linear-gradient(90deg,#0000 0 23px,#a9bcd6 23px 24px)">` +
    times(
      10,
      () =>
        `<div style="height:72px;display:flex;gap:60px;align-items:center">${d.hand(d.digits(d.between(2, 8)), 290, 48, { size: 0.72 })}${d.random.uniform() < 0.4 ? d.hand(d.digits(d.between(2, 5)), 220, 48, { size: 0.72 }) : ""}</div>`,
    ) +
    "</div>",
};

/** The HTML of a page of a kind. */
export function htmlOf(kind, d) {
  const size = d.between(14, 18);
  return `<!doctype html><style>${CSS}body{font-family:'${d.pick(FONTS)}',sans-serif;font-size:${size}px}</style><div class=page>${KINDS[kind](d)}</div>`;
}

/** What a browser finds of places and words on a page, in CSS pixels. Runs in the page. */
export function placesInPage() {
  const boxOf = (rect) => [rect.left, rect.top, rect.width, rect.height];
  const hands = [...document.querySelectorAll("[data-hand]")].map((e) => ({
    text: e.dataset.hand,
    size: Number(e.dataset.size),
    align: Number(e.dataset.align),
    box: boxOf(e.getBoundingClientRect()),
  }));
  const combs = [...document.querySelectorAll("[data-comb]")].map((e) => ({
    text: e.dataset.comb,
    side: Number(e.dataset.side),
    box: boxOf(e.getBoundingClientRect()),
  }));
  const words = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (const match of node.data.matchAll(/\S+/g)) {
      const range = document.createRange();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      words.push({ text: match[0], box: boxOf(range.getBoundingClientRect()) });
    }
  }
  return { hands, combs, words, height: document.querySelector(".page").getBoundingClientRect().height };
}
