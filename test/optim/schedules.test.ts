import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/engine/errors.ts";
import { createSchedule, type ScheduleSpec } from "../../src/optim/schedules.ts";

interface Golden {
  readonly total: number;
  readonly schedules: { spec: ScheduleSpec; factors: number[] }[];
  readonly plateaus: { spec: ScheduleSpec; metrics: number[]; factors: number[] }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL("./golden/schedules.json", import.meta.url), "utf8"));

describe("schedules give PyTorch's factors", () => {
  for (const { spec, factors } of golden.schedules) {
    it(JSON.stringify(spec), () => {
      const schedule = createSchedule(spec);
      for (const [step, factor] of factors.entries()) {
        expect(schedule.factor(step, golden.total), `step ${step}`).toBeCloseTo(factor, 9);
      }
    });
  }

  for (const { spec, metrics, factors } of golden.plateaus) {
    it(`${JSON.stringify(spec)}, also when resumed half-way`, () => {
      let schedule = createSchedule(spec);
      const found = metrics.map((metric, epoch) => {
        const factor = schedule.factor(epoch, metrics.length);
        schedule.feedback!.observe(metric, metric);
        const saved = JSON.parse(JSON.stringify(schedule.feedback!.state()));
        schedule = createSchedule(JSON.parse(JSON.stringify(schedule.spec)));
        schedule.feedback!.restore(saved);
        return factor;
      });
      for (const [epoch, factor] of factors.entries()) expect(found[epoch], `epoch ${epoch}`).toBeCloseTo(factor, 9);
    });
  }
});

describe("createSchedule", () => {
  it("makes one from its name alone", () => {
    expect(createSchedule("constant").factor(3, 10)).toBe(1);
    expect(createSchedule("cosine").factor(5, 10)).toBeCloseTo(0.5);
  });

  it("keeps factors finite for the shortest trainings", () => {
    for (const name of ["cosine", "oneCycle"] as const) {
      for (const total of [1, 2, 3]) {
        for (let step = 0; step < total; step++) {
          const factor = createSchedule(name).factor(step, total);
          expect(factor > 0 && factor <= 1, `${name} ${step}/${total}: ${factor}`).toBe(true);
        }
      }
    }
  });

  it("does not take a metric that is no number for an improvement", () => {
    const schedule = createSchedule({ name: "plateau", patience: 0, gamma: 0.5 });
    schedule.feedback!.observe(Number.NaN, Number.NaN);
    expect(schedule.factor(0, 1)).toBe(0.5);
  });

  it.each([
    [{ name: "cosin" }, /did you mean "cosine"/],
    [{ name: "step", evry: 3 }, /did you mean "every"/],
    [{ name: "step" }, /every is undefined/],
    [{ name: "step", every: 0 }, /at least 1/],
    [{ name: "warmup", steps: 2.5 }, /whole number/],
    [{ name: "warmup", steps: 2, after: { name: "cosine", end: 2 } }, /between 0 and 1/],
    [{ name: "plateau", mode: "mni" }, /did you mean "min"/],
  ])("refuses %o", (spec, message) => {
    expect(() => createSchedule(spec as ScheduleSpec)).toThrow(UsageError);
    expect(() => createSchedule(spec as ScheduleSpec)).toThrow(message);
  });
});
