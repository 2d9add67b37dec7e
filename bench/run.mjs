/**
 * `npm run bench -- SUBJECT [options]`: what Ductus costs, subject by subject; without a subject, all of them. A subject is
 * a record in subjects/ with its options, its measurement and its table; a new one is one more entry in SUBJECTS.
 */
import { existsSync } from "node:fs";

// The benchmarks run what users run, the built package.
if (!existsSync(new URL("../dist/index.js", import.meta.url))) {
  console.error("error: dist/ is missing; run npm run build first (npm run bench does)");
  process.exit(1);
}

const SUBJECTS = [
  "networks",
  "profile",
  "kernels",
  "threads",
  "batches",
  "sizes",
  "augment",
  "memory",
  "startup",
  "sequences",
  "jobs",
  "page",
  "serve",
];
/** Subjects about what is learned or withstood instead of how fast; they take hours, and run only when they are named. */
const LONG = ["records", "transfer", "drawings", "pages", "strings", "fuzz"];

const { helpOf, readOptions, unknownSubject } = await import("./lib/usage.mjs");
const { writeReport } = await import("./lib/report.mjs");
const { describeMachine, machine } = await import("./lib/machine.mjs");
const load = async (name) => (await import(`./subjects/${name}.mjs`)).subject;

async function overview() {
  const lines = [];
  for (const name of [...SUBJECTS, ...LONG]) lines.push(`  ${name.padEnd(10)}${(await load(name)).summary}`);
  return `Usage: npm run bench -- [SUBJECT] [options]

Without a subject: all but the last ${LONG.length}, with their defaults, which takes the better part of an hour.

${lines.join("\n")}

"npm run bench -- SUBJECT --help" lists the options of one. --json FILE writes all measurements to FILE.
Peers need Python with PyTorch; PYTHON names it (default: python3).`;
}

/** Measures one subject and prints what was found. */
async function measure(name, args) {
  const subject = await load(name);
  const { json, ...options } = readOptions(name, subject, args);
  const results = {
    subject: name,
    machine: machine(),
    options,
    ...(await subject.measure(options, (line) => console.error(line))),
  };
  console.log(`${describeMachine(results.machine)}\n\n${subject.format(results)}\n`);
  if (json !== undefined) await writeReport(json, results);
}

const [first, ...rest] = process.argv.slice(2);
try {
  if (first === "--help" || first === "-h") console.log(await overview());
  else if (first === undefined) for (const name of SUBJECTS) await measure(name, []);
  else if (![...SUBJECTS, ...LONG].includes(first)) throw unknownSubject(first, [...SUBJECTS, ...LONG]);
  else if (rest.includes("--help") || rest.includes("-h")) console.log(helpOf(first, await load(first)));
  else await measure(first, rest);
} catch (error) {
  if (error.exitCode === undefined) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = error.exitCode;
}
