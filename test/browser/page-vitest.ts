/**
 * As much of vitest as the conformance suite uses, inside a page or worker: tests are collected when their files are
 * imported, run one after the other by {@link runTests}, and judged by vitest's own `expect`.
 */
import { JestAsymmetricMatchers, JestChaiExpect, JestExtend } from "@vitest/expect";
import * as chai from "chai";

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

export const expect = Object.assign((value: unknown, message?: string) => chai.expect(value, message), {
  fail: (message: string): never => chai.expect.fail(message),
});

type Body = () => unknown;

interface Suite {
  readonly name: string;
  readonly before: Body[];
  readonly after: Body[];
  readonly tests: { readonly name: string; readonly body: Body }[];
}

const suites: Suite[] = [{ name: "", before: [], after: [], tests: [] }];
/** The suite whose body is being read. */
let current = suites[0];

export function describe(name: string, body: Body): void {
  const outer = current;
  current = { name: outer.name === "" ? name : `${outer.name}: ${name}`, before: [], after: [], tests: [] };
  suites.push(current);
  body();
  current = outer;
}

export const beforeAll = (body: Body): unknown => current.before.push(body);
export const afterAll = (body: Body): unknown => current.after.push(body);
export const it = (name: string, body: Body): unknown => current.tests.push({ name, body });

/** `%s` in a title stands for the next value, `$name` for a field of the only one. */
function title(template: string, values: readonly unknown[]): string {
  const rest = [...values];
  return template
    .replace(/%s/g, () => String(rest.shift()))
    .replace(/\$(\w+)/g, (_, field: string) => String((values[0] as Record<string, unknown>)[field]));
}

const each =
  (add: (name: string, body: Body) => void) =>
  (table: readonly unknown[]) =>
  (template: string, body: (...values: unknown[]) => unknown): void => {
    for (const row of table) {
      const values = Array.isArray(row) ? row : [row];
      add(title(template, values), () => body(...values));
    }
  };
describe.each = each(describe);
it.each = each(it);

export interface Outcome {
  /** Names of the tests that passed. */
  readonly passed: readonly string[];
  readonly failed: readonly { readonly name: string; readonly reason: string }[];
}

/** Runs what was collected, but for suites of these names. */
export async function runTests(without: readonly string[] = []): Promise<Outcome> {
  const passed: string[] = [];
  const failed: { name: string; reason: string }[] = [];
  for (const { name: suite, before, after, tests } of suites) {
    if (tests.length === 0 || without.includes(suite)) continue;
    for (const body of before) await body();
    for (const { name, body } of tests) {
      const full = suite === "" ? name : `${suite}: ${name}`;
      try {
        await body();
        passed.push(full);
      } catch (error) {
        failed.push({ name: full, reason: error instanceof Error ? error.message : String(error) });
      }
    }
    for (const body of after) await body();
  }
  return { passed, failed };
}
