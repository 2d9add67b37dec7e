/**
 * Text as a terminal may get it. Class names, file names and messages may come from anybody's file, and a control
 * character in them would move the cursor, repaint the window or worse. So everything that the command line writes passes
 * {@link shown}, which writes controls out; our own colors are not codes of the terminal until then, but marks.
 */
const ESCAPE = "\u001b[";
/** Begins a mark; Unicode promises that it is no character. */
const MARK = "\ufdd0";
/** What marks may stand for: styles and shades of gray. They color, and do nothing else. */
const MARKS = new RegExp(`${MARK}((?:0|1|2|31|32|[34]8;5;2[345][0-9])m)`, "g");
/** The same where rows of pictures have them as codes. */
const SHADES = new RegExp(`${ESCAPE.replace("[", "\\[")}((?:0|[34]8;5;2[345][0-9])m)`, "g");
/** Controls but the ends of lines and tabs, and what turns the direction of text around. */
const CONTROLS = /(?![\n\t])[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufdd0]/gu;

/** A style by its number: 1 is bold, 31 red. */
export function paint(code: "1" | "2" | "31" | "32"): (text: string) => string {
  return (text) => `${MARK}${code}m${text}${MARK}0m`;
}

/** A row of a picture made of colored characters, as text for {@link shown}. */
export function pictureRow(row: string): string {
  return row.replace(SHADES, `${MARK}$1`);
}

/** Text with its controls written out (`\x1b`) and its marks made colors. */
export function shown(text: string): string {
  return text
    .split(MARKS)
    .map((part, i) => (i % 2 === 1 ? `${ESCAPE}${part}` : part.replace(CONTROLS, writtenOut)))
    .join("");
}

function writtenOut(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : unicode(code);
}

/** JSON with the same characters escaped in its own way, which changes no value. */
export function shownJson(json: string): string {
  return json.replace(CONTROLS, (character) => unicode(character.charCodeAt(0)));
}

function unicode(code: number): string {
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

/** A path as it is typed in a command: in quotes where a shell would take it apart. */
export function shellWord(path: string, platform: string = process.platform): string {
  if (/^[\p{L}\p{N}_@%+=:,./\\-]+$/u.test(path) && (platform === "win32" || !path.includes("\\"))) return path;
  return platform === "win32" ? `"${path}"` : `'${path.replaceAll("'", "'\\''")}'`;
}
