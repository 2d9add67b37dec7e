/** The module that an exported page carries, when the page itself wants it. */
export function moduleOfPage(): Uint8Array {
  const text = atob((document.getElementById("model")?.textContent ?? "").trim());
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
